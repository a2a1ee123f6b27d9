//! Plans which volumes are made, and which grow.

use super::{Action, Change, Fill, Impact, Observed, Rank, VolumeChange, VolumeWork, data_disks};
use crate::diag::text::printable;
use crate::install::{DataDisk, GuestRecord, Install, OnHost, record_paths};
use crate::render::Output;
use crate::storage::{Bytes, Medium, Pool, PoolState, Volume};
use crate::values::{DomainName, Risk, VolumeKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Why volumes cannot be what the definition says; there is at least one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeProblems(pub Vec<String>);

impl fmt::Display for VolumeProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for VolumeProblems {}

/// The pools that a plan depends on, each with a volume that reads its state.
pub fn pools(output: &Output) -> Vec<(Pool, &Volume)> {
    let mut seen = BTreeSet::new();
    let roots = output.installs.iter().map(|install| &install.root.volume);
    let data = output.data_disks.iter().map(|disk| &disk.on.volume);
    let pools = roots
        .chain(data)
        .filter_map(|volume| Some((volume.pool()?, volume)));
    pools
        .filter(|(pool, _)| seen.insert(pool.name.clone()))
        .collect()
}

/// A volume that a plan may make, or let grow.
struct Subject<'a> {
    on: &'a OnHost,
    /// The record of what is at its location.
    record: Option<&'a GuestRecord>,
    /// Whether what it holds is yet to be made.
    is_new: bool,
    if_missing: IfMissing,
    /// Whether this host can make what it holds as large as the volume.
    can_fill: bool,
    /// What to type in the guest for that; `None` if it is the guest's own.
    fill_inside: Option<String>,
    snapshot_before: &'a [Risk],
    /// Whether it is erased for a reinstallation.
    is_erased: bool,
}

/// What is done about a volume that is not there.
enum IfMissing {
    Make,
    Nothing,
    Report,
}

impl<'a> Subject<'a> {
    fn root(
        install: &'a Install,
        observed: &'a Observed,
        is_installed: bool,
        is_erased: bool,
    ) -> Self {
        let on = &install.root;
        let (can_fill, fill_inside) = match on.volume.medium() {
            Medium::Disk(disk) => (disk.fill().is_some(), disk.fill_root_inside()),
            Medium::Directory(_) => (false, None),
        };
        Self {
            on,
            record: recorded(on, observed),
            is_new: is_installed,
            // Of a damaged record, the installation says what is to be done.
            if_missing: if is_installed && !observed.damaged.contains(&on.key) {
                IfMissing::Make
            } else {
                IfMissing::Nothing
            },
            can_fill,
            fill_inside,
            snapshot_before: &install.snapshot_before,
            is_erased,
        }
    }

    fn data(disk: &'a DataDisk, observed: &'a Observed) -> Self {
        let record = recorded(&disk.on, observed);
        let is_finished = record.is_some_and(|record| record.is_finished);
        Self {
            on: &disk.on,
            record,
            is_new: !is_finished,
            if_missing: if is_finished {
                IfMissing::Report
            } else if observed.damaged.contains(&disk.on.key) {
                IfMissing::Nothing
            } else {
                IfMissing::Make
            },
            can_fill: disk.data.fill().is_some(),
            fill_inside: disk.data.fill_inside(),
            snapshot_before: &disk.snapshot_before,
            is_erased: false,
        }
    }

    /// What it is, for people.
    fn what(&self) -> String {
        what(&self.on.key)
    }
}

/// What a volume is, for people.
fn what(VolumeKey { domain, volume }: &VolumeKey) -> String {
    match volume {
        None => format!("the root of {domain}"),
        Some(volume) => format!("the volume {volume} of {domain}"),
    }
}

/// The record of what is at the location of a volume.
pub(super) fn recorded<'a>(on: &OnHost, observed: &'a Observed) -> Option<&'a GuestRecord> {
    let location = on.volume.location();
    let found = on.volume.pool().and_then(|pool| {
        let state = observed.pools.get(&pool.name)?.as_ref().ok()?;
        state.volumes.get(&location)
    });
    let unique_id = found.and_then(|found| found.unique_id.as_deref());
    let record = observed.guests.get(&on.key);
    record.filter(|record| record.is_of(&location, unique_id))
}

/// What is asked of a pool.
#[derive(Debug, Default)]
struct Asked {
    bytes: u64,
    volumes: Vec<String>,
}

/// The volumes that `installed` VMs need, data disks, and volumes that grow. Of those VMs, the roots are erased
/// for which it is `true`.
pub(super) fn actions(
    output: &Output,
    observed: &Observed,
    installed: &BTreeMap<&DomainName, bool>,
) -> Result<Vec<(Rank, Action)>, VolumeProblems> {
    if !observed.is_running {
        return Ok(Vec::new());
    }
    let mut actions = Vec::new();
    let mut problems = Vec::new();
    let mut asked: BTreeMap<String, Asked> = BTreeMap::new();
    let roots = output.installs.iter().map(|install| {
        let found = installed.get(&install.root.key.domain);
        Subject::root(install, observed, found.is_some(), found == Some(&true))
    });
    let data = output.data_disks.iter();
    let data = data.map(|disk| Subject::data(disk, observed));
    for subject in roots.chain(data) {
        let Some(pool) = subject.on.volume.pool() else {
            continue;
        };
        let state = match observed.pools.get(&pool.name) {
            None => continue,
            Some(Ok(state)) => state,
            // Of those that are there, nothing is needed now.
            Some(Err(_)) if !subject.is_new => continue,
            Some(Err(why)) => {
                let (pool, why) = (printable(&pool.name), printable(why));
                let what = subject.what();
                problems.push(format!("{what} cannot be made: {pool}: {why}"));
                continue;
            }
        };
        let planned = change(&subject, state, observed);
        let grows = matches!(
            planned,
            Ok(Some((VolumeWork::Grow { snapshot: true, .. }, _)))
        );
        let is_saved = subject.is_erased && subject.snapshot_before.contains(&Risk::Reinstall);
        if let Some(why) = state.no_snapshots.as_ref().filter(|_| grows || is_saved) {
            let what = subject.what();
            problems.push(format!("no snapshot of {what} can be taken: {why}"));
        }
        match planned {
            Err(problem) => problems.push(problem),
            Ok(None) => {}
            Ok(Some((work, bytes))) => {
                let change = Change::Volume(VolumeChange {
                    key: subject.on.key.clone(),
                    location: subject.on.volume.location(),
                    work,
                });
                let pool = asked.entry(pool.name).or_default();
                pool.bytes = pool.bytes.saturating_add(bytes);
                pool.volumes.push(subject.what());
                let impact = Impact::None;
                actions.push((Rank::Volume, Action { change, impact }));
            }
        }
    }
    problems.extend(without_room(output, observed, &asked));
    problems.extend(data_disks::moved(output, observed));
    if !problems.is_empty() {
        return Err(VolumeProblems(problems));
    }
    actions.extend(data_disks::prepared(output, observed));
    Ok(actions)
}

/// What is to be done with a volume, and how much space that takes.
fn change(
    subject: &Subject<'_>,
    state: &PoolState,
    observed: &Observed,
) -> Result<Option<(VolumeWork, u64)>, String> {
    let OnHost { key, volume, .. } = subject.on;
    let location = volume.location();
    let Some(found) = state.volumes.get(&location) else {
        return if_missing(subject, state);
    };
    let Some(wanted_bytes) = volume.wanted_bytes() else {
        return Ok(None);
    };
    let rounded = state.rounded(wanted_bytes);
    let from_bytes = found.size_bytes;
    if from_bytes > rounded && (subject.is_new || subject.record.is_some()) {
        let has = from_bytes.div_ceil(1 << 20);
        return Err(format!(
            "{location}, {}, has {has} MiB, and `size` is {}: what is cut off is lost. Set `size` to `{has}M`, \
             or move to a new volume",
            subject.what(),
            Bytes(wanted_bytes)
        ));
    }
    let Some(record) = subject.record else {
        return Ok(None);
    };
    let is_running = observed.domains.contains_key(key.domain.as_str());
    let is_filled = !record.is_to_be_filled || is_running || subject.is_new;
    if from_bytes >= wanted_bytes && is_filled {
        return Ok(None);
    }
    let fill = if subject.is_new {
        Fill::New
    // Whether another host uses it is not known.
    } else if is_running || !subject.can_fill || !volume.id().is_of_host() {
        Fill::Inside(subject.fill_inside.clone())
    } else {
        Fill::Here
    };
    let grow = VolumeWork::Grow {
        from_bytes,
        to_bytes: wanted_bytes.max(from_bytes),
        snapshot: from_bytes < wanted_bytes
            && !subject.is_new
            && subject.snapshot_before.contains(&Risk::Growth),
        fill,
    };
    let bytes = if volume.shares_room_with(found) {
        rounded.saturating_sub(from_bytes)
    } else {
        0
    };
    Ok(Some((grow, bytes)))
}

/// What is to be done about a volume that is not there, and how much space that takes.
fn if_missing(
    subject: &Subject<'_>,
    state: &PoolState,
) -> Result<Option<(VolumeWork, u64)>, String> {
    let OnHost { key, volume, .. } = subject.on;
    let location = volume.location();
    match subject.if_missing {
        IfMissing::Nothing => return Ok(None),
        IfMissing::Make => {}
        IfMissing::Report => {
            let [record, _] = record_paths(key);
            return Err(format!(
                "{location}, {}, is not there, though it was. Is its disk attached, and its directory mounted? \
                 If it is lost and a new one is to be made, remove {record}",
                subject.what()
            ));
        }
    }
    let Some(size_bytes) = volume.wanted_bytes() else {
        return Ok(None);
    };
    let bytes = state
        .rounded(size_bytes)
        .saturating_sub(volume.reclaims_bytes(state));
    Ok(Some((VolumeWork::Make { size_bytes }, bytes)))
}

/// The pools that cannot give what is asked of them.
fn without_room(
    output: &Output,
    observed: &Observed,
    asked: &BTreeMap<String, Asked>,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (pool, volume) in pools(output) {
        let (Some(asked), Some(Ok(state))) =
            (asked.get(&pool.name), observed.pools.get(&pool.name))
        else {
            continue;
        };
        let Some(why) = volume.no_room(state, asked.bytes) else {
            continue;
        };
        let volumes = asked.volumes.join(", ");
        let pool = printable(&pool.name);
        problems.push(format!("the {pool} has no room for {volumes}: {why}"));
    }
    problems
}
