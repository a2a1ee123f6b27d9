#!/bin/bash
# verify.sh ROOT UNIT...: what does systemd say about units in the host tree ROOT?
#
# UNIT is a name such as vm@web01.service; templates are checked by their instances. systemd-analyze
# exits 0 for keys and values that it does not understand, so any output counts as failure.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"
# shellcheck source-path=SCRIPTDIR source=tree.sh
. "$here/tree.sh"

[[ $# -ge 2 ]] || usage_error "verify.sh ROOT UNIT..."
need_commands systemd-analyze
tree=$(realpath "$1")
shift

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/usr/lib/systemd" "$root/usr/sbin" "$root/usr/bin"
ln -s usr/bin usr/sbin usr/lib "$root"
cp -a /usr/lib/systemd/system "$root/usr/lib/systemd/"
cp -a "$tree/." "$root/"

# The programs and units that come from Debian's packages.
for program in /usr/bin/true "$(xl_path "$tree")"; do
    mkdir -p "$root${program%/*}"
    install -m 755 /dev/null "$root$program"
done
for unit in xen xendomains iscsid open-iscsi; do
    printf '[Service]\nType=oneshot\nExecStart=/usr/bin/true\n' >"$root/usr/lib/systemd/system/$unit.service"
done

for unit in "$@"; do
    messages=$(systemd-analyze verify --man=no --recursive-errors=one --root="$root" "$unit" 2>&1) ||
        messages+=" (exit status $?)"
    check_same "systemd understands $unit" "" "${messages//$root/}"
done
finish
