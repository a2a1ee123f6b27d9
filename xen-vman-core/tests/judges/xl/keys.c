/* keys.c: see keys.h */
#define _GNU_SOURCE
#include "keys.h"

#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_alloc(size_t size)
{
    void *memory = malloc(size);

    if (!memory) {
        fputs("judge: out of memory\n", stderr);
        abort();
    }
    return memory;
}

char *must_strndup(const char *text, size_t length)
{
    char *copy = must_alloc(length + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* The lexer's identifiers: a lower-case letter, then letters, digits, . and _ */
static bool starts_key(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool continues_key(char c)
{
    return starts_key(c) || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

void each_key(const XLU_Config *config, const char *text, size_t length,
              key_visitor *visit, void *context)
{
    const char *end = text + length;
    void *seen = NULL;

    for (const char *start = text; start < end; start++) {
        if (!starts_key(*start))
            continue;

        const char *stop = start;
        while (stop < end && continues_key(*stop))
            stop++;
        char *word = must_strndup(start, stop - start);
        start = stop - 1;

        char **known = tsearch(word, &seen, compare);
        if (!known || *known != word) {
            free(word);
            continue;
        }

        XLU_ConfigList *list;
        const char *string;
        if (!xlu_cfg_get_list(config, word, &list, NULL, 1))
            visit(context, word, list, NULL);
        else if (!xlu_cfg_get_string(config, word, &string, 1))
            visit(context, word, NULL, string);
    }
    tdestroy(seen, free);
}
