//! Plans which guests are installed and started, and finds those that need a restart.

use super::files::defined;
use super::{Action, Change, Entry, Impact, Observed};
use crate::install::{GuestRecord, Install};
use crate::object::{Object, instance};
use crate::render::Output;
use crate::storage::Location;
use crate::values::{DomainName, Reinstall, Risk, VolumeKey};
use crate::xl_cfg::same_meaning;
use std::collections::{BTreeMap, BTreeSet};

/// The installations, followed by the starts.
pub(super) fn actions(output: &Output, observed: &Observed) -> Vec<Action> {
    if !observed.is_running {
        return Vec::new();
    }
    let files = output.host.iter();
    let defined: BTreeSet<_> = files.filter_map(|file| file.object.configures()).collect();
    let mut actions = Vec::new();
    let mut starts = BTreeSet::new();
    for install in &output.installs {
        let domain = &install.root.key.domain;
        let location = install.root.volume.location();
        let key = &install.root.key;
        let earlier = observed.guests.get(key);
        let known = earlier.filter(|record| record.location == location);
        let moves_from = earlier
            .map(|record| &record.location)
            .filter(|from| **from != location);
        let needed = if observed.damaged.contains(key) {
            // This fails and says what is damaged, and others are installed.
            Need::Install
        } else {
            need(install, earlier, known)
        };
        let is_new = earlier.is_none() && !observed.damaged.contains(key);
        let was_there = |(other, record): &(&VolumeKey, &GuestRecord)| {
            let is_left = other.is_root() && !defined.contains(&other.domain);
            is_left && record.is_finished && record.location == location
        };
        let renamed = is_new
            .then(|| observed.guests.iter().find(was_there))
            .flatten();
        let installs = match needed {
            Need::Nothing | Need::Install if renamed.is_some() => None,
            Need::Nothing => {
                if is_owed_a_start(domain, known, observed) {
                    starts.insert(domain.clone());
                }
                continue;
            }
            // A VM that moved still runs from its old root; it says nothing about the new one.
            Need::Install if is_new && observed.domains.contains_key(domain.as_str()) => None,
            Need::Install => Some(false),
            Need::Reinstall => Some(true),
        };
        let domain = domain.clone();
        actions.push(match installs {
            None => Action {
                change: Change::Adopt {
                    domain,
                    record: renamed.map_or_else(
                        || found_at(location, observed),
                        |(_, record)| record.clone(),
                    ),
                    renamed_from: renamed.map(|(old, _)| old.domain.clone()),
                },
                impact: Impact::None,
            },
            Some(erase) => {
                if install.boot_after_creation {
                    starts.insert(domain.clone());
                }
                Action {
                    change: Change::Install {
                        domain,
                        location,
                        erase,
                        snapshot: erase && install.snapshot_before.contains(&Risk::Reinstall),
                        moves_from: moves_from.cloned(),
                    },
                    impact: if erase {
                        Impact::DestroysData
                    } else {
                        Impact::Install
                    },
                }
            }
        });
    }
    actions.extend(starts.into_iter().map(|domain| Action {
        change: Change::Start { domain },
        impact: Impact::StartsOrStops,
    }));
    actions
}

/// The record of a root that is in use.
fn found_at(location: Location, observed: &Observed) -> GuestRecord {
    let pools = observed
        .pools
        .values()
        .filter_map(|state| state.as_ref().ok());
    let mut volumes = pools.filter_map(|state| state.volumes.get(&location));
    let unique_id = volumes.find_map(|volume| volume.unique_id.clone());
    GuestRecord::found_at(location, None).on(unique_id)
}

/// The VMs that a plan installs, and whether their roots are erased for that.
pub(super) fn to_install(actions: &[Action]) -> BTreeMap<&DomainName, bool> {
    let installs = actions.iter().filter_map(|action| match &action.change {
        Change::Install { domain, erase, .. } => Some((domain, *erase)),
        _ => None,
    });
    installs.collect()
}

/// The VMs that a plan installs, or records as installed.
pub(super) fn installed(actions: &[Action]) -> BTreeSet<&DomainName> {
    let installs = actions.iter().filter_map(|action| match &action.change {
        Change::Install { domain, .. } | Change::Adopt { domain, .. } => Some(domain),
        _ => None,
    });
    installs.collect()
}

/// Whether a VM was installed but its start is still pending.
fn is_owed_a_start(domain: &DomainName, known: Option<&GuestRecord>, observed: &Observed) -> bool {
    observed.record.starts_pending.contains(domain)
        && known.is_some_and(|record| record.is_finished)
        && !observed.domains.contains_key(domain.as_str())
}

enum Need {
    Nothing,
    /// On an empty root, or one whose installation was interrupted.
    Install,
    /// Regardless of existing data.
    Reinstall,
}

/// `earlier` is the record of the VM, `known` the same if it is of this root.
fn need(install: &Install, earlier: Option<&GuestRecord>, known: Option<&GuestRecord>) -> Need {
    let again = match &install.reinstall {
        Reinstall::No => false,
        Reinstall::Always => true,
        // A token is used up wherever the VM was installed with it: another root is no consent.
        Reinstall::Token(token) => {
            earlier.is_none_or(|record| record.token.as_deref() != Some(&**token))
        }
    };
    if again {
        Need::Reinstall
    } else if install.auto_install && !known.is_some_and(|record| record.is_finished) {
        Need::Install
    } else {
        Need::Nothing
    }
}

/// Takes over what foreign units of these names started: the Ansible role's have no record of their
/// domains, and open sessions themselves.
pub(super) fn take_overs(output: &Output, observed: &Observed) -> Vec<Action> {
    let domains = output.host.iter().filter_map(|file| {
        let domain = file.object.configures()?.clone();
        if observed.domains.get(domain.as_str())?.config.is_some() {
            return None;
        }
        let config = running_config(&domain, &file.path, observed)?.to_vec();
        Some(Change::TakeOver { domain, config })
    });
    let sessions = output
        .attachments
        .iter()
        .filter_map(|(domain, attachment)| {
            let is_active = |template| observed.active_units.contains(&instance(template, domain));
            // Ours requires the session's unit.
            let is_foreign = attachment.holders.iter().any(|holder| is_active(holder))
                && !is_active(attachment.unit);
            is_foreign.then(|| Change::TakeOverSession {
                domain: domain.clone(),
                attachment: attachment.clone(),
            })
        });
    let changes = domains.chain(sessions);
    changes
        .map(|change| Action {
            change,
            impact: Impact::None,
        })
        .collect()
}

/// The configuration that a running domain was created from: the one that `vm@` recorded, or else,
/// if a `vm@` is active, the file that it starts the domain from.
fn running_config<'a>(domain: &DomainName, path: &str, observed: &'a Observed) -> Option<&'a [u8]> {
    let running = observed.domains.get(domain.as_str())?;
    match (&running.config, observed.entries.get(path)) {
        (Some(config), _) => Some(config),
        (None, Some(Entry::File { content, .. }))
            if observed.active_units.contains(&instance("vm", domain)) =>
        {
            Some(content)
        }
        _ => None,
    }
}

/// Whether the domain that `object` configures runs with settings that differ in meaning from those to
/// be written to `path`.
pub(super) fn needs_restart(
    object: &Object,
    path: &str,
    wanted: &[u8],
    observed: &Observed,
) -> bool {
    let config = object
        .configures()
        .and_then(|domain| running_config(domain, path, observed));
    config.is_some_and(|config| !same_meaning(config, wanted))
}

/// The VMs that start with the host, but that neither the definition nor the record has.
pub(super) fn undefined(output: &Output, observed: &Observed) -> Vec<DomainName> {
    let defined = defined(output);
    let recorded = observed.record.objects.values();
    let recorded: BTreeSet<_> = recorded.filter_map(Object::vm).collect();
    let enabled = observed.enabled_vms.iter();
    let others = enabled.filter(|domain| !defined.contains(domain) && !recorded.contains(domain));
    others.cloned().collect()
}

/// The VMs that run with outdated settings.
pub(super) fn pending_restarts(output: &Output, observed: &Observed) -> Vec<DomainName> {
    let files = output.host.iter();
    let pending =
        files.filter(|file| needs_restart(&file.object, &file.path, &file.content, observed));
    pending
        .filter_map(|file| file.object.configures())
        .cloned()
        .collect()
}
