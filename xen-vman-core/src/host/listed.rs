//! The volumes that were made for VMs, and the removal of those that no VM has.

use super::machine::{Host, demand};
use super::{HostError, made, volume};
use crate::plan;
use crate::render::Output;
use crate::storage::{BlockDevice, Location, Medium, PoolState, Volume};
use crate::values::{DiskContent, VolumeKey};
use serde::Serialize;
use std::collections::BTreeMap;
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
    listed(host, output)
}

pub(super) fn listed(host: &dyn Host, output: &Output) -> Result<Vec<Listed>, HostError> {
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
            let one = Listed {
                used_for: output.used.get(&location).cloned(),
                location: location.clone(),
                size_bytes: found.size_bytes,
                made_for,
                made_on: found.made_on,
                snapshot_of: found.snapshot_of,
            };
            all.insert(location, one);
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
    let all = listed(host, output)?;
    let (mut found, mut refusals) = (Vec::new(), Vec::new());
    for location in locations {
        match all.iter().find(|one| one.location == *location) {
            None => refusals.push(Refusal::new(
                location,
                "it was not made here, or is on storage that no VM of the definition has; `volumes` lists what was made",
            )),
            Some(one) => match why_kept(host, output, one)? {
                Some(why) => refusals.push(Refusal::new(location, &why)),
                None => found.push(one.clone()),
            },
        }
    }
    if !refusals.is_empty() {
        return Err(HostError::KeptVolumes(refusals));
    }
    agree(&found).map_err(HostError::NotApproved)?;
    for one in &found {
        // Somebody may have begun to use it while the question was open.
        if let Some(why) = why_kept(host, output, one)? {
            let refusal = Refusal::new(&one.location, &why);
            return Err(HostError::KeptVolumes(vec![refusal]));
        }
        let Some((pool, _)) = pool_of(host, output, &one.location)? else {
            continue;
        };
        for command in pool.remove(&one.location) {
            demand(host, &command)?;
        }
        if pool_of(host, output, &one.location)?.is_some() {
            return Err(HostError::Volume {
                location: one.location.clone(),
                why: "all commands that remove it have succeeded, but it is there".to_owned(),
            });
        }
        made::forget(host, &one.location)?;
    }
    Ok(found)
}

/// A volume of the definition in the pool that has a location, and the state of that pool.
fn pool_of<'a>(
    host: &dyn Host,
    output: &'a Output,
    location: &Location,
) -> Result<Option<(&'a Volume, PoolState)>, HostError> {
    for (_, volume) in plan::pools(output) {
        let pool = volume::pool(host, volume)?.unwrap_or_default();
        if pool.volumes.contains_key(location) {
            return Ok(Some((volume, pool)));
        }
    }
    Ok(None)
}

fn why_kept(host: &dyn Host, output: &Output, one: &Listed) -> Result<Option<String>, HostError> {
    if let Some(key) = &one.used_for {
        return Ok(Some(format!("{key} has it")));
    }
    if let Some((volume, state)) = pool_of(host, output, &one.location)? {
        if !volume.id().is_of_host() {
            let why = "other hosts have its volume group, too, and may use it";
            return Ok(Some(why.to_owned()));
        }
        if let Some(why) = volume.why_kept(&one.location, &state) {
            return Ok(Some(why));
        }
        let found = state.volumes.get(&one.location);
        if found.is_some_and(|found| found.has_no_device) {
            return Ok(None);
        }
    }
    let disk = BlockDevice {
        path: one.location.to_string(),
        content: DiskContent::Raw,
    };
    let users = host.users(&Medium::Disk(disk))?;
    Ok((!users.is_empty()).then(|| format!("it is in use by {}", users.join(", "))))
}
