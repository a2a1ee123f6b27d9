/*
 * host.c: a pretended Xen host for `xl create`, half of the preload library.
 *
 * Stands in for the two libraries through which libxl reaches a real one:
 * libxenctrl (the hypervisor) and libxenstore (the store).  Nothing else of
 * Xen is replaced.  The host has 16 GiB of memory, no domain but domain 0,
 * one CPU pool and an all but empty store.
 *
 * In, from the environment:
 *   XL_JUDGE_CPUS    physical CPUs, default 8
 *   XL_JUDGE_NODES   NUMA nodes the CPUs and the memory are spread over,
 *                    default 1
 *
 * The call that would make the domain, xc_domain_create, is in witness.c.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenstore.h>

#define UNUSED __attribute__((unused))

enum { PAGES_PER_GIB = 1 << 18, HOST_GIB = 16, FREE_GIB = 12 };

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    unsigned long number = text ? strtoul(text, NULL, 10) : 0;

    return number > 0 && number <= 4096 ? number : otherwise;
}

static unsigned cpus(void)
{
    return from_environment("XL_JUDGE_CPUS", 8);
}

static unsigned nodes(void)
{
    return from_environment("XL_JUDGE_NODES", 1);
}

/* ---- handles: never looked into, they only must not be NULL ---- */

static char hypervisor_handle[4096], store_handle[4096];

xc_interface *xc_interface_open(xentoollog_logger *logger UNUSED,
                                xentoollog_logger *builder_logger UNUSED,
                                unsigned flags UNUSED)
{
    return (xc_interface *)hypervisor_handle;
}

int xc_interface_close(xc_interface *xch UNUSED)
{
    return 0;
}

struct xs_handle *xs_open(unsigned long flags UNUSED)
{
    return (struct xs_handle *)store_handle;
}

void xs_close(struct xs_handle *store UNUSED)
{
}

/* ---- the machine ---- */

int xc_get_max_cpus(xc_interface *xch UNUSED)
{
    return cpus();
}

int xc_get_online_cpus(xc_interface *xch UNUSED)
{
    return cpus();
}

int xc_get_max_nodes(xc_interface *xch UNUSED)
{
    return nodes();
}

int xc_physinfo(xc_interface *xch UNUSED, xc_physinfo_t *info)
{
    *info = (xc_physinfo_t){
        .threads_per_core = 1,
        .cores_per_socket = cpus(),
        .nr_cpus = cpus(),
        .max_cpu_id = cpus() - 1,
        .nr_nodes = nodes(),
        .max_node_id = nodes() - 1,
        .cpu_khz = 2000000,
        .capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_pv |
                        XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_directio,
        .total_pages = HOST_GIB * PAGES_PER_GIB,
        .free_pages = FREE_GIB * PAGES_PER_GIB,
        .max_mfn = HOST_GIB * PAGES_PER_GIB,
    };
    return 0;
}

int xc_cputopoinfo(xc_interface *xch UNUSED, unsigned *room,
                   xc_cputopo_t *topology)
{
    for (unsigned i = 0; topology && i < *room && i < cpus(); i++)
        topology[i] = (xc_cputopo_t){
            .core = i, .socket = 0, .node = i * nodes() / cpus(),
        };
    *room = cpus();
    return 0;
}

int xc_numainfo(xc_interface *xch UNUSED, unsigned *room,
                xc_meminfo_t *memory, uint32_t *distance)
{
    const uint64_t gib = 1 << 30;
    unsigned known = *room < nodes() ? *room : nodes();

    for (unsigned i = 0; memory && i < known; i++)
        memory[i] = (xc_meminfo_t){
            .memsize = HOST_GIB * gib / nodes(),
            .memfree = FREE_GIB * gib / nodes(),
        };
    for (unsigned i = 0; distance && i < known * known; i++)
        distance[i] = i % (known + 1) ? 20 : 10;
    *room = nodes();
    return 0;
}

int xc_version(xc_interface *xch UNUSED, int command, void *answer)
{
    switch (command) {
    case XENVER_version:
        return 4 << 16 | 17;
    case XENVER_pagesize:
        return 4096;
    case XENVER_extraversion:
        strcpy(answer, ".0");
        return 0;
    case XENVER_capabilities:
        strcpy(answer, "xen-3.0-x86_64 hvm-3.0-x86_32 "
                       "hvm-3.0-x86_32p hvm-3.0-x86_64");
        return 0;
    case XENVER_commandline:
    case XENVER_changeset:
        strcpy(answer, "");
        return 0;
    case XENVER_compile_info:
        memset(answer, 0, sizeof(xen_compile_info_t));
        return 0;
    case XENVER_platform_parameters:
        memset(answer, 0, sizeof(xen_platform_parameters_t));
        return 0;
    default:
        errno = ENOSYS;
        return -1;
    }
}

long xc_sharing_freed_pages(xc_interface *xch UNUSED)
{
    return 0;
}

long xc_sharing_used_frames(xc_interface *xch UNUSED)
{
    return 0;
}

/* ---- who is on it: domain 0 and Pool-0 ---- */

int xc_domain_getinfolist(xc_interface *xch UNUSED, uint32_t first,
                          unsigned room, xc_domaininfo_t *info)
{
    if (first > 0 || room == 0)
        return 0;
    *info = (xc_domaininfo_t){ .domain = 0, .flags = XEN_DOMINF_running };
    return 1;
}

int xc_sched_id(xc_interface *xch UNUSED, int *scheduler)
{
    *scheduler = XEN_SCHEDULER_CREDIT2;
    return 0;
}

xc_cpupoolinfo_t *xc_cpupool_getinfo(xc_interface *xch UNUSED, uint32_t first)
{
    if (first > 0) {
        errno = ENOENT;
        return NULL;
    }
    xc_cpupoolinfo_t *pool = calloc(1, sizeof *pool + (cpus() + 7) / 8);
    if (!pool)
        return NULL;
    pool->sched_id = XEN_SCHEDULER_CREDIT2;
    pool->n_dom = 1;
    pool->cpumap = (xc_cpumap_t)(pool + 1);
    for (unsigned i = 0; i < cpus(); i++)
        pool->cpumap[i / 8] |= 1 << i % 8;
    return pool;
}

void xc_cpupool_infofree(xc_interface *xch UNUSED, xc_cpupoolinfo_t *pool)
{
    free(pool);
}

/* A Xen without security labels, as Debian's. */
int xc_flask_context_to_sid(xc_interface *xch UNUSED, char *label UNUSED,
                            uint32_t length UNUSED, uint32_t *sid UNUSED)
{
    errno = ENOSYS;
    return -1;
}

/* ---- the store ---- */

static const char *stored(const char *path)
{
    if (!strcmp(path, "/local/domain/0/name"))
        return "Domain-0";
    if (!strcmp(path, "/local/pool/0/name"))
        return "Pool-0";
    return NULL;
}

void *xs_read(struct xs_handle *store UNUSED, xs_transaction_t t UNUSED,
              const char *path, unsigned *length)
{
    const char *value = stored(path);

    if (!value) {
        errno = ENOENT;
        return NULL;
    }
    if (length)
        *length = strlen(value);
    return strdup(value);
}

char **xs_directory(struct xs_handle *store UNUSED, xs_transaction_t t UNUSED,
                    const char *path UNUSED, unsigned *count)
{
    *count = 0;
    errno = ENOENT;
    return NULL;
}

char *xs_get_domain_path(struct xs_handle *store UNUSED, unsigned domid)
{
    char *path;

    return asprintf(&path, "/local/domain/%u", domid) < 0 ? NULL : path;
}

/* ---- the device model: said to be installed where Debian puts it ---- */

int access(const char *path, int mode)
{
    int (*real)(const char *, int) =
        (int (*)(const char *, int))dlsym(RTLD_NEXT, "access");

    if (mode == X_OK && strstr(path, "/xen-qemu-system-"))
        return 0;
    return real(path, mode);
}
