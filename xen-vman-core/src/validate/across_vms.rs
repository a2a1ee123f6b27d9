//! What must be unique among VMs, on one host or across hosts.

use super::Hosts;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{
    Origin, Place, ResolvedInterface, ResolvedVm, Scope, Sourced, VifNetwork, XlSetting,
};
use crate::values::{GuestType, XlValue};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};

/// A value that must be unique.
struct Owned<'r, K> {
    key: K,
    host: u16,
    place: Place,
    owner: &'r str,
}

impl<K> Owned<'_, K> {
    /// Says that `first` has the same value. `message` gets the key and the names of both owners.
    fn clashes_with(
        &self,
        first: &Self,
        id: DiagnosticId,
        message: impl Fn(&K, &str, &str) -> String,
        help: &str,
    ) -> Diagnostic {
        let elsewhere = elsewhere(self.host, first.host);
        let first_owner = format!("`{}`{elsewhere}", first.owner);
        let text = message(&self.key, &format!("`{}`", self.owner), &first_owner);
        Diagnostic::new(id, self.place.path().on_host(self.host), text)
            .help(help)
            .related(
                first.place.path().on_host(first.host),
                format!("first used by {first_owner}"),
            )
    }
}

/// Reports duplicates.
fn duplicates<'r, K: Hash + Eq + Clone>(
    values: impl Iterator<Item = Owned<'r, K>>,
    report: &mut Report,
    id: DiagnosticId,
    message: impl Fn(&K, &str, &str) -> String,
    help: &str,
) {
    let mut seen: HashMap<K, Owned<'_, K>> = HashMap::new();
    for value in values {
        match seen.entry(value.key.clone()) {
            Entry::Occupied(first) => {
                report.push(value.clashes_with(first.get(), id, &message, help));
            }
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
        }
    }
}

fn used<K: Display>(what: &str) -> impl Fn(&K, &str, &str) -> String + '_ {
    move |key, owner, first| format!("{what} `{key}` of {owner} is already used by {first}")
}

/// VMs with the same domain name would share all files, and on two hosts the root.
pub(super) fn duplicate_vm(hosts: Hosts<'_>, report: &mut Report) {
    let mut seen: HashMap<&str, (u16, &ResolvedVm)> = HashMap::new();
    for (host, vm, scope) in hosts.vms() {
        let Some((first_host, first)) = seen.get(vm.domain.as_str()) else {
            seen.insert(vm.domain.as_str(), (host, vm));
            continue;
        };
        let key = |vm: &ResolvedVm| {
            if vm.writes("domain") {
                "domain"
            } else {
                "name"
            }
        };
        let same = vm.org == first.org && vm.name == first.name;
        let (id, help) = if same && host != *first_host {
            (
                DiagnosticId::DuplicateVm,
                "keep the VM on one host; if both start it, its root file system is destroyed",
            )
        } else if same {
            (DiagnosticId::DuplicateVm, "rename one of them")
        } else {
            (
                DiagnosticId::AmbiguousName,
                "files, units and the domain are named ORG-NAME; rename one of the VMs, or set its `domain`",
            )
        };
        let elsewhere = elsewhere(host, *first_host);
        let message = if same {
            format!("VM `{}` is already defined{elsewhere}", vm.domain)
        } else {
            format!(
                "`{}` of `{}` and `{}` of `{}`{elsewhere} have the same domain name, `{}`",
                vm.name, vm.org, first.name, first.org, vm.domain
            )
        };
        let other = Scope::Vm(first.number).key(key(first)).path();
        let path = scope.key(key(vm)).path().on_host(host);
        report.push(
            Diagnostic::new(id, path, message)
                .help(help)
                .related(other.on_host(*first_host), "first defined here"),
        );
    }
}

/// UUID and MAC addresses are derived from both names, regardless of the domain name.
pub(super) fn duplicate_names(hosts: Hosts<'_>, report: &mut Report) {
    let mut seen: HashMap<(&str, &str), (u16, &ResolvedVm)> = HashMap::new();
    for (host, vm, scope) in hosts.vms() {
        let names = (vm.org.as_str(), vm.name.as_str());
        let Some((first_host, first)) = seen.get(&names) else {
            seen.insert(names, (host, vm));
            continue;
        };
        if vm.domain == first.domain {
            continue;
        }
        let message = format!(
            "`{}` and `{}`{} have the same `org` and `name`, from which UUID and MAC addresses are derived",
            vm.domain,
            first.domain,
            elsewhere(host, *first_host)
        );
        let path = scope.key("name").path().on_host(host);
        let other = Scope::Vm(first.number).key("name").path();
        report.push(
            Diagnostic::new(DiagnosticId::DuplicateVm, path, message)
                .help("rename one of them")
                .related(other.on_host(*first_host), "first defined here"),
        );
    }
}

/// An address of an interface.
struct OfInterface<'r, K> {
    address: Owned<'r, K>,
    vm: &'r ResolvedVm,
    network: VifNetwork<'r>,
}

impl<'r, K> OfInterface<'r, K> {
    fn new(
        address: K,
        place: Place,
        (host, vm, interface): (u16, &'r ResolvedVm, &'r ResolvedInterface),
        hosts: Hosts<'r>,
    ) -> Self {
        Self {
            address: Owned {
                key: address,
                host,
                place,
                owner: vm.domain.as_str(),
            },
            vm,
            network: VifNetwork::of(interface, hosts.resolved(host)),
        }
    }
}

/// Reports addresses that several interfaces have: an error where they meet, a warning where they
/// may not.
fn repeated_addresses<'r, K: Hash + Eq + Copy + Display>(
    all: impl Iterator<Item = OfInterface<'r, K>>,
    what: &str,
    meet: fn(&OfInterface<'r, K>, &OfInterface<'r, K>) -> bool,
    [error, warning]: [DiagnosticId; 2],
    help: &str,
    report: &mut Report,
) {
    let mut seen: HashMap<K, Vec<OfInterface<'r, K>>> = HashMap::new();
    for one in all {
        let earlier = seen.entry(one.address.key).or_default();
        let clash = earlier.iter().find(|other| meet(other, &one));
        let clash = clash.map(|other| (other, error, help.to_owned()));
        let other = clash.or_else(|| {
            let help = format!("{help}, or allow `{warning}` if they never meet");
            Some((earlier.first()?, warning, help))
        });
        if let Some((other, id, help)) = other {
            let address = &one.address;
            report.push(address.clashes_with(&other.address, id, used(what), &help));
        }
        earlier.push(one);
    }
}

/// Whether two interfaces are in one network at the same time, as far as it is known. The networks of
/// two hosts may be the same one, or not.
fn meet<K>(one: &OfInterface<'_, K>, other: &OfInterface<'_, K>) -> bool {
    let together = one.vm.domain == other.vm.domain || (*one.vm.auto_boot && *other.vm.auto_boot);
    one.address.host == other.address.host && one.network == other.network && together
}

/// Vifs with the same MAC address disturb each other on a bridge.
pub(super) fn duplicate_mac(hosts: Hosts<'_>, report: &mut Report) {
    let written = hosts
        .interfaces()
        .filter(|(_, _, interface, _)| is_written(&interface.mac));
    let all = written.map(|(host, vm, interface, scope)| {
        let place = interface.mac.place_or(scope.key("mac"));
        OfInterface::new(*interface.mac, place, (host, vm, interface), hosts)
    });
    let on_a_bridge = |one: &OfInterface<'_, _>, other: &OfInterface<'_, _>| {
        meet(one, other) && one.network != VifNetwork::Routed
    };
    let ids = [DiagnosticId::DuplicateMac, DiagnosticId::RepeatedMac];
    let help = "give one of them another address, or remove `mac`";
    repeated_addresses(all, "the MAC address", on_a_bridge, ids, help, report);
}

/// Tools tell domains apart by their UUID.
pub(super) fn duplicate_uuid(hosts: Hosts<'_>, report: &mut Report) {
    let written = hosts.vms().filter(|(_, vm, _)| is_written(&vm.uuid));
    let values = written.map(|(host, vm, scope)| Owned {
        key: *vm.uuid,
        host,
        place: vm.uuid.place_or(scope.key("uuid")),
        owner: vm.domain.as_str(),
    });
    let help = "remove `uuid`; it is then derived from `org` and `name`";
    let id = DiagnosticId::DuplicateUuid;
    duplicates(values, report, id, used("the UUID"), help);
}

/// Xen's scripts fail for the second vif with the same name on a host, so its VM does not start.
/// An HVM VM also has a tap device, whose name ends in `-emu`.
pub(super) fn duplicate_vifname(hosts: Hosts<'_>, report: &mut Report) {
    let values = hosts.interfaces().flat_map(|(host, vm, interface, scope)| {
        let names = interface.vifname.iter().flat_map(move |name| {
            let tap = (*vm.guest_type == GuestType::Hvm).then(|| format!("{}-emu", name.value));
            std::iter::once(name.value.to_string()).chain(tap)
        });
        let own = scope.key("vifname");
        let place = interface
            .vifname
            .as_ref()
            .map_or(own, |name| name.place_or(own));
        names.map(move |name| Owned {
            key: (host, name),
            host,
            place,
            owner: vm.domain.as_str(),
        })
    });
    let help = "vif names must be unique on a host; rename one of them";
    let message = |(_, name): &(u16, String), owner: &str, first: &str| {
        used("the vif name")(name, owner, first)
    };
    let id = DiagnosticId::DuplicateVifname;
    duplicates(values, report, id, message, help);
}

/// Derived identities are only equal for VMs with the same name, which is reported elsewhere.
fn is_written<T>(value: &Sourced<T>) -> bool {
    !matches!(value.origin, Origin::Derived(_))
}

/// Guests with the same address receive each other's packets.
pub(super) fn duplicate_address(hosts: Hosts<'_>, report: &mut Report) {
    let all = hosts.interfaces().flat_map(|(host, vm, interface, scope)| {
        let addresses = interface.addresses.iter();
        let own = addresses.filter(|address| !address.is_link_local());
        own.map(move |address| {
            let place = address.place_or(scope.key("ip"));
            OfInterface::new(address.addr, place, (host, vm, interface), hosts)
        })
    });
    let ids = [
        DiagnosticId::DuplicateAddress,
        DiagnosticId::RepeatedAddress,
    ];
    let help = "give one of them another address";
    repeated_addresses(all, "the address", meet, ids, help, report);
}

/// The servers on one port of a host: address, origin, and the VM.
type Servers<'r> = Vec<(IpAddr, FieldPath, &'r str)>;

/// A display that a VM serves on a port which is always the same.
struct Port<'r> {
    host: u16,
    owner: &'r str,
    address: IpAddr,
    number: u16,
    path: FieldPath,
    help: String,
}

/// Two QEMU processes cannot listen on the same port.
fn port_clash<'r>(
    ports: impl Iterator<Item = Port<'r>>,
    id: DiagnosticId,
    what: &str,
    report: &mut Report,
) {
    // A server on all addresses conflicts with one on any address.
    let mut seen: HashMap<(u16, u16), Servers<'r>> = HashMap::new();
    for port in ports {
        let others = seen.entry((port.host, port.number)).or_default();
        let clash = others.iter().find(|(other, ..)| {
            *other == port.address || other.is_unspecified() || port.address.is_unspecified()
        });
        if let Some((_, first, owner)) = clash {
            let message = format!(
                "`{}` and `{owner}` both serve {what} on port {}, so only one of them can start",
                port.owner, port.number
            );
            let diagnostic = Diagnostic::new(id, port.path.clone(), message)
                .help(port.help)
                .related(first.clone(), format!("the port of `{owner}`"));
            report.push(diagnostic);
        }
        others.push((port.address, port.path, port.owner));
    }
}

pub(super) fn spice_port_clash(hosts: Hosts<'_>, report: &mut Report) {
    let ports = hosts.vms().filter_map(|(host, vm, scope)| {
        let own = scope.key("spiceport").path();
        let spice = vm.spice.served()?;
        Some(Port {
            host,
            owner: vm.domain.as_str(),
            address: spice.host.address()?,
            number: Some(spice.port.get()).filter(|port| *port != 0)?,
            path: spice.port.path_or(vm_place(vm)).on_host(host),
            help: format!("use another port, such as `{own}`"),
        })
    });
    port_clash(ports, DiagnosticId::SpicePortClash, "SPICE", report);
}

/// The port of a VNC display that is never the next one that is free.
pub(super) fn vnc_port_clash(hosts: Hosts<'_>, report: &mut Report) {
    let number = |setting: Option<XlSetting<'_>>| match setting?.value.value {
        XlValue::Integer(number) => Some(number),
        _ => None,
    };
    let ports = hosts.vms().filter_map(|(host, vm, _)| {
        let first = |key| vm.xl_settings_of(key).next();
        let is_served = number(first("vnc")) != Some(0);
        let is_fixed = number(first("vncunused")) == Some(0);
        let display = first("vncdisplay")?;
        let path = display.path(vm).on_host(host);
        let address = match first("vnclisten") {
            None => Ipv4Addr::LOCALHOST.into(),
            Some(setting) => match &setting.value.value {
                XlValue::Text(text) => text.parse().ok()?,
                _ => return None,
            },
        };
        let number = number(Some(display))?.checked_add(5900)?;
        (*vm.guest_type == GuestType::Hvm && is_served && is_fixed).then_some(Port {
            host,
            owner: vm.domain.as_str(),
            address,
            number: number.try_into().ok()?,
            path,
            help: "use another display, or set `vncunused = true`".to_owned(),
        })
    });
    port_clash(ports, DiagnosticId::VncPortClash, "VNC", report);
}

/// Anyone who knows one password knows the other.
pub(super) fn reused_spice_password(hosts: Hosts<'_>, report: &mut Report) {
    let values = hosts.vms().filter_map(|(host, vm, scope)| {
        let password = vm.spice.served()?.password.as_ref()?;
        Some(Owned {
            key: password.reveal(),
            host,
            place: password.place_or(scope.key("spicepasswd")),
            owner: vm.domain.as_str(),
        })
    });
    let message = |_: &&str, owner: &str, first: &str| {
        format!("{owner} and {first} have the same SPICE password")
    };
    let help = "give each VM its own, for example from `openssl rand -base64 18`";
    let id = DiagnosticId::ReusedSpicePassword;
    duplicates(values, report, id, message, help);
}

/// How a message refers to a VM on another host.
pub(super) const fn elsewhere(host: u16, first: u16) -> &'static str {
    if host == first {
        ""
    } else {
        " on another host"
    }
}

/// The path at which problems with a whole VM are shown.
pub(super) fn vm_place(vm: &ResolvedVm) -> Place {
    Scope::Vm(vm.number).key("name")
}
