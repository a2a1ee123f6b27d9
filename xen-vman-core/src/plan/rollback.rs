//! Plans how to restore the files that an apply changed.

use super::files::{Conflict, Conflicts, impact_of};
use super::{Action, Change, Entry, Observed, Plan, Record, reload};
use crate::object::{Object, Role};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The entry at a path before an apply changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its role and owner.
    pub object: Object,
    /// The path.
    pub path: String,
    /// The previous entry; `None` if there was none.
    pub before: Option<Entry>,
    /// The [`digest`] of what the apply wrote; `None` if it removed the entry.
    pub after: Option<String>,
}

/// A digest of an entry (SHA-256, hexadecimal).
pub fn digest(entry: &Entry) -> String {
    let mut hash = Sha256::new();
    match entry {
        Entry::File { mode, content } => {
            hash.update(format!("file {mode:o}\n"));
            hash.update(content);
        }
        Entry::Link(target) => {
            hash.update("link\n");
            hash.update(target);
        }
        Entry::Other => hash.update("other\n"),
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Plans how to restore the files that an apply changed, in reverse order. `record` is the
/// record of managed files from before that apply.
///
/// # Errors
/// The files that were changed after the apply.
pub fn rollback(kept: &[Kept], record: Record, observed: &Observed) -> Result<Plan, Conflicts> {
    let mut conflicts = Vec::new();
    let mut actions = Vec::new();
    for Kept {
        object,
        path,
        before,
        after,
    } in kept.iter().rev()
    {
        let found = observed.entries.get(path);
        if found == before.as_ref() {
            continue;
        }
        if found.map(digest) != *after {
            conflicts.push(Conflict {
                path: path.clone(),
                found: found.cloned(),
            });
            continue;
        }
        let change = match (before, found) {
            (Some(entry), found) => Change::Put {
                object: object.clone(),
                path: path.clone(),
                entry: entry.clone(),
                before: found.cloned(),
            },
            (None, Some(found)) => Change::Remove {
                object: object.clone(),
                path: path.clone(),
                before: found.clone(),
            },
            (None, None) => continue,
        };
        let impact = impact_of(object.role);
        actions.push((super::Rank::Unit, Action { change, impact }));
    }
    if !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    if observed.is_running {
        actions.extend(reload(&actions, observed));
    }
    let mut record = record;
    record.reload_pending = false;
    record
        .starts_pending
        .clone_from(&observed.record.starts_pending);
    record
        .stale_initrds
        .clone_from(&observed.record.stale_initrds);
    if kept.iter().any(|kept| kept.object.role == Role::InitrdHook) {
        // These initrds were built by the hook that is being replaced.
        record
            .stale_initrds
            .extend(observed.kernels.installed.iter().cloned());
    }
    Ok(Plan {
        actions: actions.into_iter().map(|(_, action)| action).collect(),
        record,
        ..Plan::default()
    })
}
