//! The observed state of a host.

use super::earlier_record::object_at;
use crate::install::GuestRecord;
use crate::object::Object;
use crate::storage::PoolState;
use crate::values::{DomainName, VolumeKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The file, link or other entry at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Who may do what with it.
        access: Access,
        /// The content.
        content: Vec<u8>,
    },
    /// A symbolic link, with its target.
    Link(String),
    /// Anything else, such as a directory.
    Other,
}

impl Entry {
    /// A file of root.
    pub fn file(mode: u32, content: impl Into<Vec<u8>>) -> Self {
        Self::File {
            access: Access::of_root(mode),
            content: content.into(),
        }
    }
}

/// Who owns a file, and who may do what with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AnyAccess")]
pub struct Access {
    /// The owner.
    pub owner: FileOwner,
    /// Permission bits.
    pub mode: u32,
    /// The access control list, in the form of the kernel (acl(5)); `None` if the file has none.
    pub acl: Option<Vec<u8>>,
}

impl Access {
    /// The access to a file of root without an access control list.
    pub const fn of_root(mode: u32) -> Self {
        Self {
            owner: FileOwner::ROOT,
            mode,
            acl: None,
        }
    }
}

/// The access to a file in the current or the earlier format, in which only the mode was recorded.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyAccess {
    Mode(u32),
    Whole {
        owner: FileOwner,
        mode: u32,
        acl: Option<Vec<u8>>,
    },
}

impl From<AnyAccess> for Access {
    fn from(any: AnyAccess) -> Self {
        match any {
            AnyAccess::Mode(mode) => Self::of_root(mode),
            AnyAccess::Whole { owner, mode, acl } => Self { owner, mode, acl },
        }
    }
}

/// The owner of a file, as numeric IDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOwner {
    /// The user ID.
    pub user: u32,
    /// The group ID.
    pub group: u32,
}

impl FileOwner {
    /// User and group `root`.
    pub const ROOT: Self = Self { user: 0, group: 0 };
}

/// The record of what xen-vman manages on a host, and of pending work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AnyRecord")]
#[non_exhaustive]
pub struct Record {
    /// Files and links that xen-vman created, by path.
    pub objects: BTreeMap<String, Object>,
    /// Whether systemd still has to reload its units.
    pub reload_pending: bool,
    /// Kernels whose guest initrd was built by a different hook.
    pub stale_initrds: BTreeSet<String>,
    /// VMs to start once they are installed.
    pub starts_pending: BTreeSet<DomainName>,
    /// The lines that xen-vman set in files of others, by file and key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
}

/// A record in the current or the earlier format.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct AnyRecord {
    objects: BTreeMap<String, Object>,
    /// The paths in the earlier format.
    places: BTreeSet<String>,
    reload_pending: bool,
    stale_initrds: BTreeSet<String>,
    starts_pending: BTreeSet<DomainName>,
    settings: BTreeMap<String, BTreeMap<String, String>>,
}

impl From<AnyRecord> for Record {
    fn from(any: AnyRecord) -> Self {
        let mut objects = any.objects;
        for path in any.places {
            let object = object_at(&path);
            objects.entry(path).or_insert(object);
        }
        Self {
            objects,
            reload_pending: any.reload_pending,
            stale_initrds: any.stale_initrds,
            starts_pending: any.starts_pending,
            settings: any.settings,
        }
    }
}

/// The observed state of a host.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Observed {
    /// The entries at the [`paths`](super::paths) that a plan depends on. Paths that do not exist
    /// are left out.
    pub entries: BTreeMap<String, Entry>,
    /// The record of managed files.
    pub record: Record,
    /// Whether this is a running host with systemd, and not an image.
    pub is_running: bool,
    /// The domains that Xen has, except dom0, by name.
    pub domains: BTreeMap<String, Domain>,
    /// The active units of VMs, also if they are not xen-vman's.
    pub active_units: BTreeSet<String>,
    /// The VMs that start with the host, enabled by xen-vman or not.
    pub enabled_vms: BTreeSet<DomainName>,
    /// Its kernels.
    pub kernels: Kernels,
    /// The records of volumes: of roots, and of data disks.
    pub guests: BTreeMap<VolumeKey, GuestRecord>,
    /// The volumes whose records cannot be read, so that nothing is known of them.
    pub damaged: BTreeSet<VolumeKey>,
    /// The volumes that were refused, so that their VMs do not start.
    pub refused: BTreeSet<VolumeKey>,
    /// The sessions of volumes that the host has open, such as iSCSI targets.
    pub sessions: BTreeSet<String>,
    /// The pools of volumes, by name; for each whose state is not known, why.
    pub pools: BTreeMap<String, Result<PoolState, String>>,
    /// The domains whose roots are mounted by `vm_mount@`.
    pub mounted: BTreeSet<String>,
}

impl Observed {
    /// The volumes of which this host has a record.
    pub(super) fn recorded(&self) -> impl Iterator<Item = &VolumeKey> {
        self.guests.keys().chain(&self.damaged).chain(&self.refused)
    }
}

/// A domain that Xen has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domain {
    /// The configuration that `vm@` created it from; `None` if something else created it, such as the
    /// unit of the Ansible role.
    pub config: Option<Vec<u8>>,
}

/// The kernels of a host, by release (`6.1.0-37-amd64`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernels {
    /// Kernels with an image under `/boot` and modules.
    pub installed: BTreeSet<String>,
    /// Kernels with a guest initrd.
    pub with_initrd: BTreeSet<String>,
    /// The running kernel.
    pub running: Option<String>,
}
