//! The data disks of a VM.

use super::identity;
use super::resolved::ResolvedHost;
use super::vm_values::{Vm, is_nothing};
use crate::diag::{Diagnostic, DiagnosticId};
use crate::document::Node;
use crate::origin::{Scope, Sourced};
use crate::spec::VolumeSpec;
use crate::storage::{
    BackendKind, DataVolume, ProblemAt, RootVolume, StorageType, Volume, VolumeRequest,
};
use crate::values::{DiskContent, DiskSpec, Filesystem, NamePart, Vdev, VolumeKey, device_number};
use std::collections::BTreeSet;

impl Vm<'_, '_> {
    /// The data disks of a VM with this root. Those with problems are left out.
    pub(super) fn volumes(
        &mut self,
        root: &VolumeRequest<'_>,
        of_root: &Sourced<StorageType>,
        mut devices: Devices,
        host: &ResolvedHost,
    ) -> Vec<DataVolume> {
        let specs = self.spec.volumes.as_deref().unwrap_or_default();
        devices.take(specs.iter().filter_map(|spec| spec.vdev.as_ref()));
        let mut all = Vec::new();
        for (spec, number) in specs.iter().zip(0..) {
            let Scope::Vm(vm) = self.scope else { continue };
            let scope = Scope::Volume(vm, number);
            let Some(name) = self.volume_name(spec, scope, number) else {
                continue;
            };
            if let Some(kind) = self.volume_kind(spec, scope, &name, of_root) {
                let asked = VolumeRequest {
                    key: VolumeKey {
                        domain: root.key.domain.clone(),
                        volume: Some(name),
                    },
                    root: None,
                    ..root.clone()
                };
                all.extend(self.volume(spec, number, asked, kind, host, &mut devices));
            }
        }
        all
    }

    fn volume(
        &mut self,
        spec: &VolumeSpec,
        number: u32,
        asked: VolumeRequest<'_>,
        kind: BackendKind,
        host: &ResolvedHost,
        devices: &mut Devices,
    ) -> Option<DataVolume> {
        let Scope::Vm(vm) = self.scope else {
            return None;
        };
        let scope = Scope::Volume(vm, number);
        let called = spec.volume.clone();
        let called = called.map(|value| Sourced::written(value, scope.key("volume")));
        let asked = VolumeRequest {
            content: spec
                .filesystem
                .unwrap_or(DiskContent::Filesystem(Filesystem::Ext4)),
            size_mib: spec.size,
            called: called.as_ref(),
            // One that is written, but wrong, is reported where it is.
            needs_size: !self.writes_in_volume(number, "size") && spec.uuid.is_none(),
            ..asked
        };
        let key = asked.key.clone();
        let name = key.volume.clone()?;
        let report = &mut *self.lookup.report;
        let volume = host.storage.volume(kind, &asked, &mut |problem| {
            let path = match problem.at {
                ProblemAt::Key(key) => scope.key(key).path(),
                ProblemAt::Setting(_) => scope.key("storage_type").path(),
            };
            let message = match problem.at {
                ProblemAt::Key(_) => problem.message,
                ProblemAt::Setting(setting) => {
                    format!("the disk `{key}` is on {kind}, which requires `{setting}`")
                }
            };
            report.push(Diagnostic::new(problem.id, path, message).help(problem.help));
        });
        let volume = volume.managed()?.clone();
        if volume.xl_disk().is_none() && !self.writes_in_volume(number, "mount") {
            let path = scope.path();
            let message = format!("the volume `{name}` needs `mount`, as the guest mounts it");
            let diagnostic = Diagnostic::new(DiagnosticId::MissingKey, path, message)
                .help("set it to the directory in the guest, such as `/srv`");
            self.lookup.report.push(diagnostic);
        }
        let vdev = match &spec.vdev {
            _ if volume.xl_disk().is_none() => None,
            Some(vdev) => Some(Sourced::written(vdev.clone(), scope.key("vdev"))),
            None => Some(Sourced::derived(devices.next()?, "volumes and disks")),
        };
        let uuid = match spec.uuid {
            Some(uuid) => Sourced::written(uuid, scope.key("uuid")),
            None => Sourced::derived(
                identity::volume_uuid(asked.org, asked.name, &name),
                "org and names",
            ),
        };
        Some(DataVolume {
            key,
            number,
            volume,
            size_mib: spec.size,
            vdev,
            uuid,
            mount: spec.mount.clone(),
            options: spec.mount_options.clone(),
        })
    }

    fn volume_name(&mut self, spec: &VolumeSpec, scope: Scope, number: u32) -> Option<NamePart> {
        let (path, id, message) = match &spec.name {
            Some(name) if name.as_str() == "root" => (
                scope.key("name").path(),
                DiagnosticId::BadName,
                "`root` is the root of the VM".to_owned(),
            ),
            Some(name) => return Some(name.clone()),
            // One that is wrong was reported where it is.
            None if self.writes_in_volume(number, "name") => return None,
            None => (
                scope.path(),
                DiagnosticId::MissingKey,
                "`name` is missing".to_owned(),
            ),
        };
        let diagnostic = Diagnostic::new(id, path, message)
            .help("set `name` to what the volume is for, such as `data`");
        self.lookup.report.push(diagnostic);
        None
    }

    /// The backend of a data disk: its own, or that of the root.
    fn volume_kind(
        &mut self,
        spec: &VolumeSpec,
        scope: Scope,
        name: &NamePart,
        of_root: &Sourced<StorageType>,
    ) -> Option<BackendKind> {
        match (spec.storage_type, &**of_root) {
            (Some(kind), _) => return Some(kind),
            (None, StorageType::Managed(kind)) => return Some(*kind),
            (None, StorageType::Other(_)) => {}
        }
        let message = format!(
            "the disk `{name}` needs `storage_type`, as that of the VM is `{}`",
            **of_root
        );
        let path = scope.key("storage_type").path();
        let diagnostic = Diagnostic::new(DiagnosticId::MissingKey, path, message)
            .help("set it to `nfs`, `iscsi`, `lvm`, `file` or `zfs`");
        self.lookup.report.push(diagnostic);
        None
    }

    /// Whether a key is written in a data disk, valid or not.
    fn writes_in_volume(&self, number: u32, key: &str) -> bool {
        let volumes = self.node.get("volumes").map_or(&[][..], Node::items);
        let volume = volumes.get(number as usize);
        volume.is_some_and(|node| node.get(key).is_some_and(|node| !is_nothing(node)))
    }

    /// The keys that are written in each data disk.
    pub(super) fn written_in_volumes(&self) -> Vec<Vec<&'static str>> {
        let specs = self.spec.volumes.iter().flatten();
        let of = |number: u32| {
            let keys = VolumeSpec::KEYS.iter().map(|key| key.name);
            keys.filter(|key| self.writes_in_volume(number, key))
                .collect()
        };
        specs.zip(0..).map(|(_, number)| of(number)).collect()
    }
}

/// The devices of a VM that data disks can have.
pub(super) struct Devices {
    /// The numbers of those that are taken (xen-vbd-interface(7)), without partitions.
    taken: BTreeSet<u32>,
    next: u8,
}

impl Devices {
    /// Those that a root and further disks leave.
    pub(super) fn beside(root: &RootVolume, disks: &[DiskSpec]) -> Self {
        let root = root.managed().and_then(Volume::xl_disk);
        let root = root.as_ref().map(|disk| disk.vdev.as_str());
        let all = root.into_iter().chain(disks.iter().map(DiskSpec::vdev));
        let whole = |vdev: &str| match vdev.strip_prefix("xvd") {
            Some(_) => device_number(vdev.trim_end_matches(|c: char| c.is_ascii_digit())),
            None => device_number(vdev),
        };
        Self {
            taken: all.filter_map(whole).collect(),
            // The first one is that of the root, wherever that is.
            next: 1,
        }
    }

    fn take<'v>(&mut self, vdevs: impl Iterator<Item = &'v Vdev>) {
        let numbers = vdevs.filter_map(|vdev| device_number(vdev.as_str()));
        self.taken.extend(numbers);
    }

    fn next(&mut self) -> Option<Vdev> {
        while let Some(vdev) = Vdev::xvd(self.next) {
            self.next += 1;
            let number = device_number(vdev.as_str())?;
            if self.taken.insert(number) {
                return Some(vdev);
            }
        }
        None
    }
}
