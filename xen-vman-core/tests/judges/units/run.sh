#!/bin/bash
# run.sh ROOT [SCENARIO...]: do the units of the host tree ROOT behave, with a real systemd?
#
# Boots systemd in a container whose root is this machine's, with ROOT and stand-ins for xl, iscsiadm
# and mount laid over it, and carries out the scenarios in inside/. All changes are thrown away. The
# tree's own VMs and preparations are started in there as well. With JUDGE_KEEP=DIR, the log of the
# stand-ins and the journal go to DIR.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"
# shellcheck source-path=SCRIPTDIR source=tree.sh
. "$here/tree.sh"
# shellcheck source-path=SCRIPTDIR source=container.sh
. "$here/container.sh"

[[ $# -ge 1 ]] || usage_error "run.sh ROOT [SCENARIO...]"
need_root
need_commands systemd-nspawn findmnt setsid
[[ -x /lib/systemd/systemd ]] || skip "needs systemd"
tree=$(realpath "$1")
shift

work=$(mktemp -d)
clean_up() {
    if [[ -n ${JUDGE_KEEP:-} && -d $work/root/judge ]]; then
        mkdir -p "$JUDGE_KEEP"
        cp -a "$work/root/judge/." "$JUDGE_KEEP/"
    fi
    ! mountpoint -q "$work/root" || umount "$work/root"
    rm -rf "$work"
}
trap clean_up EXIT

mkdir "$work"/{upper,scratch,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" "$work/root" 2>/dev/null ||
    skip "cannot lay an overlay over / in ${work%/*} (is that an overlay itself? TMPDIR chooses another place)"
root=$work/root

# The tree under test, alone: nothing of this kind from the machine.
rm -rf "$root"/etc/systemd/system/{vm@,vm_iscsi,vm_mount}* "$root/etc/xen" "$root/usr/local/lib/xen-vman"
cp -a "$tree/." "$root/"

vm_root=$root/usr/local/lib/xen-vman/vm-root
vm_domain=$root/usr/local/lib/xen-vman/vm-domain
config_path=$(script_value config_path "$vm_domain")
roots_path=$(script_value roots_path "$vm_root")
mkdir -p "$root$config_path" "$root$roots_path"

# Shorter limits, so that a test of them does not take minutes.
login_limit=5 logout_limit=5 mount_limit=3 stop_limit=6
sed -i -E "s/^(u?mount)_timeout=.*/\1_timeout=$mount_limit/
    s/^login_timeout=.*/login_timeout=$login_limit/
    s/^logout_timeout=.*/logout_timeout=$logout_limit/" "$vm_root"
sed -i -E "s/^stop_timeout=.*/stop_timeout=$stop_limit/" "$vm_domain"
mkdir -p "$root/etc/systemd/system/vm@.service.d"
printf '%s\n' '[Service]' TimeoutStartSec=6 "TimeoutStopSec=$stop_limit" \
    >"$root/etc/systemd/system/vm@.service.d/judge.conf"

# The stand-ins, at the places where the units and scripts look.
judge=$root/judge
mkdir -p "$judge"/{domains,records,sessions,flags}
cp -a "$here/stand-ins" "$here/inside" "$here/../common" "$judge/"
echo 1 >"$judge/domid"
mount_path=$(script_value mount_path "$vm_root")
library=/usr/local/lib/xen-vman
declare -p config_path roots_path mount_path library login_limit logout_limit mount_limit |
    sed 's/^declare -- //' >"$judge/tree"
[[ $# -eq 0 ]] || printf '%s\n' "$@" >"$judge/chosen"
stand_in() {
    mkdir -p "$root${2%/*}"
    ln -sf "/judge/stand-ins/$1" "$root$2"
}
stand_in xl "$(xl_path "$tree")"
stand_in xl /usr/local/sbin/xl
stand_in iscsiadm "$(script_value iscsiadm "$vm_root")"
for program in mount umount blockdev; do
    stand_in "$program" "/usr/local/sbin/$program"
done
# VMs that come after others first, so that it is systemd that finds the order.
(
    cd "$root$config_path"
    for config in *.cfg; do
        name=${config%.cfg}
        [[ -e $config ]] || continue
        [[ -e $root/etc/systemd/system/vm@$name.service.d ]] && echo "1 $name" || echo "2 $name"
    done
) | sort | cut -d ' ' -f 2 >"$judge/vms-of-the-tree"

# Services of the host: only their order matters.
for unit in xen xendomains iscsid open-iscsi; do
    cat >"$root/etc/systemd/system/$unit.service" <<UNIT
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c '. /judge/stand-ins/judge.sh; log stop $unit'
UNIT
done
version=$(uname -r)
mkdir -p "$root/boot" "$root/etc/xen"
touch "$root/boot/vmlinuz-$version" "$root/etc/xen/initrd.img-$version"

cat >"$root/etc/systemd/system/judge.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=sysinit.target
Wants=xen.service xendomains.service open-iscsi.service
After=sysinit.target xen.service xendomains.service open-iscsi.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/judge/inside/run >/judge/results'
ExecStopPost=systemctl --no-block poweroff
UNIT
# An own ID, or nspawn takes the container's journal for the machine's.
echo 5ee7d0c2a1c94f0e8b1f6c3d7a9e2b40 >"$root/etc/machine-id"

boot "$root" judge.service 1800 --private-network >"$work/console" 2>&1 || true
[[ -s $judge/results ]] || {
    sed 's/^/  /' "$work/console"
    skip "systemd does not start in a container here"
}

cat "$judge/results"
passed=$(grep -c '^ok ' "$judge/results" || true)
failed=$(grep -c '^FAILED ' "$judge/results" || true)

echo "# shutdown of the host"
after_shutdown() {
    sed -n '/ shutdown$/,$p' "$judge/log" | cut -d ' ' -f 2-
}
# comes_before FIRST SECOND
comes_before() {
    after_shutdown | awk -v first="$1" -v second="$2" \
        '$0 ~ first && !a { a = NR } $0 ~ second && !b { b = NR } END { exit !(a && b && a < b) }'
}
check "the scenarios came to their end" test -n "$(after_shutdown)"
if [[ $# -eq 0 ]]; then
    check "the VM with iSCSI is shut down before the logout" comes_before "xl shutdown .*final-iscsi" "final-iscsi logout"
    check "and that before open-iscsi stops" comes_before "final-iscsi logout" "stop open-iscsi"
    check "the VM with NFS is shut down before xen stops" comes_before "xl shutdown .*final-nfs" "stop xen\$"
    check "and before xendomains does" comes_before "xl shutdown .*final-nfs" "stop xendomains"
    check "the mount ends before its logout" comes_before "umount final-mount done 0" "final-mount logout"
    check_same "no domain is left" "" "$(ls "$judge/domains")"
fi
check_same "at no time was a root in use twice or a disk taken away" "" "$(grep VIOLATION "$judge/log" || true)"
finish
