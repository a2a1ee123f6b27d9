//! Generations record what each apply replaced and did, under
//! `/var/lib/xen-vman/generations/N`.
//!
//! `manifest.json` records what was at each path, `files/` holds the contents, and
//! `journal.jsonl` has a line for each action that began or failed. A generation is valid once
//! its manifest exists, which is written before the first change.

use super::machine::Host;
use super::state::{self, STATE};
use super::{HostError, dir::failed};
use crate::object::Object;
use crate::plan::{Change, Entry, Kept, Plan, Record, digest, object_at};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The state before an apply.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct GenerationManifest {
    /// The record of managed files.
    record: Record,
    /// The generation that this one rolls back.
    undoes: Option<u32>,
    files: Vec<KeptFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptFile {
    path: String,
    /// Its role and owner; missing in generations of earlier versions.
    object: Option<Object>,
    before: Option<KeptEntry>,
    after: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptEntry {
    /// The target of a link.
    Link(String),
    /// The mode of a file, whose content is kept separately.
    File(u32),
}

/// A generation that is being written.
#[derive(Debug)]
pub(super) struct Generation {
    /// Its directory.
    pub(super) path: String,
    journal: String,
}

/// The generation to roll back.
#[derive(Debug)]
pub(super) struct Previous {
    pub(super) number: u32,
    pub(super) record: Record,
    pub(super) kept: Vec<Kept>,
}

fn directory(number: u32) -> String {
    format!("{STATE}/generations/{number}")
}

impl Generation {
    /// Saves what a plan replaces or removes.
    pub(super) fn begin(
        host: &dyn Host,
        plan: &Plan,
        record: &Record,
        undoes: Option<u32>,
    ) -> Result<Self, HostError> {
        let dir = directory(numbers(host)?.last().map_or(1, |last| last + 1));
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
            let before = match before {
                None | Some(Entry::Other) => None,
                Some(Entry::Link(target)) => Some(KeptEntry::Link(target.clone())),
                Some(Entry::File { mode, content }) => {
                    state::put(host, &format!("{dir}/files{path}"), content.clone())?;
                    Some(KeptEntry::File(*mode))
                }
            };
            files.push(KeptFile {
                object: Some(object.clone()),
                path: path.clone(),
                before,
                after: after.map(digest),
            });
        }
        let manifest = GenerationManifest {
            record: record.clone(),
            undoes,
            files,
        };
        state::put_json(host, &format!("{dir}/manifest.json"), &manifest)?;
        let journal = format!("{dir}/journal.jsonl");
        host.append(&journal, b"")?;
        Ok(Self { path: dir, journal })
    }

    /// Adds a line with a timestamp to the journal. A journal that cannot be written, such as on a
    /// full disk, does not stop the apply.
    pub(super) fn note(&self, host: &dyn Host, mut what: Value) {
        what["at_secs"] = json!(host.now_secs());
        let _ = host.append(&self.journal, format!("{what}\n").as_bytes());
    }

    /// Marks the generation as completely applied.
    pub(super) fn end(self, host: &dyn Host) -> Result<(), HostError> {
        self.note(host, json!({ "event": "ends" }));
        state::put(host, &format!("{}/done", self.path), Vec::new())
    }
}

/// The last apply that was not rolled back yet, if any.
pub(super) fn previous(host: &dyn Host) -> Result<Option<Previous>, HostError> {
    let mut below = u32::MAX;
    for number in numbers(host)?.into_iter().rev() {
        if number >= below {
            continue;
        }
        let dir = directory(number);
        let Some(manifest): Option<GenerationManifest> =
            state::json(host, &format!("{dir}/manifest.json"))?
        else {
            continue;
        };
        let is_done = host.entry(&format!("{dir}/done"))?.is_some();
        if let Some(undone) = manifest.undoes.filter(|_| is_done) {
            below = undone;
        } else if !manifest.files.is_empty() {
            let kept = manifest.files.into_iter();
            return Ok(Some(Previous {
                number,
                record: manifest.record,
                kept: kept
                    .map(|file| kept_of(host, &dir, file))
                    .collect::<Result<_, _>>()?,
            }));
        }
    }
    Ok(None)
}

fn kept_of(host: &dyn Host, dir: &str, file: KeptFile) -> Result<Kept, HostError> {
    let before = match file.before {
        None => None,
        Some(KeptEntry::Link(target)) => Some(Entry::Link(target)),
        Some(KeptEntry::File(mode)) => {
            let path = format!("{dir}/files{}", file.path);
            match host.entry(&path)? {
                Some(Entry::File { content, .. }) => Some(Entry::File { mode, content }),
                _ => return Err(failed("read", &path, std::io::ErrorKind::NotFound.into())),
            }
        }
    };
    Ok(Kept {
        object: file.object.unwrap_or_else(|| object_at(&file.path)),
        path: file.path,
        before,
        after: file.after,
    })
}

/// The numbers of all generations, sorted.
fn numbers(host: &dyn Host) -> Result<Vec<u32>, HostError> {
    let names = host.names(&format!("{STATE}/generations"))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
