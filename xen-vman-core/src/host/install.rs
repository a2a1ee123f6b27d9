//! Installs guests.
//!
//! Roots are mounted in a private mount namespace, so that the host does not see the mounts and
//! all of them disappear with this process, however it ends.

use super::machine::{GuestRoot, Host};
use super::root::ACCESS_LIMIT;
use super::session::Session;
use super::steps::Follower;
use super::{HostError, guest_records, root, snapshot, state, steps, volume};
use crate::command::{Command, Effect};
use crate::install::{self, GuestRecord, Install, OnHost, Step, Task, Verdict};
use crate::object::RenderedFile;
use crate::plan::FileOwner;
use crate::render::LIBRARY;
use crate::storage::{Location, VolumeId};
use crate::values::{DomainName, Risk, VolumeKey};
use std::time::Duration;

/// How long Xen may take to answer, in seconds.
const XEN_SECS: u32 = 30;
/// How long to wait until nothing uses a volume any more.
const USE_LIMIT: Duration = Duration::from_secs(10);
/// How often to check that.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The data that an installation is about to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The domain that is to be installed.
    pub domain: DomainName,
    /// The location of its root.
    pub location: Location,
    /// The identity of its root.
    pub volume: VolumeId,
    /// What was found there, and whose it is, for people.
    pub content: String,
}

/// The result of an installation.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Why nothing was installed, if the root already holds a system.
    pub(super) adopted: Option<&'static str>,
    /// The session of its volume. Close it once the VM holds its own, or will not be started.
    pub(super) session: Option<Session>,
}

/// Installs the operating system and the files of a guest on its root, if
/// [`install::decide`] permits it. `erase` means that losing all existing data was approved; a
/// running VM is then shut down.
///
/// # Errors
/// If the root must not be touched, or if a step failed. Nothing stays mounted or attached, and
/// the next call starts the installation over.
pub(super) fn install(
    host: &dyn Host,
    install: &Install,
    files: &[RenderedFile],
    record: Option<&GuestRecord>,
    erase: bool,
    follower: &mut dyn Follower,
) -> Result<Outcome, HostError> {
    if !host.is_running() {
        let why = "guests can only be installed on a running host, not in an image";
        return Err(refused(&install.root.key, why));
    }
    let mut run = Run {
        host,
        install,
        files,
        record,
        erase,
        point: install::point(&install.root.key),
        log: state::new_log(host, &install.root.key)?,
        session: None,
        unique_id: None,
        follower,
    };
    for step in install::enter(install, erase) {
        run.take(&step, None)?;
    }
    refuse_running(host, &install.root.key.domain)?;
    let done = run.with_session();
    let session = run.session.take();
    match done {
        Ok(adopted) => Ok(Outcome { adopted, session }),
        Err(error) => {
            // The first error is the one to report.
            let _ = session.map(|session| session.close(host));
            Err(error)
        }
    }
}

/// An installation in progress.
struct Run<'r> {
    host: &'r dyn Host,
    install: &'r Install,
    files: &'r [RenderedFile],
    record: Option<&'r GuestRecord>,
    erase: bool,
    point: String,
    log: String,
    session: Option<Session>,
    /// What identifies the volume, once it was looked at.
    unique_id: Option<String>,
    follower: &'r mut dyn Follower,
}

impl Run<'_> {
    fn with_session(&mut self) -> Result<Option<&'static str>, HostError> {
        if let Some(step) = install::open(&self.install.root) {
            self.take(&step, None)?;
        }
        let host = self.host;
        host.make_parents(&format!("{}/root", self.point), 0o700)?;
        let mut done = Ok(None);
        host.in_own_mounts(&mut || done = self.in_own_mounts())?;
        done
    }

    fn in_own_mounts(&mut self) -> Result<Option<&'static str>, HostError> {
        let key = &self.install.root.key;
        refuse_in_use(self.host, &self.install.root)?;
        let mut found = root::look(self.host, &self.install.root, &self.point)?;
        let state = volume::found(self.host, &self.install.root.volume)?;
        found.unique_id = state.and_then(|state| state.unique_id);
        self.unique_id.clone_from(&found.unique_id);
        let verdict = install::decide(self.install, &found, self.record, self.erase);
        match &verdict {
            Verdict::Refuse(why) => return Err(refused(key, why)),
            Verdict::Adopt { why, record } => {
                guest_records::set(self.host, key, record)?;
                return Ok(Some(why));
            }
            Verdict::Install | Verdict::Erase | Verdict::StartOver => {}
        }
        if verdict == Verdict::Erase {
            let loss = Loss {
                domain: key.domain.clone(),
                location: self.install.root.volume.location(),
                volume: self.install.root.volume.id(),
                content: found.describe(),
            };
            let may = self.follower.may_erase(&loss);
            may.map_err(|why| refused(key, &why))?;
        }
        // The last checks before data may be lost.
        refuse_running(self.host, &key.domain)?;
        refuse_in_use(self.host, &self.install.root)?;
        if verdict == Verdict::Erase && self.install.snapshot_before.contains(&Risk::Reinstall) {
            snapshot::take(self.host, &self.install.root)?;
        }
        let begun = if verdict == Verdict::Erase {
            GuestRecord::of_erasing(self.install, self.record)
        } else {
            GuestRecord::of(self.install, false)
        };
        self.record(begun)?;
        self.put_on(verdict.erases())?;
        self.record(GuestRecord::of(self.install, true))?;
        Ok(None)
    }

    /// Records the state of the volume that was looked at.
    fn record(&self, record: GuestRecord) -> Result<(), HostError> {
        let record = record.on(self.unique_id.clone());
        guest_records::set(self.host, &self.install.root.key, &record)
    }

    fn put_on(&mut self, erase: bool) -> Result<(), HostError> {
        let mut root: Option<Box<dyn GuestRoot>> = None;
        for step in install::put_on(self.install, self.files, &self.point, erase) {
            // An open directory would keep the file system busy.
            if step.command.effect == Effect::Unmount {
                root = None;
            }
            self.take(&step, root.as_deref())?;
            if step.ends_erasing() {
                self.record(GuestRecord::of(self.install, false))?;
            }
            if step.command.effect == Effect::Mount {
                root = Some(self.host.mounted_at(&self.point, ACCESS_LIMIT)?);
            }
        }
        Ok(())
    }

    /// Carries out a step; `root` is the guest's root, once it is mounted.
    fn take(&mut self, step: &Step, root: Option<&dyn GuestRoot>) -> Result<(), HostError> {
        steps::note(self.host, &self.log, step, self.follower)?;
        let inside =
            || root.ok_or_else(|| self.failed(step, "needs the root, which is not mounted"));
        match &step.task {
            Task::Hold => {
                let session = Session::open(self.host, &self.install.root, step, &self.log);
                self.session = Some(session.map_err(|why| self.failed(step, &why))?);
                Ok(())
            }
            Task::Run => steps::program(self.host, &self.install.root.key, &self.log, step),
            Task::AddUser => match root::user(inside()?, self.install.user.as_str())? {
                Some(_) => Ok(()),
                None => steps::program(self.host, &self.install.root.key, &self.log, step),
            },
            Task::Put(file) | Task::MarkBegun(file) => self.put(step, inside()?, file),
            Task::Unmark => inside()?.unlink(install::Marker::BEGUN),
        }
    }

    fn put(&self, step: &Step, root: &dyn GuestRoot, file: &RenderedFile) -> Result<(), HostError> {
        let owner = match file.owner.as_str() {
            "root" => Some(FileOwner::ROOT),
            name => root::user(root, name)?,
        };
        let owner = owner.ok_or_else(|| {
            self.failed(
                step,
                &format!("failed: the guest has no user `{}`", file.owner),
            )
        })?;
        root.put_for(owner, &file.path, file.mode, &file.content)
            .map_err(|error| self.failed(step, &format!("failed: {error}")))
    }

    fn failed(&self, step: &Step, why: &str) -> HostError {
        steps::failed(&self.install.root.key, &self.log, step, why)
    }
}

/// Fails if Xen has the domain or does not answer.
pub(super) fn refuse_running(host: &dyn Host, domain: &DomainName) -> Result<(), HostError> {
    let helper = format!("{LIBRARY}/vm-domain");
    let known = Command::new([&helper, "known", domain.as_str()], XEN_SECS);
    let why = match host.run(&known)?.status {
        1 => return Ok(()),
        0 => format!(
            "the VM is running, and its root must not be in use twice. Shut it down first: \
             systemctl stop vm@{domain}, or xl shutdown -w {domain}"
        ),
        _ => "xl cannot tell whether the VM is running. Check Xen with `xl list` and \
              `systemctl status xen`"
            .to_owned(),
    };
    Err(refused(&VolumeKey::root(domain.clone()), &why))
}

/// Fails if anything on this host uses the volume. Some programs, such as udev's, only look at
/// a new disk for a moment.
pub(super) fn refuse_in_use(host: &dyn Host, on: &OnHost) -> Result<(), HostError> {
    let medium = on.volume.medium();
    let began = host.uptime();
    loop {
        let users = host.users(&medium)?;
        if users.is_empty() {
            return Ok(());
        }
        if host.uptime().saturating_sub(began) > USE_LIMIT {
            let location = on.volume.location();
            let why = format!(
                "{location} is in use on this host by {}. Nothing was changed there; end that \
                 first",
                users.join(", ")
            );
            return Err(refused(&on.key, &why));
        }
        host.sleep(LOOK_AGAIN);
    }
}

pub(super) fn refused(key: &VolumeKey, why: &str) -> HostError {
    HostError::Refused {
        key: key.clone(),
        why: why.to_owned(),
    }
}
