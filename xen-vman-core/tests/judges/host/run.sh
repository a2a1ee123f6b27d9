#!/bin/bash
# run.sh CLI [SCENARIO...]: does CLI bring a host to what its definition says, with a real systemd?
#
# Boots systemd in a container whose root is this machine's, with stand-ins for xl, iscsiadm, debootstrap
# and NFS laid over it, and carries out the scenarios in inside/. All changes are thrown away. With
# JUDGE_KEEP=DIR, the log of the stand-ins and the journal go to DIR.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"
# shellcheck source-path=SCRIPTDIR source=../units/container.sh
. "$here/../units/container.sh"

[[ $# -ge 1 ]] || usage_error "run.sh CLI [SCENARIO...]"
need_root
need_commands systemd-nspawn findmnt useradd debootstrap bwrap losetup mkfs.ext4 blkdiscard python3 strace wipefs
[[ -x /lib/systemd/systemd ]] || skip "needs systemd"
cli=$(realpath "$1")
shift

work=$(mktemp -d)
clean_up() {
    if [[ -n ${JUDGE_KEEP:-} && -d $work/root/judge ]]; then
        mkdir -p "$JUDGE_KEEP"
        cp -a "$work/root/judge/." "$JUDGE_KEEP/"
        [[ ! -e $work/root/var/lib/xen-vman ]] || cp -a "$work/root/var/lib/xen-vman" "$JUDGE_KEEP/state"
    fi
    ! mountpoint -q "$work/root" || umount "$work/root"
    [[ -z ${disk:-} ]] || losetup --detach "$disk"
    rm -rf "$work"
}
trap clean_up EXIT

mkdir "$work"/{upper,scratch,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" "$work/root" 2>/dev/null ||
    skip "cannot lay an overlay over / in ${work%/*} (is that an overlay itself? TMPDIR chooses another place)"
root=$work/root
rm -rf "$root"/etc/systemd/system/{vm@,vm_iscsi,vm_mount}* "${root:?}"/{etc/xen,boot,lib/modules} \
    "$root/usr/local/lib/xen-vman" "$root/var/lib/xen-vman"
cp "$cli" "$root/usr/local/bin/xen-vman-cli"

judge=$root/judge
mkdir -p "$judge"/{domains,records,sessions,flags,disks} "$root/etc/xen/vms" "$root/srv/nfs/tank/org"
cp -a "$here/../units/stand-ins" "$here/definitions" "$here/inside" "$here/../common" "$judge/"
cp -a "$here"/stand-ins/* "$judge/stand-ins/"
echo 1 >"$judge/domid"
printf '%s\n' config_path=/etc/xen/vms roots_path=/etc/xen-vman/roots mount_path=/mnt/vms "failing_calls=${JUDGE_FAILING_CALLS:-2}" >"$judge/tree"
truncate --size 3G "$work/disk"
disk=$(losetup --find --show "$work/disk" 2>/dev/null) || skip "there are no loop devices here"
echo "${disk#/dev/loop}" >"$judge/disks/org-block"
cp "$(command -v debootstrap)" "$judge/debootstrap"
[[ $# -eq 0 ]] || printf '%s\n' "$@" >"$judge/chosen"
# What useradd reads in a guest.
mkdir "$judge/etc"
for setting in pam.d pam.conf login.defs nsswitch.conf; do
    [[ ! -e /etc/$setting ]] || cp -a "/etc/$setting" "$judge/etc/"
done
for program in xl iscsiadm debootstrap mount.nfs; do
    rm -f "$root/usr/bin/$program" "$root/usr/sbin/$program"
    ln -s "/judge/stand-ins/$program" "$root/usr/sbin/$program"
done

ln -s /judge/stand-ins/bwrap "$root/usr/local/sbin/bwrap"

for unit in xen xendomains iscsid open-iscsi; do
    printf '%s\n' '[Service]' Type=oneshot RemainAfterExit=yes ExecStart=/bin/true \
        >"$root/etc/systemd/system/$unit.service"
done
# Two kernels, for one of which guests have no initrd; dracut is not what is judged here.
running=$(uname -r)
mkdir -p "$root/boot" "$root/lib/modules"/{6.1.0-1-judge,"$running"}
touch "$root/boot/vmlinuz-6.1.0-1-judge" "$root/boot/vmlinuz-$running" "$root/etc/xen/initrd.img-$running"
cat >"$root/usr/local/sbin/dracut" <<'DRACUT'
#!/bin/sh
for word in "$@"; do image=$word; done
case " $* " in
    *" --list-modules "*) printf '%s\n' base bash nfs network network-legacy systemd ;;
    *) echo initrd >"$image" ;;
esac
DRACUT
chmod +x "$root/usr/local/sbin/dracut"

cat >"$root/etc/systemd/system/judge.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=sysinit.target
Wants=xen.service
After=sysinit.target xen.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c '/judge/inside/run >/judge/results 2>&1'
ExecStopPost=systemctl --no-block poweroff
UNIT
# An own ID, or nspawn takes the container's journal for the machine's.
echo 5ee7d0c2a1c94f0e8b1f6c3d7a9e2b41 >"$root/etc/machine-id"

# Real packages are fetched.
network=(--private-network)
[[ " $* " != *" real_debootstrap "* ]] || network=(--resolv-conf=off)
boot "$root" judge.service 1800 "${network[@]}" >"$work/console" 2>&1 || true
[[ -s $judge/results ]] || {
    sed 's/^/  /' "$work/console"
    skip "systemd does not start in a container here"
}
cat "$judge/results"
passed=$(grep -c '^ok ' "$judge/results" || true)
failed=$(grep -c '^FAILED ' "$judge/results" || true)
check "the scenarios came to their end" grep -q ' shutdown$' "$judge/log"
check_same "at no time was a root in use twice or a disk taken away" "" "$(grep VIOLATION "$judge/log" || true)"
finish
