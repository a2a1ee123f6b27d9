//! Plans how to remove all that applies brought to a host, and to restore what they replaced.

use super::files::{impact_of, rank};
use super::{
    Action, Change, Entry, Impact, Kept, Observed, Plan, Rank, Record, digest, reload, settings,
};
#[cfg(feature = "host")]
use crate::install::GUESTS;
use crate::install::record_paths_of;
use crate::object::{Object, Role, UNITS};
use crate::render::{MOUNT_PATH, links};
use crate::storage::source_in;
use crate::values::{DomainName, VolumeKey, guest_initrd};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What an uninstallation does to a host, and what it leaves there.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Uninstall {
    /// The actions.
    pub plan: Plan,
    /// What stays.
    pub left: Left,
}

/// What an uninstallation leaves on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Left {
    /// Files that somebody else has changed, so that what was there before is not restored.
    pub changed_files: BTreeSet<String>,
    /// Files of which it is not known any more what was there before.
    pub unknown_originals: BTreeSet<String>,
    /// The locations of the volumes of VMs, also of those that are no longer defined. They are never
    /// touched.
    pub roots: BTreeMap<DomainName, BTreeSet<String>>,
}

impl Left {
    fn note_root(&mut self, domain: &DomainName, location: Option<String>) {
        let all = self.roots.entry(domain.clone()).or_default();
        all.extend(location);
    }

    /// Adds the root that a file is about.
    pub(crate) fn note_root_of(&mut self, object: &Object, entry: Option<&Entry>) {
        if object.role == Role::StorageData
            && let (Some(domain), Some(Entry::File { content, .. })) = (object.vm(), entry)
        {
            self.note_root(domain, source_in(content));
        }
    }
}

/// A use of VMs or their roots that an uninstallation would break.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Use {
    /// What is used.
    pub what: String,
    /// The command that ends it.
    pub end: String,
}

/// All uses of a host's VMs and their roots; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uses(pub Vec<Use>);

impl fmt::Display for Uses {
    /// The commands that end them, each on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Use { what, end } in &self.0 {
            write!(f, "\n  {end}    # {what}")?;
        }
        Ok(())
    }
}

/// The VMs that xen-vman configured or installed on a host.
fn known_vms(observed: &Observed) -> BTreeSet<&DomainName> {
    let objects = observed.record.objects.values();
    let configured = objects.filter_map(Object::configures);
    let recorded = observed.guests.keys().chain(&observed.damaged);
    let recorded = recorded.chain(&observed.refused);
    configured.chain(recorded.map(|key| &key.domain)).collect()
}

/// The volumes that may have records.
fn known_volumes(observed: &Observed) -> BTreeSet<VolumeKey> {
    let roots = known_vms(observed).into_iter().cloned();
    let roots = roots.map(VolumeKey::root);
    roots.chain(observed.recorded().cloned()).collect()
}

/// The paths that an uninstallation depends on, in addition to those of what applies replaced. Only
/// the record and the guests of the host need to be observed.
pub fn uninstall_paths(observed: &Observed) -> BTreeSet<String> {
    let records = known_volumes(observed);
    let records = records.iter().flat_map(record_paths_of);
    let links = links().into_iter().map(|link| link.path.to_owned());
    let record = &observed.record;
    let paths = record.objects.keys().chain(record.settings.keys()).cloned();
    paths.chain(records).chain(links).collect()
}

/// What uses the VMs of a host, or their roots.
pub fn uses(observed: &Observed) -> Vec<Use> {
    let objects = &observed.record.objects;
    let is_ours = |template: &str| objects.contains_key(&format!("{UNITS}/{template}@.service"));
    let mut active: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for unit in &observed.active_units {
        if let Some((template, rest)) = unit.split_once('@')
            && let Some((instance, _)) = rest.rsplit_once('.')
            && is_ours(template)
        {
            active.entry(instance).or_default().insert(template);
        }
    }
    let mut uses = Vec::new();
    let mut use_of = |what: String, end: String| uses.push(Use { what, end });
    let none = BTreeSet::new();
    for domain in known_vms(observed) {
        let units = active.get(domain.as_str()).unwrap_or(&none);
        if observed.domains.contains_key(domain.as_str()) && !units.contains("vm") {
            let end = format!("xl shutdown -w {domain}");
            use_of(format!("{domain} runs, started by hand"), end);
        }
        if observed.mounted.contains(domain.as_str()) && !units.contains("vm_mount") {
            let end = format!("umount {MOUNT_PATH}/{domain}");
            use_of(format!("the root of {domain} is mounted"), end);
        }
    }
    for (domain, units) in &active {
        // A session ends with the last unit that needs it.
        let mut own = units
            .iter()
            .filter(|unit| !unit.ends_with("_session"))
            .peekable();
        let units = match own.peek() {
            Some(_) => own.collect::<Vec<_>>(),
            None => units.iter().collect(),
        };
        for unit in units {
            let what = match *unit {
                "vm" => format!("{domain} runs"),
                "vm_mount" => format!("the root of {domain} is mounted"),
                _ => format!("the root of {domain} is connected"),
            };
            use_of(what, format!("systemctl stop {unit}@{domain}"));
        }
    }
    uses
}

/// Plans an uninstallation. `kept` is what was at each path before xen-vman managed the host, `left`
/// what is known to stay, `unfinished` the records from before the last runs, if these did not do all:
/// what they were to replace may still be there.
pub fn uninstall(
    kept: &[Kept],
    left: Left,
    unfinished: &[Record],
    observed: &Observed,
) -> Uninstall {
    let mut work = Work {
        observed,
        unfinished,
        actions: Vec::new(),
        left,
    };
    let originals: BTreeMap<&str, &Kept> =
        kept.iter().map(|one| (one.path.as_str(), one)).collect();
    let ours = &observed.record.objects;
    let unknown = std::mem::take(&mut work.left.unknown_originals);
    let is_restored = |path: &str| {
        if unknown.contains(path) {
            return observed.entries.contains_key(path);
        }
        let original = originals.get(path).and_then(|kept| kept.before.as_ref());
        original.is_some() || !ours.contains_key(path) && observed.entries.contains_key(path)
    };
    let mut paths: BTreeMap<&str, &Object> = kept
        .iter()
        .map(|one| (one.path.as_str(), &one.object))
        .collect();
    paths.extend(ours.iter().map(|(path, object)| (path.as_str(), object)));
    let settings = Object::of_host(Role::Settings);
    for path in observed.record.settings.keys() {
        paths.entry(path).or_insert(&settings);
    }
    for (path, object) in &paths {
        let path = *path;
        let original = originals.get(path);
        let before = original.and_then(|kept| kept.before.as_ref());
        let before = before.filter(|entry| match (object.role, entry) {
            // Somebody enabled a VM of ours.
            (Role::Enablement, Entry::Link(target)) => is_restored(target),
            _ => true,
        });
        let left = original.map(|kept| &kept.left);
        let found = observed.entries.get(path);
        let is_as_left = left.is_some_and(|left| left.contains(&found.map(digest)));
        match (object.role, found) {
            // They are known by their names, and all of them are removed below.
            (Role::GuestRecord, _) => {}
            (_, Some(_)) if unknown.contains(path) => {
                work.left.unknown_originals.insert(path.to_owned());
            }
            _ if found == before => {}
            (Role::Settings, Some(found)) => work.unset(path, object, before, found),
            (_, Some(Entry::Other)) => work.leave(path),
            _ if is_as_left || ours.contains_key(path) => work.restore(path, object, before),
            _ => work.leave(path),
        }
    }
    let mut hooks = paths
        .iter()
        .filter(|(_, object)| object.role == Role::InitrdHook);
    if hooks.any(|(path, _)| !is_restored(path)) {
        work.remove_what_the_hook_built();
    }
    work.forget_guests();
    work.finish()
}

struct Work<'o> {
    observed: &'o Observed,
    unfinished: &'o [Record],
    actions: Vec<(Rank, Action)>,
    left: Left,
}

impl Work<'_> {
    fn leave(&mut self, path: &str) {
        self.left.changed_files.insert(path.to_owned());
    }

    fn act(&mut self, rank: Rank, change: Change, impact: Impact) {
        self.actions.push((rank, Action { change, impact }));
    }

    /// Restores what was at a path, or removes what is there.
    fn restore(&mut self, path: &str, object: &Object, before: Option<&Entry>) {
        let found = self.observed.entries.get(path);
        if let Some(change) = Change::restoring(object, path, before, found) {
            self.act(rank(object.role), change, impact_of(object.role));
        }
    }

    /// Takes our lines out of a file.
    fn unset(&mut self, path: &str, object: &Object, original: Option<&Entry>, found: &Entry) {
        let records = self.unfinished.iter().chain([&self.observed.record]);
        let ours = settings::lines(path, records);
        let (entry, is_all) = settings::taken_out(&ours, original, found);
        if !is_all || ours.is_empty() {
            self.leave(path);
        }
        if entry.as_ref() != Some(found) {
            self.restore(path, object, entry.as_ref());
        }
    }

    /// Removes the guests' initrds, and the links to the kernel and initrd that guests boot.
    fn remove_what_the_hook_built(&mut self) {
        for link in links() {
            let (start, _) = link.target.split_once('$').unwrap_or((link.target, ""));
            if let Some(Entry::Link(target)) = self.observed.entries.get(link.path)
                && target.starts_with(start)
            {
                let path = link.path.to_owned();
                self.act(Rank::Enablement, Change::RemoveBuilt { path }, Impact::None);
            }
        }
        for kernel in &self.observed.kernels.with_initrd {
            let path = guest_initrd(kernel);
            self.act(Rank::Initrd, Change::RemoveBuilt { path }, Impact::None);
        }
    }

    /// Removes the records of roots, and says where these are.
    fn forget_guests(&mut self) {
        let observed = self.observed;
        for (path, object) in &observed.record.objects {
            self.left.note_root_of(object, observed.entries.get(path));
        }
        for (key, record) in &observed.guests {
            let location = record.location.to_string();
            self.left.note_root(&key.domain, Some(location));
        }
        for key in known_volumes(observed) {
            for path in record_paths_of(&key) {
                if observed.entries.contains_key(&path) {
                    let object = Object::of_vm(&key.domain, Role::GuestRecord);
                    self.restore(&path, &object, None);
                }
            }
        }
    }

    fn finish(self) -> Uninstall {
        let Self {
            observed,
            mut actions,
            left,
            ..
        } = self;
        // What needs something goes before that.
        actions.sort_by_key(|(rank, _)| Reverse(*rank));
        if observed.is_running {
            actions.extend(reload(&actions, observed));
        }
        Uninstall {
            plan: Plan {
                actions: actions.into_iter().map(|(_, action)| action).collect(),
                ..Plan::default()
            },
            left,
        }
    }
}

/// The directories that an uninstallation may leave empty and that nobody else uses, deepest first:
/// those of all that was ever managed, as an earlier one may have been interrupted.
#[cfg(feature = "host")]
pub(crate) fn emptied(kept: &[Kept], record: &Record) -> Vec<String> {
    let kept = kept.iter().map(|kept| (&kept.object, kept.path.as_str()));
    let ours = record.objects.iter();
    let ours = ours.map(|(path, object)| (object, path.as_str()));
    let of_ours = kept.chain(ours).filter(|(object, _)| match object.role {
        Role::Script | Role::StorageData | Role::GuestRecord | Role::XlConfig => true,
        // Drop-ins have directories of their own.
        Role::Unit => object.vm().is_some(),
        _ => false,
    });
    let parents = of_ours.filter_map(|(_, path)| path.rsplit_once('/'));
    let mut all: BTreeSet<_> = parents.map(|(parent, _)| parent.to_owned()).collect();
    if !all.is_empty() {
        all.extend(["/etc/xen-vman", MOUNT_PATH, GUESTS].map(str::to_owned));
    }
    // It belongs to Xen's packages.
    all.remove("/etc/xen");
    all.into_iter().rev().collect()
}
