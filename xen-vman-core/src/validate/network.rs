//! Network interfaces.

use super::disks::newer_xen;
use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, ResolvedInterface, ResolvedVm, Scope};
use crate::values::{GuestType, HVM_VIF_NAME_MAX};
use ipnet::IpNet;
use std::collections::HashMap;
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
                "`{}` must be at most {HVM_VIF_NAME_MAX} characters long: `{}` is an HVM VM, and `-emu` is added",
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

/// A parameter that has a key of its own, and is among the further ones, too: xl would take
/// the last.
pub(super) fn vif_key_written_twice(resolved: &Resolved, report: &mut Report) {
    for (vm, interface, scope) in interfaces(resolved) {
        let Some(parameters) = &interface.xen_str else {
            continue;
        };
        for (key, _) in parameters.iter() {
            let first = match key {
                "rate" => interface
                    .rate
                    .as_ref()
                    .map(|rate| rate.path_or(scope.key("rate"))),
                "ip" => {
                    let address = interface.addresses.first();
                    address.map(|address| address.path_or(scope.key("ip")))
                }
                _ => None,
            };
            if let Some(first) = first {
                let message = format!(
                    "`{key}` of a vif of `{}` is written twice, on its own and in `xen_str`",
                    vm.domain
                );
                let diagnostic = Diagnostic::new(DiagnosticId::VifKeyWrittenTwice, first, message)
                    .help("take one of them out")
                    .related(parameters.path_or(scope.key("xen_str")), "the other");
                report.push(diagnostic);
            }
        }
    }
}

/// An older xl makes the vif without what it does not know.
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

/// Scripts that attach a vif to a bridge.
const BRIDGING: &[&str] = &["vif-bridge", "vif-openvswitch"];

/// The script that sets a vif up, by its file name.
fn script_of<'r>(interface: &'r ResolvedInterface, resolved: &'r Resolved) -> &'r str {
    let default = &resolved.host.network_script;
    let script = interface.script.as_ref().unwrap_or(default).as_str();
    script.rsplit('/').next().unwrap_or(script)
}

/// xl takes `xenbr0` then: on a host whose other vifs name their bridge, it was forgotten.
pub(super) fn missing_bridge(resolved: &Resolved, report: &mut Report) {
    let bridged = || {
        interfaces(resolved)
            .filter(|(_, interface, _)| BRIDGING.contains(&script_of(interface, resolved)))
    };
    let named = |interface: &ResolvedInterface| interface.bridge.is_some();
    if resolved.host.network_bridge.is_some() || !bridged().any(|(_, one, _)| named(one)) {
        return;
    }
    for (vm, _, scope) in bridged().filter(|(_, interface, _)| !named(interface)) {
        let message = format!(
            "the vif of `{}` names no bridge, as others of this host do, so xl takes `xenbr0`",
            vm.domain
        );
        let diagnostic = Diagnostic::new(DiagnosticId::MissingBridge, scope.path(), message)
            .help("write `bridge` on the interface, or `network_bridge` under `defaults`");
        report.push(diagnostic);
    }
}

/// The networks of a VM that are known, of one family; none if an address without prefix
/// leaves that open.
fn networks(vm: &ResolvedVm, is_ipv4: bool) -> Option<Vec<IpNet>> {
    let addresses = vm
        .interfaces
        .iter()
        .flat_map(|interface| &interface.addresses);
    let family = addresses.filter(|address| address.addr.is_ipv4() == is_ipv4);
    family
        .map(|address| {
            let host_only = address.prefix == Some(if is_ipv4 { 32 } else { 128 });
            (address.prefix.is_some() && !host_only).then(|| address.net())
        })
        .collect()
}

/// A router is reached by its address on the link.
pub(super) fn gateway_unreachable(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let scope = Scope::Vm(vm.number);
        let four = vm.network.gateway4.as_ref().map(|gateway| {
            (
                IpAddr::from(gateway.value),
                gateway.path_or(scope.key("gateway")),
            )
        });
        let six = vm.network.gateway6.as_ref().map(|gateway| {
            (
                IpAddr::from(gateway.value),
                gateway.path_or(scope.key("gateway6")),
            )
        });
        for (gateway, path) in four.into_iter().chain(six) {
            if matches!(gateway, IpAddr::V6(address) if address.is_unicast_link_local()) {
                continue;
            }
            let Some(networks) = networks(vm, gateway.is_ipv4()).filter(|known| !known.is_empty())
            else {
                continue;
            };
            if networks.iter().any(|network| network.contains(&gateway)) {
                continue;
            }
            let message = format!(
                "the gateway `{gateway}` of `{}` is in none of its networks: {}",
                vm.domain,
                networks
                    .iter()
                    .map(|net| net.trunc().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            let help = "write a router of one of them; on a point-to-point link, write the address without a prefix";
            report
                .push(Diagnostic::new(DiagnosticId::GatewayUnreachable, path, message).help(help));
        }
    }
}

/// On a bridge the guest must know which neighbours are there.
pub(super) fn address_without_prefix(resolved: &Resolved, report: &mut Report) {
    for (vm, interface, scope) in interfaces(resolved) {
        // Others know their network themselves.
        if !vm.has_guest_files() || !BRIDGING.contains(&script_of(interface, resolved)) {
            continue;
        }
        for address in interface
            .addresses
            .iter()
            .filter(|address| address.prefix.is_none())
        {
            let example = if address.addr.is_ipv4() { 24 } else { 64 };
            let message = format!(
                "the address `{}` of `{}` has no prefix length, so its network is that one address",
                address.addr, vm.domain
            );
            let path = address.path_or(scope.key("ip"));
            report.push(
                Diagnostic::new(DiagnosticId::AddressWithoutPrefix, path, message)
                    .help(format!("write it, as `{}/{example}`", address.addr)),
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

/// Two scripts of one file name would be one file.
pub(super) fn scripts_of_one_name(resolved: &Resolved, report: &mut Report) {
    let place = Scope::Host.key("additional_network_scripts");
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (number, script) in resolved.host.additional_network_scripts.iter().enumerate() {
        if let Some(first) = seen.get(script.file_name()) {
            let message = format!(
                "two network scripts are called `{}`; only the file name is kept",
                script.file_name()
            );
            let diagnostic = Diagnostic::new(
                DiagnosticId::ScriptsOfOneName,
                place.path().index(number),
                message,
            )
            .related(place.path().index(*first), "the first one");
            report.push(diagnostic);
        } else {
            seen.insert(script.file_name(), number);
        }
    }
}
