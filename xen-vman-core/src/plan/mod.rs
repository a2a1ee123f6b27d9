//! What a host needs × what it has → what is to be done, as data.
//!
//! Takes a rendered [`Output`] and what was [`Observed`] of the host; gives a [`Plan`]: the
//! actions in an order in which every prefix leaves a working host. Nothing is touched here.
//! Only files, links and settings are planned; guests are neither installed nor started.

mod observed;
mod settings;
mod show;

pub use observed::{Domain, Entry, Kernels, Observed, Record};

use crate::render::{Output, RenderedFile};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where systemd looks for units that start with the host.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const UNITS: &str = "/etc/systemd/system";

/// What an action brings with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Nothing.
    None,
    /// systemd reads its units again.
    DaemonReload,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An entry is put at a path, at once and whole.
    Put {
        /// The path.
        path: String,
        /// What will stand there.
        entry: Entry,
        /// What stands there.
        before: Option<Entry>,
    },
    /// What stands at a path is taken away.
    Remove {
        /// The path.
        path: String,
        /// What stands there.
        before: Entry,
    },
    /// systemd reads its units again.
    DaemonReload,
}

/// What is to be done, in order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The actions.
    pub actions: Vec<Change>,
    /// Files that are ours and no longer asked for; `prune` removes them.
    pub leftovers: Vec<String>,
    /// What is ours afterwards.
    pub record: Record,
}

/// Something that stands where a file must go, and is not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The path.
    pub path: String,
    /// What stands there.
    pub entry: Entry,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.entry {
            Entry::Link(target) => write!(f, "{path} is a symbolic link to {target}"),
            Entry::File { .. } => write!(f, "{path} is a file"),
            Entry::Other => write!(f, "{path} is a directory or a special file"),
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
    let places = files.chain(settings).chain(links).chain(ours);
    places.chain(vm_links(output)).collect()
}

/// What is to be done so that a host has what was rendered. What is ours and no longer asked
/// for is taken away with `prune` alone. Whether a VM starts with the host is what its
/// definition says, whoever said otherwise on the host.
///
/// # Errors
/// All that stands in the way.
pub fn plan(output: &Output, observed: &Observed, prune: bool) -> Result<Plan, Vec<Obstacle>> {
    let mut wanted = BTreeMap::new();
    for file in &output.host {
        wanted.insert(file.path.clone(), (rank(file), of_file(file)));
    }
    for unit in &output.enabled_units {
        let (path, target) = enablement(unit);
        wanted.insert(path, (Rank::Enablement, Entry::Link(target)));
    }
    let mut record = Record {
        places: wanted.keys().cloned().collect(),
        reload_pending: false,
    };
    for (path, entry) in settings::files(output, &observed.entries) {
        wanted.insert(path, (Rank::Settings, entry));
    }
    let mut obstacles = Vec::new();
    let mut ranked = Vec::new();
    for (path, (rank, entry)) in wanted {
        let before = observed.entries.get(&path).cloned();
        if before.as_ref() == Some(&entry) {
            continue;
        }
        match before {
            Some(found) if !replaces(&entry, &found, observed.record.places.contains(&path)) => {
                obstacles.push(Obstacle { path, entry: found });
            }
            before => ranked.push((
                rank,
                Change::Put {
                    path,
                    entry,
                    before,
                },
            )),
        }
    }
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let mut leftovers = Vec::new();
    let vm_links: BTreeSet<String> = vm_links(output).collect();
    let unwanted: BTreeSet<&String> = observed.record.places.union(&vm_links).collect();
    for path in unwanted {
        if record.places.contains(path) {
            continue;
        }
        match observed.entries.get(path) {
            Some(before @ (Entry::File { .. } | Entry::Link(_)))
                if prune || vm_links.contains(path) =>
            {
                let (path, before) = (path.clone(), before.clone());
                ranked.push((Rank::Removal, Change::Remove { path, before }));
            }
            Some(_) => leftovers.push(path.clone()),
            None => {}
        }
    }
    record.places.extend(leftovers.iter().cloned());
    let reload = observed.record.reload_pending
        || ranked
            .iter()
            .any(|(_, change)| change.impact() == Impact::DaemonReload);
    if reload && observed.is_running {
        ranked.push((Rank::DaemonReload, Change::DaemonReload));
    }
    // Stable: paths of one rank stay sorted.
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(Plan {
        actions: ranked.into_iter().map(|(_, change)| change).collect(),
        leftovers,
        record,
    })
}

/// The order of actions: what others need comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Script,
    Unit,
    Removal,
    Settings,
    DaemonReload,
    KernelHook,
    Storage,
    Config,
    Enablement,
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
fn enablement(unit: &str) -> (String, String) {
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
    let domains = output.host.iter().filter_map(|file| {
        let name = file.path.rsplit('/').next()?;
        name.strip_suffix(".cfg")
    });
    domains.map(|domain| enablement(&format!("vm@{domain}.service")).0)
}

impl Change {
    /// What it brings with it.
    pub fn impact(&self) -> Impact {
        match self {
            Self::Put { path, .. } | Self::Remove { path, .. }
                if path.starts_with(UNITS) && !path.starts_with(WANTS) =>
            {
                Impact::DaemonReload
            }
            Self::DaemonReload => Impact::DaemonReload,
            _ => Impact::None,
        }
    }
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}
