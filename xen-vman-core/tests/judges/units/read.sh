#!/bin/bash
# read.sh TREE OUT: what does systemd make of units?
#
# Boots systemd in a container whose root is this machine's, with TREE laid over it. OUT/loaded gets all
# properties of each unit named in TREE/judge/load: one line of JSON each, in order, as busctl prints
# it. Then the units named in TREE/judge/start are started; OUT/ran is what they have put into
# /judge/ran. Programs named in TREE/judge/programs (a path for each line) are stand-ins there that write
# their arguments to $RAN, each with a NUL after it. All changes are thrown away.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"
# shellcheck source-path=SCRIPTDIR source=container.sh
. "$here/container.sh"

[[ $# -eq 2 ]] || usage_error "read.sh TREE OUT"
need_root
need_commands systemd-nspawn findmnt busctl dbus-daemon
[[ -x /lib/systemd/systemd ]] || skip "needs systemd"
tree=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")

work=$(mktemp -d)
clean_up() {
    ! mountpoint -q "$work/root" || umount "$work/root"
    rm -rf "$work"
}
trap clean_up EXIT

mkdir "$work"/{upper,scratch,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" "$work/root" 2>/dev/null ||
    skip "cannot lay an overlay over / in ${work%/*} (is that an overlay itself? TMPDIR chooses another place)"
root=$work/root
rm -rf "$root"/etc/systemd/system/{vm@,vm_iscsi,vm_mount}*
tar -C "$tree" -cf - . | tar -C "$root" -xf - --keep-directory-symlink
judge=$root/judge
mkdir -p "$judge/ran"
touch "$judge"/{load,start,programs}

cat >"$judge/stand-in" <<'STAND_IN'
#!/bin/sh
printf '%s\0' "$0" "$@" >"$RAN"
STAND_IN
chmod 755 "$judge/stand-in"
# What cannot be made (too long a name) is not run either.
while IFS= read -r program; do
    ! mkdir -p "$root${program%/*}" || ln -sfT /judge/stand-in "$root$program" || true
done <"$judge/programs" 2>>"$judge/messages"

cat >"$judge/inside" <<'INSIDE'
#!/bin/bash
manager=(call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager)
while read -r unit; do
    path=$(busctl --json=short "${manager[@]}" LoadUnit s "$unit")
    path=${path#*[\"}
    path=${path%%\"*}
    busctl --json=short call org.freedesktop.systemd1 "$path" org.freedesktop.DBus.Properties GetAll s ''
done </judge/load >/judge/loaded
xargs --no-run-if-empty --max-args=100 systemctl start </judge/start
touch /judge/done
INSIDE
chmod 755 "$judge/inside"
cat >"$root/etc/systemd/system/judge.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=sysinit.target dbus.socket
After=sysinit.target dbus.socket
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/judge/inside 2>>/judge/messages'
ExecStopPost=systemctl --no-block poweroff
UNIT
# An own ID, or nspawn takes the container's journal for the machine's.
echo 5ee7d0c2a1c94f0e8b1f6c3d7a9e2b40 >"$root/etc/machine-id"

boot "$root" judge.service 600 >"$work/console" 2>&1 || true
[[ -e $judge/done ]] || {
    sed 's/^/  /' "$work/console"
    skip "systemd does not start in a container here"
}
cp -a "$judge/loaded" "$judge/ran" "$judge/messages" "$out/"
