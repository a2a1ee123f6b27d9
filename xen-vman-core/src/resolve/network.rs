//! The network of a VM: its vifs on the host, and what the guest is told.

use super::expression::Scene;
use super::identity;
use super::lookup::Lookup;
use super::resolved::{GuestInterface, GuestNetwork, ResolvedInterface};
use super::sourced::{Scope, Sourced};
use crate::document::Node;
use crate::spec::{InterfaceSpec, VmSpec};
use crate::values::{HostAddress, NamePart};
use std::net::IpAddr;

/// The interfaces of a VM, without the names of vifs made from a prefix: those depend on
/// the other VMs.
pub(super) fn interfaces(
    number: usize,
    spec: &VmSpec,
    node: &Node,
    org: &NamePart,
    name: &NamePart,
    lookup: &mut Lookup<'_>,
) -> Vec<ResolvedInterface> {
    let nothing = Node::bare(crate::document::Value::Null);
    let specs = spec
        .interfaces
        .as_deref()
        .unwrap_or_default()
        .iter()
        .enumerate();
    specs
        .filter_map(|(devid, interface)| {
            let scope = Scope::Interface(u32::try_from(number).ok()?, u32::try_from(devid).ok()?);
            let written = node
                .get("interfaces")
                .and_then(|list| list.items().get(devid))
                .unwrap_or(&nothing);
            let scene = Scene::interface(node, written);
            Some(one(devid, interface, scope, &scene, org, name, lookup))
        })
        .collect()
}

fn one(
    devid: usize,
    spec: &InterfaceSpec,
    scope: Scope,
    scene: &Scene<'_>,
    org: &NamePart,
    name: &NamePart,
    lookup: &mut Lookup<'_>,
) -> ResolvedInterface {
    macro_rules! written {
        ($field:ident) => {
            spec.$field
                .clone()
                .map(|value| Sourced::written(value, scope.key(stringify!($field))))
        };
    }
    let addresses = [
        (spec.ip.as_ref().map(|list| &list.0), "ip"),
        (spec.ipv6.as_ref().map(|list| &list.0), "ipv6"),
    ];
    let addresses = addresses.into_iter().flat_map(|(list, key)| {
        list.into_iter()
            .flatten()
            .map(move |address| Sourced::written(*address, scope.key(key)))
    });
    let vifname = written!(vifname);
    let vifname_prefix = match vifname {
        Some(_) => None,
        None => lookup.default("vifname_prefix", |defaults| &defaults.vifname_prefix, scene),
    };
    ResolvedInterface {
        devid: u32::try_from(devid).unwrap_or(u32::MAX),
        mac: match spec.mac {
            Some(mac) => Sourced::written(mac, scope.key("mac")),
            None => Sourced::derived(
                identity::mac(org, name, devid),
                "org, name and interface number",
            ),
        },
        addresses: addresses.collect(),
        mtu: match spec.mtu {
            Some(mtu) => Some(Sourced::written(mtu, scope.key("mtu"))),
            None => lookup.default("mtu", |defaults| &defaults.mtu, scene),
        },
        bridge: written!(bridge).or_else(|| lazy_bridge(scene, lookup)),
        vifname,
        vifname_prefix,
        script: written!(script),
        rate: written!(rate),
        xen_str: match &spec.xen_str {
            Some(parameters) => Some(Sourced::written(parameters.clone(), scope.key("xen_str"))),
            None => lookup.default("xen_str", |defaults| &defaults.xen_str, scene),
        },
    }
}

/// `lazy_default_network_bridge`, evaluated for one interface.
fn lazy_bridge(
    scene: &Scene<'_>,
    lookup: &mut Lookup<'_>,
) -> Option<Sourced<crate::values::Bridge>> {
    let key = "lazy_default_network_bridge";
    let bridge = lookup
        .definition
        .host
        .lazy_default_network_bridge
        .as_ref()?;
    let place = Scope::Host.key(key);
    let value = match &bridge.0 {
        crate::spec::Templated::Plain(value) => value.clone(),
        crate::spec::Templated::Expression(node) => lookup.evaluate(node, place, scene)?,
    };
    Some(Sourced {
        value,
        origin: super::Origin::Default(place),
    })
}

/// What the guest is told. `connection_ip` is the main address of the interface that has
/// it; if none has, the first interface gets it.
pub(super) fn guest_network(
    spec: &VmSpec,
    scope: Scope,
    scene: &Scene<'_>,
    interfaces: &[ResolvedInterface],
    lookup: &mut Lookup<'_>,
) -> Option<GuestNetwork> {
    let nameservers = lookup.vm(
        spec.nameserver.as_ref(),
        scope.key("nameserver"),
        |defaults| &defaults.nameserver,
        scene,
    );
    let gateway = lookup.vm(
        spec.gateway.as_ref(),
        scope.key("gateway"),
        |defaults| &defaults.gateway,
        scene,
    );
    let gateway6 = lookup.vm(
        spec.gateway6.as_ref(),
        scope.key("gateway6"),
        |defaults| &defaults.gateway6,
        scene,
    );
    let (gateway4, gateway6) = match gateway {
        Some(Sourced {
            value: IpAddr::V4(address),
            origin,
        }) => (
            Some(Sourced {
                value: address,
                origin,
            }),
            gateway6,
        ),
        Some(Sourced {
            value: IpAddr::V6(address),
            origin,
        }) => (
            None,
            gateway6.or(Some(Sourced {
                value: address,
                origin,
            })),
        ),
        None => (None, gateway6),
    };
    let mut guest: Vec<_> = interfaces
        .iter()
        .map(|interface| GuestInterface {
            name: format!("eth{}", interface.devid),
            addresses: interface
                .addresses
                .iter()
                .map(|address| address.value)
                .collect(),
            mtu: interface.mtu.as_ref().map(|mtu| mtu.value),
        })
        .collect();
    let mut boot_interface = (!guest.is_empty()).then_some(0);
    if let Some(connection) = spec.connection_ip {
        boot_interface = Some(place_connection_ip(connection, &mut guest));
    }
    Some(GuestNetwork {
        interfaces: guest,
        boot_interface,
        gateway4,
        gateway6,
        nameservers: nameservers?,
    })
}

/// Makes an address the main one of its interface, and tells which that is.
fn place_connection_ip(connection: HostAddress, guest: &mut Vec<GuestInterface>) -> usize {
    let owner = guest.iter().position(|i| {
        i.addresses
            .iter()
            .any(|address| address.addr == connection.addr)
    });
    let number = owner.unwrap_or(0);
    if guest.is_empty() {
        // A VM without interfaces; what follows is for the kernel's command line alone.
        guest.push(GuestInterface {
            name: "eth0".into(),
            addresses: Vec::new(),
            mtu: None,
        });
    }
    let addresses = &mut guest[number].addresses;
    let known = addresses
        .iter()
        .position(|address| address.addr == connection.addr);
    let mut main = known.map_or(connection, |at| addresses.remove(at));
    main.prefix = connection.prefix.or(main.prefix);
    addresses.insert(0, main);
    number
}
