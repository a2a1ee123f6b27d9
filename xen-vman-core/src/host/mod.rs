//! Access to the machine: the only module that is not pure.
//!
//! Everything goes through a [`HostDir`], which is `/` or the directory of an image; symbolic
//! links are resolved inside it. [`plan`] only reads the host; [`apply`] changes it, one run at a
//! time.
#![allow(
    clippy::disallowed_methods,
    reason = "this module is the exception: the rest of the core is pure"
)]

mod apply;
mod confine;
mod data_disk;
mod dir;
mod doctor;
mod generation;
mod guest_records;
mod install;
mod kept;
mod listed;
mod lock;
mod machine;
mod made;
pub mod memory;
mod observe;
mod originals;
mod program;
mod real;
mod rollback;
mod root;
mod run;
mod session;
mod snapshot;
mod state;
mod steps;
mod surface;
mod uninstall;
mod users;
mod vm_unit;
mod volume;
mod watch;

pub use apply::{Applied, Options, apply, observe, plan};
pub use dir::HostDir;
pub use doctor::doctor;
pub use generation::Summary;
pub use install::Loss;
pub use listed::{Listed, Refusal, remove_volumes, volumes};
pub use machine::{Files, GuestRoot, Held, Host, Logged, Ran};
pub use observe::facts;
pub use rollback::{generations, plan_rollback, rollback};
pub use snapshot::restore_volume;
pub use state::StateFile;
pub use uninstall::{Uninstalled, plan_uninstall, uninstall};
pub use watch::{Event, Watcher};

use crate::doctor::Finding;
use crate::plan::{Conflicts, Uses, VolumeProblems};
use crate::storage::Location;
use crate::values::{DomainName, VolumeKey};
use std::io;
use thiserror::Error;

/// Why a host could not be read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// An operation on a path failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The path on the host.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Existing paths conflict with files or links to be created.
    #[error("cannot apply: {0}")]
    Conflicts(Conflicts),
    /// Volumes cannot be as they are defined.
    #[error("cannot apply: {0}")]
    Volumes(VolumeProblems),
    /// Volumes are kept, and none was changed.
    #[error("nothing was changed: {}", sentences(.0))]
    KeptVolumes(Vec<Refusal>),
    /// A volume, or where it is made, is not as expected.
    #[error("{location}: {why}")]
    Volume {
        /// The location of the volume.
        location: Location,
        /// What is wrong.
        why: String,
    },
    /// Paths to restore were changed after the last apply.
    #[error("cannot roll back: {} changed after the last apply: {}", .0.count("path was", "paths were"), .0.list())]
    ChangedSince(Conflicts),
    /// A path was changed after the plan was made.
    #[error("{path} was changed while `apply` ran, and was left as it is")]
    ChangedMeanwhile {
        /// The path.
        path: String,
    },
    /// A VM that is no longer defined was not stopped.
    #[error(
        "`{0}` still runs; its files were left as they are. Shut it down (`xl shutdown -w {0}`), \
        or end it at once (`xl destroy {0}`)"
    )]
    StillRuns(DomainName),
    /// A session cannot be handed over, because its old unit would stop other units with it.
    #[error(
        "the session of {unit} does not end with the VM, because {dependents} would stop together with this unit. \
        Once the VM has stopped, log out with 'systemctl restart {unit}' and 'systemctl stop {unit}'"
    )]
    SessionInUse {
        /// The unit.
        unit: String,
        /// The units that require it.
        dependents: String,
    },
    /// The root of a VM is that of one with another name, which runs.
    #[error(
        "the root of `{domain}` is that of `{old}`, which still runs. Shut that down \
        (`systemctl stop vm@{old}`), then apply again"
    )]
    Renamed {
        /// The domain.
        domain: DomainName,
        /// The VM that has the root.
        old: DomainName,
    },
    /// There is no such generation to roll back to.
    #[error("there is no generation {0} to roll back to; `rollback --list` lists them")]
    NoGeneration(u32),
    /// The last apply changed no files.
    #[error(
        "the last `apply` (generation {number}) changed no files, so there is nothing to roll back"
    )]
    ChangedNothing {
        /// Its number.
        number: u32,
        /// The generation to roll back to instead, if there is one.
        further: Option<u32>,
    },
    /// There is no apply to roll back.
    #[error("nothing to roll back")]
    NothingBefore,
    /// The plan was not approved.
    #[error("{0}")]
    NotApproved(String),
    /// A VM was not started or enabled because its installation failed.
    #[error("`{0}` was not started or enabled because its installation failed")]
    NotInstalled(DomainName),
    /// The host lacks what an apply needs.
    #[error("this host is not ready: {}", list(.0))]
    NotReady(Vec<Finding>),
    /// VMs run, or their roots are in use, which an uninstallation would break.
    #[error("cannot uninstall while VMs run or their roots are in use. To end that:{0}")]
    InUse(Uses),
    /// Another run holds the lock.
    #[error("another xen-vman run holds the lock ({0})")]
    Locked(String),
    /// A file of xen-vman's own state cannot be read.
    #[error("{path} is damaged: {message}")]
    Damaged {
        /// The file.
        path: String,
        /// What it is.
        file: StateFile,
        /// The problem.
        message: String,
    },
    /// The session of a volume did not end.
    #[error("the storage session of `{key}` did not end in time; see `systemctl status {unit}`")]
    SessionStays {
        /// The volume.
        key: VolumeKey,
        /// The unit that holds it.
        unit: String,
    },
    /// A guest was not installed, or a data disk not prepared, and the volume was not touched.
    #[error("`{key}` was not {}: {why}", done_to(.key))]
    Refused {
        /// The volume.
        key: VolumeKey,
        /// The reason, and how to proceed.
        why: String,
    },
    /// A step of an installation failed, or of what prepares a data disk.
    #[error(
        "`{key}` was not {}: `{step}` {why}\nThe full output is in {log}. The next `apply` starts over", done_to(.key)
    )]
    Step {
        /// The volume.
        key: VolumeKey,
        /// The step, as a command line.
        step: String,
        /// Its exit status, and the last lines that it printed.
        why: String,
        /// The path of the log.
        log: String,
    },
    /// A program failed.
    #[error("`{command}` failed: {why}")]
    Program {
        /// The command line.
        command: String,
        /// Its exit status and output.
        why: String,
    },
}

fn sentences(refusals: &[Refusal]) -> String {
    let all: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// What is done to a volume, for messages.
const fn done_to(key: &VolumeKey) -> &'static str {
    if key.is_root() {
        "installed"
    } else {
        "prepared"
    }
}

/// Findings in a sentence, with what to do.
fn list(findings: &[Finding]) -> String {
    let all = findings
        .iter()
        .map(|finding| format!("{} ({})", finding.says, finding.help));
    all.collect::<Vec<_>>().join("; ")
}
