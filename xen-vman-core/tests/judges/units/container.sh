# shellcheck shell=bash
# Boots a root in a container; to be sourced.

# The container creates its cgroups below that of the process that starts it. Each needs its own, or two of them at
# the same time clear away each other's. Other controllers than these are not used by systemd here.
cgroup_paths() {
    local hierarchy path mount
    while IFS=: read -r _ hierarchy path; do
        case $hierarchy in
            '') mount=$(findmnt --first-only --noheadings --output TARGET --types cgroup2) ;;
            name=systemd) mount=$(findmnt --first-only --noheadings --output TARGET --types cgroup --options name=systemd) ;;
            *) continue ;;
        esac
        [[ -z $mount ]] || echo "$mount${path%/}/judge-$$"
    done </proc/self/cgroup
}

# boot ROOT UNIT SECONDS [OPTION...]: until the container powers itself off.
boot() {
    local paths path status=0
    mapfile -t paths < <(cgroup_paths)
    local root=$1 unit=$2 seconds=$3
    shift 3
    (
        for path in "${paths[@]}"; do
            mkdir "$path" && echo "$BASHPID" >"$path/cgroup.procs"
        done
        exec timeout --kill-after=5 "$seconds" \
            systemd-nspawn --quiet --register=no --keep-unit --machine="judge-$$" "$@" \
            --link-journal=no --console=pipe --directory="$root" --boot systemd.unit="$unit"
    ) </dev/null || status=$?
    for path in "${paths[@]}"; do
        find "$path" -depth -type d -exec rmdir {} +
    done
    return "$status"
}
