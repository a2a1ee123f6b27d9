//! What no two VMs of a host may share.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{
    Origin, Place, Resolved, ResolvedInterface, ResolvedVm, Root, Scope, Sourced,
};
use crate::values::DiskAccess;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

/// Reports every value that was there before.
fn duplicates<K: Hash + Eq + Display>(
    values: impl Iterator<Item = (K, FieldPath, String)>,
    report: &mut Report,
    id: DiagnosticId,
    what: &str,
    help: &str,
) {
    let mut seen: HashMap<K, (FieldPath, String)> = HashMap::new();
    for (value, path, owner) in values {
        match seen.get(&value) {
            Some((first, first_owner)) => {
                let message =
                    format!("{what} `{value}` of `{owner}` is used already, by `{first_owner}`");
                let first = first.clone();
                let related = format!("first used by `{first_owner}`");
                report.push(
                    Diagnostic::new(id, path, message)
                        .help(help)
                        .related(first, related),
                );
            }
            None => {
                seen.insert(value, (path, owner));
            }
        }
    }
}

fn vms(resolved: &Resolved) -> impl Iterator<Item = (&ResolvedVm, Scope)> {
    resolved.vms.iter().map(|vm| (vm, Scope::Vm(vm.number)))
}

fn interfaces(
    resolved: &Resolved,
) -> impl Iterator<Item = (&ResolvedVm, &ResolvedInterface, Scope)> {
    resolved.vms.iter().flat_map(|vm| {
        vm.interfaces
            .iter()
            .map(move |interface| (vm, interface, Scope::Interface(vm.number, interface.devid)))
    })
}

/// Two VMs of the same domain name share every file.
pub(super) fn duplicate_vm(resolved: &Resolved, report: &mut Report) {
    let values = vms(resolved).map(|(vm, scope)| {
        (
            vm.domain.clone(),
            scope.key("name").path(),
            format!("{} @{}", vm.name, vm.org),
        )
    });
    let help = "file, unit and domain are called ORG-NAME, so a dash can make two VMs one; rename one of them";
    duplicates(
        values,
        report,
        DiagnosticId::DuplicateVm,
        "the domain name",
        help,
    );
}

/// Two vifs of the same MAC address disturb each other on a bridge.
pub(super) fn duplicate_mac(resolved: &Resolved, report: &mut Report) {
    let written = interfaces(resolved).filter(|(_, interface, _)| is_written(&interface.mac));
    let values = written.map(|(vm, interface, scope)| {
        (
            *interface.mac,
            interface.mac.path_or(scope.key("mac")),
            vm.domain.to_string(),
        )
    });
    let help = "give one of them another address, or leave `mac` out";
    duplicates(
        values,
        report,
        DiagnosticId::DuplicateMac,
        "the MAC address",
        help,
    );
}

/// Xen refuses the second domain of a UUID.
pub(super) fn duplicate_uuid(resolved: &Resolved, report: &mut Report) {
    let written = vms(resolved).filter(|(vm, _)| is_written(&vm.uuid));
    let values = written.map(|(vm, scope)| {
        (
            *vm.uuid,
            vm.uuid.path_or(scope.key("uuid")),
            vm.domain.to_string(),
        )
    });
    let help = "leave `uuid` out; it is made from org and name then";
    duplicates(
        values,
        report,
        DiagnosticId::DuplicateUuid,
        "the UUID",
        help,
    );
}

/// The second vif of a name takes the first one's network away.
pub(super) fn duplicate_vifname(resolved: &Resolved, report: &mut Report) {
    let values = interfaces(resolved).filter_map(|(vm, interface, scope)| {
        let name = interface.vifname.as_ref()?;
        Some((
            name.value.clone(),
            name.path_or(scope.key("vifname")),
            vm.domain.to_string(),
        ))
    });
    let help = "names of vifs must be unique on the host; give one of them another";
    duplicates(
        values,
        report,
        DiagnosticId::DuplicateVifname,
        "the vif name",
        help,
    );
}

/// Derived identities are the same only for VMs of the same name, which is reported.
fn is_written<T>(value: &Sourced<T>) -> bool {
    !matches!(value.origin, Origin::Derived(_))
}

/// Two guests of the same address take each other's packets.
pub(super) fn duplicate_address(resolved: &Resolved, report: &mut Report) {
    let values = interfaces(resolved).flat_map(|(vm, interface, scope)| {
        let own = interface
            .addresses
            .iter()
            .filter(|address| !address.is_link_local());
        own.map(move |address| {
            let path = address.path_or(scope.key("ip"));
            (address.addr, path, vm.domain.to_string())
        })
    });
    let help = "give one of them another address";
    duplicates(
        values,
        report,
        DiagnosticId::DuplicateAddress,
        "the address",
        help,
    );
}

/// Two guests that write to one disk destroy its filesystem.
pub(super) fn shared_disk(resolved: &Resolved, report: &mut Report) {
    let mut seen: HashMap<&str, (FieldPath, &ResolvedVm, bool)> = HashMap::new();
    for (vm, scope) in vms(resolved) {
        let root = match &vm.root {
            Root::Iscsi { device, .. } => Some((
                device.as_str(),
                vm.storage_type.path_or(scope.key("name")),
                true,
            )),
            Root::Nfs(_) | Root::Unmanaged => None,
        };
        let disks = vm.disks.iter().map(|disk| {
            let writes = disk.access() == DiskAccess::ReadWrite;
            (disk.target(), disk.path_or(scope.key("disks")), writes)
        });
        for (target, path, writes) in root
            .into_iter()
            .chain(disks)
            .filter(|(target, ..)| !target.is_empty())
        {
            match seen.get(target) {
                Some((first, owner, first_writes))
                    if (writes || *first_writes) && owner.domain != vm.domain =>
                {
                    let message = format!(
                        "`{}` and `{}` share the disk `{target}`, and one of them may write",
                        vm.domain, owner.domain
                    );
                    let diagnostic = Diagnostic::new(DiagnosticId::SharedDisk, path, message)
                        .help("give each its own, or make it read-only in both with access `r`")
                        .related(first.clone(), "used here, too");
                    report.push(diagnostic);
                }
                Some(_) => {}
                None => {
                    seen.insert(target, (path, vm, writes));
                }
            }
        }
    }
}

/// Where a problem of a VM as a whole is shown.
pub(super) fn vm_place(vm: &ResolvedVm) -> Place {
    Scope::Vm(vm.number).key("name")
}
