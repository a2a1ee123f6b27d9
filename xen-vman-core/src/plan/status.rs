//! How the VMs of a host are, from what was seen of it.

use super::action::domain_of_config;
use super::files::enablement;
use super::{Observed, guests};
use crate::render::{InstallRoot, Output};
use serde::Serialize;
use std::collections::BTreeSet;

/// How a VM is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "answers to questions of yes or no"
)]
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
    /// The export or the device of its root; none if that is its own affair.
    pub storage: Option<String>,
    /// Whether that is at hand: logged in, where it is on iSCSI.
    pub is_at_hand: Option<bool>,
    /// Whether `vm_mount@` shows its root.
    pub is_mounted: bool,
}

/// Whether a root holds a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
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

/// How VMs are, sorted by domain: all that are defined, those that were and still have a
/// configuration of ours, and all that run.
pub fn status(output: &Output, observed: &Observed) -> Vec<VmStatus> {
    let configs = output.host.iter().map(|file| file.path.as_str());
    let defined: BTreeSet<_> = configs.filter_map(domain_of_config).collect();
    let places = observed.record.places.iter();
    let left = places
        .filter(|path| observed.entries.contains_key(*path))
        .filter_map(|path| domain_of_config(path));
    let running = observed.domains.keys().map(String::as_str);
    let all: BTreeSet<_> = defined.iter().copied().chain(left).chain(running).collect();
    let pending = guests::pending_restarts(output, observed);
    let of = |domain: &str| VmStatus {
        domain: domain.to_owned(),
        is_defined: defined.contains(domain),
        is_enabled: observed
            .entries
            .contains_key(&enablement(&format!("vm@{domain}.service")).0),
        is_running: observed
            .is_running
            .then(|| observed.domains.contains_key(domain)),
        needs_restart: pending.iter().any(|pending| pending == domain),
        installed: installed(domain, output, observed),
        storage: output
            .installation(domain)
            .map(|(install, _)| install.root.place().to_owned()),
        is_at_hand: is_at_hand(domain, output, observed),
        is_mounted: observed.mounted.contains(domain),
    };
    all.into_iter().map(of).collect()
}

fn installed(domain: &str, output: &Output, observed: &Observed) -> Installed {
    match (observed.guests.get(domain), output.installation(domain)) {
        (Some(record), _) if record.is_finished => Installed::Yes,
        (Some(_), _) => Installed::Unfinished,
        (None, Some((install, _))) if install.auto_install => Installed::No,
        (None, _) => Installed::Foreign,
    }
}

fn is_at_hand(domain: &str, output: &Output, observed: &Observed) -> Option<bool> {
    let (install, _) = output.installation(domain)?;
    match &install.root {
        InstallRoot::Iscsi { device, .. } => {
            // The name of a disk: …-iscsi-IQN-lun-0.
            let is_of = |iqn: &String| device.contains(&format!("-iscsi-{iqn}-lun-"));
            Some(observed.sessions.iter().any(is_of))
        }
        InstallRoot::Nfs(_) => None,
    }
}
