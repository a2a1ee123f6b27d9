#!/bin/bash
# render-against-cp.sh XEN_VMAN_CLI [VMS [ROUNDS]]: renders a host with many VMs to disk, and copies the
# tree with `cp -r`, taking turns in one run; prints the times and their ratio. Page cache and disk are
# the same for both; neither syncs anything.
set -euo pipefail
cli=$1 vms=${2:-10000} rounds=${3:-3}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

{
    echo 'nfsroot_base = "10.0.0.5:/tank/vms"'
    echo '[defaults]'
    echo 'gateway = "10.0.0.1"'
    for ((i = 0; i < vms; i++)); do
        printf '[[vms]]\norg = "org%d"\nname = "vm%d"\nmemory = 2048\n' $((i % 10)) "$i"
        printf 'os = { type = "debian", version = "bookworm" }\n'
        printf 'interfaces = [{ ip = "10.%d.%d.2/8", ipv6 = "2001:db8::%x/64" }]\n' $((i / 250)) $((i % 250)) $((i + 1))
    done
} >"$dir/host.toml"

# seconds COMMAND...: sets `took` to the elapsed seconds
seconds() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1
    took=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
}

"$cli" render "$dir/host.toml" --out "$dir/tree" 2>/dev/null
echo "$vms VMs, $(find "$dir/tree" -type f | wc -l) files, $rounds rounds"
ratios=()
for ((round = 1; round <= rounds; round++)); do
    rm -rf "$dir/rendered" "$dir/copied"
    seconds "$cli" render "$dir/host.toml" --out "$dir/rendered"
    rendered=$took
    seconds cp -r "$dir/tree" "$dir/copied"
    copied=$took
    ratio=$(awk "BEGIN { printf \"%.2f\", $rendered / $copied }")
    ratios+=("$ratio")
    printf 'render %.2f s   cp -r %.2f s   ratio %s\n' "$rendered" "$copied" "$ratio"
done
printf 'median ratio %s\n' "$(printf '%s\n' "${ratios[@]}" | sort -n | sed -n "$(((rounds + 1) / 2))p")"
