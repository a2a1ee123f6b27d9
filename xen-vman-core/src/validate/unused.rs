//! Keys that are written on a VM although VMs of its kind do not use them.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, ResolvedVm, Scope, Spice};
use crate::storage::StorageType;
use crate::values::{GuestType, Reinstall};

/// A kind of VM, what it does not use, and what to say about it.
struct Rule {
    applies: fn(&ResolvedVm) -> bool,
    keys: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        applies: |vm| matches!(vm.spice, Spice::NoDisplay(_)),
        keys: &["spice"],
        why: "PV and PVH VMs have no display for SPICE to serve",
    },
    Rule {
        applies: |vm| vm.spice.served().is_none(),
        keys: &[
            "spicehost",
            "spiceport",
            "spicepasswd",
            "mouse",
            "share_clipboard",
            "spicevdagent",
            "max_usb_redirections",
        ],
        why: "only HVM VMs with `spice = true` use it",
    },
    Rule {
        applies: |vm| *vm.guest_type == GuestType::Hvm,
        keys: &["kernel", "initrd", "cmdline"],
        why: "an HVM VM boots what is on its disks",
    },
    Rule {
        applies: |vm| !(vm.has_guest_files() && formats(vm)),
        keys: &["filesystem"],
        why: "only iSCSI roots that are installed here are formatted",
    },
    Rule {
        applies: |vm| !StorageType::has_root_disk(&vm.storage_type),
        keys: &["manual_root_disk"],
        why: "only with iSCSI is there a root disk to take part in",
    },
    Rule {
        applies: |vm| !vm.has_guest_files() && *vm.reinstall != Reinstall::No,
        keys: &["reinstall"],
        why: "nothing is installed on this VM: its root or its OS is in your own hands",
    },
];

/// Whether the file system of the root is ours to make.
fn formats(vm: &ResolvedVm) -> bool {
    let volume = vm.root.managed();
    volume.is_some_and(|volume| volume.filesystem().is_some())
}

/// What is written must do something.
pub(super) fn keys(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for rule in RULES.iter().filter(|rule| (rule.applies)(vm)) {
            for key in rule.keys.iter().filter(|key| vm.writes(key)) {
                let message = format!("`{key}` of `{}` is not used: {}", vm.domain, rule.why);
                let path = Scope::Vm(vm.number).key(key).path();
                report.push(
                    Diagnostic::new(DiagnosticId::UnusedKey, path, message).help("take it out"),
                );
            }
        }
    }
}
