//! Makes volumes, and lets them grow.

use super::machine::{Host, demand};
use super::{HostError, guest_records};
use crate::install::{GuestRecord, Install};
use crate::plan::{self, Fill};
use crate::render::Output;
use crate::storage::{Bytes, Medium, PoolState, Volume, VolumeState};
use std::collections::BTreeMap;

/// The states of pools, by name; for each that cannot be read, why.
pub(super) type Pools = BTreeMap<String, Result<PoolState, String>>;

/// What a host says about the pools that a definition needs.
pub(super) fn pools(host: &dyn Host, output: &Output) -> Pools {
    let pools = plan::pools(output).into_iter();
    pools
        .map(|(pool, volume)| {
            let state = self::pool(host, volume).map(Option::unwrap_or_default);
            (pool.name, state.map_err(|error| error.to_string()))
        })
        .collect()
}

/// What a host says about the pool of a volume; `None` if its backend makes no volumes.
///
/// # Errors
/// If it says nothing that can be read.
pub(super) fn pool(host: &dyn Host, volume: &Volume) -> Result<Option<PoolState>, HostError> {
    let Some(pool) = volume.pool() else {
        return Ok(None);
    };
    let said = pool
        .ask
        .iter()
        .map(|command| Ok(demand(host, command)?.stdout));
    let said = said.collect::<Result<Vec<_>, HostError>>()?;
    let state = volume.read_pool(&said).map_err(|why| HostError::Volume {
        location: volume.location(),
        why,
    })?;
    Ok(Some(state))
}

/// Makes the volume of a VM, and records that there is nothing on it. One that is there already is left as
/// it is: the installation looks at what it holds.
///
/// # Errors
/// If it is not there with its size afterwards.
pub(super) fn make(host: &dyn Host, install: &Install) -> Result<(), HostError> {
    let volume = &install.volume;
    let Some(state) = pool(host, volume)? else {
        return Ok(());
    };
    if state.volumes.contains_key(&volume.location()) {
        return Ok(());
    }
    // First, so that there is no volume of ours without a record.
    let record = GuestRecord::of(install, false);
    guest_records::set(host, &install.domain, &record)?;
    for command in volume.make(&state) {
        demand(host, &command)?;
    }
    let made = with_its_size(host, volume)?;
    guest_records::set(host, &install.domain, &record.on(made.unique_id))
}

/// Gives the volume of a VM its size, and its file system, too, if that is to be and nothing uses it.
///
/// # Errors
/// If the volume, or a file system that nothing uses, does not have its size afterwards.
pub(super) fn grow(host: &dyn Host, install: &Install, fill: Fill) -> Result<(), HostError> {
    let volume = &install.volume;
    for command in volume.grow() {
        demand(host, &command)?;
    }
    with_its_size(host, volume)?;
    let medium = volume.medium();
    let commands = match &medium {
        Medium::Disk(disk) if fill == Fill::Here => disk.fill().unwrap_or_default(),
        Medium::Disk(_) | Medium::Directory(_) => Vec::new(),
    };
    if commands.is_empty() || !host.users(&medium)?.is_empty() {
        return Ok(());
    }
    for command in commands {
        demand(host, &command)?;
    }
    Ok(())
}

/// A volume, if it is there with its size.
fn with_its_size(host: &dyn Host, volume: &Volume) -> Result<VolumeState, HostError> {
    let location = volume.location();
    let mut state = pool(host, volume)?.unwrap_or_default();
    let why = match state.volumes.remove(&location) {
        None => "all commands that make it have succeeded, but it is not there".to_owned(),
        Some(found)
            if volume
                .wanted_bytes()
                .is_some_and(|wanted| found.size_bytes < wanted) =>
        {
            format!("it has {}, less than `size`", Bytes(found.size_bytes))
        }
        Some(found) => return Ok(found),
    };
    Err(HostError::Volume { location, why })
}
