//! The kernel command line of VMs that write none.
//!
//! In the words of dracut.cmdline(7), as dracut 059 to 112 read them. `net.ifnames=0` keeps
//! the interfaces' names `ethN`: without it udev names them `enXN` on today's guests.

use super::resolved::GuestNetwork;
use crate::origin::Sourced;
use crate::storage::{KernelRoot, RootServer, RootVolume, Unmanaged, root_on_disk};
use crate::values::{DomainName, Filesystem, HostAddress, KernelCmdline};
use std::fmt::Write as _;
use std::net::IpAddr;

const NAMES: &str = "net.ifnames=0";

/// The command line; none for a root that is on a backend of the administrator's own.
pub(super) fn cmdline(
    root: &RootVolume,
    filesystem: Filesystem,
    domain: &DomainName,
    network: &GuestNetwork,
) -> Option<Sourced<KernelCmdline>> {
    let (line, from) = match root {
        RootVolume::Managed(volume) => {
            let KernelRoot { arguments, server } = volume.kernel_root();
            match server {
                Some(server) => {
                    let ip = ip_argument(domain, network, server);
                    (format!("{arguments} {ip} {NAMES}"), "storage and network")
                }
                None => (format!("{arguments} {NAMES}"), "storage and filesystem"),
            }
        }
        RootVolume::Unmanaged(Unmanaged::AmongDisks) => {
            let arguments = root_on_disk(filesystem);
            (format!("{arguments} {NAMES}"), "storage and filesystem")
        }
        // What is missing is reported.
        RootVolume::Unmanaged(Unmanaged::Incomplete) => (NAMES.to_owned(), "storage"),
        RootVolume::Unmanaged(Unmanaged::HvmBootsFromDisks | Unmanaged::ForeignBackend) => {
            return None;
        }
    };
    Some(Sourced::derived(KernelCmdline::generated(line), from))
}

/// `ip=CLIENT:PEER:GATEWAY:MASK:HOSTNAME:DEVICE:AUTOCONF`; see dracut.cmdline(7). Autoconf
/// is never left out: dracut takes an empty one as DHCP and then refuses the address. A
/// server given by name needs `nameserver=`, too.
fn ip_argument(domain: &DomainName, network: &GuestNetwork, server: RootServer) -> String {
    let hostname = domain.hostname();
    let device = format!("eth{}", network.boot_interface.unwrap_or(0));
    let server = server.address;
    let Some(address) = network.boot_address(server) else {
        let autoconf = match server {
            Some(IpAddr::V6(_)) => "either6",
            Some(IpAddr::V4(_)) | None => "dhcp",
        };
        return format!("ip=::::{hostname}:{device}:{autoconf}");
    };
    let gateway = network.gateway_for(address.addr);
    // A router outside the network is the other end of a point-to-point link.
    let peer = gateway.filter(|gateway| is_peer(address, *gateway));
    let peer = peer.map(field).unwrap_or_default();
    let gateway = gateway.map(field).unwrap_or_default();
    let mask = match address.net() {
        ipnet::IpNet::V4(net) => net.netmask().to_string(),
        ipnet::IpNet::V6(net) => net.prefix_len().to_string(),
    };
    let client = field(address.addr);
    let mut argument = format!("ip={client}:{peer}:{gateway}:{mask}:{hostname}:{device}:none");
    if server.is_none() {
        for nameserver in network.nameservers.iter() {
            let _ = write!(argument, " nameserver={nameserver}");
        }
    }
    argument
}

fn is_peer(address: HostAddress, gateway: IpAddr) -> bool {
    let link_local = matches!(gateway, IpAddr::V6(gateway) if gateway.is_unicast_link_local());
    !address.reaches(gateway) && !link_local
}

/// An address as a field: IPv6 has brackets, as its colons would end the field.
fn field(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
