#!/bin/bash
# route.sh JUDGES WORLD SERVER CMDLINE [INTERFACES]: does a guest reach the server of its root?
#
# dracut's ifup sets an interface of a guest up, in a network namespace. WORLD describes what is around
# the guest, a line for each:
#   link DEVICE ADDRESS/PREFIX...   what is at the other end of an interface of the guest
#   lease DEVICE ADDRESS/PREFIX     the answer of the DHCP server there
#   route ADDRESS DEVICE            a guest of which the other end knows without a network
#   far ADDRESS/PREFIX              what is behind the routers
# The server accepts TCP connections on the port of NFS. With INTERFACES, a file for ifupdown's ifup,
# the guest must also reach it when ifup has set all interfaces up.
#
# Exit status: 0 if it is reached, 1 if not, 77 if that cannot be tried.
set -euo pipefail
export LC_ALL=C

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"

[[ $# -eq 4 || $# -eq 5 ]] || usage_error "route.sh JUDGES WORLD SERVER CMDLINE [INTERFACES]"
need_root
need_commands ip nsenter python3 timeout unshare
if [[ -z ${JUDGE_NAMESPACE:-} ]]; then
    unshare --mount --net true 2>/dev/null || skip "cannot make namespaces"
    JUDGE_NAMESPACE=yes exec unshare --mount --net "$0" "$@"
fi
[[ -e /proc/net/if_inet6 ]] || skip "needs IPv6"

# Everything below is gone with the namespace. dracut's scripts use /tmp, where the arguments may be.
server=$3
work=/mnt
mount -t tmpfs tmpfs "$work"
judges=$work/judges
mkdir "$judges"
mount --bind "$1" "$judges"
world=$work/world
cp "$2" "$world"
interfaces=${5:+$work/interfaces}
[[ -z $interfaces ]] || cp "$5" "$interfaces"
modules=$judges/root/usr/lib/dracut/modules.d
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
finish_up() {
    [[ -z ${outside:-} ]] || kill "$outside" 2>/dev/null
    [[ -z ${listener:-} ]] || kill "$listener" 2>/dev/null
}
trap finish_up EXIT
printf '%s\n' "$4" >"$work/cmdline"
mount --bind "$work/cmdline" /proc/cmdline
: >"$work/resolv.conf"
mount --bind "$work/resolv.conf" "$(realpath /etc/resolv.conf)"
mount -t sysfs sysfs /sys

# ---- the world ----

unshare --net sleep 600 >/dev/null 2>&1 &
outside=$!
until [[ $(readlink "/proc/$outside/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do
    sleep 0.02
done
in_world() { nsenter --target "$outside" --net "$@"; }

# IPv6 addresses count at once.
quick() { "$@" sysctl -q net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0; }
quick env
quick in_world
# Each link answers for its own addresses only.
in_world sysctl -q net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.rp_filter=0
in_world ip link set lo up
ip link set lo up
while read -r kind device addresses; do
    [[ $kind == link ]] || continue
    ip link add "$device" type veth peer name "to-$device"
    ip link set "to-$device" netns "$outside"
    in_world ip link set "to-$device" up
    ip link set "$device" up
    for address in $addresses; do
        in_world ip address add "$address" dev "to-$device"
    done
done <"$world"
while read -r kind address device; do
    case $kind in
        route) in_world ip route add "$address" dev "to-$device" ;;
        far) in_world ip address add "$address" dev lo ;;
    esac
done <"$world"
nsenter --target "$outside" --net python3 -c '
import socket
listener = socket.create_server(("", 2049), family=socket.AF_INET6, dualstack_ipv6=True)
print("listening", flush=True)
while True:
    listener.accept()[0].close()
' >"$work/listener" 2>&1 &
listener=$!
until [[ -s $work/listener ]]; do
    sleep 0.02
done

# ---- the guest ----

# dracut's ifup, in a shell that has dracut's functions and stands in for what the machine lacks.
# shellcheck disable=SC2317 # which call them
dracut_ifup() (
    set +eu +o pipefail
    {
        dracut-getarg() { "$judges/initrd/bin/dracut-getarg" "$@"; }
        dracut-getargs() { "$judges/initrd/bin/dracut-getargs" "$@"; }
        arping() { :; }
        dhclient() {
            local lease
            lease=$(sed -n "s/^lease ${!#} //p" "$world")
            [[ -n $lease ]] && ip address add "$lease" dev "${!#}"
        }
    }
    export NEWROOT=/sysroot DRACUT_SYSTEMD=1 hookdir=/tmp/hooks
    mkdir -p /tmp/hooks/initqueue
    # shellcheck disable=SC1091
    {
        . "$modules/99base/dracut-dev-lib.sh"
        . "$modules/99base/dracut-lib.sh" 2>/dev/null # names the former in /lib
        . "$modules/40network/net-lib.sh"
        warn() { echo "dracut: $*"; }
        info() { :; }
        . "$modules/35network-legacy/ifup.sh" "$1"
    }
)

reached() { timeout 3 bash -c ": </dev/tcp/$server/2049" 2>/dev/null; }

show_network() {
    ip -brief address
    ip route
    ip -6 route
}

for device in /sys/class/net/eth*; do
    (dracut_ifup "${device##*/}") >>"$work/ifup" 2>&1 || true
done
if ! reached; then
    echo "$server is not reached with: $4"
    cat "$work/ifup"
    show_network
    exit 1
fi
if [[ -n $interfaces ]]; then
    mkdir -p "$work/state"
    # There is no DHCP client, so ifup fails for an interface that needs one.
    if ! PATH=$judges/root/sbin:$PATH "$judges/root/sbin/ifup" --all --force --no-scripts \
        --state-dir "$work/state" --interfaces "$interfaces" >"$work/ifupdown" 2>&1 \
        && ! grep -q "inet dhcp" "$interfaces" || ! reached; then
        echo "$server is not reached any more once ifup has run:"
        cat "$work/ifupdown"
        show_network
        exit 1
    fi
fi
