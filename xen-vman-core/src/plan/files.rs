//! Files, links and settings.

use super::{Action, Change, Entry, Impact, Observed, Rank, Record, guests, settings};
use crate::install::{guest_paths, record_paths_of};
use crate::object::{EnabledUnit, Object, Role};
use crate::render::Output;
use crate::values::{DomainName, VolumeKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An existing path that conflicts with a file or link to be written or restored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// The existing file or link; `None` if it no longer exists.
    pub found: Option<Entry>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match &self.found {
            Some(Entry::Link(target)) => write!(f, " (a symbolic link to {target})"),
            Some(Entry::File { .. }) => f.write_str(" (a file)"),
            Some(Entry::Other) => f.write_str(" (a directory or a special file)"),
            None => f.write_str(" (no longer exists)"),
        }
    }
}

/// Paths that conflict with a plan; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// Their number, in a sentence about one or about many.
    pub(crate) fn count(&self, one: &str, many: &str) -> String {
        match self.0.len() {
            1 => format!("1 {one}"),
            several => format!("{several} {many}"),
        }
    }

    /// All of them, on one line.
    pub(crate) fn list(&self) -> String {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        all.join("; ")
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count("existing path conflicts", "existing paths conflict");
        write!(f, "{count}: {}", self.list())
    }
}

impl std::error::Error for Conflicts {}

/// The paths that a plan depends on.
pub fn paths(output: &Output, record: &Record) -> BTreeSet<String> {
    let files = output.host.iter().map(|file| file.path.clone());
    let settings = output
        .settings
        .iter()
        .map(|setting| setting.file.to_owned());
    let links = output.enabled_units.iter().map(EnabledUnit::link);
    let ours = record.objects.keys().cloned();
    // Guest records are removed together with the configurations.
    let domains = record.objects.values().filter_map(Object::configures);
    let records = domains.flat_map(guest_paths);
    let replaced = output.replaced.iter().map(|one| one.path.clone());
    let paths = files.chain(settings).chain(links).chain(ours);
    let paths = paths.chain(replaced);
    paths
        .chain(records)
        .chain(vm_links(output).into_keys())
        .collect()
}

/// The part of a plan that is about files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) actions: Vec<(Rank, Action)>,
    pub(super) orphans: BTreeMap<String, Object>,
    pub(super) record: Record,
}

/// Plans the changes to files, links and settings.
pub(super) fn plan(output: &Output, observed: &Observed, prune: bool) -> Result<Files, Conflicts> {
    let ours = &observed.record.objects;
    let mut record = Record {
        settings: settings::recorded(output, &observed.record),
        ..Record::default()
    };
    let mut conflicts = Vec::new();
    let mut actions = Vec::new();
    for (path, (object, entry)) in wanted(output, observed) {
        if object.role != Role::Settings {
            record.objects.insert(path.clone(), object.clone());
        }
        match observed.entries.get(&path) {
            Some(found) if *found == entry => {}
            Some(found) if !replaces(&entry, found, ours.contains_key(&path)) => {
                let found = Some(found.clone());
                conflicts.push(Conflict { path, found });
            }
            found => {
                let rank = rank(object.role);
                let action = put(object, path, entry, found.cloned(), observed);
                actions.push((rank, action));
            }
        }
    }
    if !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    let mut orphans = remove_stale(output, observed, prune, &record, &mut actions);
    record.objects.extend(orphans.clone());
    // They are not recorded: what they are is seen each time.
    for (path, before) in replaced(output, observed) {
        let object = Object::of_host(Role::Replaced);
        if record.objects.contains_key(&path) {
            continue;
        }
        if prune {
            let removal = remove(object, path, before.clone());
            actions.push((Rank::Removal, removal));
        } else {
            orphans.insert(path, object);
        }
    }
    Ok(Files {
        actions,
        orphans,
        record,
    })
}

/// Removes managed files that are no longer needed, if they belong to a VM that is still defined
/// or if `prune` is set. Returns those that stay.
fn remove_stale(
    output: &Output,
    observed: &Observed,
    prune: bool,
    record: &Record,
    actions: &mut Vec<(Rank, Action)>,
) -> BTreeMap<String, Object> {
    let defined = defined(output);
    let mut known = observed.record.objects.clone();
    known.extend(vm_links(output));
    let mut orphans = BTreeMap::new();
    for (path, object) in known {
        if record.objects.contains_key(&path) {
            continue;
        }
        let is_of_defined = object.vm().is_some_and(|vm| defined.contains(vm));
        match observed.entries.get(&path) {
            Some(before @ (Entry::File { .. } | Entry::Link(_))) if prune || is_of_defined => {
                let gone = object.configures().filter(|_| !is_of_defined);
                actions.extend(gone.into_iter().flat_map(|vm| give_up(vm, observed)));
                actions.push((Rank::Removal, remove(object.clone(), path, before.clone())));
            }
            Some(_) => {
                orphans.insert(path, object);
            }
            None => {}
        }
    }
    // What is recorded of a data disk that a VM no longer has must not keep it from starting.
    let data: BTreeSet<_> = output.data_disks.iter().map(|disk| &disk.on.key).collect();
    let recorded = observed.recorded();
    let recorded: BTreeSet<_> = recorded
        .filter(|key| !key.is_root() && defined.contains(&key.domain))
        .collect();
    let left = recorded.difference(&data);
    actions.extend(left.flat_map(|key| forget(key, observed)));
    orphans
}

/// The files of the Ansible role that are not needed any more.
fn replaced<'a>(
    output: &'a Output,
    observed: &'a Observed,
) -> impl Iterator<Item = (String, &'a Entry)> {
    output.replaced.iter().filter_map(|file| {
        let entry = observed.entries.get(&file.path)?;
        let is_one = matches!(entry, Entry::File { content, .. } if file.is(content));
        is_one.then(|| (file.path.clone(), entry))
    })
}

/// The actions that accompany removing the configuration of a VM that is no longer defined: the
/// VM is stopped first, and its guest records are removed.
fn give_up(domain: &DomainName, observed: &Observed) -> Vec<(Rank, Action)> {
    let root = VolumeKey::root(domain.clone());
    let keys = observed.recorded().filter(|key| key.domain == *domain);
    let keys: BTreeSet<_> = keys.chain([&root]).collect();
    let records = keys.into_iter().flat_map(|key| forget(key, observed));
    let stop = observed.is_running.then(|| {
        let change = Change::Stop {
            domain: domain.clone(),
        };
        let impact = Impact::StartsOrStops;
        (Rank::Stop, Action { change, impact })
    });
    records.chain(stop).collect()
}

/// Removes the records of a volume.
fn forget(key: &VolumeKey, observed: &Observed) -> Vec<(Rank, Action)> {
    let records = record_paths_of(key).into_iter().filter_map(|path| {
        let before = observed.entries.get(&path)?.clone();
        let object = Object::of_vm(&key.domain, Role::GuestRecord);
        Some((Rank::Removal, remove(object, path, before)))
    });
    records.collect()
}

/// All files and links that the host should have, by path.
fn wanted(output: &Output, observed: &Observed) -> BTreeMap<String, (Object, Entry)> {
    let mut wanted = BTreeMap::new();
    for file in &output.host {
        let entry = Entry::file(file.mode, file.content.clone());
        wanted.insert(file.path.clone(), (file.object.clone(), entry));
    }
    for unit in &output.enabled_units {
        wanted.insert(unit.link(), (unit.object(), Entry::Link(unit.target())));
    }
    for (path, entry) in settings::files(output, &observed.entries) {
        wanted.insert(path, (Object::of_host(Role::Settings), entry));
    }
    wanted
}

fn put(
    object: Object,
    path: String,
    entry: Entry,
    before: Option<Entry>,
    observed: &Observed,
) -> Action {
    let impact = match &entry {
        Entry::File { content, .. } if guests::needs_restart(&object, &path, content, observed) => {
            Impact::NeedsRestart
        }
        _ => impact_of(object.role),
    };
    let change = Change::Put {
        object,
        path,
        entry,
        before,
    };
    Action { change, impact }
}

fn remove(object: Object, path: String, before: Entry) -> Action {
    let impact = impact_of(object.role);
    let change = Change::Remove {
        object,
        path,
        before,
    };
    Action { change, impact }
}

pub(super) const fn impact_of(role: Role) -> Impact {
    match role {
        Role::Unit => Impact::DaemonReload,
        _ => Impact::None,
    }
}

pub(super) const fn rank(role: Role) -> Rank {
    match role {
        Role::Script
        | Role::NetworkScript
        | Role::GuestFile
        | Role::GuestRecord
        | Role::Replaced => Rank::Script,
        Role::Unit => Rank::Unit,
        Role::Settings => Rank::Settings,
        Role::InitrdHook | Role::InitrdRemovalHook => Rank::KernelHook,
        Role::StorageData => Rank::Storage,
        Role::XlConfig => Rank::Config,
        Role::Enablement => Rank::Enablement,
    }
}

/// Whether an entry may replace an existing one: a file replaces any file, a link only replaces
/// a link that xen-vman manages. Anything else is never replaced.
fn replaces(entry: &Entry, found: &Entry, is_ours: bool) -> bool {
    match (entry, found) {
        (Entry::File { .. }, Entry::File { .. }) => true,
        (Entry::Link(_), Entry::Link(_)) => is_ours,
        _ => false,
    }
}

/// The domains of the defined VMs.
pub(super) fn defined(output: &Output) -> BTreeSet<&DomainName> {
    let objects = output.host.iter().map(|file| &file.object);
    objects.filter_map(Object::configures).collect()
}

/// The links that would make the defined VMs start at boot, whether wanted or not.
fn vm_links(output: &Output) -> BTreeMap<String, Object> {
    let units = defined(output).into_iter().cloned().map(EnabledUnit::Vm);
    units.map(|unit| (unit.link(), unit.object())).collect()
}
