//! Generations: what each apply replaced, and what it did, under
//! `/var/lib/xen-vman/generations/N`.
//!
//! `manifest.json` says what stood at each path, `files/` has the contents, `journal.jsonl`
//! has a line for whatever began, failed or ended. A generation counts once its manifest is
//! there, and the manifest is there before the first change.

use super::machine::Host;
use super::state::{self, STATE};
use super::{HostError, dir::failed};
use crate::object::Object;
use crate::plan::{Change, Entry, Kept, Plan, Record, digest, object_at};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What an apply keeps of before.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Manifest {
    /// What was ours.
    record: Record,
    /// The generation that this one takes back.
    undoes: Option<u32>,
    files: Vec<KeptFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptFile {
    path: String,
    /// What it is for; generations of before do not say.
    object: Option<Object>,
    before: Option<KeptEntry>,
    after: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptEntry {
    /// Where the link points.
    Link(String),
    /// The mode of the file, whose content is kept besides.
    File(u32),
}

/// A generation that is being made.
#[derive(Debug)]
pub(super) struct Generation {
    /// Where it is.
    pub(super) path: String,
    journal: String,
}

/// What to take back.
#[derive(Debug)]
pub(super) struct Previous {
    pub(super) number: u32,
    pub(super) record: Record,
    pub(super) kept: Vec<Kept>,
}

fn place(number: u32) -> String {
    format!("{STATE}/generations/{number}")
}

impl Generation {
    /// Keeps what a plan replaces or removes.
    pub(super) fn begin(
        host: &dyn Host,
        plan: &Plan,
        record: &Record,
        undoes: Option<u32>,
    ) -> Result<Self, HostError> {
        let place = place(numbers(host)?.last().map_or(1, |last| last + 1));
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
                    state::put(host, &format!("{place}/files{path}"), content.clone())?;
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
        let manifest = Manifest {
            record: record.clone(),
            undoes,
            files,
        };
        state::put_json(host, &format!("{place}/manifest.json"), &manifest)?;
        let journal = format!("{place}/journal.jsonl");
        host.append(&journal, b"")?;
        Ok(Self {
            path: place,
            journal,
        })
    }

    /// Adds a line to the journal, with the time. A journal that cannot be written (the disk
    /// is full) does not keep anything from being done.
    pub(super) fn note(&self, host: &dyn Host, mut what: Value) {
        what["at_secs"] = json!(host.now_secs());
        let _ = host.append(&self.journal, format!("{what}\n").as_bytes());
    }

    /// Ends it; all of it is done.
    pub(super) fn end(self, host: &dyn Host) -> Result<(), HostError> {
        self.note(host, json!({ "event": "ends" }));
        state::put(host, &format!("{}/done", self.path), Vec::new())
    }
}

/// The last apply that is not taken back yet; none if there is none.
pub(super) fn previous(host: &dyn Host) -> Result<Option<Previous>, HostError> {
    let mut below = u32::MAX;
    for number in numbers(host)?.into_iter().rev() {
        if number >= below {
            continue;
        }
        let place = place(number);
        let Some(manifest): Option<Manifest> =
            state::json(host, &format!("{place}/manifest.json"))?
        else {
            continue;
        };
        let is_done = host.entry(&format!("{place}/done"))?.is_some();
        if let Some(undone) = manifest.undoes.filter(|_| is_done) {
            below = undone;
        } else if !manifest.files.is_empty() {
            let kept = manifest.files.into_iter();
            return Ok(Some(Previous {
                number,
                record: manifest.record,
                kept: kept
                    .map(|file| kept_of(host, &place, file))
                    .collect::<Result<_, _>>()?,
            }));
        }
    }
    Ok(None)
}

fn kept_of(host: &dyn Host, place: &str, file: KeptFile) -> Result<Kept, HostError> {
    let before = match file.before {
        None => None,
        Some(KeptEntry::Link(target)) => Some(Entry::Link(target)),
        Some(KeptEntry::File(mode)) => {
            let path = format!("{place}/files{}", file.path);
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

/// The numbers of the generations, sorted.
fn numbers(host: &dyn Host) -> Result<Vec<u32>, HostError> {
    let names = host.names(&format!("{STATE}/generations"))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
