//! What was seen of a host.

use super::earlier_record::object_at;
use crate::install::GuestRecord;
use crate::object::Object;
use crate::values::DomainName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// What is in it.
        content: Vec<u8>,
    },
    /// A symbolic link, and what it says.
    Link(String),
    /// Anything else, such as a directory.
    Other,
}

/// What is known to be ours on a host, and what is still owed to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AnyRecord")]
#[non_exhaustive]
pub struct Record {
    /// Files and links that were put there, by path.
    pub objects: BTreeMap<String, Object>,
    /// Whether systemd has yet to read units again.
    pub reload_pending: bool,
    /// Kernels whose initrd was built otherwise than is asked for.
    pub stale_initrds: BTreeSet<String>,
    /// VMs that are to be started once they are installed.
    pub starts_pending: BTreeSet<DomainName>,
}

/// A record of this form or the one before.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct AnyRecord {
    objects: BTreeMap<String, Object>,
    /// What there was before objects.
    places: BTreeSet<String>,
    reload_pending: bool,
    stale_initrds: BTreeSet<String>,
    starts_pending: BTreeSet<DomainName>,
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
        }
    }
}

/// What was seen of a host.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Observed {
    /// What stands at the [`paths`](super::paths) asked for; nothing stands at those left
    /// out.
    pub entries: BTreeMap<String, Entry>,
    /// What is ours.
    pub record: Record,
    /// Whether systemd runs there, rather than in an image that is being built.
    pub is_running: bool,
    /// The domains that Xen has, but dom0, by name.
    pub domains: BTreeMap<String, Domain>,
    /// Its kernels.
    pub kernels: Kernels,
    /// What is known of the roots of guests, by domain.
    pub guests: BTreeMap<DomainName, GuestRecord>,
    /// The sessions of volumes that the host holds, such as targets that it is logged in to.
    pub sessions: BTreeSet<String>,
    /// The domains whose roots `vm_mount@` shows.
    pub mounted: BTreeSet<String>,
}

/// A domain that Xen has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domain {
    /// The configuration that `vm@` created it from; none if something else created it.
    pub config: Option<Vec<u8>>,
}

/// The kernels of a host, by release (`6.1.0-37-amd64`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernels {
    /// Those with an image under `/boot` and modules.
    pub installed: BTreeSet<String>,
    /// Those that guests have an initrd for.
    pub with_initrd: BTreeSet<String>,
    /// The one that runs.
    pub running: Option<String>,
}
