//! The volumes that were made for VMs, and the removal of those that no VM has.

use super::machine::{Host, demand};
use super::{HostError, made, volume};
use crate::plan;
use crate::render::Output;
use crate::storage::{BlockDevice, Location, Medium, Volume};
use crate::values::{DiskContent, VolumeKey};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A volume that was made for a VM, or a snapshot of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// Its location.
    pub location: Location,
    /// Its size.
    pub size_bytes: u64,
    /// What it was made for.
    pub made_for: VolumeKey,
    /// The day on which it was made, if that is known.
    pub made_on: Option<String>,
    /// The volume that it is a snapshot of.
    pub snapshot_of: Option<Location>,
    /// What the definition uses it for; `None` if no VM has it.
    pub used_for: Option<VolumeKey>,
}

/// Why a volume is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Its location.
    pub location: Location,
    /// The reason.
    pub why: String,
}

impl Refusal {
    pub(super) fn new(location: &Location, why: &str) -> Self {
        Self {
            location: location.clone(),
            why: why.to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.why)
    }
}

/// The volumes in the pools of a definition that were made for VMs, of this definition or an earlier one.
///
/// # Errors
/// If a pool cannot be read.
pub fn volumes(host: &dyn Host, output: &Output) -> Result<Vec<Listed>, HostError> {
    let all = pooled(host, output)?.into_iter();
    Ok(all.map(|one| one.listed).collect())
}

/// A volume that was made for a VM, with one of the definition in the same pool.
struct Pooled<'a> {
    listed: Listed,
    beside: &'a Volume,
}

fn pooled<'a>(host: &dyn Host, output: &'a Output) -> Result<Vec<Pooled<'a>>, HostError> {
    let mut all = BTreeMap::new();
    for (pool, volume) in plan::pools(output) {
        if !host.is_running() {
            let location = Location::from(pool.name);
            let why = "only a running host shows what is there, not an image";
            return Err(HostError::KeptVolumes(vec![Refusal::new(&location, why)]));
        }
        let pool = volume::pool(host, volume)?.unwrap_or_default();
        for (location, found) in pool.volumes {
            let Some(made_for) = found.made_for else {
                continue;
            };
            let listed = Listed {
                used_for: output.used.get(&location).cloned(),
                location: location.clone(),
                size_bytes: found.size_bytes,
                made_for,
                made_on: found.made_on,
                snapshot_of: found.snapshot_of,
            };
            let beside = volume;
            all.insert(location, Pooled { listed, beside });
        }
    }
    Ok(all.into_values().collect())
}

/// Removes volumes that were made here and that no VM has. `agree` is asked about all of them.
///
/// # Errors
/// If one of them must be kept: then none is removed. If one is there afterwards.
pub fn remove_volumes(
    host: &dyn Host,
    output: &Output,
    locations: &[Location],
    agree: &mut dyn FnMut(&[Listed]) -> Result<(), String>,
) -> Result<Vec<Listed>, HostError> {
    let _lock = host.lock()?;
    let all = pooled(host, output)?;
    let (mut found, mut refusals) = (Vec::new(), Vec::new());
    for location in locations.iter().collect::<BTreeSet<_>>() {
        match all.iter().find(|one| one.listed.location == *location) {
            None => refusals.push(Refusal::new(
                location,
                "it was not made here, or is on storage that no VM of the definition has; `volumes` lists what was made",
            )),
            Some(one) => match why_kept(host, one)? {
                Some(why) => refusals.push(Refusal::new(location, &why)),
                None => found.push(one),
            },
        }
    }
    if !refusals.is_empty() {
        return Err(HostError::KeptVolumes(refusals));
    }
    let removed: Vec<_> = found.iter().map(|one| one.listed.clone()).collect();
    agree(&removed).map_err(HostError::NotApproved)?;
    for one in found {
        let location = &one.listed.location;
        // Somebody may have begun to use it while the question was open.
        if let Some(why) = why_kept(host, one)? {
            return Err(HostError::KeptVolumes(vec![Refusal::new(location, &why)]));
        }
        for command in one.beside.remove(location) {
            demand(host, &command)?;
        }
        let pool = volume::pool(host, one.beside)?.unwrap_or_default();
        if pool.volumes.contains_key(location) {
            return Err(HostError::Volume {
                location: location.clone(),
                why: "all commands that remove it have succeeded, but it is there".to_owned(),
            });
        }
        made::forget(host, location)?;
    }
    Ok(removed)
}

fn why_kept(host: &dyn Host, one: &Pooled<'_>) -> Result<Option<String>, HostError> {
    let Pooled { listed, beside } = one;
    if let Some(key) = &listed.used_for {
        return Ok(Some(format!("{key} has it")));
    }
    if !beside.id().is_of_host() {
        let why = "other hosts have its volume group, too, and may use it";
        return Ok(Some(why.to_owned()));
    }
    let state = volume::pool(host, beside)?.unwrap_or_default();
    let Some(found) = state.volumes.get(&listed.location) else {
        return Ok(Some("it is no longer there".to_owned()));
    };
    if let Some(why) = beside.why_kept(&listed.location, &state) {
        return Ok(Some(why));
    }
    if found.has_no_device {
        return Ok(None);
    }
    let disk = BlockDevice {
        path: listed.location.to_string(),
        content: DiskContent::Raw,
    };
    let users = host.users(&Medium::Disk(disk))?;
    Ok((!users.is_empty()).then(|| format!("it is in use by {}", users.join(", "))))
}
