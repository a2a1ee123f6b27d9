//! Carries out the actions of a plan, one after the other.

use super::generation::Generation;
use super::install::Loss;
use super::machine::{Host, demand};
use super::observe::domains;
use super::session::Session;
use super::steps::Follower;
use super::watch::{Event, Watcher};
use super::{HostError, data_disk, guest_records, install, vm_unit, volume};
use crate::command::Command;
use crate::install::{GuestRecord, Install, Step};
use crate::object::RenderedFile;
use crate::plan::{Change, Entry, Plan, VolumeChange, VolumeWork};
use crate::render::Output;
use crate::values::{DomainName, VolumeKey};
use std::collections::BTreeSet;

/// How long systemd may take to reload its units, in seconds.
const RELOAD_LIMIT_SECS: u32 = 90;
/// How long dracut may take for one kernel, in seconds.
const INITRD_LIMIT_SECS: u32 = 1800;

/// A plan that is being carried out.
pub(super) struct Run<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) output: Option<&'a Output>,
    pub(super) watcher: &'a mut dyn Watcher,
    pub(super) generation: Generation,
    /// The sessions of disks that are still connected.
    pub(super) sessions: Vec<Session>,
    /// VMs that turned out to have a system already, and are therefore not started.
    pub(super) adopted: BTreeSet<DomainName>,
}

impl Run<'_> {
    /// Carries out all actions; returns failures that do not stop the others.
    pub(super) fn all(&mut self, plan: &Plan) -> Result<Vec<(usize, HostError)>, HostError> {
        let mut failures: Vec<(usize, HostError)> = Vec::new();
        let of = plan.actions.len();
        for (index, action) in plan.actions.iter().enumerate() {
            let number = index + 1;
            self.report(Event::Begins { number, of, action });
            let mut failed = failures
                .iter()
                .map(|(index, _)| &plan.actions[*index].change);
            let result = match failed.find_map(|failed| action.change.is_void_after(failed)) {
                Some(domain) => Err(HostError::NotInstalled(domain.clone())),
                None => self.one(&action.change),
            };
            let Err(error) = result else { continue };
            let fails = Event::Fails(&error);
            self.generation.note(self.host, fails.to_json());
            match (&action.change, &error) {
                (
                    Change::BuildInitrd { .. }
                    | Change::Volume(_)
                    | Change::SetMounts { .. }
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
            Change::Volume(VolumeChange { key, work, .. }) => match work {
                VolumeWork::Make { .. } => volume::make(self.host, self.volume(key)?),
                VolumeWork::Grow { fill, .. } => volume::grow(self.host, self.volume(key)?, fill),
                VolumeWork::Prepare { .. } => self.prepare(key),
            },
            Change::SetMounts { domain, .. } => {
                let (install, _) = self.defined(domain)?;
                data_disk::set_mounts(self.host, install, self)
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

    /// What the definition says about a volume.
    fn volume(&self, key: &VolumeKey) -> Result<volume::Subject<'a>, HostError> {
        if key.is_root() {
            return self
                .defined(&key.domain)
                .map(|(install, _)| volume::Subject::Root(install));
        }
        let disk = self.output.and_then(|output| output.data_disk(key));
        disk.map(volume::Subject::Data)
            .ok_or_else(|| install::refused(key, "the definition has no such volume"))
    }

    /// Prepares a data disk.
    fn prepare(&mut self, key: &VolumeKey) -> Result<(), HostError> {
        let volume::Subject::Data(disk) = self.volume(key)? else {
            return Ok(());
        };
        let host = self.host;
        let kept = data_disk::prepare(host, disk, self)?;
        if let Some(why) = kept {
            self.report(Event::Step(&format!("{key} is left as it is: {why}")));
        }
        Ok(())
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
        let Some(why) = outcome.adopted else {
            self.sessions.extend(outcome.session);
            return Ok(());
        };
        self.report(Event::Step(&format!(
            "{domain} is recorded as installed: {why}"
        )));
        self.adopted.insert(domain.clone());
        // It is not started.
        outcome
            .session
            .map_or(Ok(()), |session| session.close(host))?;
        if install.mounts.is_empty() {
            return Ok(());
        }
        data_disk::set_mounts(host, install, self)
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
