//! What a host needs × what it has → what is to be done, as data.
//!
//! Takes a rendered [`Output`] and what was [`Observed`] of the host; gives a [`Plan`]: the
//! actions in an order in which every prefix leaves a working host. Nothing is touched here.

mod action;
mod earlier_record;
mod files;
mod guests;
mod kernels;
mod observed;
mod rollback;
mod settings;
mod show;
mod status;

pub use action::{Action, Change, Impact, Plan};
#[cfg(feature = "host")]
pub(crate) use earlier_record::object_at;
pub use files::{Obstacle, paths};
pub use observed::{Domain, Entry, Kernels, Observed, Record};
pub use rollback::{Kept, digest, rollback};
pub use status::{Installed, VmStatus, status};

use crate::render::Output;

/// What is to be done so that a host has what was rendered. What is ours and no longer asked
/// for is taken away with `prune` alone. Whether a VM starts with the host is what its
/// definition says, whoever said otherwise on the host.
///
/// Programs are only started where systemd runs: elsewhere, as in an image, only files are
/// planned.
///
/// # Errors
/// All that stands in the way.
pub fn plan(output: &Output, observed: &Observed, prune: bool) -> Result<Plan, Vec<Obstacle>> {
    let files = files::plan(output, observed, prune)?;
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
    ranked.extend(
        kernels::actions(output, &stale_initrds)
            .into_iter()
            .map(|action| (Rank::Initrd, action)),
    );
    let guests = guests::actions(output, observed).into_iter();
    ranked.extend(guests.map(|action| (Rank::Guest, action)));
    // Stable: paths of one rank stay sorted.
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(Plan {
        actions: ranked.into_iter().map(|(_, action)| action).collect(),
        orphaned_files: files.orphaned_files,
        pending_restarts: guests::pending_restarts(output, observed),
        record,
    })
}

/// systemd reads its units again if they change, or if it was not told that they did.
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

/// The order of actions: what others need comes first.
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
    Config,
    Enablement,
    Guest,
}
