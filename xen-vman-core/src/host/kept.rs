//! What a generation keeps of the files and links that a plan changes, or begins to manage.

use super::machine::Host;
use super::state;
use super::{HostError, dir::failed};
use crate::object::{Object, Role};
use crate::plan::{Access, Change, Entry, Kept, Plan, Record, digest, object_at};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A file or link, in the manifest of a generation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptFile {
    pub(super) path: String,
    /// Its role and owner; missing in generations of earlier versions.
    object: Option<Object>,
    before: Option<KeptEntry>,
    after: Option<String>,
    /// Whether it is managed from then on, but was already as it is to be, and was not changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_found: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptEntry {
    /// The target of a link.
    Link(String),
    /// The access to a file, whose content is kept separately.
    File(Access),
}

/// Saves what a plan replaces, removes or finds, in the directory of a generation.
pub(super) fn files(
    host: &dyn Host,
    dir: &str,
    plan: &Plan,
    record: &Record,
) -> Result<Vec<KeptFile>, HostError> {
    let mut files = Vec::new();
    for action in &plan.actions {
        let (object, path, before, after) = match &action.change {
            Change::Put {
                object,
                path,
                entry,
                before,
            } => (object, path, before.as_ref(), Some(entry)),
            Change::Remove {
                object,
                path,
                before,
            } => (object, path, Some(before), None),
            _ => continue,
        };
        files.push(KeptFile {
            object: Some(object.clone()),
            path: path.clone(),
            before: keep(host, dir, path, before)?,
            after: after.map(digest),
            is_found: false,
        });
    }
    for (object, path, entry) in found(host, plan, record)? {
        files.push(KeptFile {
            before: keep(host, dir, &path, Some(&entry))?,
            after: Some(digest(&entry)),
            object: Some(object),
            path,
            is_found: true,
        });
    }
    Ok(files)
}

/// Saves an entry in the directory of a generation.
fn keep(
    host: &dyn Host,
    dir: &str,
    path: &str,
    entry: Option<&Entry>,
) -> Result<Option<KeptEntry>, HostError> {
    Ok(match entry {
        None | Some(Entry::Other) => None,
        Some(Entry::Link(target)) => Some(KeptEntry::Link(target.clone())),
        Some(Entry::File { access, content }) => {
            state::put(host, &format!("{dir}/files{path}"), content.clone())?;
            Some(KeptEntry::File(access.clone()))
        }
    })
}

/// What a plan begins to manage and does not change, because it is already as it is to be.
pub(super) fn found(
    host: &dyn Host,
    plan: &Plan,
    record: &Record,
) -> Result<Vec<(Object, String, Entry)>, HostError> {
    let changed: BTreeSet<&str> = plan
        .actions
        .iter()
        .filter_map(|action| match &action.change {
            Change::Put { path, .. } | Change::Remove { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    let objects = plan.record.objects.iter();
    let objects = objects.filter(|(path, _)| !record.objects.contains_key(*path));
    let settings = plan.record.settings.keys();
    let settings = settings.filter(|path| !record.settings.contains_key(*path));
    let settings = settings.map(|path| (path, Object::of_host(Role::Settings)));
    let new = objects.map(|(path, object)| (path, object.clone()));
    let mut found = Vec::new();
    for (path, object) in new.chain(settings) {
        if !changed.contains(path.as_str())
            && let Some(entry @ (Entry::File { .. } | Entry::Link(_))) = host.entry(path)?
        {
            found.push((object, path.clone(), entry));
        }
    }
    Ok(found)
}

/// What a generation kept, whose directory is given.
pub(super) fn kept_of(host: &dyn Host, dir: &str, file: &KeptFile) -> Result<Kept, HostError> {
    let before = match &file.before {
        None => None,
        Some(KeptEntry::Link(target)) => Some(Entry::Link(target.clone())),
        Some(KeptEntry::File(access)) => {
            let path = format!("{dir}/files{}", file.path);
            match host.entry(&path)? {
                Some(Entry::File { content, .. }) => Some(Entry::File {
                    access: access.clone(),
                    content,
                }),
                _ => return Err(failed("read", &path, std::io::ErrorKind::NotFound.into())),
            }
        }
    };
    let left = [before.as_ref().map(digest), file.after.clone()];
    let object = file.object.clone();
    Ok(Kept {
        object: object.unwrap_or_else(|| object_at(&file.path)),
        path: file.path.clone(),
        before,
        left: left.into_iter().collect(),
    })
}
