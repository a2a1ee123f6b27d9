//! What is done to a host, and what that brings with it.

use super::{Entry, Record};
use serde::Serialize;

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
        domain: String,
    },
    /// An entry is put at a path, at once and whole.
    Put {
        /// The path.
        path: String,
        /// What will stand there.
        entry: Entry,
        /// What stands there.
        before: Option<Entry>,
    },
    /// What stands at a path is taken away.
    Remove {
        /// The path.
        path: String,
        /// What stands there.
        before: Entry,
    },
    /// systemd reads its units again.
    DaemonReload,
    /// The initrd that guests use with a kernel is built.
    BuildInitrd {
        /// The release of the kernel.
        kernel: String,
    },
    /// A VM that runs is written down as installed.
    Adopt {
        /// The domain.
        domain: String,
        /// The export or the device that its root is on.
        place: String,
    },
    /// An operating system is installed.
    Install {
        /// The domain.
        domain: String,
        /// The export or the device that its root is on.
        place: String,
        /// Whether what is there may be erased.
        erase: bool,
    },
    /// A VM is started.
    Start {
        /// The domain.
        domain: String,
    },
}

/// What is to be done, in order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The actions.
    pub actions: Vec<Action>,
    /// Files that are ours and no longer asked for; `prune` removes them.
    pub leftovers: Vec<String>,
    /// VMs that run with settings of another meaning than is asked for.
    pub pending_restarts: Vec<String>,
    /// What is ours afterwards.
    pub record: Record,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The VMs whose data is lost: domain, and export or device.
    pub fn destroyed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.actions
            .iter()
            .filter_map(|action| match &action.change {
                Change::Install {
                    domain,
                    place,
                    erase: true,
                } => Some((domain.as_str(), place.as_str())),
                _ => None,
            })
    }

    /// The VMs that are no longer defined, and whose configuration is still there.
    pub fn unmanaged(&self) -> impl Iterator<Item = &str> {
        self.leftovers
            .iter()
            .filter_map(|path| domain_of_config(path))
    }
}

/// The domain that a configuration is for, by the name of the file.
pub(super) fn domain_of_config(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_suffix(".cfg")
}
