//! What is kept about a host, under `/var/lib/xen-vman`, for root alone.

use super::machine::Host;
use super::{HostError, dir::failed};
use crate::plan::{Entry, Record};
use crate::values::DomainName;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) const STATE: &str = "/var/lib/xen-vman";

fn record_path() -> String {
    format!("{STATE}/record.json")
}

/// What is ours.
pub(super) fn record(host: &dyn Host) -> Result<Record, HostError> {
    Ok(json(host, &record_path())?.unwrap_or_default())
}

/// Writes down what is ours.
pub(super) fn set_record(host: &dyn Host, record: &Record) -> Result<(), HostError> {
    put_json(host, &record_path(), record)
}

/// What a file of ours says; none if it is not there.
pub(super) fn json<T: DeserializeOwned>(
    host: &dyn Host,
    path: &str,
) -> Result<Option<T>, HostError> {
    let damaged = |message: String| HostError::Damaged {
        path: path.to_owned(),
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

/// Writes a file of ours.
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

/// Writes a file that root alone may read; one that is the same stays as it is.
pub(super) fn put(host: &dyn Host, path: &str, content: Vec<u8>) -> Result<(), HostError> {
    let entry = Entry::File {
        mode: 0o600,
        content,
    };
    if host.entry(path)?.as_ref() == Some(&entry) {
        return Ok(());
    }
    make_parents(host, path)?;
    host.put(path, &entry)
}

/// Makes the directories above a file of ours, for root alone below the first.
pub(super) fn make_parents(host: &dyn Host, path: &str) -> Result<(), HostError> {
    host.make_parents(STATE, 0o755)?;
    host.make_parents(path, 0o700)
}

/// The path of the log of an installation, which begins with this one.
pub(super) fn new_log(host: &dyn Host, domain: &DomainName) -> Result<String, HostError> {
    let path = format!("{STATE}/logs/install-{domain}.log");
    make_parents(host, &path)?;
    host.remove(&path)?;
    host.append(&path, b"")?;
    Ok(path)
}
