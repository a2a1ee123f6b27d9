//! Looks, plans, and does what is planned.

use super::lock::Lock;
use super::{HostDir, HostError, program, state};
use crate::plan::{self, Change, Observed, Plan};
use crate::render::Output;

/// How long systemd may take to read its units.
const SYSTEMCTL_LIMIT_SECS: u32 = 90;

/// How far an apply is, for whoever waits for it.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// An action begins.
    Begins {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// The action.
        change: &'a Change,
    },
}

/// What an apply has done.
#[derive(Debug)]
pub struct Applied {
    /// What was planned, all of which is done.
    pub plan: Plan,
    /// Where what it replaced is kept.
    pub previous: Option<String>,
}

/// What is to be done on a host, which is left as it is.
///
/// # Errors
/// If the host cannot be read, or if something is in the way.
pub fn plan(dir: &HostDir, output: &Output, prune: bool) -> Result<Plan, HostError> {
    let record = state::record(dir)?;
    let mut observed = Observed {
        is_running: dir.is_running(),
        ..Observed::default()
    };
    for path in plan::places(output, &record) {
        if let Some(entry) = dir.entry(&path)? {
            observed.entries.insert(path, entry);
        }
    }
    observed.record = record;
    plan::plan(output, &observed, prune).map_err(HostError::Obstacles)
}

/// Brings a host to what was rendered. It may be ended at any point: the next one does the
/// rest. Where nothing is to be done, nothing is touched.
///
/// # Errors
/// The first action that failed; those before it are done, and those after it are not.
pub fn apply(
    dir: &HostDir,
    output: &Output,
    prune: bool,
    mut tell: impl FnMut(Event<'_>),
) -> Result<Applied, HostError> {
    let _lock = Lock::take(dir)?;
    let plan = plan(dir, output, prune)?;
    // What is written next is ours, even if this run does not get to say so.
    let mut meanwhile = state::record(dir)?;
    let mut previous = None;
    if !plan.is_empty() {
        meanwhile.places.extend(plan.record.places.iter().cloned());
        meanwhile.reload_pending |= plan.actions.contains(&Change::DaemonReload);
        state::set_record(dir, &meanwhile)?;
        previous = state::keep_previous(dir, &plan)?;
    }
    for (number, change) in plan.actions.iter().enumerate() {
        tell(Event::Begins {
            number: number + 1,
            of: plan.actions.len(),
            change,
        });
        match change {
            Change::Put { path, entry, .. } => dir.put(path, entry)?,
            Change::Remove { path, .. } => dir.remove(path)?,
            Change::DaemonReload => {
                program::demand(&["systemctl", "daemon-reload"], SYSTEMCTL_LIMIT_SECS)?;
            }
        }
    }
    state::set_record(dir, &plan.record)?;
    Ok(Applied { plan, previous })
}
