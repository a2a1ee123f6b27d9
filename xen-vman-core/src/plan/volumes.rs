//! Plans which volumes are made, and which grow.

use super::{Action, Change, Fill, Impact, Observed, Rank};
use crate::diag::text::printable;
use crate::install::Install;
use crate::render::Output;
use crate::storage::{Bytes, Medium, Pool, PoolState, Volume};
use crate::values::DomainName;
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
    let volumes = output.installs.iter().map(|install| &install.root.volume);
    let pools = volumes.filter_map(|volume| Some((volume.pool()?, volume)));
    pools
        .filter(|(pool, _)| seen.insert(pool.name.clone()))
        .collect()
}

/// What is asked of a pool.
#[derive(Debug, Default)]
struct Asked<'a> {
    bytes: u64,
    domains: Vec<&'a DomainName>,
}

/// The volumes that `installed` VMs need, and those that grow.
pub(super) fn actions(
    output: &Output,
    observed: &Observed,
    installed: &BTreeSet<&DomainName>,
) -> Result<Vec<(Rank, Action)>, VolumeProblems> {
    let mut actions = Vec::new();
    let mut problems = Vec::new();
    let mut asked: BTreeMap<String, Asked<'_>> = BTreeMap::new();
    for install in &output.installs {
        let Some(pool) = install.root.volume.pool() else {
            continue;
        };
        let domain = &install.root.key.domain;
        let is_installed = installed.contains(domain);
        let state = match observed.pools.get(&pool.name) {
            None => continue,
            Some(Ok(state)) => state,
            // Of those that are installed, nothing is needed now.
            Some(Err(_)) if !is_installed => continue,
            Some(Err(why)) => {
                let (pool, why) = (printable(&pool.name), printable(why));
                problems.push(format!(
                    "the root of {domain} cannot be made: {pool}: {why}"
                ));
                continue;
            }
        };
        match change(install, state, observed, is_installed) {
            Err(problem) => problems.push(problem),
            Ok(None) => {}
            Ok(Some((change, bytes))) => {
                let pool = asked.entry(pool.name).or_default();
                pool.bytes = pool.bytes.saturating_add(bytes);
                pool.domains.push(domain);
                let impact = Impact::None;
                actions.push((Rank::Volume, Action { change, impact }));
            }
        }
    }
    problems.extend(without_room(output, observed, &asked));
    if problems.is_empty() {
        Ok(actions)
    } else {
        Err(VolumeProblems(problems))
    }
}

/// What is to be done with the volume of a VM, and how much space that takes.
fn change(
    install: &Install,
    state: &PoolState,
    observed: &Observed,
    is_installed: bool,
) -> Result<Option<(Change, u64)>, String> {
    let volume = &install.root.volume;
    let Some(wanted_bytes) = volume.wanted_bytes() else {
        return Ok(None);
    };
    let (domain, location) = (install.root.key.domain.clone(), volume.location());
    let rounded = state.rounded(wanted_bytes);
    let Some(found) = state.volumes.get(&location) else {
        let make = Change::Make {
            domain,
            location,
            size_bytes: wanted_bytes,
        };
        // Of a damaged record, the installation says what is to be done.
        let is_made = is_installed && !observed.damaged.contains(&install.root.key);
        let bytes = rounded.saturating_sub(volume.reclaims_bytes(state));
        return Ok(is_made.then_some((make, bytes)));
    };
    let from_bytes = found.size_bytes;
    let record = observed.guests.get(&install.root.key);
    let record = record.filter(|record| record.is_of(&location, found.unique_id.as_deref()));
    if from_bytes > rounded && (is_installed || record.is_some()) {
        let has = from_bytes.div_ceil(1 << 20);
        return Err(format!(
            "{location}, the root of {domain}, has {has} MiB, and `size` is {}: a file system that is cut off \
             is lost. Set `size` to `{has}M`, or move the VM to a new root",
            Bytes(wanted_bytes)
        ));
    }
    let Some(record) = record else {
        return Ok(None);
    };
    let is_running = observed.domains.contains_key(domain.as_str());
    let is_filled = !record.is_to_be_filled || is_running || is_installed;
    if from_bytes >= wanted_bytes && is_filled {
        return Ok(None);
    }
    let fill = match volume.medium() {
        Medium::Disk(_) if is_installed => Fill::New,
        // Whether another host uses it is not known.
        Medium::Disk(disk) if is_running || disk.fill().is_none() || !volume.id().is_of_host() => {
            disk.fill_root_inside().map_or(Fill::Here, Fill::Inside)
        }
        Medium::Disk(_) | Medium::Directory(_) => Fill::Here,
    };
    let grow = Change::Grow {
        domain,
        location,
        from_bytes,
        to_bytes: wanted_bytes.max(from_bytes),
        fill,
    };
    let bytes = if volume.shares_room_with(found) {
        rounded.saturating_sub(from_bytes)
    } else {
        0
    };
    Ok(Some((grow, bytes)))
}

/// The pools that cannot give what is asked of them.
fn without_room(
    output: &Output,
    observed: &Observed,
    asked: &BTreeMap<String, Asked<'_>>,
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
        let domains: Vec<_> = asked.domains.iter().map(|one| one.as_str()).collect();
        let pool = printable(&pool.name);
        problems.push(format!(
            "the {pool} has no room for the roots of {}: {why}",
            domains.join(", ")
        ));
    }
    problems
}
