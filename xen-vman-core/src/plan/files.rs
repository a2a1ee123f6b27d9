//! Files, links and settings.

use super::action::domain_of_config;
use super::{Action, Change, Entry, Impact, Observed, Rank, Record, guests, settings};
use crate::install::record_paths;
use crate::render::{Output, RenderedFile};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where systemd looks for units that start with the host.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const UNITS: &str = "/etc/systemd/system";

/// Something that stands where a file must go, and is not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The path.
    pub path: String,
    /// What stands there; none if it is gone.
    pub found: Option<Entry>,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.found {
            Some(Entry::Link(target)) => write!(f, "{path} is a symbolic link to {target}"),
            Some(Entry::File { .. }) => write!(f, "{path} is a file"),
            Some(Entry::Other) => write!(f, "{path} is a directory or a special file"),
            None => write!(f, "{path} is gone"),
        }
    }
}

/// The paths whose state a plan depends on.
pub fn places(output: &Output, record: &Record) -> BTreeSet<String> {
    let files = output.host.iter().map(|file| file.path.clone());
    let settings = output
        .settings
        .iter()
        .map(|setting| setting.file.to_owned());
    let links = output.enabled_units.iter().map(|unit| enablement(unit).0);
    let ours = record.places.iter().cloned();
    // What is known of guests goes with them.
    let domains = record
        .places
        .iter()
        .filter_map(|path| domain_of_config(path));
    let records = domains.flat_map(record_paths);
    let places = files.chain(settings).chain(links).chain(ours);
    places.chain(records).chain(vm_links(output)).collect()
}

/// What is to be done to files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) actions: Vec<(Rank, Action)>,
    pub(super) leftovers: Vec<String>,
    pub(super) record: Record,
}

/// Brings files, links and settings to what was rendered.
pub(super) fn plan(
    output: &Output,
    observed: &Observed,
    prune: bool,
) -> Result<Files, Vec<Obstacle>> {
    let wanted = wanted(output, observed);
    let mut record = Record {
        places: wanted
            .iter()
            .filter(|(_, (rank, _))| *rank != Rank::Settings)
            .map(|(path, _)| path.clone())
            .collect(),
        ..Record::default()
    };
    let mut obstacles = Vec::new();
    let mut actions = Vec::new();
    for (path, (rank, entry)) in wanted {
        match observed.entries.get(&path) {
            Some(found) if *found == entry => {}
            Some(found) if !replaces(&entry, found, observed.record.places.contains(&path)) => {
                let found = Some(found.clone());
                obstacles.push(Obstacle { path, found });
            }
            found => actions.push((rank, put(path, entry, found.cloned(), observed))),
        }
    }
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let mut leftovers = Vec::new();
    let vm_links: BTreeSet<String> = vm_links(output).collect();
    for path in observed.record.places.union(&vm_links) {
        if record.places.contains(path) {
            continue;
        }
        match observed.entries.get(path) {
            Some(Entry::File { .. } | Entry::Link(_)) if prune || vm_links.contains(path) => {
                actions.extend(take_away(path, observed));
            }
            Some(_) => leftovers.push(path.clone()),
            None => {}
        }
    }
    record.places.extend(leftovers.iter().cloned());
    Ok(Files {
        actions,
        leftovers,
        record,
    })
}

/// All that is to stand on the host, by its path.
fn wanted(output: &Output, observed: &Observed) -> BTreeMap<String, (Rank, Entry)> {
    let mut wanted = BTreeMap::new();
    for file in &output.host {
        wanted.insert(file.path.clone(), (rank(file), of_file(file)));
    }
    for unit in &output.enabled_units {
        let (path, target) = enablement(unit);
        wanted.insert(path, (Rank::Enablement, Entry::Link(target)));
    }
    for (path, entry) in settings::files(output, &observed.entries) {
        wanted.insert(path, (Rank::Settings, entry));
    }
    wanted
}

fn put(path: String, entry: Entry, before: Option<Entry>, observed: &Observed) -> Action {
    let impact = match &entry {
        Entry::File { content, .. } if guests::needs_restart(&path, content, observed) => {
            Impact::NeedsRestart
        }
        _ => impact_of(&path),
    };
    Action {
        change: Change::Put {
            path,
            entry,
            before,
        },
        impact,
    }
}

/// Takes a file of ours away. With the configuration of a VM goes what else is known of it,
/// and before all that the VM is stopped.
fn take_away(path: &str, observed: &Observed) -> Vec<(Rank, Action)> {
    let remove = |path: &str| {
        let before = observed.entries.get(path)?.clone();
        let change = Change::Remove {
            path: path.to_owned(),
            before,
        };
        let impact = impact_of(path);
        Some((Rank::Removal, Action { change, impact }))
    };
    let mut actions: Vec<_> = remove(path).into_iter().collect();
    if let Some(domain) = domain_of_config(path) {
        let records = record_paths(domain);
        actions.extend(records.iter().filter_map(|path| remove(path)));
        if observed.is_running {
            let change = Change::Stop {
                domain: domain.to_owned(),
            };
            let impact = Impact::StartsOrStops;
            actions.push((Rank::Stop, Action { change, impact }));
        }
    }
    actions
}

pub(super) fn impact_of(path: &str) -> Impact {
    if path.starts_with(UNITS) && !path.starts_with(WANTS) {
        Impact::DaemonReload
    } else {
        Impact::None
    }
}

fn rank(file: &RenderedFile) -> Rank {
    let path = file.path.as_str();
    if path.starts_with(UNITS) {
        Rank::Unit
    } else if path.starts_with("/etc/kernel/") {
        Rank::KernelHook
    } else if path.ends_with(".iscsi") || path.ends_with(".nfs") {
        Rank::Storage
    } else if path.ends_with(".cfg") {
        Rank::Config
    } else {
        Rank::Script
    }
}

fn of_file(file: &RenderedFile) -> Entry {
    Entry::File {
        mode: file.mode,
        content: file.content.clone(),
    }
}

/// The link that makes a unit start with the host, and the unit file it points to.
pub(super) fn enablement(unit: &str) -> (String, String) {
    let file = match unit.split_once('@') {
        Some((template, _)) => format!("{template}@.service"),
        None => unit.to_owned(),
    };
    (format!("{WANTS}/{unit}"), format!("{UNITS}/{file}"))
}

/// A file replaces a file, and a link of ours or of systemd's a link. All else is somebody's.
fn replaces(entry: &Entry, found: &Entry, is_ours: bool) -> bool {
    match (entry, found) {
        (Entry::File { .. }, Entry::File { .. }) => true,
        (Entry::Link(_), Entry::Link(_)) => is_ours,
        _ => false,
    }
}

/// The links by which the VMs would start with the host, whether they shall or not.
fn vm_links(output: &Output) -> impl Iterator<Item = String> {
    let configs = output.host.iter();
    let domains = configs.filter_map(|file| domain_of_config(&file.path));
    domains.map(|domain| enablement(&format!("vm@{domain}.service")).0)
}
