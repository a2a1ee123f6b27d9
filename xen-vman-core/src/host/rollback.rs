//! Lists the generations of a host, and goes back to one.

use super::apply::{Applied, carry_out, look};
use super::generation::{Generations, Purpose, Summary};
use super::machine::Host;
use super::watch::Watcher;
use super::{HostError, state};
use crate::plan::{self, Plan};

/// The generations of a host, the oldest first.
///
/// # Errors
/// If they cannot be read.
pub fn generations(host: &dyn Host) -> Result<Vec<Summary>, HostError> {
    Ok(Generations::read(host)?.summaries())
}

/// Restores the files and the record of managed files as they were after a generation. Without
/// `to`, it undoes the last apply that changed files; if called again, the one before that. A
/// rollback that was interrupted is continued.
///
/// # Errors
/// Like [`apply`](super::apply()); also if there is nothing to roll back, or if somebody else has changed the
/// files since.
pub fn rollback(
    host: &dyn Host,
    to: Option<u32>,
    watcher: &mut dyn Watcher,
) -> Result<Applied, HostError> {
    let _lock = host.lock()?;
    let (plan, to) = plan_rollback(host, to)?;
    watcher.goes_back_to(to);
    carry_out(host, plan, Purpose::Rollback { to }, watcher)
}

/// Plans a [`rollback`], without changing anything. Also returns the generation that it rolls back
/// to; 0 is the state before all of them.
///
/// # Errors
/// Like [`rollback`].
pub fn plan_rollback(host: &dyn Host, to: Option<u32>) -> Result<(Plan, u32), HostError> {
    let generations = Generations::read(host)?;
    let target = generations.target(host, to)?;
    let paths = target.kept.iter().map(|kept| kept.path.clone()).collect();
    let observed = look(host, paths, state::record(host)?)?;
    let plan =
        plan::rollback(&target.kept, target.record, &observed).map_err(HostError::ChangedSince)?;
    if plan.is_empty() && to.is_none() {
        generations.refuse_to_do_nothing()?;
    }
    Ok((plan, target.number))
}
