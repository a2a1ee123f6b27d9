//! Observes a host, plans changes, and carries them out.

use super::dir::is_new_file;
use super::doctor::preflight;
use super::generation::{self, Generation, Purpose};
use super::install::{Follower, Loss};
use super::machine::{Host, demand};
use super::observe::{active_units, domains, enabled_vms, kernels, mounted, sessions};
use super::session::Session;
use super::watch::{Event, Watcher};
use super::{HostError, guest_records, install, state, vm_unit, volume};
use crate::command::Command;
use crate::install::{GuestRecord, Install, Step, record_paths_of};
use crate::object::{RenderedFile, Role};
use crate::plan::{self, Change, Entry, Observed, Plan, PlanError, Record};
use crate::render::Output;
use crate::resolve::Resolved;
use crate::values::{DomainName, VolumeKey};
use std::collections::BTreeSet;

/// How long systemd may take to reload its units, in seconds.
const RELOAD_LIMIT_SECS: u32 = 90;
/// How long dracut may take for one kernel, in seconds.
const INITRD_LIMIT_SECS: u32 = 1800;

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
    if let Some(keep) = run.output.and_then(|output| output.keep) {
        generation::prune(host, keep)?;
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

/// A plan that is being carried out.
struct Run<'a> {
    host: &'a dyn Host,
    output: Option<&'a Output>,
    watcher: &'a mut dyn Watcher,
    generation: Generation,
    /// The sessions of disks that are still connected.
    sessions: Vec<Session>,
    /// VMs that turned out to have a system already, and are therefore not started.
    adopted: BTreeSet<DomainName>,
}

impl Run<'_> {
    /// Carries out all actions; returns failures that do not stop the others.
    fn all(&mut self, plan: &Plan) -> Result<Vec<(usize, HostError)>, HostError> {
        let mut failures: Vec<(usize, HostError)> = Vec::new();
        let of = plan.actions.len();
        for (index, action) in plan.actions.iter().enumerate() {
            let number = index + 1;
            self.report(Event::Begins { number, of, action });
            let result = match not_installed(&action.change, plan, &failures) {
                Some(error) => Err(error),
                None => self.one(&action.change),
            };
            let Err(error) = result else { continue };
            let fails = Event::Fails(&error);
            self.generation.note(self.host, fails.to_json());
            match (&action.change, &error) {
                (
                    Change::BuildInitrd { .. }
                    | Change::Make { .. }
                    | Change::Grow { .. }
                    | Change::Install { .. }
                    | Change::TakeOverSession { .. }
                    | Change::Start { .. },
                    _,
                )
                | (_, HostError::NotInstalled(_) | HostError::Renamed { .. }) => {
                    self.watcher.tell(fails);
                    failures.push((index, error));
                }
                _ => return Err(error),
            }
        }
        Ok(failures)
    }

    /// Reports progress, also in the journal.
    fn report(&mut self, event: Event<'_>) {
        self.generation.note(self.host, event.to_json());
        self.watcher.tell(event);
    }

    fn one(&mut self, change: &Change) -> Result<(), HostError> {
        match change {
            Change::Put {
                path,
                entry,
                before,
                ..
            } => {
                self.refuse_changed(path, before.as_ref())?;
                self.host.put(path, entry)
            }
            Change::Remove { path, before, .. } => {
                self.refuse_changed(path, Some(before))?;
                self.host.remove(path)
            }
            Change::RemoveBuilt { path } => self.host.remove(path),
            Change::DaemonReload => {
                let reload = Command::new(["systemctl", "daemon-reload"], RELOAD_LIMIT_SECS);
                demand(self.host, &reload).map(drop)
            }
            Change::BuildInitrd { hook, kernel } => {
                // dracut's processes must not outlive a run that is killed.
                let build = Command::new([hook, kernel], INITRD_LIMIT_SECS).contained();
                demand(self.host, &build).map(drop)
            }
            Change::Stop { domain } => vm_unit::stop(self.host, domain),
            Change::Start { domain } if self.adopted.contains(domain) => Ok(()),
            Change::Start { domain } => vm_unit::start(self.host, domain),
            Change::Adopt {
                domain,
                record,
                renamed_from,
            } => self.adopt(domain, record, renamed_from.as_ref()),
            Change::TakeOver { domain, config } => vm_unit::take_over(self.host, domain, config),
            Change::TakeOverSession { domain, attachment } => {
                vm_unit::take_over_session(self.host, domain, attachment)
            }
            Change::Make { domain, .. } => volume::make(self.host, self.defined(domain)?.0),
            Change::Grow { domain, fill, .. } => {
                volume::grow(self.host, self.defined(domain)?.0, fill)
            }
            Change::Install { domain, erase, .. } => self.install(domain, *erase),
        }
    }
}

impl<'a> Run<'a> {
    /// Fails if a path is not as it was when the plan was made, which may be minutes ago.
    fn refuse_changed(&self, path: &str, before: Option<&Entry>) -> Result<(), HostError> {
        if self.host.entry(path)?.as_ref() == before {
            return Ok(());
        }
        Err(HostError::ChangedMeanwhile {
            path: path.to_owned(),
        })
    }

    /// Records a VM as installed; the one that has been, under another name, must have stopped.
    fn adopt(
        &self,
        domain: &DomainName,
        record: &GuestRecord,
        renamed_from: Option<&DomainName>,
    ) -> Result<(), HostError> {
        if let Some(old) = renamed_from
            && domains(self.host)?.contains_key(old.as_str())
        {
            return Err(HostError::Renamed {
                domain: domain.clone(),
                old: old.clone(),
            });
        }
        let root = |domain: &DomainName| VolumeKey::root(domain.clone());
        guest_records::set(self.host, &root(domain), record)?;
        renamed_from.map_or(Ok(()), |old| guest_records::remove(self.host, &root(old)))
    }

    /// What the definition says about the installation of a VM.
    fn defined(&self, domain: &DomainName) -> Result<(&'a Install, &'a [RenderedFile]), HostError> {
        let output = self.output;
        let found = output.and_then(|output| output.installation(domain.as_str()));
        found.ok_or_else(|| HostError::Refused {
            key: VolumeKey::root(domain.clone()),
            why: "the definition does not install it".to_owned(),
        })
    }

    /// Installs a guest, and keeps its disk connected for the VM, which is started later.
    fn install(&mut self, domain: &DomainName, erase: bool) -> Result<(), HostError> {
        let (install, files) = self.defined(domain)?;
        let host = self.host;
        let key = &install.root.key;
        let record = guest_records::of(host, key)?;
        let outcome = install::install(host, install, files, record.as_ref(), erase, self);
        let outcome = outcome.inspect_err(|error| {
            let location = install.root.volume.location();
            if guest_records::of(host, key)
                .is_ok_and(|now| now.is_none_or(|now| now.location != location))
            {
                // The error is reported, and the VM is not enabled.
                let _ = guest_records::refuse(host, key, &error.to_string());
            }
        })?;
        self.sessions.extend(outcome.session);
        if let Some(why) = outcome.adopted {
            self.report(Event::Step(&format!(
                "{domain} is recorded as installed: {why}"
            )));
            self.adopted.insert(domain.clone());
        }
        Ok(())
    }
}

impl Follower for Run<'_> {
    fn step(&mut self, step: &Step) {
        self.report(Event::Step(&step.to_string()));
    }

    fn may_erase(&mut self, loss: &Loss) -> Result<(), String> {
        self.watcher.may_erase(loss)?;
        self.report(Event::Erases(loss));
        Ok(())
    }
}

/// The VM that a change installs or starts, now or whenever the host does.
fn needs_what_came_before(change: &Change) -> Option<&DomainName> {
    match change {
        Change::Install { domain, .. } | Change::Start { domain } => Some(domain),
        Change::Put { object, .. } if object.role == Role::Enablement => object.vm(),
        _ => None,
    }
}

/// The error for installing, starting or enabling a VM whose volume or installation failed, if it did.
fn not_installed(
    change: &Change,
    plan: &Plan,
    failures: &[(usize, HostError)],
) -> Option<HostError> {
    let domain = needs_what_came_before(change)?;
    let failed = failures.iter().any(|(index, _)| {
        matches!(
            &plan.actions[*index].change,
            Change::Make { domain: other, .. }
            | Change::Install { domain: other, .. }
            | Change::Adopt { domain: other, .. }
                if other == domain
        )
    });
    failed.then(|| HostError::NotInstalled(domain.clone()))
}
