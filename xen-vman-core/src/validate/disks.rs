//! The disks of a VM.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{Resolved, Root, Scope};
use crate::values::device_number;

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
