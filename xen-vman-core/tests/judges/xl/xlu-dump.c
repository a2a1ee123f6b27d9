/*
 * xlu-dump FILE...: what libxlutil alone makes of xl.cfg files.
 *
 * Out: for each file one line of JSON,
 *        {"ok": true,  "error": null, "values": {KEY: STRING | [LIST], ...}}
 *        {"ok": false, "error": TEXT, "values": {}}
 *      Numbers are strings, as they are inside libxlutil; lists may be nested.
 *      README.md says how bytes that are not UTF-8 are written.
 * Exit status: 0 when every file was judged, 2 when one could not be read.
 */
#define _GNU_SOURCE
#include "keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The characters that stand for the stray bytes 0x80 to 0xff. */
#define STRAY_BASE 0xf700u

/*
 * The length of the well-formed UTF-8 character at the start of `text`, or 0
 * for a stray byte.  The bytes of the stand-ins themselves count as stray,
 * which makes the escaping reversible.
 */
static size_t character_length(const unsigned char *text)
{
    unsigned point;
    size_t length;

    if (text[0] < 0x80)
        return 1;
    else if (text[0] >= 0xc2 && text[0] <= 0xdf)
        point = text[0] & 0x1f, length = 2;
    else if (text[0] >= 0xe0 && text[0] <= 0xef)
        point = text[0] & 0x0f, length = 3;
    else if (text[0] >= 0xf0 && text[0] <= 0xf4)
        point = text[0] & 0x07, length = 4;
    else
        return 0;

    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)   /* also ends at the final NUL */
            return 0;
        point = point << 6 | (text[i] & 0x3f);
    }

    bool overlong = (length == 3 && point < 0x800) ||
                    (length == 4 && point < 0x10000);
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    bool stand_in = point >= STRAY_BASE + 0x80 && point <= STRAY_BASE + 0xff;
    return overlong || surrogate || stand_in || point > 0x10ffff ? 0 : length;
}

static void put_string(const char *string)
{
    const unsigned char *next = (const unsigned char *)string;

    putchar('"');
    while (*next) {
        size_t length = character_length(next);

        if (length == 0) {
            printf("\\u%04x", STRAY_BASE + *next);
            length = 1;
        } else if (*next < 0x20 || *next == 0x7f) {
            printf("\\u%04x", *next);
        } else {
            if (*next == '"' || *next == '\\')
                putchar('\\');
            fwrite(next, 1, length, stdout);
        }
        next += length;
    }
    putchar('"');
}

static void put_list(XLU_Config *config, const XLU_ConfigList *list)
{
    const XLU_ConfigValue *item;

    putchar('[');
    for (int i = 0; (item = xlu_cfg_get_listitem2(list, i)); i++) {
        XLU_ConfigList *inner;
        char *string;

        if (i)
            fputs(", ", stdout);
        if (xlu_cfg_value_type(item) == XLU_LIST) {
            xlu_cfg_value_get_list(config, (XLU_ConfigValue *)item, &inner, 1);
            put_list(config, inner);
        } else {
            xlu_cfg_value_get_string(config, (XLU_ConfigValue *)item, &string, 1);
            put_string(string);
        }
    }
    putchar(']');
}

struct output {
    XLU_Config *config;
    bool started;
};

static void put_key(void *context, const char *key,
                    XLU_ConfigList *list, const char *string)
{
    struct output *output = context;

    if (output->started)
        fputs(", ", stdout);
    output->started = true;
    put_string(key);
    fputs(": ", stdout);
    if (list)
        put_list(output->config, list);
    else
        put_string(string);
}

/* Everything there is to read from `file', or NULL with errno set. */
static char *read_all(FILE *file, size_t *length)
{
    char chunk[65536], *text = NULL;
    FILE *memory = open_memstream(&text, length);
    size_t got;

    if (!memory)
        return NULL;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        fwrite(chunk, 1, got, memory);

    int error = ferror(file) ? errno : 0;
    if (fclose(memory) && !error)
        error = errno;
    if (error) {
        free(text);
        errno = error;
        return NULL;
    }
    return text;
}

static void put_refusal(char *error)
{
    size_t length = strlen(error);

    while (length && error[length - 1] == '\n')
        error[--length] = '\0';
    fputs("{\"ok\": false, \"error\": ", stdout);
    put_string(error);
    puts(", \"values\": {}}");
}

/* Prints libxlutil's verdict on a text. */
static void judge(const char *text, size_t length)
{
    size_t size;
    char *complaint = NULL;
    FILE *report = open_memstream(&complaint, &size);
    XLU_Config *config = report ? xlu_cfg_init(report, "xl.cfg") : NULL;

    if (!config)
        abort();
    if (xlu_cfg_readdata(config, text, length)) {
        fflush(report);
        put_refusal(complaint);
    } else {
        struct output output = { .config = config };
        fputs("{\"ok\": true, \"error\": null, \"values\": {", stdout);
        each_key(config, text, length, put_key, &output);
        puts("}}");
    }
    xlu_cfg_destroy(config);
    fclose(report);
    free(complaint);
}

/*
 * Has a child judge the text, as some texts make libxlutil fail an assertion.
 * That is a refusal, too: what the child said of it is the error.
 */
static bool judge_apart(const char *text, size_t length)
{
    int ends[2], status;

    if (pipe(ends))
        return false;
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        judge(text, length);
        _exit(fflush(stdout) ? 1 : 0);
    }

    close(ends[1]);
    FILE *from_child = fdopen(ends[0], "r");
    size_t size;
    char *said = from_child ? read_all(from_child, &size) : NULL;
    if (!said || waitpid(child, &status, 0) < 0)
        return false;
    if (WIFSIGNALED(status))
        put_refusal(*said ? said : strsignal(WTERMSIG(status)));
    fclose(from_child);
    free(said);
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
}

static bool dump(const char *path)
{
    size_t length;
    FILE *file = fopen(path, "rb");
    char *text = file ? read_all(file, &length) : NULL;
    bool judged = text && judge_apart(text, length) && !fflush(stdout);

    if (!judged)
        fprintf(stderr, "xlu-dump: %s: %s\n", path, strerror(errno));
    if (file)
        fclose(file);
    free(text);
    return judged;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: xlu-dump FILE...\n", stderr);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        if (!dump(argv[i]))
            return 2;
    return 0;
}
