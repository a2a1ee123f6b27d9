//! Starts, stops and takes over VMs by their units.

use super::HostError;
use super::machine::{Host, demand};
use super::observe::{DOMAINS, UNITS_LIMIT_SECS, active_units, domains};
use crate::command::Command;
use crate::diag::text::printable;
use crate::object::instance;
use crate::plan::{Domain, Entry};
use crate::storage::Attachment;
use crate::values::DomainName;

/// How long systemd may take to start or stop a VM, in seconds. The units have their own,
/// configurable limits.
const VM_LIMIT_SECS: u32 = 86_400;

/// Starts a VM.
///
/// # Errors
/// If its unit does not start.
pub(super) fn start(host: &dyn Host, domain: &DomainName) -> Result<(), HostError> {
    systemctl(host, "start", &instance("vm", domain), VM_LIMIT_SECS)
}

/// Stops a VM that is no longer defined. Its files are only removed once Xen does not have it any
/// more: systemd knows nothing of a domain that it did not start.
///
/// # Errors
/// If its unit does not stop, or Xen still has the domain.
pub(super) fn stop(host: &dyn Host, domain: &DomainName) -> Result<(), HostError> {
    systemctl(host, "stop", &instance("vm", domain), VM_LIMIT_SECS)?;
    if domains(host)?.contains_key(domain.as_str()) {
        return Err(HostError::StillRuns(domain.clone()));
    }
    Ok(())
}

/// Records a running domain as one that its unit started, as `vm-domain claim` does. Nothing is done
/// if it has stopped since the plan was made: of another domain of this name, the record would be
/// wrong.
///
/// # Errors
/// If the record cannot be written.
pub(super) fn take_over(
    host: &dyn Host,
    domain: &DomainName,
    config: &[u8],
) -> Result<(), HostError> {
    let name = domain.as_str();
    let is_unclaimed = |one: &Domain| one.config.is_none();
    if !domains(host)?.get(name).is_some_and(is_unclaimed)
        || !active_units(host)?.contains(&instance("vm", domain))
    {
        return Ok(());
    }
    let directory = format!("{DOMAINS}/{name}");
    let config_path = format!("{directory}/config");
    host.make_parents(&directory, 0o755)?;
    host.make_parents(&config_path, 0o700)?;
    // The configuration is last: with it, nothing is left to do.
    host.put(&format!("{directory}/claimed"), &Entry::file(0o600, ""))?;
    host.put(&config_path, &Entry::file(0o600, config))
}

/// Makes a session that a foreign unit opened one of the session's own unit, which ends with the
/// units that need it. Units that hold a session by themselves start that unit, for which an open
/// session is fine, and are no longer needed if there is another.
///
/// # Errors
/// If systemd would stop others together with these units, or they do not start and stop.
pub(super) fn take_over_session(
    host: &dyn Host,
    domain: &DomainName,
    attachment: &Attachment,
) -> Result<(), HostError> {
    let users = ["vm", "vm_mount"].map(|template| instance(template, domain));
    for holder in attachment.holders {
        let unit = instance(holder, domain);
        // With the foreign units, the VM would stop together with this one.
        let show = [
            "systemctl",
            "show",
            "--property=RequiredBy",
            "--value",
            &unit,
        ];
        let ran = demand(host, &Command::new(show, UNITS_LIMIT_SECS))?;
        let dependents = String::from_utf8_lossy(&ran.stdout);
        if !dependents.trim().is_empty() {
            return Err(HostError::SessionInUse {
                unit,
                dependents: printable(dependents.trim()),
            });
        }
        let attach_secs = attachment.attach_secs.saturating_add(UNITS_LIMIT_SECS);
        systemctl(host, "restart", &unit, attach_secs)?;
        let active = active_units(host)?;
        if users.iter().any(|user| active.contains(user)) {
            let detach_secs = attachment.detach_secs.saturating_add(UNITS_LIMIT_SECS);
            systemctl(host, "stop", &unit, detach_secs)?;
        }
    }
    Ok(())
}

fn systemctl(host: &dyn Host, verb: &str, unit: &str, limit_secs: u32) -> Result<(), HostError> {
    let command = Command::new(["systemctl", verb, unit], limit_secs);
    demand(host, &command).map(drop)
}
