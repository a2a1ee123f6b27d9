//! Carries out the steps of work on a volume, with a log.

use super::HostError;
use super::install::Loss;
use super::machine::Host;
use crate::command::{Command, RunsIn};
use crate::diag::text::printable;
use crate::install::Step;
use crate::values::VolumeKey;

/// How many of the last lines that a failed step printed are reported.
const TAIL_LINES: usize = 12;

/// Follows work on a volume.
pub(super) trait Follower: Send {
    /// Called before each step.
    fn step(&mut self, step: &Step);

    /// Called before existing data is erased.
    ///
    /// # Errors
    /// Why it must not be.
    fn may_erase(&mut self, loss: &Loss) -> Result<(), String>;
}

/// Notes a step, and runs its command.
///
/// # Errors
/// If it fails.
pub(super) fn run(
    host: &dyn Host,
    key: &VolumeKey,
    log: &str,
    step: &Step,
    follower: &mut dyn Follower,
) -> Result<(), HostError> {
    note(host, log, step, follower)?;
    program(host, key, log, step)
}

/// Reports that a step begins.
///
/// # Errors
/// If the log cannot be written.
pub(super) fn note(
    host: &dyn Host,
    log: &str,
    step: &Step,
    follower: &mut dyn Follower,
) -> Result<(), HostError> {
    follower.step(step);
    host.append(log, format!("# {step}\n").as_bytes())
}

/// Runs the command of a step.
///
/// # Errors
/// If it fails.
pub(super) fn program(
    host: &dyn Host,
    key: &VolumeKey,
    log: &str,
    step: &Step,
) -> Result<(), HostError> {
    let (how, tail) = match host.run_logged(&step.command, log) {
        Ok(ended) if ended.status == 0 => return Ok(()),
        Ok(ended) => (
            how_it_ended(&step.command, ended.status),
            last_lines(&ended.tail),
        ),
        Err(error) => (format!("could not be started ({error})"), String::new()),
    };
    let why = match tail.as_str() {
        "" => how,
        said => format!("{how}:\n{said}"),
    };
    Err(failed(key, log, step, &why))
}

/// The error of a step.
pub(super) fn failed(key: &VolumeKey, log: &str, step: &Step, why: &str) -> HostError {
    HostError::Step {
        key: key.clone(),
        step: step.to_string(),
        why: why.to_owned(),
        log: log.to_owned(),
    }
}

fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<_> = said.lines().map(printable).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Describes the exit status of a command that failed (`timeout(1)`).
fn how_it_ended(command: &Command, status: i32) -> String {
    let in_guest = matches!(command.runs_in, RunsIn::Guest { .. });
    match status {
        124 | 137 => format!("took longer than {} s, or was killed", command.limit_secs),
        127 if !in_guest => "failed: this program is not installed on the host".to_owned(),
        _ => format!("failed with exit status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_in_the_guest_is_not_looked_for_on_the_host() {
        let point = "/run/xen-vman/install/org-web";
        let in_guest = Command::in_guest(point, &["apt-get", "clean"], 20);
        assert_eq!(how_it_ended(&in_guest, 127), "failed with exit status 127");
        let on_host = Command::new(["debootstrap", "bookworm", point], 20).contained();
        assert_eq!(
            how_it_ended(&on_host, 127),
            "failed: this program is not installed on the host"
        );
    }
}
