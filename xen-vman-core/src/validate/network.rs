//! Network interfaces.

use super::disks::newer_xen;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{Origin, Resolved, ResolvedInterface, ResolvedVm, Scope, Sourced, VifNetwork};
use crate::values::{GuestType, HVM_VIF_NAME_MAX};
use ipnet::IpNet;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

/// QEMU's tap device of an HVM vif is called `VIFNAME-emu`.
pub(super) fn vifname_too_long_for_hvm(resolved: &Resolved, report: &mut Report) {
    for vm in resolved
        .vms
        .iter()
        .filter(|vm| *vm.guest_type == GuestType::Hvm)
    {
        for interface in &vm.interfaces {
            let Some(name) = interface
                .vifname
                .as_ref()
                .filter(|name| name.as_str().len() > HVM_VIF_NAME_MAX)
            else {
                continue;
            };
            let message = format!(
                "the vif name `{}` of HVM VM `{}` must be at most {HVM_VIF_NAME_MAX} characters long, as its tap device adds `-emu`",
                name.as_str(),
                vm.domain
            );
            let path = name.path_or(Scope::Interface(vm.number, interface.devid).key("vifname"));
            report.push(Diagnostic::new(
                DiagnosticId::HvmVifnameTooLong,
                path,
                message,
            ));
        }
    }
}

/// A parameter that is set both by its key and in `xen_str`: xl would use the last one.
pub(super) fn vif_key_written_twice(resolved: &Resolved, report: &mut Report) {
    for (vm, interface, scope) in interfaces(resolved) {
        let Some(parameters) = &interface.xen_str else {
            continue;
        };
        for (key, _) in parameters.iter() {
            macro_rules! own {
                ($field:ident) => {
                    interface
                        .$field
                        .as_ref()
                        .map(|own| own.path_or(scope.key(stringify!($field))))
                };
            }
            let first = match key {
                "mac" => Some(interface.mac.path_or(scope.key("mac"))),
                "bridge" => own!(bridge),
                "script" => own!(script),
                "vifname" => own!(vifname),
                "mtu" => own!(mtu),
                "rate" => own!(rate),
                "type" => own!(vif_type),
                "model" => own!(model),
                "ip" => {
                    let address = interface.addresses.first();
                    address.map(|address| address.path_or(scope.key("ip")))
                }
                _ => None,
            };
            if let Some(first) = first {
                let message = format!(
                    "`{key}` of a vif of `{}` is set twice: as a key and in `xen_str`",
                    vm.domain
                );
                let diagnostic = Diagnostic::new(DiagnosticId::VifKeyWrittenTwice, first, message)
                    .help("remove one of them")
                    .related(parameters.path_or(scope.key("xen_str")), "also set here");
                report.push(diagnostic);
            }
        }
    }
}

/// An older xl creates the vif without the parameters that it does not know.
pub(super) fn needs_newer_xen(resolved: &Resolved, report: &mut Report) {
    let has = resolved.host.xen_version();
    for (_, interface, scope) in interfaces(resolved) {
        let Some(parameters) = &interface.xen_str else {
            continue;
        };
        if let Some((key, since)) = parameters.needs().filter(|(_, since)| *since > has) {
            let path = parameters.path_or(scope.key("xen_str"));
            report.push(newer_xen(
                &format!("`{key}` of a vif"),
                since,
                resolved,
                path,
            ));
        }
    }
}

/// xl uses `xenbr0` if no bridge is set; if other vifs of the host name a bridge, it was probably
/// forgotten.
pub(super) fn missing_bridge(resolved: &Resolved, report: &mut Report) {
    let bridged = || {
        interfaces(resolved)
            .filter(|(_, interface, _)| VifNetwork::of(interface, resolved).is_bridge())
    };
    let named = |interface: &ResolvedInterface| interface.bridge.is_some();
    if resolved.host.network_bridge.is_some() || !bridged().any(|(_, one, _)| named(one)) {
        return;
    }
    for (vm, _, scope) in bridged().filter(|(_, interface, _)| !named(interface)) {
        let message = format!(
            "`{}` has an interface without a bridge, so xl would attach it to `xenbr0`; other VMs on this host name a bridge",
            vm.domain
        );
        let diagnostic = Diagnostic::new(DiagnosticId::MissingBridge, scope.path(), message)
            .help("set `bridge` on the interface, or `network_bridge` under `defaults`");
        report.push(diagnostic);
    }
}

/// A gateway that no interface reaches, and the networks of the VM that should.
struct Unreached<'r> {
    vm: &'r ResolvedVm,
    gateway: IpAddr,
    networks: Vec<IpNet>,
}

/// A router must be reachable directly. One under `defaults` may be that of other VMs.
pub(super) fn gateway_unreachable(resolved: &Resolved, report: &mut Report) {
    let help =
        "use a router in one of them; on a point-to-point link, write the address without a prefix";
    let mut reached: HashSet<IpAddr> = HashSet::new();
    let mut by_default: BTreeMap<IpAddr, (FieldPath, Vec<Unreached<'_>>)> = BTreeMap::new();
    for vm in &resolved.vms {
        let network = &vm.network;
        let four = network
            .gateway4
            .as_ref()
            .map(|one| (one.value.into(), one.origin, "gateway"));
        let six = network
            .gateway6
            .as_ref()
            .map(|one| (one.value.into(), one.origin, "gateway6"));
        for (gateway, origin, key) in four.into_iter().chain(six) {
            let gateway: IpAddr = gateway;
            let addresses = network
                .interfaces
                .iter()
                .flat_map(|one| one.family(gateway.is_ipv4()));
            let networks: Vec<_> = addresses.map(|address| address.net().trunc()).collect();
            if network.router(gateway.is_ipv4()).is_some() {
                reached.insert(gateway);
            } else if !networks.is_empty() {
                let unreached = Unreached {
                    vm,
                    gateway,
                    networks,
                };
                let place = Sourced { value: (), origin }.place_or(Scope::Vm(vm.number).key(key));
                match origin {
                    Origin::Default(_) => {
                        let (_, all) = by_default
                            .entry(gateway)
                            .or_insert((place.path(), Vec::new()));
                        all.push(unreached);
                    }
                    _ => {
                        let message = unreached.message();
                        let id = DiagnosticId::GatewayUnreachable;
                        report.push(Diagnostic::new(id, place.path(), message).help(help));
                    }
                }
            }
        }
    }
    for (gateway, (path, all)) in by_default {
        if !reached.contains(&gateway)
            && let Some(first) = all.first()
        {
            let others = match &all[1..] {
                [] => String::new(),
                [other] => format!("; the same is true of `{}`", other.vm.domain),
                more => format!("; the same is true of {} other VMs", more.len()),
            };
            let message = first.message() + &others;
            report
                .push(Diagnostic::new(DiagnosticId::GatewayUnreachable, path, message).help(help));
        }
    }
}

impl Unreached<'_> {
    fn message(&self) -> String {
        let networks: Vec<_> = self.networks.iter().map(ToString::to_string).collect();
        format!(
            "the gateway `{}` of `{}` is in none of its networks: {}",
            self.gateway,
            self.vm.domain,
            networks.join(", ")
        )
    }
}

/// On a bridge, the guest needs to know its network.
pub(super) fn address_without_prefix(resolved: &Resolved, report: &mut Report) {
    for (vm, interface, scope) in interfaces(resolved) {
        // Other guests configure their network themselves.
        if !vm.has_guest_files() || !VifNetwork::of(interface, resolved).is_bridge() {
            continue;
        }
        for address in interface
            .addresses
            .iter()
            .filter(|address| address.prefix.is_none())
        {
            let example = if address.addr.is_ipv4() { 24 } else { 64 };
            let message = format!(
                "the address `{}` of `{}` has no prefix length, so its network is a single address",
                address.addr, vm.domain
            );
            let path = address.path_or(scope.key("ip"));
            report.push(
                Diagnostic::new(DiagnosticId::AddressWithoutPrefix, path, message)
                    .help(format!("add it, as in `{}/{example}`", address.addr)),
            );
        }
    }
}

fn interfaces(
    resolved: &Resolved,
) -> impl Iterator<Item = (&ResolvedVm, &ResolvedInterface, Scope)> {
    resolved.vms.iter().flat_map(|vm| {
        let interfaces = vm.interfaces.iter();
        interfaces
            .map(move |interface| (vm, interface, Scope::Interface(vm.number, interface.devid)))
    })
}

/// Scripts with the same file name would overwrite each other.
pub(super) fn scripts_of_one_name(resolved: &Resolved, report: &mut Report) {
    let place = Scope::Host.key("additional_network_scripts");
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (number, script) in resolved.host.additional_network_scripts.iter().enumerate() {
        if let Some(first) = seen.get(script.file_name()) {
            let message = format!(
                "two network scripts have the file name `{}`",
                script.file_name()
            );
            let diagnostic = Diagnostic::new(
                DiagnosticId::ScriptsOfOneName,
                place.path().index(number),
                message,
            )
            .related(place.path().index(*first), "first used here");
            report.push(diagnostic);
        } else {
            seen.insert(script.file_name(), number);
        }
    }
}
