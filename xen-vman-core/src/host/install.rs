//! Installs guests.
//!
//! A root is mounted in a mount namespace of our own, so that no mount of an installation
//! reaches the host, and all of them go with us, however we end.

use super::dir::{Owner, failed};
use super::session::Session;
use super::{HostDir, HostError, guest_records, program, root, state};
use crate::diag::text::printable;
use crate::install::{self, GuestRecord, Step, Task, Verdict};
use crate::render::{Install, LIBRARY, RenderedFile};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// How long Xen may take to answer.
const XEN_SECS: u32 = 30;
/// How much of what a failed step printed is told.
const TAIL_LINES: usize = 12;
const TAIL_BYTES: u64 = 16 * 1024;

/// What an installation leaves behind.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Why nothing was installed, if the root holds a system already.
    pub(super) adopted: Option<&'static str>,
    /// The session of its disk. It is to be closed once the VM holds it by itself, or will
    /// not be started.
    pub(super) session: Option<Session>,
}

/// Puts the operating system and the files of a guest onto its root, if that may be: see
/// [`install::judge`]. With `erase`, giving up all that is there was approved, and a VM that
/// runs is shut down. `tell` is told each step before it is taken.
///
/// # Errors
/// If the root may not be touched, or if a step failed. Then nothing stays mounted or logged
/// in, and the next call takes up what was begun.
pub(super) fn install(
    dir: &HostDir,
    install: &Install,
    files: &[RenderedFile],
    record: Option<&GuestRecord>,
    erase: bool,
    tell: &mut (dyn FnMut(&Step) + Send),
) -> Result<Outcome, HostError> {
    if !dir.is_running() {
        let why = "guests are installed by the host itself, not in a directory that stands for it";
        return Err(refused(&install.domain, why));
    }
    let (log, log_path) = state::new_log(dir, &install.domain)?;
    let mut run = Run {
        dir,
        install,
        point: install::point(&install.domain),
        log,
        log_path,
        session: None,
        tell,
    };
    for step in install::enter(install, erase) {
        run.take(&step, None)?;
    }
    run.refuse_running()?;
    let done = run.with_session(files, record, erase);
    let session = run.session.take();
    match done {
        Ok(adopted) => Ok(Outcome { adopted, session }),
        Err(error) => {
            // What went wrong first is what is told.
            let _ = session.map(Session::close);
            Err(error)
        }
    }
}

/// An installation that is under way.
struct Run<'r> {
    dir: &'r HostDir,
    install: &'r Install,
    point: String,
    log: File,
    log_path: String,
    session: Option<Session>,
    tell: &'r mut (dyn FnMut(&Step) + Send),
}

impl Run<'_> {
    /// Fails if Xen has the domain, or gives no answer.
    fn refuse_running(&self) -> Result<(), HostError> {
        let domain = &self.install.domain;
        let helper = format!("{LIBRARY}/vm-domain");
        let why = match program::run(&[&helper, "known", domain], XEN_SECS)?.status {
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

    fn with_session(
        &mut self,
        files: &[RenderedFile],
        record: Option<&GuestRecord>,
        erase: bool,
    ) -> Result<Option<&'static str>, HostError> {
        for step in install::open(self.install) {
            self.take(&step, None)?;
        }
        let place = format!("{}/root", self.point);
        self.dir
            .make_parents(&place, Mode::from_bits_truncate(0o700))
            .map_err(|error| failed("make", &self.point, error))?;
        // Namespaces belong to threads; this one ends with the installation.
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                own_mounts().map_err(|errno| failed("unshare", "mounts", errno.into()))?;
                self.in_own_mounts(files, record, erase)
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn in_own_mounts(
        &mut self,
        files: &[RenderedFile],
        record: Option<&GuestRecord>,
        erase: bool,
    ) -> Result<Option<&'static str>, HostError> {
        let domain = &self.install.domain;
        let found = root::look(self.install, &self.point)?;
        let verdict = install::judge(self.install, &found, record, erase);
        match &verdict {
            Verdict::Refuse(why) => return Err(refused(domain, why)),
            Verdict::Adopt { why, record } => {
                guest_records::set(self.dir, domain, record)?;
                return Ok(Some(why));
            }
            Verdict::Install | Verdict::Erase | Verdict::TakeUpAgain => {}
        }
        // The last moment at which nothing is lost.
        self.refuse_running()?;
        let wanted = GuestRecord::of(self.install, false);
        let begun = GuestRecord {
            // What is given up with a new token is there until it is erased: until then, that is
            // asked about again.
            token: match record {
                _ if !verdict.erases() => wanted.token.clone(),
                Some(record) if record.place == wanted.place => record.token.clone(),
                _ => None,
            },
            ..wanted.clone()
        };
        guest_records::set(self.dir, domain, &begun)?;
        let mut root = None;
        for step in install::put_on(self.install, files, &self.point, verdict.erases()) {
            let is_mount = step.words.first().is_some_and(|word| word == "mount");
            // A directory that is held open cannot be unmounted.
            if step.words.first().is_some_and(|word| word == "umount") {
                root = None;
            }
            self.take(&step, root.as_ref())?;
            if step.makes_it_ours() {
                guest_records::set(self.dir, domain, &wanted)?;
            }
            if is_mount {
                root = Some(HostDir::open(Path::new(&self.point))?);
            }
        }
        guest_records::set(self.dir, domain, &GuestRecord::of(self.install, true))?;
        Ok(None)
    }

    /// Takes a step; `root` is that of the guest, once it is mounted.
    fn take(&mut self, step: &Step, root: Option<&HostDir>) -> Result<(), HostError> {
        (self.tell)(step);
        let began = writeln!(self.log, "# {step}").and_then(|()| self.log.stream_position());
        let began = began.map_err(|error| failed("write", &self.log_path, error))?;
        let inside = || root.ok_or_else(|| self.failed(step, "has no root to work on"));
        match &step.task {
            Task::Hold => {
                let session = Session::open(self.install, step, &self.log);
                self.session = Some(session.map_err(|why| self.failed(step, &why))?);
                Ok(())
            }
            Task::Run => self.program(step, &step.words, began),
            Task::Contained => self.program(step, &program::contained(&step.words), began),
            Task::AddUser => match root::user(inside()?, &self.install.user)? {
                Some(_) => Ok(()),
                None => self.program(step, &program::contained(&step.words), began),
            },
            Task::Put(file) => {
                let root = inside()?;
                let owner = match file.owner.as_str() {
                    "root" => Some(Owner::ROOT),
                    name => root::user(root, name)?,
                };
                let owner =
                    owner.ok_or_else(|| self.failed(step, "found no such user in the guest"))?;
                root.put_for(owner, &file.path, file.mode, &file.content)
                    .map_err(|error| self.failed(step, &format!("failed: {error}")))
            }
            Task::Remove(path) => inside()?.remove(path),
        }
    }

    fn program(&self, step: &Step, words: &[String], began: u64) -> Result<(), HostError> {
        let status = match program::log(words, step.limit_secs, &self.log) {
            Ok(0) => return Ok(()),
            Ok(status) => how_it_ended(step, status),
            Err(error) => format!("could not be started ({error})"),
        };
        let why = match self.tail(began) {
            said if said.is_empty() => status,
            said => format!("{status}:\n{said}\n"),
        };
        Err(self.failed(step, &why))
    }

    /// The last lines in the log since then.
    fn tail(&self, began: u64) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut log = self.log.try_clone()?;
            let end = log.seek(SeekFrom::End(0))?;
            log.seek(SeekFrom::Start(began.max(end.saturating_sub(TAIL_BYTES))))?;
            let mut said = Vec::new();
            log.read_to_end(&mut said)?;
            Ok(said)
        };
        let said = read().unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<_> = said.lines().map(printable).collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn failed(&self, step: &Step, why: &str) -> HostError {
        HostError::Step {
            domain: self.install.domain.clone(),
            step: step.to_string(),
            why: why.to_owned(),
            log: self.log_path.clone(),
        }
    }
}

/// What the exit status of a step that failed says (`timeout(1)`, `chroot(1)`).
fn how_it_ended(step: &Step, status: i32) -> String {
    let in_guest = step.words.first().is_some_and(|word| word == "chroot");
    match status {
        124 | 137 => format!("took longer than {} s, or was killed", step.limit_secs),
        127 if in_guest => "did not find its program in the guest".to_owned(),
        127 => "was not found on this host; install it first".to_owned(),
        _ => format!("failed with exit status {status}"),
    }
}

/// Parts this thread's mounts from those of the host, in both directions.
fn own_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
}

fn refused(domain: &str, why: &str) -> HostError {
    HostError::Refused {
        domain: domain.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_in_the_guest_is_not_looked_for_on_the_host() {
        let says = |line: &str| {
            let words = line.split(' ').map(str::to_owned).collect();
            let step = Step {
                words,
                task: Task::Contained,
                limit_secs: 20,
            };
            how_it_ended(&step, 127)
        };
        assert_eq!(
            says("chroot /run/xen-vman/install/org-web apt-get clean"),
            "did not find its program in the guest"
        );
        assert_eq!(
            says("debootstrap bookworm /run/xen-vman/install/org-web"),
            "was not found on this host; install it first"
        );
    }
}
