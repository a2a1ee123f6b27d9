//! The iSCSI session that an installation needs.

use super::{HostError, program};
use crate::diag::text::printable;
use crate::install::{self, Step};
use crate::render::Install;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long systemd may take to say how units are.
const STATE_SECS: u32 = 30;
/// How often a session is looked at that is to end.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Holds the session: a scope of systemd that needs it, with a process that ends with us,
/// however we end.
#[derive(Debug)]
pub(super) struct Session {
    install: Install,
    keeper: Child,
}

impl Session {
    /// Logs in and waits for the disk; what is printed goes to `log`. Gives why it failed, if
    /// it did.
    pub(super) fn open(install: &Install, step: &Step, log: &File) -> Result<Self, String> {
        let start = || {
            program::held(&step.words)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(log.try_clone()?)
                .spawn()
        };
        let mut keeper = start().map_err(|error| format!("could not be started ({error})"))?;
        let mut line = String::new();
        let said = keeper.stdout.take().map(BufReader::new);
        let read = said.map(|mut said| said.read_line(&mut line));
        let session = Self {
            install: install.clone(),
            keeper,
        };
        if matches!(read, Some(Ok(length)) if length > 0) {
            return Ok(session);
        }
        session.let_go();
        let unit = format!("vm_iscsi_session@{}.service", install.domain);
        let why = reason(&unit, &install.domain).map_or_else(String::new, |why| format!(": {why}"));
        Err(format!("failed{why}; see 'journalctl -u {unit}'"))
    }

    /// Logs out, unless the VM or a mount needs the session, and waits for that.
    ///
    /// # Errors
    /// If the session does not end.
    pub(super) fn close(self) -> Result<(), HostError> {
        let install = self.install.clone();
        self.let_go();
        for step in install::close(&install) {
            // It has ended by itself, most likely.
            program::run(&step.words, step.limit_secs)?;
        }
        ends(&install)
    }

    fn let_go(mut self) {
        drop(self.keeper.stdin.take());
        // It has gone, or is about to.
        let _ = self.keeper.wait();
    }
}

/// What `vm-root` said last in a unit of a VM, if it said anything.
fn reason(unit: &str, domain: &str) -> Option<String> {
    let words = [
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=cat",
        "--lines=20",
        "--unit",
        unit,
    ];
    let said = program::run(&words, STATE_SECS).ok()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let own = format!("{domain}: ");
    let last = said.lines().rev().find_map(|line| line.strip_prefix(&own));
    last.map(printable)
}

/// Waits until systemd has ended the session, unless something else needs it.
fn ends(install: &Install) -> Result<(), HostError> {
    let unit = |kind: &str| format!("{kind}@{}.service", install.domain);
    let session = unit("vm_iscsi_session");
    let needing = ["vm", "vm_mount", "vm_iscsi"].map(unit);
    let mut words = vec!["systemctl", "is-active", &session];
    words.extend(needing.iter().map(String::as_str));
    let limit = Duration::from_secs(u64::from(install.limits.logout_secs));
    let begin = Instant::now();
    loop {
        let ran = program::run(&words, STATE_SECS)?;
        let states = String::from_utf8_lossy(&ran.stdout);
        let states: Vec<_> = states.lines().collect();
        let is_up = |state: &str| matches!(state, "active" | "activating" | "reloading");
        if let [session, needing @ ..] = states.as_slice() {
            let is_there = is_up(session) || *session == "deactivating";
            if !is_there || needing.iter().any(|state| is_up(state)) {
                return Ok(());
            }
        }
        if begin.elapsed() > limit {
            return Err(HostError::SessionStays(install.domain.clone()));
        }
        sleep(LOOK_AGAIN);
    }
}
