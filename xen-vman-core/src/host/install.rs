//! Installs guests.
//!
//! A root is mounted where no mount of an installation reaches the host, and all of them go
//! with us, however we end.

use super::machine::{Files, Host, Owner};
use super::session::Session;
use super::{HostError, guest_records, root, state};
use crate::command::{Command, Effect, RunsIn};
use crate::diag::text::printable;
use crate::install::{self, GuestRecord, Install, Step, Task, Verdict};
use crate::object::RenderedFile;
use crate::render::LIBRARY;
use crate::values::DomainName;

/// How long Xen may take to answer.
const XEN_SECS: u32 = 30;
/// How much of what a failed step printed is told.
const TAIL_LINES: usize = 12;

/// What an installation leaves behind.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Why nothing was installed, if the root holds a system already.
    pub(super) adopted: Option<&'static str>,
    /// The session of its volume. It is to be closed once the VM holds it by itself, or will
    /// not be started.
    pub(super) session: Option<Session>,
}

/// Puts the operating system and the files of a guest onto its root, if that may be: see
/// [`install::judge`]. With `erase`, giving up all that is there was approved, and a VM that
/// runs is shut down. `tell` is told each step before it is taken.
///
/// # Errors
/// If the root may not be touched, or if a step failed. Then nothing stays mounted or attached,
/// and the next call takes up what was begun.
pub(super) fn install(
    host: &dyn Host,
    install: &Install,
    files: &[RenderedFile],
    record: Option<&GuestRecord>,
    erase: bool,
    tell: &mut (dyn FnMut(&Step) + Send),
) -> Result<Outcome, HostError> {
    if !host.is_running() {
        let why = "guests are installed by the host itself, not in a directory that stands for it";
        return Err(refused(&install.domain, why));
    }
    let mut run = Run {
        host,
        install,
        files,
        record,
        erase,
        point: install::point(&install.domain),
        log: state::new_log(host, &install.domain)?,
        session: None,
        tell,
    };
    for step in install::enter(install, erase) {
        run.take(&step, None)?;
    }
    run.refuse_running()?;
    let done = run.with_session();
    let session = run.session.take();
    match done {
        Ok(adopted) => Ok(Outcome { adopted, session }),
        Err(error) => {
            // What went wrong first is what is told.
            let _ = session.map(|session| session.close(host));
            Err(error)
        }
    }
}

/// An installation that is under way.
struct Run<'r> {
    host: &'r dyn Host,
    install: &'r Install,
    files: &'r [RenderedFile],
    record: Option<&'r GuestRecord>,
    erase: bool,
    point: String,
    log: String,
    session: Option<Session>,
    tell: &'r mut (dyn FnMut(&Step) + Send),
}

impl Run<'_> {
    /// Fails if Xen has the domain, or gives no answer.
    fn refuse_running(&self) -> Result<(), HostError> {
        let domain = &self.install.domain;
        let helper = format!("{LIBRARY}/vm-domain");
        let known = Command::new([&helper, "known", domain.as_str()], XEN_SECS);
        let why = match self.host.run(&known)?.status {
            1 => return Ok(()),
            0 => format!(
                "the VM is running, and its root must not be in use twice. Shut it down first: \
                 systemctl stop vm@{domain}, or xl shutdown -w {domain}"
            ),
            _ => "xl cannot tell whether the VM is running. Check Xen with `xl list` and \
                  `systemctl status xen`"
                .to_owned(),
        };
        Err(refused(domain, &why))
    }

    fn with_session(&mut self) -> Result<Option<&'static str>, HostError> {
        if let Some(step) = install::open(self.install) {
            self.take(&step, None)?;
        }
        let host = self.host;
        host.make_parents(&format!("{}/root", self.point), 0o700)?;
        let mut done = Ok(None);
        host.in_own_mounts(&mut || done = self.in_own_mounts())?;
        done
    }

    fn in_own_mounts(&mut self) -> Result<Option<&'static str>, HostError> {
        let domain = &self.install.domain;
        let found = root::look(self.host, self.install, &self.point)?;
        let verdict = install::judge(self.install, &found, self.record, self.erase);
        match &verdict {
            Verdict::Refuse(why) => return Err(refused(domain, why)),
            Verdict::Adopt { why, record } => {
                guest_records::set(self.host, domain, record)?;
                return Ok(Some(why));
            }
            Verdict::Install | Verdict::Erase | Verdict::TakeUpAgain => {}
        }
        // The last moment at which nothing is lost.
        self.refuse_running()?;
        let wanted = GuestRecord::of(self.install, false);
        guest_records::set(self.host, domain, &self.begun(&wanted, &verdict))?;
        self.put_on(&wanted, verdict.erases())?;
        guest_records::set(self.host, domain, &GuestRecord::of(self.install, true))?;
        Ok(None)
    }

    /// What is written down before the root is touched. What is given up with a new token is
    /// there until it is erased: until then, that is asked about again.
    fn begun(&self, wanted: &GuestRecord, verdict: &Verdict) -> GuestRecord {
        let known = self
            .record
            .filter(|record| record.location == wanted.location);
        GuestRecord {
            token: if verdict.erases() {
                known.and_then(|record| record.token.clone())
            } else {
                wanted.token.clone()
            },
            ..wanted.clone()
        }
    }

    fn put_on(&mut self, wanted: &GuestRecord, erase: bool) -> Result<(), HostError> {
        let mut root: Option<Box<dyn Files>> = None;
        for step in install::put_on(self.install, self.files, &self.point, erase) {
            // A directory that is held open cannot be unmounted.
            if step.command.effect == Effect::Unmount {
                root = None;
            }
            self.take(&step, root.as_deref())?;
            if step.makes_it_ours() {
                guest_records::set(self.host, &self.install.domain, wanted)?;
            }
            if step.command.effect == Effect::Mount {
                root = Some(self.host.mounted_at(&self.point)?);
            }
        }
        Ok(())
    }

    /// Takes a step; `root` is that of the guest, once it is mounted.
    fn take(&mut self, step: &Step, root: Option<&dyn Files>) -> Result<(), HostError> {
        (self.tell)(step);
        self.host
            .append(&self.log, format!("# {step}\n").as_bytes())?;
        let inside = || root.ok_or_else(|| self.failed(step, "has no root to work on"));
        match &step.task {
            Task::Hold => {
                let session = Session::open(self.host, self.install, step, &self.log);
                self.session = Some(session.map_err(|why| self.failed(step, &why))?);
                Ok(())
            }
            Task::Run => self.program(step),
            Task::AddUser => match root::user(inside()?, self.install.user.as_str())? {
                Some(_) => Ok(()),
                None => self.program(step),
            },
            Task::Put(file) | Task::MarkBegun(file) => self.put(step, inside()?, file),
            Task::Unmark => inside()?.remove(install::Marker::BEGUN),
        }
    }

    fn put(&self, step: &Step, root: &dyn Files, file: &RenderedFile) -> Result<(), HostError> {
        let owner = match file.owner.as_str() {
            "root" => Some(Owner::ROOT),
            name => root::user(root, name)?,
        };
        let owner = owner.ok_or_else(|| self.failed(step, "found no such user in the guest"))?;
        root.put_for(owner, &file.path, file.mode, &file.content)
            .map_err(|error| self.failed(step, &format!("failed: {error}")))
    }

    fn program(&self, step: &Step) -> Result<(), HostError> {
        let (how, tail) = match self.host.run_logged(&step.command, &self.log) {
            Ok(ended) if ended.status == 0 => return Ok(()),
            Ok(ended) => (
                how_it_ended(&step.command, ended.status),
                last_lines(&ended.tail),
            ),
            Err(error) => (format!("could not be started ({error})"), String::new()),
        };
        let why = match tail.as_str() {
            "" => how,
            said => format!("{how}:\n{said}\n"),
        };
        Err(self.failed(step, &why))
    }

    fn failed(&self, step: &Step, why: &str) -> HostError {
        HostError::Step {
            domain: self.install.domain.clone(),
            step: step.to_string(),
            why: why.to_owned(),
            log: self.log.clone(),
        }
    }
}

fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<_> = said.lines().map(printable).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// What the exit status of a command that failed says (`timeout(1)`, `chroot(1)`).
fn how_it_ended(command: &Command, status: i32) -> String {
    match (status, command.runs_in) {
        (124 | 137, _) => format!("took longer than {} s, or was killed", command.limit_secs),
        (127, RunsIn::Guest) => "did not find its program in the guest".to_owned(),
        (127, RunsIn::Host | RunsIn::Contained) => {
            "was not found on this host; install it first".to_owned()
        }
        _ => format!("failed with exit status {status}"),
    }
}

fn refused(domain: &DomainName, why: &str) -> HostError {
    HostError::Refused {
        domain: domain.clone(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_in_the_guest_is_not_looked_for_on_the_host() {
        let point = "/run/xen-vman/install/org-web";
        let in_guest = Command::in_guest(point, &["apt-get", "clean"], 20);
        assert_eq!(
            how_it_ended(&in_guest, 127),
            "did not find its program in the guest"
        );
        let on_host = Command::new(["debootstrap", "bookworm", point], 20).contained();
        assert_eq!(
            how_it_ended(&on_host, 127),
            "was not found on this host; install it first"
        );
    }
}
