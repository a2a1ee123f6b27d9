#!/bin/bash
# plan-and-apply.sh XEN_VMAN_CLI [UNCHANGED [APPLIED [ROUNDS]]]: compares `plan` for UNCHANGED VMs (10000)
# with nothing to do to reading the same files with `cat`, and `apply` of APPLIED VMs (1000) to an empty
# directory to `cp -r` of the same tree with an fsync of each file. Both take turns in one run.
set -euo pipefail
cli=$1 unchanged=${2:-10000} applied=${3:-1000} rounds=${4:-3}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

definition() {
    echo 'nfsroot_base = "10.0.0.5:/tank/vms"'
    echo '[defaults]'
    echo 'gateway = "10.0.0.1"'
    for ((i = 0; i < $1; i++)); do
        printf '[[vms]]\norg = "org%d"\nname = "vm%d"\nmemory = 2048\n' $((i % 10)) "$i"
        printf 'os = { type = "debian", version = "bookworm" }\n'
        printf 'interfaces = [{ ip = "10.%d.%d.2/8", ipv6 = "2001:db8::%x/64" }]\n' $((i / 250)) $((i % 250)) $((i + 1))
    done
}
definition "$unchanged" >"$dir/unchanged.toml"
definition "$applied" >"$dir/applied.toml"

# seconds COMMAND...: sets `took` to the elapsed seconds
seconds() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1
    took=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
}

read_all() {
    find "$dir/host" -type f -exec cat {} +
}

copy() {
    cp -r "$dir/whole" "$dir/copy"
    find "$dir/copy" -type f -exec sync {} +
}

# compare NAME NAME COMMAND -- COMMAND
compare() {
    local name=$1 other=$2 ratios=() round
    for ((round = 1; round <= rounds; round++)); do
        rm -rf "$dir/new" "$dir/copy"
        mkdir "$dir/new"
        seconds "$3"
        local ours=$took
        seconds "$4"
        ratios+=("$(awk "BEGIN { printf \"%.2f\", $ours / $took }")")
        printf '%s %.2f s   %s %.2f s   ratio %s\n' "$name" "$ours" "$other" "$took" "${ratios[-1]}"
    done
    printf 'median ratio %s\n' "$(printf '%s\n' "${ratios[@]}" | sort -n | sed -n "$(((rounds + 1) / 2))p")"
}

plan() {
    "$cli" plan "$dir/unchanged.toml" --root "$dir/host"
}

apply() {
    "$cli" apply "$dir/applied.toml" --root "$dir/new"
}

mkdir "$dir/host" "$dir/whole"
"$cli" apply "$dir/unchanged.toml" --root "$dir/host" 2>/dev/null
echo "plan of $unchanged VMs, unchanged, $(find "$dir/host/etc" -type f | wc -l) files, $rounds rounds"
compare plan cat plan read_all
"$cli" apply "$dir/applied.toml" --root "$dir/whole" 2>/dev/null
echo "apply of $applied VMs, $(find "$dir/whole/etc" -type f | wc -l) files, $rounds rounds"
compare apply 'cp -r and fsync' apply copy
