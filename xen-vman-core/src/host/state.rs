//! What is kept about a host, under `/var/lib/xen-vman`, for root alone.

use super::{HostDir, HostError, dir::failed};
use crate::plan::{Entry, Record};
use nix::sys::stat::Mode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;

pub(super) const STATE: &str = "/var/lib/xen-vman";

fn record_path() -> String {
    format!("{STATE}/record.json")
}

/// What is ours.
pub(super) fn record(dir: &HostDir) -> Result<Record, HostError> {
    Ok(json(dir, &record_path())?.unwrap_or_default())
}

/// Writes down what is ours.
pub(super) fn set_record(dir: &HostDir, record: &Record) -> Result<(), HostError> {
    put_json(dir, &record_path(), record)
}

/// What a file of ours says; none if it is not there.
pub(super) fn json<T: DeserializeOwned>(dir: &HostDir, path: &str) -> Result<Option<T>, HostError> {
    let damaged = |message: String| HostError::Damaged {
        path: path.to_owned(),
        message,
    };
    match dir.entry(path)? {
        None => Ok(None),
        Some(Entry::File { content, .. }) => match serde_json::from_slice(&content) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(damaged(error.to_string())),
        },
        Some(_) => Err(damaged("it is not a file".into())),
    }
}

/// Writes a file of ours.
pub(super) fn put_json(dir: &HostDir, path: &str, value: &impl Serialize) -> Result<(), HostError> {
    let mut content =
        serde_json::to_vec_pretty(value).map_err(|error| failed("write", path, error.into()))?;
    content.push(b'\n');
    put(dir, path, content)
}

/// Writes a file that root alone may read; one that is the same stays as it is.
pub(super) fn put(dir: &HostDir, path: &str, content: Vec<u8>) -> Result<(), HostError> {
    let entry = Entry::File {
        mode: 0o600,
        content,
    };
    if dir.entry(path)?.as_ref() == Some(&entry) {
        return Ok(());
    }
    make_parents(dir, path)?;
    dir.put(path, &entry)
}

/// Makes the directories above a file of ours, for root alone below the first.
pub(super) fn make_parents(dir: &HostDir, path: &str) -> Result<(), HostError> {
    dir.make_parents(STATE, Mode::from_bits_truncate(0o755))
        .and_then(|()| dir.make_parents(path, Mode::from_bits_truncate(0o700)))
        .map_err(|error| failed("write", path, error))
}

/// The log of an installation, which begins anew, and its path.
pub(super) fn new_log(dir: &HostDir, domain: &str) -> Result<(File, String), HostError> {
    let path = format!("{STATE}/logs/install-{domain}.log");
    make_parents(dir, &path)?;
    Ok((dir.new_file(&path)?, path))
}
