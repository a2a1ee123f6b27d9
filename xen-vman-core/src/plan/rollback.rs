//! Plans how to restore the files that an apply changed.

use super::files::{Conflict, Conflicts, impact_of};
use super::guests::needs_restart;
use super::{
    Access, Action, Change, Entry, FileOwner, Impact, Observed, Plan, Record, reload, settings,
};
use crate::object::{Object, Role};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The entry at a path before applies changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its role and owner.
    pub object: Object,
    /// The path.
    pub path: String,
    /// The previous entry; `None` if there was none.
    pub before: Option<Entry>,
    /// The [`digest`]s of what may be there now: what was there before, and what each apply since
    /// has written; `None` for nothing. Anything else was changed by somebody else.
    pub left: BTreeSet<Option<String>>,
}

/// A digest of an entry (SHA-256, hexadecimal).
pub fn digest(entry: &Entry) -> String {
    let mut hash = Sha256::new();
    match entry {
        Entry::File { access, content } => {
            let Access { owner, mode, acl } = access;
            hash.update(format!("file {mode:o}\n"));
            if *owner != FileOwner::ROOT || acl.is_some() {
                hash.update(format!("{} {} {acl:?}\n", owner.user, owner.group));
            }
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

/// What to restore in a file that others edit, too: only our lines in it become as they were. If these
/// are not known, it is all that was there.
fn with_edits(
    path: &str,
    before: Option<&Entry>,
    found: &Entry,
    target: &Record,
    observed: &Observed,
) -> Option<Entry> {
    let ours = settings::lines(path, [&observed.record]);
    let mut restored = settings::lines(path, [target]).into_keys();
    if settings::has_any(found, &ours)
        && restored.all(|key| ours.contains_key(key))
        && let (entry, true) = settings::taken_out(&ours, before, found)
    {
        return entry;
    }
    before.cloned()
}

/// Plans how to restore the files that applies changed, in reverse order. `record` is the record of
/// managed files from before them.
///
/// # Errors
/// The files that somebody else has changed since.
pub fn rollback(kept: &[Kept], record: Record, observed: &Observed) -> Result<Plan, Conflicts> {
    let mut conflicts = Vec::new();
    let mut actions = Vec::new();
    let mut pending_restarts = Vec::new();
    for Kept {
        object,
        path,
        before,
        left,
    } in kept.iter().rev()
    {
        let found = observed.entries.get(path);
        if found == before.as_ref() {
            continue;
        }
        if !left.contains(&found.map(digest)) {
            conflicts.push(Conflict {
                path: path.clone(),
                found: found.cloned(),
            });
            continue;
        }
        let restored = match found {
            Some(found) if object.role == Role::Settings => {
                with_edits(path, before.as_ref(), found, &record, observed)
            }
            _ => before.clone(),
        };
        let before = restored.as_ref();
        if found == before {
            continue;
        }
        let Some(change) = Change::restoring(object, path, before, found) else {
            continue;
        };
        let impact = match before {
            Some(Entry::File { content, .. }) if needs_restart(object, path, content, observed) => {
                pending_restarts.extend(object.configures().cloned());
                Impact::NeedsRestart
            }
            _ => impact_of(object.role),
        };
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
        pending_restarts,
        pending_mounts: Vec::new(),
        ..Plan::default()
    })
}
