//! Compares what a host needs with what it has, and plans the difference as data.
//!
//! Takes a rendered [`Output`] and the [`Observed`] state of the host, and returns a [`Plan`]:
//! actions ordered so that the host works after any prefix of them. Nothing is changed here.

mod action;
mod data_disks;
mod earlier_record;
mod files;
mod guests;
mod kernels;
mod observed;
mod rollback;
mod settings;
mod show;
mod status;
mod uninstall;
mod volume_change;
mod volumes;

pub use action::{Action, Change, Impact, Plan};
pub use data_disks::PendingMounts;
#[cfg(feature = "host")]
pub(crate) use earlier_record::object_at;
pub use files::{Conflict, Conflicts, paths};
pub use observed::{Access, Domain, Entry, FileOwner, Kernels, Observed, Record};
pub use rollback::{Kept, digest, rollback};
pub use status::{Installed, VmStatus, status};
#[cfg(feature = "host")]
pub(crate) use uninstall::emptied;
pub use uninstall::{Left, Uninstall, Use, Uses, uninstall, uninstall_paths, uses};
pub use volume_change::{Fill, VolumeChange, VolumeWork};
pub use volumes::{VolumeProblems, pools};

use crate::object::Role;
use crate::render::Output;
use crate::values::DomainName;
use std::collections::BTreeSet;
use std::fmt;

/// Plans the actions that give a host what was rendered. Managed files that are no longer needed
/// are only removed with `prune`, unless they belong to a VM that is still defined. Whether a VM
/// starts at boot follows its definition, even if somebody changed it on the host.
///
/// Programs only run where systemd runs: elsewhere, as in an image, only files are planned.
///
/// # Errors
/// All existing paths that conflict, or all volumes that cannot be as they are defined.
pub fn plan(output: &Output, observed: &Observed, prune: bool) -> Result<Plan, PlanError> {
    let files = files::plan(output, observed, prune).map_err(PlanError::Conflicts)?;
    let stale_initrds = kernels::stale(output, observed);
    let mut record = files.record;
    let mut ranked = files.actions;
    if observed.is_running {
        ranked.extend(reload(&ranked, observed));
    } else {
        record
            .stale_initrds
            .clone_from(&observed.record.stale_initrds);
        record
            .starts_pending
            .clone_from(&observed.record.starts_pending);
    }
    if !output.boots_host_kernel {
        // They are built once a VM boots them.
        record.stale_initrds.extend(stale_initrds.iter().cloned());
    }
    let take_overs = guests::take_overs(output, observed).into_iter();
    ranked.extend(take_overs.map(|action| (Rank::TakeOver, action)));
    ranked.extend(
        kernels::actions(output, &stale_initrds)
            .into_iter()
            .map(|action| (Rank::Initrd, action)),
    );
    let guests = guests::actions(output, observed);
    let installed = guests::installed(&guests);
    enable_last(&mut ranked, &installed);
    let to_install = guests::to_install(&guests);
    ranked.extend(volumes::actions(output, observed, &to_install).map_err(PlanError::Volumes)?);
    let (mounts, pending_mounts) = data_disks::mounts(output, observed, &to_install);
    ranked.extend(mounts.into_iter().map(|action| (Rank::Volume, action)));
    ranked.extend(guests.into_iter().map(|action| (Rank::Guest, action)));
    // The sort is stable, so paths of the same rank stay sorted.
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(Plan {
        actions: ranked.into_iter().map(|(_, action)| action).collect(),
        orphaned_files: files.orphans,
        undefined_vms: guests::undefined(output, observed),
        pending_restarts: guests::pending_restarts(output, observed),
        pending_mounts,
        record,
    })
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// Existing paths conflict with files or links to be written.
    Conflicts(Conflicts),
    /// Volumes cannot be as they are defined.
    Volumes(VolumeProblems),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflicts(conflicts) => conflicts.fmt(f),
            Self::Volumes(problems) => problems.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {}

/// Makes a VM start at boot only once it is installed: one whose root was refused must not.
fn enable_last(ranked: &mut [(Rank, Action)], installed: &BTreeSet<&DomainName>) {
    for (rank, action) in ranked {
        if let Change::Put { object, .. } = &action.change
            && object.role == Role::Enablement
            && object.vm().is_some_and(|vm| installed.contains(vm))
        {
            *rank = Rank::LateEnablement;
        }
    }
}

/// Reloads systemd if units change, or if a reload is still pending.
fn reload(actions: &[(Rank, Action)], observed: &Observed) -> Option<(Rank, Action)> {
    let is_needed = observed.record.reload_pending
        || actions
            .iter()
            .any(|(_, action)| action.impact == Impact::DaemonReload);
    is_needed.then(|| {
        let action = Action {
            change: Change::DaemonReload,
            impact: Impact::DaemonReload,
        };
        (Rank::DaemonReload, action)
    })
}

/// The order of actions: dependencies come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Stop,
    Script,
    Unit,
    Removal,
    Settings,
    DaemonReload,
    KernelHook,
    Initrd,
    Storage,
    /// With the new units, and before the configuration is replaced.
    TakeOver,
    Config,
    Enablement,
    /// Before what is installed there.
    Volume,
    Guest,
    LateEnablement,
}
