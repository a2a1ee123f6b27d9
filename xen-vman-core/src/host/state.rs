//! The state that xen-vman keeps on a host, under `/var/lib/xen-vman`, readable only by root.

use super::machine::Host;
use super::{HostError, dir::failed};
use crate::plan::{Entry, Record};
use crate::values::VolumeKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) const STATE: &str = "/var/lib/xen-vman";

/// A file of xen-vman's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateFile {
    /// The record of managed files.
    Record,
    /// What a generation has replaced.
    Manifest,
    /// The number of the oldest generation.
    OldestGeneration,
    /// The record of a root.
    Guest,
    /// What was made as a volume.
    Made,
}

fn record_path() -> String {
    format!("{STATE}/record.json")
}

/// Reads the record of managed files.
pub(super) fn record(host: &dyn Host) -> Result<Record, HostError> {
    Ok(json(host, StateFile::Record, &record_path())?.unwrap_or_default())
}

/// Writes the record of managed files.
pub(super) fn set_record(host: &dyn Host, record: &Record) -> Result<(), HostError> {
    put_json(host, &record_path(), record)
}

/// Reads a JSON file; `None` if it does not exist.
pub(super) fn json<T: DeserializeOwned>(
    host: &dyn Host,
    file: StateFile,
    path: &str,
) -> Result<Option<T>, HostError> {
    let damaged = |message: String| HostError::Damaged {
        path: path.to_owned(),
        file,
        message,
    };
    match host.entry(path)? {
        None => Ok(None),
        Some(Entry::File { content, .. }) => match serde_json::from_slice(&content) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(damaged(error.to_string())),
        },
        Some(_) => Err(damaged("it is not a file".into())),
    }
}

/// Writes a JSON file.
pub(super) fn put_json(
    host: &dyn Host,
    path: &str,
    value: &impl Serialize,
) -> Result<(), HostError> {
    let mut content =
        serde_json::to_vec_pretty(value).map_err(|error| failed("write", path, error.into()))?;
    content.push(b'\n');
    put(host, path, content)
}

/// Writes a file that only root may read; an identical one is left as it is.
pub(super) fn put(host: &dyn Host, path: &str, content: Vec<u8>) -> Result<(), HostError> {
    let entry = Entry::file(0o600, content);
    if host.entry(path)?.as_ref() == Some(&entry) {
        return Ok(());
    }
    make_parents(host, path)?;
    host.put(path, &entry)
}

/// Creates the parent directories of a file; all but the first are accessible only to root.
pub(super) fn make_parents(host: &dyn Host, path: &str) -> Result<(), HostError> {
    host.make_parents(STATE, 0o755)?;
    host.make_parents(path, 0o700)
}

/// Creates an empty log of the work on a volume; returns its path.
pub(super) fn new_log(host: &dyn Host, key: &VolumeKey) -> Result<String, HostError> {
    let path = format!("{STATE}/logs/install-{key}.log");
    make_parents(host, &path)?;
    host.remove(&path)?;
    host.append(&path, b"")?;
    Ok(path)
}
