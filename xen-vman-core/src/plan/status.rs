//! How the VMs of a host are, from what was seen of it.

use super::files::defined;
use super::{Observed, guests};
use crate::install::Install;
use crate::object::EnabledUnit;
use crate::render::Output;
use crate::storage::Location;
use crate::values::DomainName;
use serde::Serialize;
use std::collections::BTreeSet;

/// How a VM is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "answers to questions of yes or no"
)]
#[non_exhaustive]
pub struct VmStatus {
    /// The domain.
    pub domain: String,
    /// Whether the definition has it.
    pub is_defined: bool,
    /// Whether it starts with the host.
    pub is_enabled: bool,
    /// Whether Xen has the domain; none where nothing runs.
    pub is_running: Option<bool>,
    /// Whether it runs with settings of another meaning than is asked for.
    pub needs_restart: bool,
    /// Whether its root holds a system.
    pub installed: Installed,
    /// Where its root is; none if that is its own affair.
    pub storage: Option<Location>,
    /// Whether this host is connected to it; none where there is nothing to connect to.
    pub is_connected: Option<bool>,
    /// Whether `vm_mount@` shows its root.
    pub is_mounted: bool,
}

/// Whether a root holds a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Installed {
    /// As far as the host knows.
    Yes,
    /// Its installation has begun.
    Unfinished,
    /// The next apply installs it.
    No,
    /// It is not installed by us.
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

/// How VMs are, sorted by domain: all that are defined, those that were and still have a
/// configuration of ours, and all that run.
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
    let all: BTreeSet<_> = defined.iter().copied().chain(left).chain(running).collect();
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
            needs_restart: pending.iter().any(|pending| pending.as_str() == domain),
            installed: installed(domain, install, observed),
            storage: install.map(|install| install.volume.location()),
            is_connected: install.and_then(|install| is_connected(install, observed)),
            is_mounted: observed.mounted.contains(domain),
        }
    };
    all.into_iter().map(of).collect()
}

/// Whether the link of its unit stands there. What runs under a name that no VM of ours can
/// have is not enabled.
fn is_enabled(domain: &str, observed: &Observed) -> bool {
    domain.parse().is_ok_and(|domain| {
        let link = EnabledUnit::Vm(domain).link();
        observed.entries.contains_key(&link)
    })
}

fn installed(domain: &str, install: Option<&Install>, observed: &Observed) -> Installed {
    let mut records = observed.guests.iter();
    let record = records.find(|(known, _)| known.as_str() == domain);
    match (record, install) {
        (Some((_, record)), _) if record.is_finished => Installed::Yes,
        (Some(_), _) => Installed::Unfinished,
        (None, Some(install)) if install.auto_install => Installed::No,
        (None, _) => Installed::Foreign,
    }
}

fn is_connected(install: &Install, observed: &Observed) -> Option<bool> {
    let attachment = install.volume.attachment()?;
    Some(observed.sessions.contains(&attachment.session))
}
