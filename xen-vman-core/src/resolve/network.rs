//! The network of a VM: its vifs on the host, and the configuration of the guest.

use super::expression::Scene;
use super::guest_network::{GuestInterface, GuestNetwork};
use super::identity;
use super::lookup::{Evaluated, Lookup};
use super::resolved::ResolvedInterface;
use crate::document::Node;
use crate::origin::{Origin, Scope, Sourced};
use crate::spec::{InterfaceSpec, VmSpec};
use crate::values::{HostAddress, NamePart, Nameservers, mtu};
use std::net::{IpAddr, Ipv6Addr};

/// The interfaces of a VM, without vif names derived from a prefix, which depend on other VMs.
pub(super) fn interfaces(
    number: u32,
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
            let scope = Scope::Interface(number, u32::try_from(devid).ok()?);
            let written = node
                .get("interfaces")
                .and_then(|list| list.items().get(devid))
                .unwrap_or(&nothing);
            let scene = Scene::interface(node, written);
            Some(one(devid, interface, scope, &scene, org, name, lookup))
        })
        .collect()
}

const DHCP_DERIVED: &str = "addresses";

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
    let mut xen_str = match written!(xen_str) {
        Some(parameters) => Some(parameters),
        None => lookup.default("xen_str", |defaults| &defaults.xen_str, scene),
    };
    // A key of the interface, or else of its `xen_str`, where the original role had it. Both remain
    // if both are written.
    macro_rules! own {
        ($field:ident, $read:expr) => {
            own!($field, stringify!($field), $read)
        };
        ($field:ident, $name:expr, $read:expr) => {
            match (written!($field), &mut xen_str) {
                (None, Some(parameters)) => {
                    parameters.value.take($name, $read).map(|value| Sourced {
                        value,
                        origin: parameters.origin,
                    })
                }
                (Some(own), Some(parameters))
                    if !matches!(parameters.origin, Origin::Written(_)) =>
                {
                    parameters.value.take($name, |_| Some(()));
                    Some(own)
                }
                (own, _) => own,
            }
        };
    }
    let addresses = [(spec.ip.as_deref(), "ip"), (spec.ipv6.as_deref(), "ipv6")];
    let addresses = addresses.into_iter().flat_map(|(list, key)| {
        list.into_iter()
            .flatten()
            .map(move |address| Sourced::written(*address, scope.key(key)))
    });
    let vifname = own!(vifname, |text| text.parse().ok());
    let vifname_prefix = match (&vifname, written!(vifname_prefix)) {
        (Some(_), _) => None,
        (None, Some(prefix)) => Some(prefix),
        (None, None) => {
            lookup.default("vifname_prefix", |defaults| &defaults.vifname_prefix, scene)
        }
    };
    ResolvedInterface {
        devid: u32::try_from(devid).unwrap_or(u32::MAX),
        mac: match own!(mac, |text| text.parse().ok()) {
            Some(mac) => mac,
            None => Sourced::derived(
                identity::mac(org, name, devid),
                "org, name and interface number",
            ),
        },
        addresses: addresses.collect(),
        dhcp: match spec.use_dhcp {
            Some(dhcp) => Sourced::written(dhcp, scope.key("use_dhcp")),
            None => Sourced::derived(false, DHCP_DERIVED),
        },
        mtu: match own!(mtu, mtu) {
            Some(mtu) => Some(mtu),
            None => lookup.default("mtu", |defaults| &defaults.mtu, scene),
        },
        bridge: own!(bridge, |text| text.parse().ok()).or_else(|| lazy_bridge(scene, lookup)),
        vifname,
        vifname_prefix,
        script: own!(script, |text| text.parse().ok()),
        rate: own!(rate, |text| text.parse().ok()),
        vif_type: own!(vif_type, "type", |text| text.parse().ok()),
        model: own!(model, |text| text.parse().ok()),
        extra: written!(extra),
        xen_str,
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
        crate::spec::Templated::Expression(node) => match lookup.evaluate(node, place, scene) {
            Evaluated::Value(value) => value,
            Evaluated::Nothing | Evaluated::Wrong => return None,
        },
    };
    Some(Sourced {
        value,
        origin: Origin::Default(place),
    })
}

/// Makes `connection_ip` the main address of the interface that has it, or else of the first one.
/// Returns the number of that interface.
pub(super) fn place_connection_ip(
    connection: Option<HostAddress>,
    scope: Scope,
    interfaces: &mut [ResolvedInterface],
) -> Option<usize> {
    let owner = connection.and_then(|connection| {
        interfaces.iter().position(|interface| {
            let addresses = &interface.addresses;
            addresses.iter().any(|known| known.addr == connection.addr)
        })
    });
    let number = owner.unwrap_or(0);
    let interface = interfaces.get_mut(number)?;
    let addresses = &mut interface.addresses;
    if let Some(mut main) = connection {
        let known = addresses.iter().position(|known| known.addr == main.addr);
        if let Some(known) = known.map(|at| addresses.remove(at)) {
            main.prefix = main.prefix.or(known.prefix);
        }
        addresses.insert(0, Sourced::written(main, scope.key("connection_ip")));
    }
    if interface.addresses.is_empty() && matches!(interface.dhcp.origin, Origin::Derived(_)) {
        interface.dhcp = Sourced::derived(true, DHCP_DERIVED);
    }
    Some(number)
}

/// The network configuration of the guest.
pub(super) fn guest_network(
    interfaces: &[ResolvedInterface],
    main_interface: Option<usize>,
    gateway: Option<Sourced<IpAddr>>,
    gateway6: Option<Sourced<Ipv6Addr>>,
    nameservers: Sourced<Nameservers>,
) -> GuestNetwork {
    let (gateway4, gateway6) = match gateway.map(|gateway| (gateway.value, gateway.origin)) {
        Some((IpAddr::V4(value), origin)) => (Some(Sourced { value, origin }), gateway6),
        Some((IpAddr::V6(value), origin)) => (None, gateway6.or(Some(Sourced { value, origin }))),
        None => (None, gateway6),
    };
    let guest = interfaces.iter().map(|interface| GuestInterface {
        name: format!("eth{}", interface.devid),
        mac: interface.mac.value,
        addresses: interface
            .addresses
            .iter()
            .map(|address| address.value)
            .collect(),
        dhcp: *interface.dhcp,
        mtu: interface.mtu.as_ref().map(|mtu| mtu.value),
    });
    GuestNetwork {
        interfaces: guest.collect(),
        main_interface,
        gateway4,
        gateway6,
        nameservers,
    }
}
