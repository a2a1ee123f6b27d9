#!/bin/sh
# initrd.sh: plays dracut's command-line stage in the current directory.
#
# In:  an initrd as dracut-cmdline lays it out, with the kernel's command line
#      in proc/cmdline.  dracut's scripts in it name files relative to the
#      current directory where they would say /etc, /run, /tmp and so on.
# Out: the file "report" with records (see judge_report.py):
#        message LEVEL TEXT
#        ip CLIENT PEER GATEWAY MASK HOSTNAME DEVICE AUTOCONF MTU MAC DNS1 DNS2
#        state HANDLED ROOT NETROOT ROOTFLAGS FSTYPE
#        nfs TYPE SERVER PATH OPTIONS
#        mount ARGUMENT...
# Exit status: 0 when dracut would go on with it.

# shellcheck disable=SC1091,SC2154 # dracut's scripts and their variables

record() {
    _kind=$1
    shift
    printf '%s\0' "$_kind" "$#" "$@" >> ./report
}

. ./lib/dracut-lib.sh
. ./lib/net-lib.sh

# ---- stand-ins for what would act on the machine or talk to its console ----

die() {
    record message die "$*"
    exit 1
}
warn() { record message warn "$*"; }
info() { :; }
emergency_shell() { record message warn "emergency shell: $*"; }

chown() { :; }
ip() { :; }
modprobe() { :; }
systemctl() { :; }
mount() { record mount "$@"; }

# dracut's own function bears the name dracut_ip_to_var here.  The interfaces
# of the guest cannot be known, so each one that is named is there.  What the
# network scripts would leave for nfs_to_var later is the peer's address.
ip_to_var() {
    dracut_ip_to_var "$@"
    record ip "$ip" "$srv" "$gw" "$mask" "$hostname" "$dev" "$autoconf" \
        "$mtu" "$macaddr" "$dns1" "$dns2"
    has_ip=yes
    case "$autoconf" in
        none | off) ;;
        *) has_dhcp=yes ;;
    esac
    case "$dev" in
        */* | . | ..) return ;;
        ?*) mkdir -p "./sys/class/net/$dev" ;;
    esac
    case "$srv" in
        *[!0-9A-Za-z.:]*) ;;
        *) echo "srv=$srv" > "./tmp/net.${dev:-any}.override" ;;
    esac
}

# What dracut's handler for NFS mounts once the network is up.  A server that is
# not on the command line may come by DHCP, which dracut uses without ip=, too.
mount_nfs_root() (
    unset srv
    netif=any
    if [ -e ./tmp/net.ifaces ]; then
        read -r netif _ < ./tmp/net.ifaces
    fi
    . ./lib/nfs-lib.sh
    nfs_to_var "$netroot" "$netif"
    record nfs "$nfs" "$server" "$path" "$options"
    if [ -n "$server" ]; then
        mount_nfs "$netroot" /sysroot "$netif"
    elif [ -n "$has_ip" ] && [ -z "$has_dhcp" ]; then
        die "Required parameter 'server' is missing"
    fi
)

# Called when dracut-cmdline ends, wherever in its hooks that is.
conclude() {
    status=$?
    trap - EXIT
    record state "$rootok" "$root" "$netroot" "$rflags" "$fstype"
    case "$rootok:$netroot" in
        1:nfs:* | 1:nfs4:*) mount_nfs_root || status=1 ;;
    esac
    exit "$status"
}

unset has_ip has_dhcp
trap conclude EXIT
. ./sbin/dracut-cmdline
