//! The data disks of a VM.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{Resolved, ResolvedVm, Scope};
use crate::storage::{DataVolume, Medium};
use crate::values::DiskContent;
use std::collections::HashMap;

/// A kind of data disk, the keys that have no effect for it, and why.
struct Rule {
    applies: fn(&DataVolume) -> bool,
    keys: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        applies: |data| matches!(data.volume.medium(), Medium::Directory(_)),
        keys: &["filesystem", "uuid", "vdev"],
        why: "the guest mounts a directory of the server",
    },
    Rule {
        applies: |data| data.volume.pool().is_none(),
        keys: &["size", "volume"],
        why: "xen-vman makes volumes of LVM and ZFS and image files alone",
    },
    Rule {
        applies: |data| data.content() == Some(DiskContent::Swap),
        keys: &["mount"],
        why: "swap space is not mounted",
    },
    Rule {
        applies: |data| data.content() == Some(DiskContent::Raw),
        keys: &["mount", "mount_options", "uuid"],
        why: "with `filesystem = \"none\"`, the guest decides what it does with the disk",
    },
];

/// Two data disks of a VM with one name, or at one place in the guest.
pub(super) fn duplicate(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let mut names = HashMap::new();
        let mut points = HashMap::new();
        for data in &vm.volumes {
            let path = |key| Scope::Volume(vm.number, data.number).key(key).path();
            let name = data.name().as_str();
            if let Some(first) = names.insert(name, path("name")) {
                let what = format!("volumes `{name}`");
                report.push(twice(vm, &what, path("name"), first));
            }
            let Some(point) = &data.mount else { continue };
            if let Some(first) = points.insert(point.as_str(), path("mount")) {
                let what = format!("volumes at `{point}`");
                report.push(twice(vm, &what, path("mount"), first));
            }
        }
    }
}

fn twice(vm: &ResolvedVm, what: &str, path: FieldPath, first: FieldPath) -> Diagnostic {
    let message = format!("`{}` has two {what}", vm.domain);
    Diagnostic::new(DiagnosticId::DuplicateVolume, path, message)
        .help("write another one in one of them")
        .related(first, "first used here")
}

/// Keys that are set should have an effect.
pub(super) fn unused_keys(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for data in &vm.volumes {
            let scope = Scope::Volume(vm.number, data.number);
            let rules = RULES.iter().filter(|rule| (rule.applies)(data));
            let keys = rules.flat_map(|rule| rule.keys.iter().map(move |key| (key, rule.why)));
            for (key, why) in keys.filter(|(key, _)| vm.writes_in_volume(data.number, key)) {
                let message = format!("`{key}` of `{}` has no effect: {why}", data.key);
                let path = scope.key(key).path();
                report.push(
                    Diagnostic::new(DiagnosticId::UnusedKey, path, message).help("remove it"),
                );
            }
        }
    }
}
