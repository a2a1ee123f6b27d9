#!/bin/bash
# run.sh POSTINST POSTRM CACHE_DIR: do the kernel hooks build a guest's initrd, with a real dracut?
#
# The hooks run in a Debian 12 tree with dracut and a kernel, which is made in CACHE_DIR by the first run
# (one minute, 500 MB, from the mirror that apt uses).
set -euo pipefail
export LC_ALL=C

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"

[[ $# -eq 3 ]] || usage_error "run.sh POSTINST POSTRM CACHE_DIR"
need_root
need_commands unshare chroot flock
postinst=$(realpath "$1")
postrm=$(realpath "$2")
mkdir -p "$3"
tree=$(realpath "$3")/bookworm
exec {lock}>"$tree.lock"
flock "$lock"

packages=dracut-core,dracut-network,nfs-common,procps,console-setup,systemd,systemd-sysv,linux-image-cloud-amd64
if [[ $(cat "$tree.packages" 2>/dev/null) != "$packages" ]]; then
    need_commands mmdebstrap
    rm -rf "$tree" "$tree.packages"
    mmdebstrap --quiet --variant=minbase --include="$packages" bookworm "$tree" >"$tree.log" 2>&1 ||
        skip "mmdebstrap could not make a Debian 12 tree, see $tree.log"
    echo "$packages" >"$tree.packages"
fi

# in_tree COMMAND...
in_tree() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount sh -c '
        for folder in proc sys dev; do
            mount --rbind "/$folder" "$0/$folder"
        done
        exec chroot "$0" "$@"' "$tree" "$@"
}

# Whatever an interrupted run has left behind.
rm -rf "$tree/etc/xen" "$tree"/usr/local/bin/* "$tree"/etc/dracut.conf.d/judge.conf
hooks=/etc/kernel
install -D -m 755 "$postinst" "$tree$hooks/postinst.d/xen-dracut"
install -D -m 755 "$postrm" "$tree$hooks/postrm.d/xen-dracut"
version=$(ls "$tree/lib/modules")
kernel=/boot/vmlinuz-$version
initrd=/etc/xen/initrd.img-$version

# postinst [VARIABLE=VALUE...] and postrm: as the kernel packages call the hooks; $messages is what they say.
postinst() {
    messages=$(in_tree env "$@" "$hooks/postinst.d/xen-dracut" "$version" "$kernel" 2>&1)
}
postrm() {
    messages=$(in_tree env "$@" "$hooks/postrm.d/xen-dracut" "$version" "$kernel" 2>&1)
}

# dracut_is COMMANDS: puts something before it.
dracut_is() {
    printf '#!/bin/sh\ncase "$*" in *--list-modules*) exec /usr/bin/dracut "$@" ;; esac\n%s\n' "$1" \
        >"$tree/usr/local/bin/dracut"
    chmod +x "$tree/usr/local/bin/dracut"
}

# says TEXT
says() {
    [[ $messages == *"$1"* ]] || {
        echo "  $messages"
        return 1
    }
}

not() {
    ! "$@"
}

# holds PATTERN: a file or module in the initrd.
holds() {
    grep -qE "$1" <<<"$contents"
}

# A kernel may have it built in.
holds_driver() {
    holds "/${1//-/[-_]}\.ko" || grep -q "/${1//-/[-_]}\.ko" "$tree/lib/modules/$version/modules.builtin"
}

only_the_initrd() {
    [[ $(ls -A "$tree/etc/xen") == "${initrd##*/}" ]]
}

echo "# an initrd for guests"
# Compression would take half of the time.
dracut_is 'exec /usr/bin/dracut --no-compress "$@"'
# The host's settings are not for guests.
mkdir -p "$tree/etc/dracut.conf.d"
echo 'omit_dracutmodules+=" nfs "; add_dracutmodules+=" no-such-module "' >"$tree/etc/dracut.conf.d/judge.conf"
check "the hook works" postinst DEB_MAINT_PARAMS="'configure' ''"
rm "$tree/etc/dracut.conf.d/judge.conf"
# Kernels for clouds come without some file systems; a driver may be left out only where that is so.
absent=$(for driver in f2fs jfs; do
    find "$tree/lib/modules/$version" -name "$driver.ko*" | grep -q . ||
        echo "xen-dracut: kernel $version has no driver '$driver'; leaving it out."
done)
check_same "it says what it does" "xen-dracut: building $initrd${absent:+$'\n'$absent}" "$messages"
contents=$(in_tree lsinitrd "$initrd")
for module in nfs network-legacy network rootfs-block fs-lib udev-rules systemd-initrd dracut-systemd; do
    check "it holds dracut's $module" holds "^$module\$"
done
for driver in xen-blkfront xen-netfront ext4 xfs btrfs nfs nfsv3 nfsv4; do
    check "it holds the driver $driver" holds_driver "$driver"
done
check "it starts the network root" holds "sbin/netroot\$"
check "it mounts NFS" holds "sbin/mount.nfs"
check "it reads ip=" holds "hooks/cmdline/.*parse-ip-opts.sh\$"
check "it reads root= of an NFS root" holds "hooks/cmdline/.*parse-nfsroot.sh\$"
check "it reads root= of a disk" holds "parse-block.sh\$|dracut-rootfs-generator\$"
check "nothing else is left in /etc/xen" only_the_initrd
built=$(stat -c '%i %Y' "$tree$initrd")

echo "# other calls"
check "a call that is not for a new kernel is ignored" postinst DEB_MAINT_PARAMS="'abort-remove'"
check_same "the initrd is untouched" "$built" "$(stat -c '%i %Y' "$tree$initrd")"
check "an upgrade removes nothing" postrm DEB_MAINT_PARAMS="'upgrade' '6.1'"
check "the initrd is still there" test -e "$tree$initrd"
check "an unknown kernel is an error" not in_tree "$hooks/postinst.d/xen-dracut" 1.2.3 2>/dev/null
for hook in postinst postrm; do
    check_same "$hook without a version" 64 "$(in_tree "$hooks/$hook.d/xen-dracut" 2>/dev/null; echo $?)"
done

echo "# dracut fails"
dracut_is 'echo "dracut: no space left on device"; exit 1'
check "so does the hook" not postinst DEB_MAINT_PARAMS="'configure'"
check "dracut's message is shown" says "no space left on device"
check_same "the old initrd stays" "$built" "$(stat -c '%i %Y' "$tree$initrd")"
check "nothing else is left in /etc/xen" only_the_initrd

echo "# modules that are not there"
# The kernel's modules take most of the time, and this is not about them.
dracut_is 'exec /usr/bin/dracut --no-kernel --no-compress "$@"'
sed -i 's/^choose_modules /&no-such-module /' "$tree$hooks/postinst.d/xen-dracut"
mv "$tree/bin/setupcon" "$tree/bin/setupcon.off"
status=0
postinst DEB_MAINT_PARAMS="'configure'" || status=$?
mv "$tree/bin/setupcon.off" "$tree/bin/setupcon"
check_same "the hook works" 0 "$status"
check "it names a module that dracut does not know" says "'no-such-module' is unknown to this dracut"
check "it names one that does not work here" says "'console-setup' cannot be used on this host"
contents=$(in_tree lsinitrd "$initrd")
check "the others are there" holds "^nfs\$"

mv "$tree/bin/pgrep" "$tree/bin/pgrep.off"
status=0
postinst DEB_MAINT_PARAMS="'configure'" || status=$?
mv "$tree/bin/pgrep.off" "$tree/bin/pgrep"
check_same "it works without network-legacy" 0 "$status"
check "it reports why that is missing" says "command 'pgrep' could not be found"
check "and the consequence" says "root on NFS will not boot"
contents=$(in_tree lsinitrd "$initrd")
check "the rest is there" holds "^rootfs-block\$"
rm "$tree/usr/local/bin/dracut"

echo "# the kernel is removed"
check "the hook works" postrm DEB_MAINT_PARAMS="'remove'"
check "the initrd is gone" not test -e "$tree$initrd"
check "once more is fine" postrm DEB_MAINT_PARAMS="'purge'"

finish
