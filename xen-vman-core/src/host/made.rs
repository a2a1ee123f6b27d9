//! The files that this host made as volumes: unlike LVM's, they have no tags.

use super::HostError;
use super::machine::Host;
use super::state::{self, STATE, StateFile};
use crate::storage::{Location, PoolState};
use crate::values::VolumeKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file that was made as a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    key: VolumeKey,
    inode: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot_of: Option<Location>,
}

type All = BTreeMap<Location, Made>;

fn path() -> String {
    format!("{STATE}/made.json")
}

fn all(host: &dyn Host) -> Result<All, HostError> {
    Ok(state::json(host, StateFile::Made, &path())?.unwrap_or_default())
}

/// Says of files in a pool what they were made for. One that took the place of another is somebody else's.
///
/// # Errors
/// If the record cannot be read.
pub(super) fn complete(host: &dyn Host, pool: &mut PoolState) -> Result<(), HostError> {
    if pool.volumes.values().all(|volume| volume.inode.is_none()) {
        return Ok(());
    }
    for (location, made) in all(host)? {
        if let Some(found) = pool.volumes.get_mut(&location)
            && found.inode == Some(made.inode)
        {
            found.made_for = Some(made.key);
            found.snapshot_of = made.snapshot_of;
        }
    }
    Ok(())
}

/// Notes what a file was made for.
///
/// # Errors
/// If the record cannot be read or written.
pub(super) fn note(
    host: &dyn Host,
    location: &Location,
    inode: Option<u64>,
    key: &VolumeKey,
    snapshot_of: Option<&Location>,
) -> Result<(), HostError> {
    let Some(inode) = inode else { return Ok(()) };
    let mut all = all(host)?;
    let made = Made {
        key: key.clone(),
        inode,
        snapshot_of: snapshot_of.cloned(),
    };
    all.insert(location.clone(), made);
    state::put_json(host, &path(), &all)
}

/// Forgets a file that is gone.
///
/// # Errors
/// If the record cannot be read or written.
pub(super) fn forget(host: &dyn Host, location: &Location) -> Result<(), HostError> {
    let mut all = all(host)?;
    match all.remove(location) {
        Some(_) => state::put_json(host, &path(), &all),
        None => Ok(()),
    }
}
