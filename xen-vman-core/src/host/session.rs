//! The session that an installation holds if its volume must be attached first.

use super::HostError;
use super::machine::{Held, Host};
use crate::command::Command;
use crate::diag::text::printable;
use crate::install::{self, OnHost, Step};
use crate::object::instance;
use crate::storage::Attachment;
use crate::values::VolumeKey;
use std::time::Duration;

/// How long systemd may take to report the state of units, in seconds.
const STATE_SECS: u32 = 30;
/// How often to check whether a session has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Holds the session: a systemd scope that requires its unit, with a process that ends with this
/// one, however that ends.
#[derive(Debug)]
pub(super) struct Session {
    on: OnHost,
    attachment: Attachment,
    keeper: Box<dyn Held>,
}

impl Session {
    /// Attaches the volume and waits for it; output goes to `log`. The error is the reason.
    pub(super) fn open(
        host: &dyn Host,
        on: &OnHost,
        step: &Step,
        log: &str,
    ) -> Result<Self, String> {
        let attachment = on.volume.attachment();
        let attachment = attachment.ok_or_else(|| "failed: nothing to attach".to_owned())?;
        match host.hold(&step.command, log) {
            Ok(keeper) => Ok(Self {
                on: on.clone(),
                attachment,
                keeper,
            }),
            Err(Some(why)) => Err(why),
            Err(None) => {
                let unit = instance(attachment.unit, &on.key);
                let why = reason(host, &unit, on);
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                Err(format!("failed{why}; see 'journalctl -u {unit}'"))
            }
        }
    }

    /// Detaches the volume, unless the VM or a mount needs it, and waits until that is done.
    ///
    /// # Errors
    /// If the session does not end.
    pub(super) fn close(self, host: &dyn Host) -> Result<(), HostError> {
        let Self {
            on,
            attachment,
            keeper,
        } = self;
        keeper.let_go();
        if let Some(step) = install::close(&on) {
            // It has usually ended by itself.
            host.run(&step.command)?;
        }
        ends(host, &on, &attachment)
    }
}

/// The last message of `vm-root` in a unit of a VM, if there is one.
fn reason(host: &dyn Host, unit: &str, on: &OnHost) -> Option<String> {
    let words = [
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=cat",
        "--lines=20",
        "--unit",
        unit,
    ];
    let said = host.run(&Command::new(words, STATE_SECS)).ok()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let own = format!("{}: ", on.key);
    let last = said.lines().rev().find_map(|line| line.strip_prefix(&own));
    last.map(printable)
}

/// The units that may need the session of a volume.
fn holders(attachment: &Attachment, key: &VolumeKey) -> Vec<String> {
    let own = ["vm_mount"].iter().chain(attachment.holders);
    let own = own.map(|template| instance(template, key));
    [instance("vm", &key.domain)]
        .into_iter()
        .chain(own)
        .collect()
}

/// Waits until systemd has ended the session, unless something else holds it.
fn ends(host: &dyn Host, on: &OnHost, attachment: &Attachment) -> Result<(), HostError> {
    let mut words = vec!["systemctl".to_owned(), "is-active".to_owned()];
    words.push(instance(attachment.unit, &on.key));
    words.extend(holders(attachment, &on.key));
    let command = Command::new(words, STATE_SECS);
    let limit = Duration::from_secs(u64::from(attachment.detach_secs));
    let began = host.uptime();
    loop {
        let ran = host.run(&command)?;
        let states = String::from_utf8_lossy(&ran.stdout);
        let states: Vec<_> = states.lines().collect();
        let is_up = |state: &str| matches!(state, "active" | "activating" | "reloading");
        if let [session, holders @ ..] = states.as_slice() {
            let is_there = is_up(session) || *session == "deactivating";
            if !is_there || holders.iter().any(|state| is_up(state)) {
                return Ok(());
            }
        }
        if host.uptime().saturating_sub(began) > limit {
            return Err(HostError::SessionStays {
                unit: instance(attachment.unit, &on.key),
                key: on.key.clone(),
            });
        }
        host.sleep(LOOK_AGAIN);
    }
}
