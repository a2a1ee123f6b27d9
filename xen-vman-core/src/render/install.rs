//! Collects what is needed to install guests, except their files.

use crate::install::{
    DataDisk, Debootstrap, Install, Installation, Method, MethodKind, OnHost, Timeouts,
};
use crate::resolve::{Resolved, ResolvedHost, ResolvedVm};
use crate::values::{PackageName, VolumeKey};

/// The installations of all guests that xen-vman can install.
pub(super) fn installs(resolved: &Resolved) -> Vec<Install> {
    let vms = resolved.vms.iter();
    vms.filter_map(|vm| install(vm, resolved)).collect()
}

fn install(vm: &ResolvedVm, resolved: &Resolved) -> Option<Install> {
    let host = &resolved.host;
    let method = match vm.installation {
        Installation::Not(_) => return None,
        Installation::By(MethodKind::Debootstrap) => Method::Debootstrap(Debootstrap::new(
            &vm.debootstrap,
            &vm.os_type,
            &vm.os_version,
            &packages(vm, host),
        )?),
    };
    Some(Install {
        root: OnHost {
            key: VolumeKey::root(vm.domain.clone()),
            volume: vm.root.managed()?.clone(),
            timeouts: timeouts(host),
        },
        method,
        user: host.guest_user.value.clone(),
        auto_install: *vm.auto_install,
        reinstall: vm.reinstall.value.clone(),
        boot_after_creation: *vm.boot_after_creation,
        mounts: vm.fstab_lines(),
        snapshot_before: vm.snapshot_before.value.clone(),
    })
}

/// The data disks of all VMs, without directories of servers, which guests mount themselves.
pub(super) fn data_disks(resolved: &Resolved) -> Vec<DataDisk> {
    let of = |vm: &ResolvedVm| {
        let disks = vm.volumes.iter().filter(|data| data.vdev.is_some());
        let disks = disks.map(|data| DataDisk {
            on: OnHost {
                key: data.key.clone(),
                volume: data.volume.clone(),
                timeouts: timeouts(&resolved.host),
            },
            data: data.clone(),
            has_fstab: vm.has_guest_files(),
            snapshot_before: vm.snapshot_before.value.clone(),
        });
        disks.collect::<Vec<_>>()
    };
    resolved.vms.iter().flat_map(of).collect()
}

/// The packages that a guest gets in addition to the base system.
fn packages(vm: &ResolvedVm, host: &ResolvedHost) -> Vec<PackageName> {
    let needed = vm
        .volumes
        .iter()
        .filter_map(|data| data.volume.guest_package());
    let needed = needed.filter_map(|name| name.parse().ok());
    let mut all = host.debootstrap_packages.value.clone();
    for package in needed {
        if !all.contains(&package) {
            all.push(package);
        }
    }
    all
}

fn timeouts(host: &ResolvedHost) -> Timeouts {
    Timeouts {
        mount_timeout: *host.mount_timeout,
        umount_timeout: *host.umount_timeout,
        stop_timeout: *host.stop_timeout,
    }
}
