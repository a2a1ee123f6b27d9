//! A host's records of volumes, under `/var/lib/xen-vman/guests`.

use super::HostError;
use super::machine::Host;
use super::state::{self, StateFile};
use crate::install::{GUESTS, GuestRecord, record_paths, record_paths_of, refusal_path};
use crate::values::VolumeKey;
use std::collections::{BTreeMap, BTreeSet};

/// All records, and the volumes whose records are damaged.
pub(super) fn all(
    host: &dyn Host,
) -> Result<(BTreeMap<VolumeKey, GuestRecord>, BTreeSet<VolumeKey>), HostError> {
    let names = host.names(GUESTS)?;
    let keys: BTreeSet<VolumeKey> = names
        .iter()
        .filter_map(|name| match name.rsplit_once('.') {
            Some((key, "installed" | "unfinished")) => key.parse().ok(),
            _ => None,
        })
        .collect();
    let (mut records, mut damaged) = (BTreeMap::new(), BTreeSet::new());
    for key in keys {
        match of(host, &key) {
            Ok(record) => records.extend(record.map(|record| (key, record))),
            Err(HostError::Damaged { .. }) => {
                damaged.insert(key);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((records, damaged))
}

/// The volumes that were refused.
pub(super) fn refused(host: &dyn Host) -> Result<BTreeSet<VolumeKey>, HostError> {
    let names = host.names(GUESTS)?;
    let keys = names.iter().filter_map(|name| {
        let (key, ending) = name.rsplit_once('.')?;
        (ending == "refused").then(|| key.parse().ok())?
    });
    Ok(keys.collect())
}

/// The record of a volume. An unfinished installation takes precedence over an older, finished one.
pub(super) fn of(host: &dyn Host, key: &VolumeKey) -> Result<Option<GuestRecord>, HostError> {
    let [installed, unfinished] = record_paths(key);
    match state::json(host, StateFile::Guest, &unfinished)? {
        Some(record) => Ok(Some(record)),
        None => state::json(host, StateFile::Guest, &installed),
    }
}

/// Writes the record of a volume.
pub(super) fn set(host: &dyn Host, key: &VolumeKey, record: &GuestRecord) -> Result<(), HostError> {
    let [installed, unfinished] = record_paths(key);
    if record.is_finished {
        state::put_json(host, &installed, record)?;
        host.remove(&unfinished)?;
    } else {
        state::put_json(host, &unfinished, record)?;
    }
    permit(host, key)
}

/// Makes the record of a volume what it was.
pub(super) fn restore(
    host: &dyn Host,
    key: &VolumeKey,
    before: Option<&GuestRecord>,
) -> Result<(), HostError> {
    match before {
        Some(record) => set(host, key, record),
        None => remove(host, key),
    }
}

/// Keeps a VM from starting: a volume of it was refused, and nothing is known of what is there.
pub(super) fn refuse(host: &dyn Host, key: &VolumeKey, why: &str) -> Result<(), HostError> {
    state::put(host, &refusal_path(key), format!("{why}\n").into_bytes())
}

/// Lets a VM start that was refused, if it was.
pub(super) fn permit(host: &dyn Host, key: &VolumeKey) -> Result<(), HostError> {
    let path = refusal_path(key);
    match host.entry(&path)? {
        Some(_) => host.remove(&path),
        None => Ok(()),
    }
}

/// Removes the record of a volume.
pub(super) fn remove(host: &dyn Host, key: &VolumeKey) -> Result<(), HostError> {
    let mut paths = record_paths_of(key).into_iter();
    paths.try_for_each(|path| host.remove(&path))
}
