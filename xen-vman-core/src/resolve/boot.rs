//! The kernel command line of VMs that write none.
//!
//! In the words of dracut.cmdline(7), as dracut 059 to 112 read them. `net.ifnames=0` keeps
//! the interfaces' names `ethN`: without it udev names them `enXN` on today's guests.

use super::resolved::{GuestNetwork, Root};
use super::sourced::Sourced;
use crate::values::{DomainName, Filesystem, HostAddress, KernelCmdline, StorageType};
use ipnet::Ipv4Net;
use std::net::IpAddr;

const NAMES: &str = "net.ifnames=0";

/// The command line; none for a backend that is not known.
pub(super) fn cmdline(
    root: &Root,
    storage_type: &StorageType,
    filesystem: Filesystem,
    domain: &DomainName,
    network: &GuestNetwork,
) -> Option<Sourced<KernelCmdline>> {
    let line = match (root, storage_type) {
        (Root::Nfs(export), _) => {
            let ip = ip_argument(domain, network);
            Sourced::derived(
                format!("root=nfs:{export} rw {ip} {NAMES}"),
                "storage and network",
            )
        }
        (_, StorageType::Iscsi) => Sourced::derived(
            format!("root=/dev/xvda rootfstype={filesystem} rw {NAMES}"),
            "storage and filesystem",
        ),
        // The export is missing, and reported.
        (_, StorageType::Nfs) => Sourced::derived(NAMES.to_owned(), "storage"),
        (_, StorageType::Other(_)) => return None,
    };
    Some(line.map(KernelCmdline::generated))
}

/// `ip=CLIENT:PEER:GATEWAY:MASK:HOSTNAME:DEVICE:AUTOCONF`; see dracut.cmdline(7). Autoconf
/// is never left out: dracut takes an empty one as DHCP and then refuses the address.
fn ip_argument(domain: &DomainName, network: &GuestNetwork) -> String {
    let hostname = domain.hostname();
    let (device, address) = match network
        .boot_interface
        .and_then(|number| network.interfaces.get(number))
    {
        Some(interface) => (interface.name.as_str(), interface.addresses.first()),
        None => ("eth0", None),
    };
    let Some(&address) = address else {
        return format!("ip=::::{hostname}:{device}:dhcp");
    };
    let gateway = match address.addr {
        IpAddr::V4(_) => network
            .gateway4
            .as_ref()
            .map(|gateway| IpAddr::V4(gateway.value)),
        IpAddr::V6(_) => network
            .gateway6
            .as_ref()
            .map(|gateway| IpAddr::V6(gateway.value)),
    };
    // A router outside the network is the other end of a point-to-point link.
    let peer = gateway
        .filter(|gateway| is_peer(address, *gateway))
        .map(field)
        .unwrap_or_default();
    let gateway = gateway.map(field).unwrap_or_default();
    let mask = match address.net() {
        ipnet::IpNet::V4(net) => netmask(net),
        ipnet::IpNet::V6(net) => net.prefix_len().to_string(),
    };
    format!(
        "ip={}:{peer}:{gateway}:{mask}:{hostname}:{device}:none",
        field(address.addr)
    )
}

fn is_peer(address: HostAddress, gateway: IpAddr) -> bool {
    let link_local = matches!(gateway, IpAddr::V6(gateway) if gateway.is_unicast_link_local());
    !address.reaches(gateway) && !link_local
}

fn netmask(net: Ipv4Net) -> String {
    net.netmask().to_string()
}

/// An address as a field: IPv6 has brackets, as its colons would end the field.
fn field(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
