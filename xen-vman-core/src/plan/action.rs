//! The actions of a plan and their impact.

use super::{Entry, PendingMounts, Record, VolumeChange, VolumeWork};
use crate::install::{Changes, GuestRecord};
use crate::object::{Object, Role};
use crate::storage::{Attachment, Location};
use crate::values::DomainName;
use serde::Serialize;
use std::collections::BTreeMap;

/// An action and its impact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Action {
    /// The change that it makes.
    pub change: Change,
    /// The consequence of the change.
    pub impact: Impact,
}

/// The consequence of an action, from harmless to destructive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Impact {
    /// None.
    None,
    /// systemd reloads its units.
    DaemonReload,
    /// A guest initrd is built, which takes minutes.
    InitrdRebuild,
    /// The VM runs with outdated settings until the administrator restarts it.
    NeedsRestart,
    /// A VM starts or stops.
    StartsOrStops,
    /// An operating system is installed on an empty root.
    Install,
    /// The data on a root is lost.
    DestroysData,
}

/// A change to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Stops a VM that is no longer defined.
    Stop {
        /// The domain.
        domain: DomainName,
    },
    /// Writes a file or creates a link, atomically.
    Put {
        /// Its role and owner.
        object: Object,
        /// The path.
        path: String,
        /// The new file or link.
        entry: Entry,
        /// The existing file or link, if any.
        before: Option<Entry>,
    },
    /// Removes a file or link.
    Remove {
        /// Its role and owner.
        object: Object,
        /// The path.
        path: String,
        /// The existing file or link.
        before: Entry,
    },
    /// Removes a file or link that can be made again from what is on the host.
    RemoveBuilt {
        /// The path.
        path: String,
    },
    /// Makes systemd reload its units.
    DaemonReload,
    /// Builds the initrd that guests use with a kernel.
    BuildInitrd {
        /// The hook that builds it; kernel packages call it, too.
        hook: String,
        /// The kernel release.
        kernel: String,
    },
    /// Records a VM as installed: it is running, or its root was that of another VM.
    Adopt {
        /// The domain.
        domain: DomainName,
        /// The record.
        record: GuestRecord,
        /// The VM that this host has recorded as installed there, and that is no longer defined.
        renamed_from: Option<DomainName>,
    },
    /// Makes a running VM that a foreign unit started like one that `vm@` started: its settings are
    /// recorded, for pending restarts, and a stop that takes too long ends the domain.
    TakeOver {
        /// The domain.
        domain: DomainName,
        /// The configuration that it was created from.
        config: Vec<u8>,
    },
    /// Makes a session that a foreign unit opened end when the VM or its mount does.
    TakeOverSession {
        /// The domain.
        domain: DomainName,
        /// The session and its unit.
        attachment: Attachment,
    },
    /// Makes a volume, lets one grow, or prepares a data disk.
    Volume(VolumeChange),
    /// Changes lines for data disks in the fstab(5) of a guest that does not run.
    SetMounts {
        /// The domain.
        domain: DomainName,
        /// The lines.
        changes: Changes,
    },
    /// Installs an operating system.
    Install {
        /// The domain.
        domain: DomainName,
        /// The location of its root.
        location: Location,
        /// Whether existing data may be erased.
        erase: bool,
        /// Whether a snapshot is taken before that.
        snapshot: bool,
        /// The location of the root that it had before, which stays as it is.
        moves_from: Option<Location>,
    },
    /// Starts a VM.
    Start {
        /// The domain.
        domain: DomainName,
    },
}

impl Change {
    /// The VM that it installs, starts or enables, if that must not be done after another change has failed.
    pub fn is_void_after(&self, failed: &Self) -> Option<&DomainName> {
        let (domain, is_start) = match self {
            Self::Install { domain, .. } => (domain, false),
            Self::Start { domain } | Self::SetMounts { domain, .. } => (domain, true),
            Self::Put { object, .. } if object.role == Role::Enablement => (object.vm()?, true),
            _ => return None,
        };
        let is_void = match failed {
            Self::Volume(change) => {
                // A system can be installed without its data disks, and starts with small ones.
                let is_needed = is_start || change.key.is_root();
                let is_there = matches!(change.work, VolumeWork::Grow { .. });
                change.key.domain == *domain && is_needed && !is_there
            }
            Self::Install { domain: other, .. } | Self::Adopt { domain: other, .. } => {
                other == domain
            }
            _ => false,
        };
        is_void.then_some(domain)
    }

    /// Makes a path what it was before: an entry, or nothing. `None` if it has neither.
    pub(super) fn restoring(
        object: &Object,
        path: &str,
        before: Option<&Entry>,
        found: Option<&Entry>,
    ) -> Option<Self> {
        let (object, path) = (object.clone(), path.to_owned());
        match (before.cloned(), found.cloned()) {
            (Some(entry), before) => Some(Self::Put {
                object,
                path,
                entry,
                before,
            }),
            (None, Some(before)) => Some(Self::Remove {
                object,
                path,
                before,
            }),
            (None, None) => None,
        }
    }
}

/// The actions that bring a host to the desired state.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// Managed files and links, and files of the Ansible role, that are no longer needed, by path; `prune`
    /// removes them.
    pub orphaned_files: BTreeMap<String, Object>,
    /// VMs that start with the host, but neither the definition nor the record has: somebody else's.
    pub undefined_vms: Vec<DomainName>,
    /// VMs that run with outdated settings.
    pub pending_restarts: Vec<DomainName>,
    /// Guests that run, and whose fstab(5) lacks lines, or has earlier ones.
    pub pending_mounts: Vec<PendingMounts>,
    /// The record of managed files after the plan.
    pub record: Record,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The VMs whose roots are erased, with the locations.
    pub fn destroyed(&self) -> impl Iterator<Item = (&DomainName, &Location)> {
        self.actions
            .iter()
            .filter_map(|action| match &action.change {
                Change::Install {
                    domain,
                    location,
                    erase: true,
                    ..
                } => Some((domain, location)),
                _ => None,
            })
    }

    /// The VMs that are removed because they are no longer defined.
    pub fn removed(&self) -> impl Iterator<Item = &DomainName> {
        self.actions
            .iter()
            .filter_map(|action| match &action.change {
                Change::Remove { object, .. } => object.configures(),
                _ => None,
            })
            .filter(|domain| self.remaining().all(|other| other != *domain))
    }

    /// Whether it removes VMs and leaves none.
    pub fn removes_all_vms(&self) -> bool {
        self.removed().next().is_some() && self.remaining().next().is_none()
    }

    /// The VMs whose configurations are on the host after the plan.
    fn remaining(&self) -> impl Iterator<Item = &DomainName> {
        self.record.objects.values().filter_map(Object::configures)
    }

    /// The VMs that are no longer defined and whose configuration is still on the host.
    pub fn orphaned_vms(&self) -> impl Iterator<Item = &DomainName> {
        self.orphaned_files.values().filter_map(Object::configures)
    }
}
