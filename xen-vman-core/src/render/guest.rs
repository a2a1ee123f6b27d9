//! Renders the files inside a guest.

use super::Guest;
use super::templates::{Filler, NoValues};
use crate::error::Error;
use crate::object::{Object, RenderedFile, Role};
use crate::resolve::{GuestInterface, GuestNetwork, Link, Resolved, ResolvedVm, Router};
use crate::storage::{Fstab, RootServer, Volume};
use crate::values::{HostAddress, PublicKey};
use ipnet::IpNet;
use serde::Serialize;
use std::net::IpAddr;

/// The files of a guest whose root is on a managed volume.
pub(super) fn files(
    vm: &ResolvedVm,
    volume: &Volume,
    resolved: &Resolved,
    templates: &Filler<'_>,
) -> Result<Guest, Error> {
    let user = resolved.host.guest_user.as_str();
    let hostname = vm.hostname.as_str();
    let object = Object::of_vm(&vm.domain, Role::GuestFile);
    let templates = &templates.for_object(object.clone());
    let server = volume.kernel_root().server;
    let fstab = GuestFstab {
        root: volume.fstab(),
        lines: vm.fstab_lines(),
    };
    let mut files = vec![
        templates.file("guest/fstab", "/etc/fstab", &fstab)?,
        RenderedFile::new(object, "/etc/hostname", format!("{hostname}\n")),
        templates.file("guest/hosts", "/etc/hosts", &Hosts { hostname })?,
        templates.file(
            "guest/interfaces",
            "/etc/network/interfaces",
            &interfaces(&vm.network, server),
        )?,
        templates.file(
            "guest/resolv.conf",
            "/etc/resolv.conf",
            &resolv_conf(&vm.network),
        )?,
    ];
    for interface in &vm.network.interfaces {
        let path = format!("/etc/systemd/network/70-{}.link", interface.name);
        let link = InterfaceLink {
            mac: interface.mac.to_string(),
            name: &interface.name,
        };
        files.push(templates.file("guest/eth.link", path, &link)?);
    }
    if server.is_some() {
        let path = "/etc/systemd/system/networking.service.d/nostop.conf";
        files.push(templates.file("guest/nostop.conf", path, &NoValues {})?);
    }
    let keys: Vec<_> = resolved
        .host
        .public_keys
        .iter()
        .map(PublicKey::as_str)
        .collect();
    if !keys.is_empty() {
        let home = if user == "root" {
            "/root".to_owned()
        } else {
            format!("/home/{user}")
        };
        let file = templates.file(
            "guest/authorized_keys",
            format!("{home}/.ssh/authorized_keys"),
            &Keys { keys },
        )?;
        files.push(file.mode(0o600).owner(user));
    }
    if user != "root" {
        // User names contain no character that is special in sudoers(5).
        let file = templates.file(
            "guest/sudoers",
            format!("/etc/sudoers.d/{user}"),
            &Sudoers { user },
        )?;
        files.push(file.mode(0o440));
    }
    Ok(Guest {
        domain: vm.domain.clone(),
        files,
    })
}

#[derive(Serialize)]
struct InterfaceLink<'a> {
    mac: String,
    name: &'a str,
}

#[derive(Serialize)]
struct GuestFstab {
    #[serde(flatten)]
    root: Fstab,
    /// Those of data disks.
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Hosts<'a> {
    hostname: &'a str,
}

#[derive(Serialize)]
struct Keys<'a> {
    keys: Vec<&'a str>,
}

#[derive(Serialize)]
struct Sudoers<'a> {
    user: &'a str,
}

#[derive(Serialize)]
struct ResolvConf {
    nameservers: Vec<String>,
}

fn resolv_conf(network: &GuestNetwork) -> ResolvConf {
    let nameservers = network
        .nameservers
        .iter()
        .map(ToString::to_string)
        .collect();
    ResolvConf { nameservers }
}

/// The content of interfaces(5), for `ifupdown`.
#[derive(Serialize)]
struct Interfaces {
    stanzas: Vec<Stanza>,
}

#[derive(Serialize)]
struct Stanza {
    name: String,
    family: &'static str,
    method: &'static str,
    first: bool,
    options: Vec<String>,
}

fn interfaces(network: &GuestNetwork, root_server: Option<RootServer>) -> Interfaces {
    let boot_interface = root_server
        .and_then(|server| network.boot_link(server.address))
        .map(|link| link.interface);
    let stanzas = network
        .interfaces
        .iter()
        .enumerate()
        .flat_map(|(number, interface)| {
            let over_network = boot_interface == Some(number);
            let families = families(interface);
            let mut stanzas: Vec<_> = families
                .into_iter()
                .map(|(family, addresses)| {
                    let router = network.router(family == "inet");
                    let router = router.filter(|router| router.interface == number);
                    // The interface of an NFS root is already up, with its first address.
                    let (method, mut options) = match addresses.as_slice() {
                        [] => ("dhcp", Vec::new()),
                        all if over_network => ("manual", by_hand(all, router)),
                        [main, more @ ..] => ("static", statically(*main, more, router)),
                    };
                    options.extend(interface.mtu.map(|mtu| match method {
                        "static" => format!("mtu {mtu}"),
                        _ => format!("pre-up ip link set dev $IFACE mtu {mtu}"),
                    }));
                    Stanza {
                        name: interface.name.clone(),
                        family,
                        method,
                        first: false,
                        options,
                    }
                })
                .collect();
            if let Some(stanza) = stanzas.first_mut() {
                stanza.first = true;
            }
            stanzas
        });
    Interfaces {
        stanzas: stanzas.collect(),
    }
}

/// The addresses by family; those of IPv4 are empty for DHCP.
fn families(interface: &GuestInterface) -> Vec<(&'static str, Vec<HostAddress>)> {
    let (v4, v6): (Vec<_>, Vec<_>) = [true, false]
        .map(|four| interface.family(four).collect())
        .into();
    let mut families = Vec::new();
    if !v4.is_empty() || interface.dhcp {
        families.push(("inet", v4));
    }
    if !v6.is_empty() {
        families.push(("inet6", v6));
    }
    families
}

fn statically(main: HostAddress, more: &[HostAddress], router: Option<Router>) -> Vec<String> {
    let mut options = vec![format!("address {}", main.net_text())];
    match router.map(|router| (router.address, router.link)) {
        Some((gateway, Link::PointToPoint)) => options.push(onlink_route(gateway)),
        Some((gateway, _)) => options.push(format!("gateway {gateway}")),
        None => {}
    }
    if main.addr.is_ipv6() {
        // Services that listen on the address start as soon as the interface is up.
        options.push("dad-attempts 0".into());
    }
    options.extend(more.iter().map(|address| replace_address(*address)));
    options
}

fn by_hand(addresses: &[HostAddress], router: Option<Router>) -> Vec<String> {
    let mut options: Vec<_> = addresses
        .iter()
        .map(|address| replace_address(*address))
        .collect();
    match router.map(|router| (router.address, router.link)) {
        Some((gateway, Link::PointToPoint)) => options.push(onlink_route(gateway)),
        Some((gateway, _)) => options.push(format!(
            "up ip{} route replace default via {gateway} dev $IFACE",
            family_flag(gateway)
        )),
        None => {}
    }
    options
}

fn replace_address(address: HostAddress) -> String {
    format!("up ip address replace {} dev $IFACE", address.net_text())
}

/// A route over the far end of a point-to-point link.
fn onlink_route(gateway: IpAddr) -> String {
    format!(
        "up ip{} route replace default via {gateway} dev $IFACE onlink",
        family_flag(gateway)
    )
}

fn family_flag(address: IpAddr) -> &'static str {
    if address.is_ipv6() { " -6" } else { "" }
}

impl HostAddress {
    /// The address with its prefix length, whether that was written or not.
    fn net_text(self) -> String {
        let prefix = match self.net() {
            IpNet::V4(net) => net.prefix_len(),
            IpNet::V6(net) => net.prefix_len(),
        };
        format!("{}/{prefix}", self.addr)
    }
}
