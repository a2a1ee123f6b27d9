//! A volume of a VM: what determines it, and whether xen-vman manages it.

use super::{Problem, ProblemAt, Volume};
use crate::diag::DiagnosticId;
use crate::origin::Sourced;
use crate::values::{DiskContent, GuestType, NamePart, VolumeKey, VolumeName, VolumeSizeMib};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;

/// The root volume of a VM, managed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootVolume {
    /// xen-vman manages it.
    Managed(Volume),
    /// xen-vman does not manage it.
    Unmanaged(Unmanaged),
}

/// Why xen-vman does not manage the root volume of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unmanaged {
    /// It is one of the VM's `disks` (`manual_root_disk`).
    AmongDisks,
    /// The VM is an HVM VM, which boots from its `disks` instead of network storage.
    HvmBootsFromDisks,
    /// Its storage type is the administrator's own.
    ForeignBackend,
    /// Settings are missing or invalid, which was reported as an error.
    Incomplete,
}

/// As in the manifest: `type` is the backend's name, or `unmanaged` with the reason as `why`.
impl Serialize for RootVolume {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl RootVolume {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Managed(volume) => volume.to_json(),
            Self::Unmanaged(why) => json!({ "type": "unmanaged", "why": why }),
        }
    }

    /// The volume, if xen-vman manages it.
    pub const fn managed(&self) -> Option<&Volume> {
        match self {
            Self::Managed(volume) => Some(volume),
            Self::Unmanaged(_) => None,
        }
    }
}

/// What determines a volume of a VM: its root, or one of its data disks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VolumeRequest<'a> {
    /// The organisation that owns the VM.
    pub org: &'a NamePart,
    /// Its name.
    pub name: &'a NamePart,
    /// The domain, and the name of the data disk.
    pub key: VolumeKey,
    /// Whether the volume is to replace what others provide, if the VM has such a thing.
    pub root: Option<RootRequest>,
    /// What a disk holds.
    pub content: DiskContent,
    /// Its size, if its backend makes it.
    pub size_mib: Option<VolumeSizeMib>,
    /// Its name, if it is another than that of the VM.
    pub called: Option<&'a Sourced<VolumeName>>,
    /// Whether it needs a size, if its backend makes it.
    pub needs_size: bool,
}

/// What matters for roots alone.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RootRequest {
    /// The type of the VM.
    pub guest_type: GuestType,
    /// Whether one of its `disks` is the root.
    pub manual_root_disk: bool,
    /// Whether it has `disks`.
    pub has_disks: bool,
}

impl VolumeRequest<'_> {
    /// Whether one of the `disks` of the VM takes the place of the volume.
    pub(super) fn is_among_disks(&self) -> bool {
        self.root.is_some_and(|root| root.manual_root_disk)
    }

    /// The name of the volume on its backend, unless it is called otherwise: `DOMAIN`, or `DOMAIN-VOLUME`.
    pub(super) fn label(&self) -> String {
        match &self.key.volume {
            None => self.key.domain.to_string(),
            Some(volume) => format!("{}-{volume}", self.key.domain),
        }
    }

    /// The key that gives it another name.
    pub(super) const fn name_key(&self) -> &'static str {
        match self.root {
            Some(_) => "root_volume",
            None => "volume",
        }
    }

    /// The name of the volume on its backend.
    pub(super) fn name_there(&self) -> String {
        let called = self.called.map(|name| name.value.to_string());
        called.unwrap_or_else(|| self.label())
    }

    /// The problem that a backend does not take the name of the volume.
    pub(super) fn bad_name(&self, id: DiagnosticId, message: String) -> Problem {
        let key = self.name_key();
        Problem {
            id,
            at: ProblemAt::Key(self.called.map_or("name", |_| key)),
            message,
            help: format!("set `{key}` to another name"),
        }
    }

    /// The root if a backend lacks a setting. The name of the backend is then a word of the
    /// administrator's own, unless the VM says what is to be made.
    pub(super) fn without_setting(
        &self,
        problem: Problem,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        if let Some(root) = self.root
            && (root.has_disks || self.size_mib.is_none())
        {
            return RootVolume::Unmanaged(Unmanaged::ForeignBackend);
        }
        report(problem);
        RootVolume::Unmanaged(Unmanaged::Incomplete)
    }

    /// Whether the volume has the size that it needs to be made.
    pub(super) fn has_size(&self, report: &mut dyn FnMut(Problem)) -> bool {
        let has = self.size_mib.is_some() || !self.needs_size;
        if !has {
            let help = match self.root {
                Some(_) => {
                    "set it, for example to `20G`; if the root is there, set `auto_install = false`"
                }
                None => "set it, for example to `20G`",
            };
            report(Problem {
                id: DiagnosticId::MissingSize,
                at: ProblemAt::Key("size"),
                message: format!(
                    "`{self}` needs `size`, with which its {} is made",
                    self.what()
                ),
                help: help.to_owned(),
            });
        }
        has
    }

    /// What it is, for people.
    const fn what(&self) -> &'static str {
        match self.root {
            Some(_) => "root",
            None => "disk",
        }
    }
}

/// The VM, and the data disk.
impl fmt::Display for VolumeRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}
