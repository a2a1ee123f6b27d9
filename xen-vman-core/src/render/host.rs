//! Renders small files and settings on the host.

use super::{HostSetting, Link};
use crate::object::{EnabledUnit, Object, RenderedFile, Role};
use crate::origin::Origin;
use crate::quote::{env_value, xl_string};
use crate::resolve::{Resolved, ResolvedVm};
use crate::storage::{Attachment, Location, Volume};
use crate::values::{Backing, DomainName, GUEST_INITRD, GUEST_KERNEL, VolumeKey};
use std::collections::BTreeMap;

/// The script that vm@.service runs, which also hands over VMs that were started by hand.
pub const VM_DOMAIN: &str = "/usr/local/lib/xen-vman/vm-domain";
/// The directory of xen-vman's scripts.
pub(crate) const LIBRARY: &str = "/usr/local/lib/xen-vman";
/// The directory of the data about roots. It is apart from the configurations of the VMs, in which
/// scripts of administrators often treat each file as one.
pub(crate) const ROOTS: &str = "/etc/xen-vman/roots";
/// The directory where roots are mounted on the host.
pub(crate) const MOUNT_PATH: &str = "/mnt/vms";

/// The data about the volumes of a VM, for scripts: `DOMAIN.BACKEND` for its root, `DOMAIN@VOLUME.BACKEND`
/// for others. A backend's units are only active if it exists.
pub(super) fn storage_files<'a>(
    vm: &'a ResolvedVm,
    resolved: &'a Resolved,
) -> impl Iterator<Item = RenderedFile> + 'a {
    let root = vm.root.managed();
    let root =
        root.map(|volume| storage_file(&VolumeKey::root(vm.domain.clone()), volume, resolved));
    let data = vm.volumes.iter();
    // A guest mounts directories of servers itself.
    let disks = data.filter(|data| data.vdev.is_some());
    root.into_iter()
        .chain(disks.map(|data| storage_file(&data.key, &data.volume, resolved)))
}

fn storage_file(key: &VolumeKey, volume: &Volume, resolved: &Resolved) -> RenderedFile {
    let mut content = format!("# {}\n", *resolved.host.header);
    for (key, value) in volume.data() {
        content.extend([key, "=", &env_value(&value), "\n"]);
    }
    RenderedFile::new(
        Object::of_vm(&key.domain, Role::StorageData),
        format!("{ROOTS}/{key}.{}", volume.kind()),
        content,
    )
}

/// What VMs have, by location.
pub(super) fn used(resolved: &Resolved) -> BTreeMap<Location, VolumeKey> {
    let mut all = BTreeMap::new();
    for vm in &resolved.vms {
        let root = VolumeKey::root(vm.domain.clone());
        for disk in &vm.disks {
            if let Backing::Local(path) = disk.backing() {
                all.insert(path.into(), root.clone());
            }
        }
        let managed = vm.root.managed();
        all.extend(managed.map(|volume| (volume.location(), root.clone())));
        let data = vm.volumes.iter();
        all.extend(data.map(|data| (data.volume.location(), data.key.clone())));
    }
    all
}

/// The sessions that the host needs for roots.
pub(super) fn attachments(resolved: &Resolved) -> BTreeMap<DomainName, Attachment> {
    let of = |vm: &ResolvedVm| Some((vm.domain.clone(), vm.root.managed()?.attachment()?));
    resolved.vms.iter().filter_map(of).collect()
}

/// The links to the kernel and initrd that guests boot; the global preparation sets them before a VM starts.
pub(crate) fn links() -> Vec<Link> {
    vec![
        Link {
            path: GUEST_INITRD,
            target: "/etc/xen/initrd.img-$(uname -r)",
        },
        Link {
            path: GUEST_KERNEL,
            target: "/boot/vmlinuz-$(uname -r)",
        },
    ]
}

/// The settings in xl.conf(5) that the definition sets. The file belongs to the administrator:
/// what nobody defined stays as it is there.
pub(super) fn xl_conf(resolved: &Resolved) -> Vec<HostSetting> {
    let set = |key: &'static str, value: &str| HostSetting {
        file: "/etc/xen/xl.conf",
        key,
        line: format!("{key}={}", xl_string(value)),
    };
    let host = &resolved.host;
    let script = Some(&host.network_script).filter(|script| script.origin != Origin::BuiltIn);
    let script = script.map(|script| set("vif.default.script", script.as_str()));
    let bridge = host.network_bridge.as_ref();
    let bridge = bridge.map(|bridge| set("vif.default.bridge", bridge.as_str()));
    script.into_iter().chain(bridge).collect()
}

/// The units to enable: the preparation, and the VMs that start at boot.
pub(super) fn enabled_units(resolved: &Resolved) -> Vec<EnabledUnit> {
    let vms = resolved.vms.iter().filter(|vm| *vm.auto_boot);
    let vms = vms.map(|vm| EnabledUnit::Vm(vm.domain.clone()));
    std::iter::once(EnabledUnit::Preparation)
        .chain(vms)
        .collect()
}
