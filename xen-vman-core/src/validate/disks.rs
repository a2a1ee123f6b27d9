//! The disks of a VM.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{Place, Resolved, Scope};
use crate::storage::{RootVolume, Unmanaged, Volume};
use crate::values::{XenVersion, device_number};
use std::collections::HashMap;

/// xl silently accepts two disks with the same virtual device; an iSCSI root is `xvda`.
pub(super) fn duplicate_vdev(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let scope = Scope::Vm(vm.number);
        let root = vm.root.managed().and_then(Volume::xl_disk);
        let root = root.as_ref().map(|disk| {
            (
                disk.vdev.as_str(),
                vm.storage_type.place_or(scope.key("name")),
            )
        });
        let disks = vm.disks.iter();
        let disks = disks.map(|disk| (disk.vdev(), disk.place_or(scope.key("disks"))));
        let mut seen = Seen::default();
        let data = vm.volumes.iter().filter_map(|data| {
            let vdev = data.vdev.as_ref()?;
            let place = Scope::Volume(vm.number, data.number).key("vdev");
            Some((vdev.as_str(), vdev.place_or(place)))
        });
        for (vdev, place) in root.into_iter().chain(disks).chain(data) {
            let Some((other, first)) = seen.add(vdev, place) else {
                continue;
            };
            let domain = &vm.domain;
            let message = if vdev == other {
                format!("`{domain}` has two disks `{vdev}`")
            } else if device_number(vdev) == device_number(other) {
                format!("`{domain}` has both `{other}` and `{vdev}`, which is the same device")
            } else {
                format!(
                    "`{domain}` has both `{other}` and `{vdev}`: a disk and one of its partitions"
                )
            };
            let diagnostic = Diagnostic::new(DiagnosticId::DuplicateVdev, place.path(), message)
                .help(
                    "use the next letter; an iSCSI root is xvda, unless `manual_root_disk` is true",
                )
                .related(first.path(), "first used here");
            report.push(diagnostic);
        }
    }
}

/// The virtual devices of a VM so far.
#[derive(Default)]
struct Seen<'r> {
    numbers: HashMap<u32, (&'r str, Place)>,
    /// For each disk with letters, whether it is used as a whole or by partition.
    wholes: HashMap<&'r str, (&'r str, Place)>,
    parts: HashMap<&'r str, (&'r str, Place)>,
}

impl<'r> Seen<'r> {
    /// Adds a device; returns the one that it conflicts with.
    fn add(&mut self, vdev: &'r str, place: Place) -> Option<(&'r str, Place)> {
        let number = device_number(vdev);
        let same = number.and_then(|number| self.numbers.get(&number)).copied();
        if let Some(number) = number {
            self.numbers.entry(number).or_insert((vdev, place));
        }
        let disk = vdev.trim_end_matches(|c: char| c.is_ascii_digit());
        if disk.is_empty() || vdev.starts_with('d') {
            return same;
        }
        let (own, others) = if disk == vdev {
            (&mut self.wholes, &self.parts)
        } else {
            (&mut self.parts, &self.wholes)
        };
        own.entry(disk).or_insert((vdev, place));
        same.or_else(|| others.get(disk).copied())
    }
}

/// A VM without a managed root needs a disk. One with its own kernel command line may boot from
/// anywhere.
pub(super) fn missing_root_disk(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let boots_from_disk = match vm.root {
            // Missing settings are reported separately.
            RootVolume::Managed(_) | RootVolume::Unmanaged(Unmanaged::Incomplete) => false,
            RootVolume::Unmanaged(Unmanaged::AmongDisks) => true,
            RootVolume::Unmanaged(Unmanaged::HvmBootsFromDisks | Unmanaged::ForeignBackend) => {
                vm.direct_boot.is_none()
            }
        };
        if !boots_from_disk
            || !vm.disks.is_empty()
            // Such a VM boots from elsewhere, for example over the network.
            || vm.writes("cmdline")
            || vm.writes("disks") && !*vm.manual_root_disk
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
                .help("add its disk, as in `disks = [\"phy:/dev/vg0/web01,xvda,w\"]`"),
        );
    }
}

/// An older xl rejects the disk.
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

/// A feature that is newer than the host's Xen.
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
                .help("remove it, or upgrade Xen")
                .related(
                    version.path_or(Scope::Host.key("xen_version")),
                    "the host's version",
                )
        }
        None if resolved.existing => {
            let message = format!("{what} needs Xen {since}; older versions ignore it");
            Diagnostic::new(DiagnosticId::IgnoredXlKey, path, message)
                .help("remove it, unless the host runs such a version")
        }
        None => {
            let message =
                format!("{what} needs Xen {since}; without `xen_version`, Xen {has} is assumed");
            Diagnostic::new(DiagnosticId::NewerXen, path, message).help(format!(
                "remove it, or set `xen_version = \"{since}\"` if the host runs it"
            ))
        }
    }
}
