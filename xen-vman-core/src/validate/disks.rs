//! The disks of a VM.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{Resolved, Root, Scope};
use crate::values::{StorageType, XenVersion, device_number};

/// xl takes two disks of one virtual device without a word; an iSCSI root is `xvda`.
pub(super) fn duplicate_vdev(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let place = Scope::Vm(vm.number);
        let mut seen: Vec<(&str, FieldPath)> = Vec::new();
        if matches!(vm.root, Root::Iscsi { .. }) {
            seen.push(("xvda", vm.storage_type.path_or(place.key("name"))));
        }
        for disk in &vm.disks {
            let path = disk.path_or(place.key("disks"));
            if let Some((vdev, first)) = seen.iter().find(|(vdev, _)| overlap(vdev, disk.vdev())) {
                let domain = &vm.domain;
                let (this, other) = (disk.vdev(), vdev);
                let message = if this == *other {
                    format!("`{domain}` has two disks `{this}`")
                } else if device_number(this) == device_number(other) {
                    format!("`{domain}` has both `{other}` and `{this}`, which are the same device")
                } else {
                    format!("`{domain}` has both `{other}` and `{this}`, a disk and a part of it")
                };
                let diagnostic = Diagnostic::new(
                    DiagnosticId::DuplicateVdev,
                    path.clone(),
                    message,
                )
                .help(
                    "use the next letter; an iSCSI root is xvda, unless `manual_root_disk` is true",
                )
                .related(first.clone(), "the first one");
                report.push(diagnostic);
            }
            seen.push((disk.vdev(), path));
        }
    }
}

/// A VM whose root nobody looks after must have a disk for it. One with a command line of
/// its own may boot from anywhere.
pub(super) fn missing_root_disk(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let disk = match *vm.storage_type {
            // Without it, settings for iSCSI are missing, which is reported.
            StorageType::Iscsi => *vm.manual_root_disk,
            _ => vm.direct_boot.is_none(),
        };
        if vm.root != Root::Unmanaged
            || !vm.disks.is_empty()
            || !disk
            // Such a VM boots from elsewhere, as over the network.
            || vm.written.contains(&"cmdline")
            || vm.written.contains(&"disks") && !*vm.manual_root_disk
        {
            continue;
        }
        let why = if *vm.manual_root_disk {
            "`manual_root_disk` is true, but `disks` is empty"
        } else {
            "`disks` is empty"
        };
        let message = format!("`{}` has no disk to boot from: {why}", vm.domain);
        let path = vm.manual_root_disk.path_or(vm_place(vm));
        report.push(
            Diagnostic::new(DiagnosticId::MissingRootDisk, path, message)
                .help("write its disk, as `disks = [\"phy:/dev/vg0/web01,xvda,w\"]`"),
        );
    }
}

/// An older xl refuses the disk.
pub(super) fn needs_newer_xen(resolved: &Resolved, report: &mut Report) {
    let has = resolved.host.xen_version();
    for vm in &resolved.vms {
        for disk in &vm.disks {
            if let Some((word, since)) = disk.needs().filter(|(_, since)| *since > has) {
                let path = disk.path_or(Scope::Vm(vm.number).key("disks"));
                report.push(newer_xen(
                    &format!("`{word}` of a disk"),
                    since,
                    resolved,
                    path,
                ));
            }
        }
    }
}

/// What is asked for came after the host's version of Xen.
pub(super) fn newer_xen(
    what: &str,
    since: XenVersion,
    resolved: &Resolved,
    path: FieldPath,
) -> Diagnostic {
    let has = resolved.host.xen_version();
    match &resolved.host.xen_version {
        Some(version) => {
            let message = format!("{what} needs Xen {since}, but the host has {has}");
            Diagnostic::new(DiagnosticId::NewerXen, path, message)
                .help("take it out, or upgrade Xen first")
                .related(
                    version.path_or(Scope::Host.key("xen_version")),
                    "the host's version",
                )
        }
        None => {
            let message = format!(
                "{what} needs Xen {since}; without `xen_version`, {has} is taken for granted"
            );
            Diagnostic::new(DiagnosticId::NewerXen, path, message).help(format!(
                "take it out, or write `xen_version = \"{since}\"` if the host has that"
            ))
        }
    }
}

/// Whether two devices are the same, or one is a partition of the other.
fn overlap(a: &str, b: &str) -> bool {
    let disk = |vdev: &str| {
        vdev.trim_end_matches(|c: char| c.is_ascii_digit())
            .to_owned()
    };
    let lettered = |vdev: &str| !disk(vdev).is_empty() && !vdev.starts_with('d');
    let part = disk(a) == disk(b) && (disk(a) == a || disk(b) == b);
    device_number(a) == device_number(b) || (lettered(a) && part)
}
