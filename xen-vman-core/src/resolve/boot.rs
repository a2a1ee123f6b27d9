//! The generated kernel command line.
//!
//! It follows dracut.cmdline(7), for dracut 059 to 112. `net.ifnames=0` keeps the interface names
//! `ethN`; without it, udev names them `enXN` in current guests.

use super::guest_network::{GuestNetwork, Link, Router};
use crate::origin::Sourced;
use crate::storage::{DataVolume, KernelRoot, RootServer, RootVolume, Unmanaged, root_on_disk};
use crate::values::{Filesystem, Hostname, KernelCmdline};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

const NAMES: &str = "net.ifnames=0";

/// The command line, with which the initrd loads the drivers of data disks, too; `None` for a root that is not
/// managed.
pub(super) fn cmdline(
    root: &RootVolume,
    filesystem: Filesystem,
    hostname: &Hostname,
    network: &GuestNetwork,
    data: &[DataVolume],
) -> Option<Sourced<KernelCmdline>> {
    let (mut line, from) = match root {
        RootVolume::Managed(volume) => {
            let KernelRoot { arguments, server } = volume.kernel_root();
            match server {
                Some(server) => {
                    let ip = ip_argument(hostname, network, server);
                    (format!("{arguments} {ip} {NAMES}"), "storage and network")
                }
                None => (format!("{arguments} {NAMES}"), "storage and file system"),
            }
        }
        RootVolume::Unmanaged(Unmanaged::AmongDisks) => {
            let arguments = root_on_disk(filesystem);
            (format!("{arguments} {NAMES}"), "storage and file system")
        }
        // Missing settings were reported.
        RootVolume::Unmanaged(Unmanaged::Incomplete) => (NAMES.to_owned(), "storage"),
        RootVolume::Unmanaged(Unmanaged::HvmBootsFromDisks | Unmanaged::ForeignBackend) => {
            return None;
        }
    };
    let loaded = match root {
        RootVolume::Managed(volume) => volume.filesystem_drivers(),
        RootVolume::Unmanaged(_) => vec![filesystem.as_str()],
    };
    let data = data
        .iter()
        .flat_map(|data| data.volume.filesystem_drivers());
    let drivers: BTreeSet<_> = data.filter(|driver| !loaded.contains(driver)).collect();
    if !drivers.is_empty() {
        // The guest has no modules of the host's kernel.
        let drivers: Vec<_> = drivers.into_iter().collect();
        let _ = write!(line, " rd.driver.pre={}", drivers.join(","));
    }
    Some(Sourced::derived(KernelCmdline::generated(line), from))
}

/// `ip=CLIENT:PEER:GATEWAY:MASK:HOSTNAME:DEVICE:AUTOCONF`; see dracut.cmdline(7). AUTOCONF is always
/// set: dracut reads an empty one as DHCP and then rejects the address. A server given by name also
/// needs `nameserver=`.
///
/// The gateway is only set if the interface reaches it. PEER replaces the network of the address by
/// a route to that peer alone, so it is only set on a point-to-point link.
fn ip_argument(hostname: &Hostname, network: &GuestNetwork, server: RootServer) -> String {
    let server = server.address;
    let link = network.boot_link(server);
    let device = format!("eth{}", link.map_or(0, |link| link.interface));
    let Some((link, address)) = link.and_then(|link| Some((link, link.address?))) else {
        let autoconf = match server {
            Some(IpAddr::V6(_)) => "either6",
            Some(IpAddr::V4(_)) | None => "dhcp",
        };
        return format!("ip=::::{hostname}:{device}:{autoconf}");
    };
    let far_end = link
        .router
        .filter(|router| router.link == Link::PointToPoint);
    let of_router = |router: Option<Router>| router.map(|router| field(router.address));
    let peer = of_router(far_end).unwrap_or_default();
    let gateway = of_router(link.router).unwrap_or_default();
    let mask = match address.net() {
        ipnet::IpNet::V4(net) => net.netmask().to_string(),
        ipnet::IpNet::V6(net) => net.prefix_len().to_string(),
    };
    let client = field(address.addr);
    let mut argument = format!("ip={client}:{peer}:{gateway}:{mask}:{hostname}:{device}:none");
    if address.addr.is_ipv6() {
        // dracut waits until a router advertises itself, for 50 seconds if none does. The address is
        // usable after 2 (RFC 4862).
        argument.push_str(" rd.net.timeout.ipv6dad=5");
    }
    if server.is_none() {
        for nameserver in network.nameservers.iter() {
            let _ = write!(argument, " nameserver={nameserver}");
        }
    }
    argument
}

/// An address as a field: IPv6 addresses are in brackets, as colons separate fields.
fn field(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
