//! Keys of a VM that have no effect.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, ResolvedVm, Scope, Spice, XlSettings};
use crate::storage::{RootVolume, StorageType, Unmanaged};
use crate::values::{GuestType, Reinstall};

/// A kind of VM, the keys that have no effect for it, and why.
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
        why: "HVM VMs boot from their disks",
    },
    Rule {
        applies: |vm| *vm.guest_type != GuestType::Hvm,
        keys: XlSettings::OF_HVM,
        why: "only HVM VMs have these devices",
    },
    Rule {
        applies: |vm| !(vm.has_guest_files() && formats(vm)),
        keys: &["filesystem"],
        why: "only a root on a disk that xen-vman installs gets a file system",
    },
    Rule {
        applies: |vm| !StorageType::has_root_disk(&vm.storage_type),
        keys: &["manual_root_disk"],
        why: "it only applies to roots on disks",
    },
    Rule {
        applies: |vm| match &vm.root {
            RootVolume::Managed(root) => root.pool().is_none(),
            RootVolume::Unmanaged(why) => *why != Unmanaged::Incomplete,
        },
        keys: &["root_volume"],
        why: "only roots on LVM, on ZFS and in files have such a name",
    },
    Rule {
        applies: |vm| {
            vm.managed_volumes()
                .all(|volume| volume.snapshot("").is_none())
        },
        keys: &["snapshot_before"],
        why: "only thin LVM volumes, ZFS volumes and image files have snapshots",
    },
    Rule {
        applies: |vm| !vm.has_guest_files() && *vm.reinstall != Reinstall::No,
        keys: &["reinstall"],
        why: "xen-vman does not install this VM",
    },
];

/// Whether xen-vman creates the file system of the root.
fn formats(vm: &ResolvedVm) -> bool {
    let volume = vm.root.managed();
    volume.is_some_and(|volume| volume.filesystem().is_some())
}

/// An interface with an IPv4 address does not ask for one.
pub(super) fn dhcp_beside_address(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for interface in vm.interfaces.iter().filter(|interface| *interface.dhcp) {
            let mut addresses = interface.addresses.iter();
            if let Some(address) = addresses.find(|address| address.addr.is_ipv4()) {
                let own = Scope::Interface(vm.number, interface.devid);
                let message = format!(
                    "`use_dhcp` of an interface of `{}` has no effect: the interface has the IPv4 address `{}`",
                    vm.domain, address.addr
                );
                let path = interface.dhcp.path_or(own.key("use_dhcp"));
                report.push(
                    Diagnostic::new(DiagnosticId::UnusedKey, path, message)
                        .help("remove one of them")
                        .related(address.path_or(own.key("ip")), "the address"),
                );
            }
        }
    }
}

/// Keys that are set should have an effect.
pub(super) fn keys(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for rule in RULES.iter().filter(|rule| (rule.applies)(vm)) {
            for key in rule.keys.iter().filter(|key| vm.writes(key)) {
                let message = format!("`{key}` of `{}` has no effect: {}", vm.domain, rule.why);
                let path = Scope::Vm(vm.number).key(key).path();
                report.push(
                    Diagnostic::new(DiagnosticId::UnusedKey, path, message).help("remove it"),
                );
            }
        }
    }
}
