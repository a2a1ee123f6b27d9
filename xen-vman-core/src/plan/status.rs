//! The state of a host's VMs.

use super::files::defined;
use super::{Observed, guests};
use crate::install::{GuestRecord, Install};
use crate::object::EnabledUnit;
use crate::render::Output;
use crate::storage::Location;
use crate::values::DomainName;
use serde::Serialize;
use std::collections::BTreeSet;

/// The state of a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes/no answers")]
#[non_exhaustive]
pub struct VmStatus {
    /// The domain.
    pub domain: String,
    /// Whether it is in the definition.
    pub is_defined: bool,
    /// Whether it starts at boot.
    pub is_enabled: bool,
    /// Whether Xen has the domain; `None` if this is not a running host.
    pub is_running: Option<bool>,
    /// Whether its unit started it, and so can stop it; `None` if it is not running.
    pub is_started_by_unit: Option<bool>,
    /// Whether it runs with outdated settings.
    pub needs_restart: bool,
    /// Whether a system is installed on its root.
    pub installed: Installed,
    /// The location of its root; `None` if xen-vman does not install it.
    pub storage: Option<Location>,
    /// Whether this host is connected to it; `None` if it needs no connection.
    pub is_connected: Option<bool>,
    /// Whether `vm_mount@` has mounted its root.
    pub is_mounted: bool,
}

/// Whether a system is installed on a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Installed {
    /// Yes, according to the host's records.
    Yes,
    /// Its installation was begun, but is not finished.
    Unfinished,
    /// No; the next apply installs it.
    No,
    /// xen-vman does not install it.
    Foreign,
}

impl Installed {
    /// The word for it, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Unfinished => "unfinished",
            Self::No => "no",
            Self::Foreign => "foreign",
        }
    }
}

/// The state of VMs, sorted by domain: all that are defined, those that were defined and still
/// have a managed configuration, and all that are running or start with the host.
pub fn status(output: &Output, observed: &Observed) -> Vec<VmStatus> {
    let defined: BTreeSet<_> = defined(output)
        .into_iter()
        .map(DomainName::as_str)
        .collect();
    let objects = observed.record.objects.iter();
    let left = objects
        .filter(|(path, _)| observed.entries.contains_key(*path))
        .filter_map(|(_, object)| object.configures().map(DomainName::as_str));
    let running = observed.domains.keys().map(String::as_str);
    let enabled = observed.enabled_vms.iter().map(DomainName::as_str);
    let all = defined.iter().copied().chain(left).chain(running);
    let all: BTreeSet<_> = all.chain(enabled).collect();
    let pending = guests::pending_restarts(output, observed);
    let of = |domain: &str| {
        let install = output.installation(domain).map(|(install, _)| install);
        VmStatus {
            domain: domain.to_owned(),
            is_defined: defined.contains(domain),
            is_enabled: is_enabled(domain, observed),
            is_running: observed
                .is_running
                .then(|| observed.domains.contains_key(domain)),
            is_started_by_unit: observed
                .domains
                .get(domain)
                .map(|running| running.config.is_some() || is_active(domain, observed)),
            needs_restart: pending.iter().any(|pending| pending.as_str() == domain),
            installed: installed(domain, install, observed),
            storage: install.map(|install| install.root.volume.location()),
            is_connected: install.and_then(|install| is_connected(install, observed)),
            is_mounted: observed.mounted.contains(domain),
        }
    };
    all.into_iter().map(of).collect()
}

/// Whether its unit is active. A domain whose name is not valid for a VM has none.
fn is_active(domain: &str, observed: &Observed) -> bool {
    domain.parse().is_ok_and(|domain| {
        let unit = EnabledUnit::Vm(domain).to_string();
        observed.active_units.contains(&unit)
    })
}

/// Whether the link that enables its unit exists. A domain whose name is not valid for a VM is
/// never enabled.
fn is_enabled(domain: &str, observed: &Observed) -> bool {
    let domain: Result<DomainName, _> = domain.parse();
    domain.is_ok_and(|domain| observed.enabled_vms.contains(&domain))
}

fn installed(domain: &str, install: Option<&Install>, observed: &Observed) -> Installed {
    let mut records = observed.guests.iter();
    let record = records.find(|(known, _)| known.is_root() && known.domain.as_str() == domain);
    // A record of another volume says nothing about this one.
    let is_of_this = |record: &&GuestRecord| {
        install.is_none_or(|install| install.root.volume.location() == record.location)
    };
    match (record.map(|(_, record)| record).filter(is_of_this), install) {
        (Some(record), _) if record.is_finished => Installed::Yes,
        (Some(_), _) => Installed::Unfinished,
        (None, Some(install)) if install.auto_install => Installed::No,
        (None, _) => Installed::Foreign,
    }
}

fn is_connected(install: &Install, observed: &Observed) -> Option<bool> {
    let attachment = install.root.volume.attachment()?;
    Some(observed.sessions.contains(&attachment.session))
}
