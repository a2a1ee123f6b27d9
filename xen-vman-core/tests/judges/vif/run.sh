#!/bin/bash
# run.sh SCRIPT VIF_COMMON_DIR: does the network script vif-p2p do what it promises?
#
# VIF_COMMON_DIR is etc/xen/scripts of Debian's package xen-utils-common, unpacked. Everything happens in
# a network namespace of its own, with files in place of xenstore.
set -euo pipefail
export LC_ALL=C

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=../common/check.sh
. "$here/../common/check.sh"

[[ $# -eq 2 ]] || usage_error "run.sh SCRIPT VIF_COMMON_DIR"
need_root
need_commands ip unshare awk
[[ -e $2/vif-common.sh ]] || skip "there is no vif-common.sh in $2"
if [[ -z ${JUDGE_NAMESPACE:-} ]]; then
    unshare --net true 2>/dev/null || skip "cannot make a network namespace"
    JUDGE_NAMESPACE=yes exec unshare --net "$0" "$@"
fi
[[ -e /proc/net/if_inet6 ]] || skip "needs IPv6"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export JUDGE_STORE=$work/store JUDGE_COMMANDS=$work/commands
mkdir "$work/scripts"
cp "$2"/*.sh "$work/scripts/"
install -m 755 "$1" "$work/scripts/vif-p2p"
# Its programs come from here, its messages go there.
echo "bindir=$here/stand-ins" >>"$work/scripts/hotplugpath.sh"
sed -i "s|/var/log/xen/xen-hotplug.log|$work/messages|" "$work/scripts/xen-hotplug-common.sh"

backend=/local/domain/0/backend/vif/1/0

# rig NAME: back to an empty host.
rig() {
    echo "# $1"
    local link
    for link in $(ip -o link show | awk -F '[:@ ]+' '$2 != "lo" { print $2 }'); do
        ip link delete "$link" 2>/dev/null || true # went with its peer
    done
    rm -rf "$JUDGE_STORE"
    : >"$work/messages"
}

# device NAME [bridge]: one with somebody at the other end, unless it is a bridge; up.
devices=0
device() {
    devices=$((devices + 1))
    if [[ ${2:-} == bridge ]]; then
        ip link add "$1" type bridge
    else
        ip link add "$1" type veth peer name "peer$devices"
        ip link set "peer$devices" up
    fi
    ip link set "$1" up
}

# uplink NAME ADDRESS [bridge]: with a default route.
uplink() {
    device "$1" "${3:-}"
    ip address add "$2" dev "$1"
    ip route add default via 10.0.0.254 dev "$1"
}

# guest_has KEY VALUE: in xenstore.
guest_has() {
    "$here/stand-ins/xenstore-write" "$backend/$1" "$2"
}

# vif_script COMMAND [VIF]: as Xen calls it.
vif_script() {
    : >"$JUDGE_COMMANDS"
    vif=${2:-vif1.0} XENBUS_PATH=$backend "$work/scripts/vif-p2p" "$1" type_if=vif
}

works() {
    check "$1 works" vif_script "$@"
    sed 's/^/  /' "$work/messages"
}

online_fails() {
    ! vif_script online
}

commands_are() {
    check_same "the commands are as specified" "$1" "$(<"$JUDGE_COMMANDS")"
}

status_is() {
    check_same "Xen is told so" "$1" "$("$here/stand-ins/xenstore-read" "$backend/hotplug-status")"
}

# addresses VIF, routes VIF: in a form to compare, without what the kernel adds by itself.
addresses() {
    ip -o address show dev "$1" | awk '{ print $4, $5, $6 }' | sed -n 's/ peer / peer /p; /^fe80::1\/64 /s/ .*//p'
}
routes() {
    ip -4 route show dev "$1" | awk '{ print $1, $NF }'
    ip -6 route show dev "$1" | awk '$2 == "via" { print $1, $2, $3 }'
}

rig "IPv4 and IPv6 addresses behind an uplink of any name"
uplink enp3s0f0 10.0.0.1/24
device vif1.0
ip link set vif1.0 down
guest_has ip "10.0.0.10 2001:db8::10 10.0.0.11/32 2001:db8::11/128"
online_commands="\
ip link set dev vif1.0 up
ip address replace 10.0.0.1/32 peer 10.0.0.10/32 dev vif1.0
ip address replace 10.0.0.1/32 peer 10.0.0.11/32 dev vif1.0
ip address replace fe80::1/64 dev vif1.0 nodad
ip route replace 2001:db8::10/128 via fe80::2 dev vif1.0
ip route replace 2001:db8::11/128 via fe80::2 dev vif1.0"
for time in once again; do
    works online
    commands_are "$online_commands"
    status_is connected
    check_same "the addresses, $time" "\
10.0.0.1 peer 10.0.0.10/32
10.0.0.1 peer 10.0.0.11/32
fe80::1/64" "$(addresses vif1.0)"
    check_same "the routes, $time" "\
10.0.0.10 10.0.0.1
10.0.0.11 10.0.0.1
2001:db8::10 via fe80::2
2001:db8::11 via fe80::2" "$(routes vif1.0)"
done
check_same "packets to the second address" "10.0.0.11 dev vif1.0 src 10.0.0.1 uid 0" \
    "$(ip route get 10.0.0.11 | head -n 1 | xargs)"
for time in once again; do
    works offline
    commands_are "\
ip -6 route flush dev vif1.0
ip address flush dev vif1.0
ip link set dev vif1.0 down"
    check_same "nothing is left on the vif, $time" "" "$(addresses vif1.0; routes vif1.0)"
done
ip link delete vif1.0
works offline
commands_are ""
check_same "the uplink is untouched" "10.0.0.1/24" "$(ip -4 -o address show dev enp3s0f0 | awk '{ print $4 }')"

rig "the uplink is a bridge, another VM is running"
uplink br0 10.0.0.2/24 bridge
device web.0
ip address add 10.0.0.2/32 peer 10.0.0.99/32 dev web.0
device vif1.0
guest_has ip 10.0.0.10
works online
check_same "the address of the bridge is used" "10.0.0.2 peer 10.0.0.10/32" "$(addresses vif1.0)"

rig "the default route names its source address"
uplink enp3s0f0 10.0.0.1/24
ip address add 192.0.2.7/32 dev enp3s0f0
ip route replace default via 10.0.0.254 dev enp3s0f0 src 192.0.2.7
device vif1.0
guest_has ip 10.0.0.10
works online
check_same "it is used" "192.0.2.7 peer 10.0.0.10/32" "$(addresses vif1.0)"

rig "two default routes"
uplink enp3s0f0 10.0.0.1/24
device wlan0
ip address add 10.1.0.1/24 dev wlan0
ip route add default via 10.1.0.254 dev wlan0 metric 600
device vif1.0
guest_has ip 10.0.0.10
works online
check_same "the better one counts" "10.0.0.1 peer 10.0.0.10/32" "$(addresses vif1.0)"

rig "no default route"
device vif7.0
ip address add 10.9.9.9/32 peer 10.0.0.98/32 dev vif7.0
device web.0
ip address add 10.9.9.8/32 peer 10.0.0.99/32 dev web.0
device enp3s0f0
ip address add 10.0.0.3/24 dev enp3s0f0
device vif1.0
guest_has ip 10.0.0.10
works online
check_same "an address that belongs to no vif is used" "10.0.0.3 peer 10.0.0.10/32" "$(addresses vif1.0)"

rig "no address on the host"
device vif1.0
guest_has ip 10.0.0.10
check "online fails" online_fails
status_is error
check "the message says why" grep -q "neither an IPv4 default route nor a global IPv4 address" \
    "$JUDGE_STORE/$backend/hotplug-error"
guest_has ip 2001:db8::10
works online
commands_are "\
ip link set dev vif1.0 up
ip address replace fe80::1/64 dev vif1.0 nodad
ip route replace 2001:db8::10/128 via fe80::2 dev vif1.0"
status_is connected

rig "no address of the guest"
uplink enp3s0f0 10.0.0.1/24
device vif1.0
works online
commands_are "ip link set dev vif1.0 up"
status_is connected

rig "a vif with a name and an MTU"
uplink enp3s0f0 10.0.0.1/24
device vif1.0
ip link set vif1.0 down
guest_has ip 10.0.0.10
guest_has vifname web01.0
guest_has mtu 9000
guest_has frontend /local/domain/1/device/vif/0
works online
check_same "it is renamed" "10.0.0.1 peer 10.0.0.10/32" "$(addresses web01.0)"
check_same "it has the MTU" 9000 "$(ip -o link show web01.0 | grep -oP 'mtu \K\d+')"
check_same "the guest is told" 9000 "$("$here/stand-ins/xenstore-read" /local/domain/1/device/vif/0/mtu)"
works offline
check_same "nothing is left on the vif" "" "$(addresses web01.0; routes web01.0)"

rig "the emulated card of an HVM guest"
uplink enp3s0f0 10.0.0.1/24
device vif1.0-emu
ip link set vif1.0-emu down
guest_has ip 10.0.0.10
: >"$JUDGE_COMMANDS"
check "add works" env INTERFACE=vif1.0-emu "$work/scripts/vif-p2p" add type_if=tap
commands_are "ip link set dev vif1.0-emu up"
: >"$JUDGE_COMMANDS"
check "remove works" env INTERFACE=vif1.0-emu "$work/scripts/vif-p2p" remove type_if=tap

finish
