/*
 * witness.c: notes what `xl create FILE` does, half of the preload library.
 *
 * In, from the environment:
 *   XL_JUDGE_REPORT    file to which the records go
 *   XL_JUDGE_SHALLOW   when set, xl ends as soon as it has read its file
 * Out: records (see judge_report.py for their form), in this order
 *   unread KEY          the file sets KEY, and xl has never asked for it
 *   config JSON         the domain xl made of the file
 *   disk VDEV NUMBER    libxl's device number for a disk, -1 if it has none
 *   created             libxl found no fault and asked Xen for the domain
 * xl exits with 0 after the last record, otherwise as it would have anyway.
 */
#define _GNU_SOURCE
#include "keys.h"

#include <dlfcn.h>
#include <search.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libxl.h>
#include <xenctrl.h>
#include <xentoollog.h>

#define XL_CONF "/etc/xen/xl.conf"
#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/* ---- records ---- */

static FILE *report_file(void)
{
    static FILE *file;
    const char *path = getenv("XL_JUDGE_REPORT");

    if (!file && !(file = fopen(path ? path : "/dev/null", "ae"))) {
        perror("xl-judge: report");
        abort();
    }
    return file;
}

/* Writes one record: its kind and its fields, the last argument being NULL. */
static void report(const char *kind, ...)
{
    FILE *file = report_file();
    const char *field;
    unsigned count = 0;
    va_list fields;

    va_start(fields, kind);
    while (va_arg(fields, const char *))
        count++;
    va_end(fields);

    fprintf(file, "%s%c%u%c", kind, '\0', count, '\0');
    va_start(fields, kind);
    while ((field = va_arg(fields, const char *)))
        fprintf(file, "%s%c", field, '\0');
    va_end(fields);
    fflush(file);
}

static void finish(void)
{
    fflush(NULL);
    _exit(0);
}

/* ---- xl's own configuration: not the machine's, always the same ---- */

int libxl_read_file_contents(libxl_ctx *ctx, const char *path,
                             void **data, int *length)
{
    if (strcmp(path, XL_CONF))
        return REAL(libxl_read_file_contents)(ctx, path, data, length);

    const char *text = "autoballoon=\"off\"\n";
    *length = strlen(text);
    *data = must_strndup(text, *length);
    return 0;
}

/* ---- what xl asks libxlutil for ---- */

static struct {
    XLU_Config *config;     /* the guest's, while it is being read */
    char *text;
    size_t length;
    void *asked;            /* names, for tsearch */
} guest;

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void note_asked(const XLU_Config *config, const char *key)
{
    if (config == guest.config && !tfind(key, &guest.asked, compare))
        tsearch(must_strndup(key, strlen(key)), &guest.asked, compare);
}

static void report_if_unread(void *context, const char *key,
                             XLU_ConfigList *list, const char *string)
{
    (void)context, (void)list, (void)string;
    if (!tfind(key, &guest.asked, compare))
        report("unread", key, NULL);
}

XLU_Config *xlu_cfg_init(FILE *complaints, const char *source)
{
    XLU_Config *config = REAL(xlu_cfg_init)(complaints, source);

    if (strcmp(source, XL_CONF))
        guest.config = config;
    return config;
}

int xlu_cfg_readdata(XLU_Config *config, const char *data, int length)
{
    if (config == guest.config) {
        guest.text = must_strndup(data, length);
        guest.length = length;
    }
    return REAL(xlu_cfg_readdata)(config, data, length);
}

void xlu_cfg_destroy(XLU_Config *config)
{
    if (config && config == guest.config) {
        guest.config = NULL;    /* what is asked from here on is not xl's */
        each_key(config, guest.text, guest.length, report_if_unread, NULL);
    }
    REAL(xlu_cfg_destroy)(config);
}

int xlu_cfg_get_string(const XLU_Config *config, const char *key,
                       const char **value, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_get_string)(config, key, value, dont_warn);
}

int xlu_cfg_replace_string(const XLU_Config *config, const char *key,
                           char **value, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_replace_string)(config, key, value, dont_warn);
}

int xlu_cfg_get_long(const XLU_Config *config, const char *key,
                     long *value, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_get_long)(config, key, value, dont_warn);
}

int xlu_cfg_get_bounded_long(const XLU_Config *config, const char *key,
                             long min, long max, long *value, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_get_bounded_long)(config, key, min, max, value,
                                          dont_warn);
}

int xlu_cfg_get_defbool(const XLU_Config *config, const char *key,
                        libxl_defbool *value, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_get_defbool)(config, key, value, dont_warn);
}

int xlu_cfg_get_list(const XLU_Config *config, const char *key,
                     XLU_ConfigList **list, int *entries, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_get_list)(config, key, list, entries, dont_warn);
}

int xlu_cfg_get_list_as_string_list(const XLU_Config *config, const char *key,
                                    libxl_string_list *list, int dont_warn)
{
    note_asked(config, key);
    return REAL(xlu_cfg_get_list_as_string_list)(config, key, list, dont_warn);
}

/* ---- what xl hands to libxl, and libxl to Xen ---- */

/* Reports what `xl -N create` would print: that comes before xl has set domid. */
static void report_config(libxl_ctx *ctx, libxl_domain_config *config)
{
    libxl_domid domid = config->c_info.domid;

    config->c_info.domid = 0;
    char *json = libxl_domain_config_to_json(ctx, config);
    config->c_info.domid = domid;
    if (!json) {
        fputs("xl-judge: libxl cannot print the configuration\n", stderr);
        abort();
    }
    report("config", json, NULL);
    free(json);
}

/*
 * libxl works the device number out while it looks for a disk of a running
 * domain.  There is none here, so that look-up always fails, and a context of
 * its own keeps the failure out of what libxl has to say on the file.
 */
static void report_disks(const libxl_domain_config *config)
{
    libxl_ctx *ctx;
    xentoollog_logger *quiet = (xentoollog_logger *)
        xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);

    if (!quiet || libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, quiet)) {
        fputs("xl-judge: no second libxl context\n", stderr);
        abort();
    }
    for (int i = 0; i < config->num_disks; i++) {
        libxl_device_disk *disk = &config->disks[i];
        libxl_diskinfo info;
        char number[16];

        libxl_diskinfo_init(&info);
        info.devid = -1;
        if (disk->vdev)
            libxl_device_disk_getinfo(ctx, 1, disk, &info);
        snprintf(number, sizeof number, "%d", info.devid);
        report("disk", disk->vdev ? disk->vdev : "", number, NULL);
        libxl_diskinfo_dispose(&info);
    }
    libxl_ctx_free(ctx);
    xtl_logger_destroy(quiet);
}

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *config,
                            uint32_t *domid, const libxl_asyncop_how *how,
                            const libxl_asyncprogress_how *console)
{
    report_config(ctx, config);
    if (getenv("XL_JUDGE_SHALLOW"))
        finish();
    report_disks(config);
    return REAL(libxl_domain_create_new)(ctx, config, domid, how, console);
}

int xc_domain_create(xc_interface *xch, uint32_t *domid,
                     struct xen_domctl_createdomain *domain)
{
    (void)xch, (void)domid, (void)domain;
    report("created", NULL);
    finish();
    return -1;
}
