//! What is done to a host, and what that brings with it.

use super::{Entry, Record};
use crate::object::Object;
use crate::storage::Location;
use crate::values::DomainName;
use serde::Serialize;
use std::collections::BTreeMap;

/// One action, and what it brings with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What is done.
    pub change: Change,
    /// What that brings with it.
    pub impact: Impact,
}

/// What an action brings with it, from harmless to not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Nothing.
    None,
    /// systemd reads its units again.
    DaemonReload,
    /// The initrds of guests are built, which takes minutes.
    InitrdRebuild,
    /// The VM runs with other settings until it is restarted, which is left to its admin.
    NeedsRestart,
    /// A VM starts or stops.
    StartsOrStops,
    /// An operating system is installed onto an empty root.
    Install,
    /// What is on a root is lost.
    DestroysData,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A VM that is no longer defined is stopped.
    Stop {
        /// The domain.
        domain: DomainName,
    },
    /// An entry is put at a path, at once and whole.
    Put {
        /// What it is for.
        object: Object,
        /// The path.
        path: String,
        /// What will stand there.
        entry: Entry,
        /// What stands there.
        before: Option<Entry>,
    },
    /// What stands at a path is taken away.
    Remove {
        /// What it was for.
        object: Object,
        /// The path.
        path: String,
        /// What stands there.
        before: Entry,
    },
    /// systemd reads its units again.
    DaemonReload,
    /// The initrd that guests use with a kernel is built.
    BuildInitrd {
        /// The script that builds it; the kernel packages call it as well.
        hook: String,
        /// The release of the kernel.
        kernel: String,
    },
    /// A VM that runs is written down as installed.
    Adopt {
        /// The domain.
        domain: DomainName,
        /// Where its root is.
        location: Location,
    },
    /// An operating system is installed.
    Install {
        /// The domain.
        domain: DomainName,
        /// Where its root is.
        location: Location,
        /// Whether what is there may be erased.
        erase: bool,
    },
    /// A VM is started.
    Start {
        /// The domain.
        domain: DomainName,
    },
}

/// What is to be done, in order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The actions.
    pub actions: Vec<Action>,
    /// Files and links that are ours and no longer asked for, by path; `prune` removes them.
    pub orphaned_files: BTreeMap<String, Object>,
    /// VMs that run with settings of another meaning than is asked for.
    pub pending_restarts: Vec<DomainName>,
    /// What is ours afterwards.
    pub record: Record,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The VMs whose data is lost, and where it is.
    pub fn destroyed(&self) -> impl Iterator<Item = (&DomainName, &Location)> {
        self.actions
            .iter()
            .filter_map(|action| match &action.change {
                Change::Install {
                    domain,
                    location,
                    erase: true,
                } => Some((domain, location)),
                _ => None,
            })
    }

    /// The VMs that are no longer defined, and whose configuration is still there.
    pub fn orphaned_vms(&self) -> impl Iterator<Item = &DomainName> {
        self.orphaned_files.values().filter_map(Object::configures)
    }
}
