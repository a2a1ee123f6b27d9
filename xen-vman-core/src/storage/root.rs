//! The root of a VM: what determines it, and whether xen-vman manages it.

use super::{Problem, ProblemAt, Volume};
use crate::diag::DiagnosticId;
use crate::origin::Sourced;
use crate::values::{DomainName, Filesystem, GuestType, NamePart, VolumeName, VolumeSizeMib};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

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

/// The properties of a VM that determine its root volume.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RootRequest<'a> {
    /// The organisation that owns the VM.
    pub org: &'a NamePart,
    /// Its name.
    pub name: &'a NamePart,
    /// Its domain.
    pub domain: &'a DomainName,
    /// Its guest type.
    pub guest_type: GuestType,
    /// Whether one of its `disks` is the root.
    pub manual_root_disk: bool,
    /// The file system that a disk gets.
    pub filesystem: &'a Sourced<Filesystem>,
    /// The size of its root, if its backend makes it.
    pub size_mib: Option<&'a Sourced<VolumeSizeMib>>,
    /// The name of its root, if it has another than that of the VM.
    pub root_volume: Option<&'a Sourced<VolumeName>>,
    /// Whether it has `disks`.
    pub has_disks: bool,
    /// Whether it needs a size, if its backend makes its root.
    pub needs_size: bool,
}

impl RootRequest<'_> {
    /// The root if a backend lacks a setting. The name of the backend is then a word of the
    /// administrator's own, unless the VM says what is to be made.
    pub(super) fn without_setting(
        &self,
        problem: Problem,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        if self.has_disks || self.size_mib.is_none() {
            return RootVolume::Unmanaged(Unmanaged::ForeignBackend);
        }
        report(problem);
        RootVolume::Unmanaged(Unmanaged::Incomplete)
    }

    /// Whether the root has the size that it needs to be made.
    pub(super) fn has_size(&self, report: &mut dyn FnMut(Problem)) -> bool {
        let has = self.size_mib.is_some() || !self.needs_size;
        if !has {
            report(Problem {
                id: DiagnosticId::MissingSize,
                at: ProblemAt::Key("size"),
                message: format!(
                    "`{}` needs `size`, with which its root is made",
                    self.domain
                ),
                help:
                    "set it, for example to `20G`; if the root is there, set `auto_install = false`"
                        .to_owned(),
            });
        }
        has
    }
}
