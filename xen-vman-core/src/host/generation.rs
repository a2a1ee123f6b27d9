//! Generations: what each apply replaced, and what it did, under
//! `/var/lib/xen-vman/generations/N`.
//!
//! `manifest.json` says what stood at each path, `files/` has the contents, `journal.jsonl`
//! has a line for whatever began, failed or ended. A generation counts once its manifest is
//! there, and the manifest is there before the first change.

use super::state::{self, STATE};
use super::{HostDir, HostError, dir::failed};
use crate::plan::{Change, Entry, Kept, Plan, Record, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

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
    pub(super) place: String,
    journal: File,
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
        dir: &HostDir,
        plan: &Plan,
        record: &Record,
        undoes: Option<u32>,
    ) -> Result<Self, HostError> {
        let place = place(numbers(dir)?.last().map_or(1, |last| last + 1));
        let mut files = Vec::new();
        for action in &plan.actions {
            let (path, before, after) = match &action.change {
                Change::Put {
                    path,
                    entry,
                    before,
                } => (path, before.as_ref(), Some(entry)),
                Change::Remove { path, before } => (path, Some(before), None),
                _ => continue,
            };
            let before = match before {
                None | Some(Entry::Other) => None,
                Some(Entry::Link(target)) => Some(KeptEntry::Link(target.clone())),
                Some(Entry::File { mode, content }) => {
                    state::put(dir, &format!("{place}/files{path}"), content.clone())?;
                    Some(KeptEntry::File(*mode))
                }
            };
            files.push(KeptFile {
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
        state::put_json(dir, &format!("{place}/manifest.json"), &manifest)?;
        let journal = dir.append(&format!("{place}/journal.jsonl"))?;
        Ok(Self { place, journal })
    }

    /// Adds a line to the journal, with the time. A journal that cannot be written (the disk
    /// is full) does not keep anything from being done.
    pub(super) fn note(&mut self, mut what: Value) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        what["at_secs"] = json!(now.map_or(0, |now| now.as_secs()));
        let _ = writeln!(self.journal, "{what}");
    }

    /// Ends it; all of it is done.
    pub(super) fn end(mut self, dir: &HostDir) -> Result<(), HostError> {
        self.note(json!({ "event": "ends" }));
        state::put(dir, &format!("{}/done", self.place), Vec::new())
    }
}

/// The last apply that is not taken back yet; none if there is none.
pub(super) fn previous(dir: &HostDir) -> Result<Option<Previous>, HostError> {
    let mut below = u32::MAX;
    for number in numbers(dir)?.into_iter().rev() {
        if number >= below {
            continue;
        }
        let place = place(number);
        let Some(manifest): Option<Manifest> = state::json(dir, &format!("{place}/manifest.json"))?
        else {
            continue;
        };
        let is_done = dir.entry(&format!("{place}/done"))?.is_some();
        if let Some(undone) = manifest.undoes.filter(|_| is_done) {
            below = undone;
        } else if !manifest.files.is_empty() {
            let kept = manifest.files.into_iter();
            return Ok(Some(Previous {
                number,
                record: manifest.record,
                kept: kept
                    .map(|file| kept_of(dir, &place, file))
                    .collect::<Result<_, _>>()?,
            }));
        }
    }
    Ok(None)
}

fn kept_of(dir: &HostDir, place: &str, file: KeptFile) -> Result<Kept, HostError> {
    let before = match file.before {
        None => None,
        Some(KeptEntry::Link(target)) => Some(Entry::Link(target)),
        Some(KeptEntry::File(mode)) => {
            let path = format!("{place}/files{}", file.path);
            match dir.entry(&path)? {
                Some(Entry::File { content, .. }) => Some(Entry::File { mode, content }),
                _ => return Err(failed("read", &path, std::io::ErrorKind::NotFound.into())),
            }
        }
    };
    Ok(Kept {
        path: file.path,
        before,
        after: file.after,
    })
}

/// The numbers of the generations, sorted.
fn numbers(dir: &HostDir) -> Result<Vec<u32>, HostError> {
    let names = dir.names(&format!("{STATE}/generations"))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
