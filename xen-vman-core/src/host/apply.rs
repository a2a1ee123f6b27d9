//! Observes a host, plans changes, and carries them out.

use super::generation::{self, Generation};
use super::machine::{Host, demand};
use super::observe::{domains, kernels, mounted, sessions};
use super::session::Session;
use super::{HostError, guest_records, install, state};
use crate::command::Command;
use crate::install::{GuestRecord, Step};
use crate::plan::{self, Action, Change, Observed, Plan, Record};
use crate::render::Output;
use crate::values::DomainName;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How long systemd may take to reload its units, in seconds.
const RELOAD_LIMIT_SECS: u32 = 90;
/// How long dracut may take for one kernel, in seconds.
const INITRD_LIMIT_SECS: u32 = 1800;
/// How long systemd may take to start or stop a VM, in seconds. The units have their own,
/// configurable limits.
const VM_LIMIT_SECS: u32 = 86_400;

/// Follows an apply.
pub trait Watcher: Send {
    /// Called once, before anything is changed.
    ///
    /// # Errors
    /// Why the plan must not be carried out.
    fn approve(&mut self, plan: &Plan) -> Result<(), String>;

    /// Called whenever there is progress.
    fn tell(&mut self, event: Event<'_>);
}

/// The progress of an apply.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An action has begun.
    Begins {
        /// Its number, from 1.
        number: usize,
        /// The number of actions.
        of: usize,
        /// The action.
        action: &'a Action,
    },
    /// A step of the action has begun.
    Step(&'a str),
    /// The action failed; actions that do not depend on it continue.
    Fails(&'a HostError),
}

impl Event<'_> {
    /// The event as JSON, with its kind in `event`.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Begins { number, of, action } => {
                let mut value = action.to_json();
                value["event"] = json!("begins");
                value["number"] = json!(number);
                value["of"] = json!(of);
                value
            }
            Self::Step(step) => json!({ "event": "step", "step": step }),
            Self::Fails(error) => json!({ "event": "fails", "error": error.to_string() }),
        }
    }
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
    look(host, plan::paths(output, &record), record)
}

/// Plans the changes to a host, without making them.
///
/// # Errors
/// If the host cannot be read, or if existing paths conflict.
pub fn plan(host: &dyn Host, output: &Output, prune: bool) -> Result<Plan, HostError> {
    plan::plan(output, &observe(host, output)?, prune).map_err(HostError::Conflicts)
}

/// Makes a host match what was rendered. It may be interrupted at any point: the next apply does
/// the rest. If there is nothing to do, nothing is touched.
///
/// # Errors
/// The first action that fails; later ones are not started. Initrds, installations and starts
/// that fail do not stop the others and are listed in [`Applied`].
pub fn apply(
    host: &dyn Host,
    output: &Output,
    prune: bool,
    watcher: &mut dyn Watcher,
) -> Result<Applied, HostError> {
    let _lock = host.lock()?;
    let plan = plan(host, output, prune)?;
    carry_out(host, plan, Some(output), None, watcher)
}

/// Restores the files that the last apply changed, and the record of managed files from before
/// it. If called again, it undoes the apply before that one.
///
/// # Errors
/// Like [`apply`]; also if there is nothing to roll back, or if the files were changed after that
/// apply.
pub fn rollback(host: &dyn Host, watcher: &mut dyn Watcher) -> Result<Applied, HostError> {
    let _lock = host.lock()?;
    let previous = generation::previous(host)?.ok_or(HostError::NothingBefore)?;
    let paths = previous.kept.iter().map(|kept| kept.path.clone()).collect();
    let observed = look(host, paths, state::record(host)?)?;
    let plan = plan::rollback(&previous.kept, previous.record, &observed)
        .map_err(HostError::ChangedSince)?;
    carry_out(host, plan, None, Some(previous.number), watcher)
}

fn look(host: &dyn Host, paths: BTreeSet<String>, record: Record) -> Result<Observed, HostError> {
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
    if observed.is_running {
        observed.domains = domains(host)?;
        observed.kernels = kernels(host)?;
        observed.guests = guest_records::all(host)?;
        observed.sessions = sessions(host)?;
        observed.mounted = mounted(host)?;
    }
    Ok(observed)
}

fn carry_out(
    host: &dyn Host,
    plan: Plan,
    output: Option<&Output>,
    undoes: Option<u32>,
    watcher: &mut dyn Watcher,
) -> Result<Applied, HostError> {
    let before = state::record(host)?;
    if plan.is_empty() {
        if before != plan.record {
            state::set_record(host, &plan.record)?;
        }
        return Ok(Applied {
            plan,
            generation: None,
            failures: Vec::new(),
        });
    }
    watcher.approve(&plan).map_err(HostError::NotApproved)?;
    let generation = Generation::begin(host, &plan, &before, undoes)?;
    // If this run is interrupted, everything it may have begun must count as managed or pending.
    let mut owed = plan.record.clone();
    owed.objects.extend(before.objects.clone());
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
        output,
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
    state::set_record(host, &record)?;
    if failures.is_empty() {
        run.generation.end(host)?;
    }
    Ok(Applied {
        plan,
        generation: Some(path),
        failures,
    })
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
            self.watcher.tell(Event::Begins { number, of, action });
            let begins = json!({ "event": "begins", "number": number, "of": of, "sentence": action.to_string() });
            self.generation.note(self.host, begins);
            let result = match not_installed(&action.change, plan, &failures) {
                Some(error) => Err(error),
                None => self.one(&action.change),
            };
            let Err(error) = result else { continue };
            let fails = json!({ "event": "fails", "number": number, "error": error.to_string() });
            self.generation.note(self.host, fails);
            match action.change {
                Change::BuildInitrd { .. } | Change::Install { .. } | Change::Start { .. } => {
                    self.watcher.tell(Event::Fails(&error));
                    failures.push((index, error));
                }
                _ => return Err(error),
            }
        }
        Ok(failures)
    }

    fn one(&mut self, change: &Change) -> Result<(), HostError> {
        match change {
            Change::Put { path, entry, .. } => self.host.put(path, entry),
            Change::Remove { path, .. } => self.host.remove(path),
            Change::DaemonReload => {
                let reload = Command::new(["systemctl", "daemon-reload"], RELOAD_LIMIT_SECS);
                demand(self.host, &reload).map(drop)
            }
            Change::BuildInitrd { hook, kernel } => {
                let build = Command::new([hook, kernel], INITRD_LIMIT_SECS);
                demand(self.host, &build).map(drop)
            }
            Change::Stop { domain } => systemctl(self.host, "stop", domain),
            Change::Start { domain } if self.adopted.contains(domain) => Ok(()),
            Change::Start { domain } => systemctl(self.host, "start", domain),
            Change::Adopt { domain, location } => {
                let record = GuestRecord {
                    is_finished: true,
                    location: location.clone(),
                    ..GuestRecord::default()
                };
                guest_records::set(self.host, domain, &record)
            }
            Change::Install { domain, erase, .. } => self.install(domain, *erase),
        }
    }
}

impl Run<'_> {
    /// Installs a guest, and keeps its disk connected for the VM, which is started later.
    fn install(&mut self, domain: &DomainName, erase: bool) -> Result<(), HostError> {
        let found = self
            .output
            .and_then(|output| output.installation(domain.as_str()));
        let (install, files) = found.ok_or_else(|| HostError::Refused {
            domain: domain.clone(),
            why: "the definition does not install it".to_owned(),
        })?;
        let records = guest_records::all(self.host)?;
        let mut tell = |step: &Step| {
            let step = step.to_string();
            self.generation
                .note(self.host, json!({ "event": "step", "step": step }));
            self.watcher.tell(Event::Step(&step));
        };
        let record = records.get(domain);
        let outcome = install::install(self.host, install, files, record, erase, &mut tell)?;
        self.sessions.extend(outcome.session);
        if let Some(why) = outcome.adopted {
            let step = format!("{domain} is recorded as installed: {why}");
            self.generation
                .note(self.host, json!({ "event": "step", "step": step }));
            self.watcher.tell(Event::Step(&step));
            self.adopted.insert(domain.clone());
        }
        Ok(())
    }
}

/// The error for starting a VM whose installation failed, if it did.
fn not_installed(
    change: &Change,
    plan: &Plan,
    failures: &[(usize, HostError)],
) -> Option<HostError> {
    let Change::Start { domain: start } = change else {
        return None;
    };
    let failed = failures.iter().any(|(index, _)| {
        matches!(&plan.actions[*index].change, Change::Install { domain, .. } if domain == start)
    });
    failed.then(|| HostError::NotInstalled(start.clone()))
}

fn systemctl(host: &dyn Host, verb: &str, domain: &DomainName) -> Result<(), HostError> {
    let unit = format!("vm@{domain}.service");
    demand(
        host,
        &Command::new(["systemctl", verb, &unit], VM_LIMIT_SECS),
    )
    .map(drop)
}
