//! What is kept about a host, under `/var/lib/xen-vman`, for root alone.

use super::{HostDir, HostError, dir::failed};
use crate::plan::{Change, Entry, Plan, Record};
use nix::sys::stat::Mode;

const STATE: &str = "/var/lib/xen-vman";

fn record_path() -> String {
    format!("{STATE}/record.json")
}

/// What is ours.
pub(super) fn record(dir: &HostDir) -> Result<Record, HostError> {
    let path = record_path();
    let damaged = |message: String| HostError::Damaged {
        path: path.clone(),
        message,
    };
    match dir.entry(&path)? {
        None => Ok(Record::default()),
        Some(Entry::File { content, .. }) => {
            serde_json::from_slice(&content).map_err(|error| damaged(error.to_string()))
        }
        Some(_) => Err(damaged("it is not a file".into())),
    }
}

/// Writes down what is ours.
pub(super) fn set_record(dir: &HostDir, record: &Record) -> Result<(), HostError> {
    let path = record_path();
    let mut content =
        serde_json::to_vec_pretty(record).map_err(|error| failed("write", &path, error.into()))?;
    content.push(b'\n');
    put(dir, &path, content)
}

/// Keeps what a plan replaces or removes, in a directory of its own number.
pub(super) fn keep_previous(dir: &HostDir, plan: &Plan) -> Result<Option<String>, HostError> {
    let replaced = plan.actions.iter().filter_map(|change| match change {
        Change::Put {
            path,
            before: Some(Entry::File { content, .. }),
            ..
        }
        | Change::Remove {
            path,
            before: Entry::File { content, .. },
        } => Some((path, content)),
        _ => None,
    });
    let mut replaced = replaced.peekable();
    if replaced.peek().is_none() {
        return Ok(None);
    }
    let generations = format!("{STATE}/generations");
    let numbers = dir.names(&generations)?;
    let last = numbers
        .iter()
        .filter_map(|name| name.parse::<u32>().ok())
        .max();
    let place = format!("{generations}/{}", last.unwrap_or(0) + 1);
    for (path, content) in replaced {
        put(dir, &format!("{place}{path}"), content.clone())?;
    }
    Ok(Some(place))
}

/// Writes a file that root alone may read; one that is the same stays as it is.
fn put(dir: &HostDir, path: &str, content: Vec<u8>) -> Result<(), HostError> {
    let entry = Entry::File {
        mode: 0o600,
        content,
    };
    if dir.entry(path)?.as_ref() == Some(&entry) {
        return Ok(());
    }
    dir.make_parents(STATE, Mode::from_bits_truncate(0o755))
        .and_then(|()| dir.make_parents(path, Mode::from_bits_truncate(0o700)))
        .map_err(|error| failed("write", path, error))?;
    dir.put(path, &entry)
}
