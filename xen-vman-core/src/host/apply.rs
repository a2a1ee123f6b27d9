//! Observes a host, plans changes, and carries them out.

use super::dir::is_new_file;
use super::doctor::preflight;
use super::generation::{self, Generation, Purpose};
use super::machine::Host;
use super::observe::{active_units, domains, enabled_vms, kernels, mounted, sessions};
use super::run::Run;
use super::watch::Watcher;
use super::{HostError, data_disk, guest_records, state, volume};
use crate::install::record_paths_of;
use crate::plan::{self, Change, Observed, Plan, PlanError, Record};
use crate::render::Output;
use crate::resolve::Resolved;
use std::collections::BTreeSet;

/// How to apply.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// Whether VMs that are no longer defined are stopped and removed.
    pub prune: bool,
    /// The name of the definition, for the list of generations.
    pub definition: String,
    /// The definition that was rendered, to check first whether a running host has what the apply
    /// needs; `None` if that is not to be checked.
    pub preflight: Option<&'a Resolved>,
}

/// The result of an apply.
#[derive(Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The plan that was carried out.
    pub plan: Plan,
    /// The directory with the replaced files and the journal; `None` if there was nothing to do.
    pub generation: Option<String>,
    /// The actions that failed, by their index in the plan, and why.
    pub failures: Vec<(usize, HostError)>,
}

/// Observes the parts of a host that a plan depends on.
///
/// # Errors
/// If the host cannot be read.
pub fn observe(host: &dyn Host, output: &Output) -> Result<Observed, HostError> {
    let record = state::record(host)?;
    let mut observed = look(host, plan::paths(output, &record), record)?;
    if observed.is_running {
        observed.pools = volume::pools(host, output);
    }
    Ok(observed)
}

/// Plans the changes to a host, without making them.
///
/// # Errors
/// If the host cannot be read, or if existing paths conflict.
pub fn plan(host: &dyn Host, output: &Output, prune: bool) -> Result<Plan, HostError> {
    plan::plan(output, &observe(host, output)?, prune).map_err(|error| match error {
        PlanError::Conflicts(conflicts) => HostError::Conflicts(conflicts),
        PlanError::Volumes(problems) => HostError::Volumes(problems),
    })
}

/// Makes a host match what was rendered. It may be interrupted at any point: the next apply does
/// the rest. If there is nothing to do, nothing is touched.
///
/// # Errors
/// If the host is not ready. The first action that fails; later ones are not started. Initrds,
/// sessions, installations and starts that fail do not stop the others and are listed in [`Applied`].
pub fn apply(
    host: &dyn Host,
    output: &Output,
    options: &Options<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Applied, HostError> {
    let _lock = host.lock()?;
    let plan = plan(host, output, options.prune);
    if let Some(resolved) = options.preflight
        && host.is_running()
        // Without its programs, nothing is known of a volume group.
        && matches!(&plan, Ok(plan) if !plan.is_empty()) | matches!(plan, Err(HostError::Volumes(_)))
    {
        let missing = preflight(host, resolved, output)?;
        if !missing.is_empty() {
            return Err(HostError::NotReady(missing));
        }
    }
    let plan = plan?;
    if host.is_running() {
        let by_hand = output.installs.iter().filter(|one| !one.is_wanted());
        for install in by_hand {
            guest_records::permit(host, &install.root.key)?;
        }
    }
    let purpose = Purpose::Apply {
        output,
        definition: &options.definition,
    };
    carry_out(host, plan, purpose, watcher)
}

pub(super) fn look(
    host: &dyn Host,
    paths: BTreeSet<String>,
    record: Record,
) -> Result<Observed, HostError> {
    let mut observed = Observed {
        record,
        is_running: host.is_running(),
        ..Observed::default()
    };
    for path in paths {
        if let Some(entry) = host.entry(&path)? {
            observed.entries.insert(path, entry);
        }
    }
    observed.enabled_vms = enabled_vms(host)?;
    if observed.is_running {
        observed.domains = domains(host)?;
        observed.kernels = kernels(host)?;
        (observed.guests, observed.damaged) = guest_records::all(host)?;
        observed.refused = guest_records::refused(host)?;
        let keys = observed.guests.keys().chain(&observed.damaged);
        let data = keys.chain(&observed.refused).filter(|key| !key.is_root());
        for path in data.flat_map(record_paths_of) {
            if let Some(entry) = host.entry(&path)? {
                observed.entries.insert(path, entry);
            }
        }
        observed.sessions = sessions(host)?;
        observed.mounted = mounted(host)?;
        observed.active_units = active_units(host)?;
    }
    Ok(observed)
}

pub(super) fn carry_out(
    host: &dyn Host,
    plan: Plan,
    purpose: Purpose<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Applied, HostError> {
    let before = state::record(host)?;
    if plan.is_empty() && !purpose.is_rollback() {
        purpose.finish(host)?;
        if before != plan.record {
            Generation::keep_found(host, &plan, &before, &purpose)?;
            state::set_record(host, &plan.record)?;
        }
        return Ok(Applied {
            plan,
            generation: None,
            failures: Vec::new(),
        });
    }
    watcher.approve(&plan).map_err(HostError::NotApproved)?;
    remove_leftovers(host, &plan);
    let generation = Generation::begin(host, &plan, &before, &purpose)?;
    // If this run is interrupted, everything it may have begun must count as managed or pending.
    let mut owed = plan.record.clone();
    owed.objects.extend(before.objects.clone());
    for (file, lines) in &before.settings {
        owed.settings
            .entry(file.clone())
            .or_insert_with(|| lines.clone());
    }
    owed.reload_pending = before.reload_pending;
    owed.stale_initrds
        .extend(before.stale_initrds.iter().cloned());
    owed.starts_pending
        .extend(before.starts_pending.iter().cloned());
    for action in &plan.actions {
        match &action.change {
            Change::DaemonReload => owed.reload_pending = true,
            Change::BuildInitrd { kernel, .. } => {
                owed.stale_initrds.insert(kernel.clone());
            }
            Change::Start { domain } => {
                owed.starts_pending.insert(domain.clone());
            }
            _ => {}
        }
    }
    state::set_record(host, &owed)?;
    let mut run = Run {
        host,
        output: purpose.output(),
        watcher,
        generation,
        sessions: Vec::new(),
        adopted: BTreeSet::new(),
    };
    let path = run.generation.path.clone();
    let failures = run.all(&plan);
    // VMs that are running hold their own sessions.
    let logouts = std::mem::take(&mut run.sessions).into_iter();
    let logouts = logouts
        .map(|session| session.close(host))
        .collect::<Result<Vec<()>, _>>();
    let failures = failures?;
    logouts?;
    let mut record = plan.record.clone();
    for (number, _) in &failures {
        match &plan.actions[*number].change {
            Change::BuildInitrd { kernel, .. } => {
                record.stale_initrds.insert(kernel.clone());
            }
            Change::Start { domain } => {
                record.starts_pending.insert(domain.clone());
            }
            _ => {}
        }
    }
    purpose.finish(host)?;
    state::set_record(host, &record)?;
    if failures.is_empty() {
        run.generation.end(host)?;
    }
    if let Some(output) = run.output {
        data_disk::record_vdevs(host, output)?;
        output
            .keep
            .map_or(Ok(()), |keep| generation::prune(host, keep))?;
    }
    Ok(Applied {
        plan,
        generation: Some(path),
        failures,
    })
}

/// Removes the new files that runs which were killed have not renamed: this one holds the lock.
fn remove_leftovers(host: &dyn Host, plan: &Plan) {
    let paths = plan.record.objects.keys().map(String::as_str);
    let changed = plan
        .actions
        .iter()
        .filter_map(|action| match &action.change {
            Change::Put { path, .. } | Change::Remove { path, .. } => Some(path.as_str()),
            _ => None,
        });
    let directories = paths
        .chain(changed)
        .filter_map(|path| path.rsplit_once('/').map(|(directory, _)| directory));
    for directory in directories.collect::<BTreeSet<_>>() {
        // What is wrong with a directory is reported when something is written there.
        for name in host.names(directory).unwrap_or_default() {
            if is_new_file(&name) {
                let _ = host.remove(&format!("{directory}/{name}"));
            }
        }
    }
}
