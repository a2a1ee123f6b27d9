//! Makes volumes, and lets them grow.

use super::machine::{Host, demand};
use super::{HostError, guest_records, install, made, root, snapshot};
use crate::command::Command;
use crate::install::{DataDisk, GuestRecord, Install, OnHost};
use crate::plan::{self, Entry, Fill};
use crate::render::Output;
use crate::storage::{Bytes, Medium, PoolState, Volume, VolumeState};
use crate::values::{DiskContent, Risk};
use std::collections::BTreeMap;

/// Where it is said which VMs must not start now. `vm-domain` looks there.
pub(super) const RESIZING: &str = "/run/xen-vman/resizing";

/// A volume that is made, or grows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// A root.
    Root(&'a Install),
    /// A data disk.
    Data(&'a DataDisk),
}

impl<'a> Subject<'a> {
    const fn on(self) -> &'a OnHost {
        match self {
            Self::Root(install) => &install.root,
            Self::Data(disk) => &disk.on,
        }
    }

    /// The record of a new one, which holds nothing.
    fn empty(self) -> GuestRecord {
        match self {
            Self::Root(install) => GuestRecord::of(install, false),
            Self::Data(disk) => GuestRecord::of_data(disk.on.volume.location(), false),
        }
    }

    /// What it needs a snapshot for.
    fn snapshot_before(self) -> &'a [Risk] {
        match self {
            Self::Root(install) => &install.snapshot_before,
            Self::Data(disk) => &disk.snapshot_before,
        }
    }

    /// The commands that make what it holds as large as the volume.
    fn fill(self) -> Vec<Command> {
        let fill = match self {
            Self::Root(install) => match install.root.volume.medium() {
                Medium::Disk(disk) => disk.fill(),
                Medium::Directory(_) => None,
            },
            Self::Data(disk) => disk.data.fill(),
        };
        fill.unwrap_or_default()
    }
}

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
    let mut state = volume.read_pool(&said).map_err(|why| HostError::Volume {
        location: volume.location(),
        why,
    })?;
    made::complete(host, &mut state)?;
    Ok(Some(state))
}

/// What a host says about a volume; `None` if it is not there, or if its backend makes no volumes.
///
/// # Errors
/// If it says nothing that can be read.
pub(super) fn found(host: &dyn Host, volume: &Volume) -> Result<Option<VolumeState>, HostError> {
    let pool = pool(host, volume)?;
    Ok(pool.and_then(|mut pool| pool.volumes.remove(&volume.location())))
}

/// Makes a volume of a VM, and records that there is nothing on it. One that is there already is left as
/// it is: the installation looks at what it holds.
///
/// # Errors
/// If it is a root and the VM runs, which may be from another one, or if the volume is not there with its size afterwards.
pub(super) fn make(host: &dyn Host, subject: Subject<'_>) -> Result<(), HostError> {
    let OnHost { key, volume, .. } = subject.on();
    if key.is_root() {
        install::refuse_running(host, &key.domain)?;
    }
    let Some(state) = pool(host, volume)? else {
        return Ok(());
    };
    if state.volumes.contains_key(&volume.location()) {
        return Ok(());
    }
    let before = guest_records::of(host, key)?;
    // First, so that there is no volume of ours without a record.
    let record = subject.empty();
    guest_records::set(host, key, &record)?;
    let made = carry_out(host, &volume.make(&state)).and_then(|()| with_its_size(host, volume));
    match made {
        Ok(made) => {
            made::note(host, &volume.location(), made.inode, key, None)?;
            guest_records::set(host, key, &record.on(made.unique_id))
        }
        Err(error) => {
            // Without an answer, it may be there.
            let after = pool(host, volume).ok().flatten();
            if after.is_some_and(|state| !state.volumes.contains_key(&volume.location())) {
                guest_records::restore(host, key, before.as_ref())?;
            }
            Err(error)
        }
    }
}

pub(super) fn carry_out(host: &dyn Host, commands: &[Command]) -> Result<(), HostError> {
    commands
        .iter()
        .try_for_each(|command| demand(host, command).map(drop))
}

/// Gives a volume of a VM its size, and its file system, too, if that is to be.
///
/// # Errors
/// If the volume, or the file system, does not have its size afterwards.
pub(super) fn grow(host: &dyn Host, subject: Subject<'_>, fill: &Fill) -> Result<(), HostError> {
    let OnHost { key, volume, .. } = subject.on();
    if *fill == Fill::Here
        && let Some(record) = guest_records::of(host, key)?
    {
        // Until it is done, also if that is not today.
        guest_records::set(host, key, &record.to_be_filled(true))?;
    }
    let Some(VolumeState {
        size_bytes: from_bytes,
        ..
    }) = found(host, volume)?
    else {
        let why = "it is no longer there".to_owned();
        let location = volume.location();
        return Err(HostError::Volume { location, why });
    };
    // Somebody may have been faster.
    if volume
        .wanted_bytes()
        .is_some_and(|wanted| from_bytes < wanted)
    {
        if subject.snapshot_before().contains(&Risk::Growth) {
            snapshot::take(host, subject.on())?;
        }
        carry_out(host, &volume.grow(from_bytes))?;
        with_its_size(host, volume)?;
    }
    if *fill == Fill::Here {
        let_fill(host, subject)
    } else {
        Ok(())
    }
}

/// Makes a file system as large as its disk. The VM does not start meanwhile.
fn let_fill(host: &dyn Host, subject: Subject<'_>) -> Result<(), HostError> {
    let key = &subject.on().key;
    let hold = format!("{RESIZING}/{key}");
    host.put(&hold, &Entry::file(0o600, ""))?;
    let done = install::refuse_running(host, &key.domain)
        .and_then(|()| install::refuse_in_use(host, subject.on()))
        .and_then(|()| refuse_what_would_be_lost(host, subject))
        .and_then(|()| carry_out(host, &subject.fill()));
    host.remove(&hold)?;
    done?;
    match guest_records::of(host, key)? {
        Some(record) => guest_records::set(host, key, &record.to_be_filled(false)),
        None => Ok(()),
    }
}

/// Swap space is made again when it grows: what else is on a disk would be lost.
fn refuse_what_would_be_lost(host: &dyn Host, subject: Subject<'_>) -> Result<(), HostError> {
    let Subject::Data(disk) = subject else {
        return Ok(());
    };
    if disk.data.content() != Some(DiskContent::Swap) {
        return Ok(());
    }
    let location = disk.on.volume.location();
    let found = root::signatures(host, location.as_str())?;
    let wanted = disk.data.uuid.to_string();
    match found.as_slice() {
        [only] if only.kind == "swap" && only.uuid.as_ref() == Some(&wanted) => Ok(()),
        _ => Err(HostError::Volume {
            location,
            why: "it does not hold the swap space that it is to hold; nothing on it was changed"
                .to_owned(),
        }),
    }
}

/// A volume, if it is there with its size.
fn with_its_size(host: &dyn Host, volume: &Volume) -> Result<VolumeState, HostError> {
    let location = volume.location();
    let why = match found(host, volume)? {
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
