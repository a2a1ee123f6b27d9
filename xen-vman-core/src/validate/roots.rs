//! Roots and disks that VMs share. Two VMs that write to the same file system destroy it.

use super::Hosts;
use super::across_vms::{elsewhere, vm_place};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::resolve::{Place, ResolvedVm, Scope};
use crate::storage::{Volume, VolumeId};
use crate::values::{Backing, DiskAccess};
use std::collections::HashMap;

/// A disk of a VM that others may use as well.
struct Use<'r> {
    host: u16,
    vm: &'r ResolvedVm,
    place: Place,
    writes: bool,
    is_root: bool,
}

/// Two VMs that share a disk to which one can write, or a VM that has a disk twice. Local disks are
/// compared on one host, iSCSI disks across hosts. [`shared_root`] compares roots.
pub(super) fn shared_disk(hosts: Hosts<'_>, report: &mut Report) {
    let mut seen: HashMap<(Option<u16>, Backing), Use<'_>> = HashMap::new();
    for (host, vm, scope) in hosts.vms() {
        let root = vm.root.managed().and_then(Volume::xl_disk).map(|disk| {
            (
                Backing::of(&disk.target),
                vm.storage_type.place_or(scope.key("name")),
                true,
                true,
            )
        });
        let disks = vm.disks.iter().filter(|disk| !disk.target().is_empty());
        let disks = disks.map(|disk| {
            let writes = disk.access() == DiskAccess::ReadWrite;
            (
                disk.backing(),
                disk.place_or(scope.key("disks")),
                writes,
                false,
            )
        });
        let data = vm.volumes.iter().filter_map(|data| {
            let backing = Backing::of(&data.xl_disk()?.target);
            let place = Scope::Volume(vm.number, data.number).key("name");
            Some((backing, place, true, false))
        });
        for (backing, place, writes, is_root) in root.into_iter().chain(disks).chain(data) {
            let of_host = matches!(backing, Backing::Local(_)).then_some(host);
            match seen.get(&(of_host, backing.clone())) {
                Some(first) if (writes || first.writes) && !(is_root && first.is_root) => {
                    let message = if std::ptr::eq(first.vm, vm) {
                        format!("`{}` has the disk `{backing}` twice", vm.domain)
                    } else {
                        format!(
                            "`{}` and `{}` share the disk `{backing}`, and at least one of them can write to it",
                            vm.domain, first.vm.domain
                        )
                    };
                    let diagnostic = Diagnostic::new(
                        DiagnosticId::SharedDisk,
                        place.path().on_host(host),
                        message,
                    )
                    .help("give each VM its own, or make it read-only in both with access `r`")
                    .related(first.place.path().on_host(first.host), "also used here");
                    report.push(diagnostic);
                }
                Some(_) => {}
                None => {
                    let new = Use {
                        host,
                        vm,
                        place,
                        writes,
                        is_root,
                    };
                    seen.insert((of_host, backing), new);
                }
            }
        }
    }
}

/// Two VMs that boot from the same volume. Those of a host are compared there, others across hosts.
pub(super) fn shared_root(hosts: Hosts<'_>, report: &mut Report) {
    let mut seen: HashMap<(Option<u16>, VolumeId), (u16, &ResolvedVm)> = HashMap::new();
    for (host, vm, _) in hosts.vms() {
        for root in roots(vm) {
            let key = (root.is_of_host().then_some(host), root);
            let Some((first_host, first)) = seen.get(&key) else {
                seen.insert(key, (host, vm));
                continue;
            };
            let root = &key.1;
            // A VM that is defined twice is reported separately.
            if first.domain == vm.domain {
                continue;
            }
            let elsewhere = elsewhere(host, *first_host);
            let message = format!(
                "`{}` and `{}`{elsewhere} have the same root file system: `{root}`",
                vm.domain, first.domain
            );
            let path = |vm: &ResolvedVm, host| root_path(vm).on_host(host);
            let diagnostic = Diagnostic::new(DiagnosticId::SharedRoot, path(vm, host), message)
                .help("give each VM its own root; two VMs that mount the same one destroy it")
                .related(path(first, *first_host), "the other VM");
            report.push(diagnostic);
        }
    }
}

/// The path at which a problem with a VM's root is shown.
fn roots(vm: &ResolvedVm) -> Vec<VolumeId> {
    let mut roots: Vec<_> = vm.root.managed().map(Volume::id).into_iter().collect();
    let written = vm
        .direct_boot
        .as_ref()
        .and_then(|boot| boot.cmdline.as_ref());
    let words: Vec<_> = written
        .iter()
        .flat_map(|line| line.as_str().split_ascii_whitespace())
        .collect();
    if !words.contains(&"ro") {
        let exports = words.iter().filter_map(|word| {
            ["root=nfs:", "root=nfs4:", "nfsroot="]
                .iter()
                .find_map(|start| word.strip_prefix(start))
        });
        let plain = exports.map(|export| export.split(',').next().unwrap_or(export));
        let plain = plain.filter(|export| export.contains(":/"));
        roots.extend(plain.map(VolumeId::of_export));
    }
    roots.dedup();
    roots
}

fn root_path(vm: &ResolvedVm) -> FieldPath {
    vm_place(vm).path()
}
