//! Generations record what each apply replaced and did, under
//! `/var/lib/xen-vman/generations/N`.
//!
//! `manifest.json` records what was at each path, `files/` holds the contents, and
//! `journal.jsonl` has a line for each action that began or failed. A generation is valid once
//! its manifest exists, which is written before the first change.

use super::HostError;
use super::kept::{self, KeptFile, kept_of};
use super::machine::Host;
use super::state::{self, STATE, StateFile};

use crate::plan::{Kept, Plan, Record};
use crate::render::{Keep, Output};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// The state before an apply.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct GenerationManifest {
    /// The record of managed files.
    pub(super) record: Record,
    /// The generation that this one rolls back, in the earlier format.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<u32>,
    /// The generation whose state this one restores.
    restores: Option<u32>,
    /// Whether it removes all that was applied.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) uninstalls: bool,
    /// When it began, in seconds since the Unix epoch.
    at_secs: Option<u64>,
    /// The definition that is applied.
    pub(super) definition: Option<String>,
    pub(super) files: Vec<KeptFile>,
}

impl GenerationManifest {
    /// The files and links that were to be changed.
    fn changed(&self) -> impl Iterator<Item = &KeptFile> {
        self.files.iter().filter(|file| !file.is_found)
    }
}

/// A generation that is being written.
#[derive(Debug)]
pub(super) struct Generation {
    /// Its directory.
    pub(super) path: String,
    journal: String,
}

/// What a generation is made for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To apply a definition.
    Apply {
        output: &'a Output,
        definition: &'a str,
    },
    /// To restore the state after a generation.
    Rollback { to: u32 },
    /// To remove all that was applied, and the directories that this leaves empty.
    Uninstall { emptied: &'a [String] },
}

impl<'a> Purpose<'a> {
    /// What is applied, if anything.
    pub(super) const fn output(&self) -> Option<&'a Output> {
        match self {
            Self::Apply { output, .. } => Some(output),
            Self::Rollback { .. } | Self::Uninstall { .. } => None,
        }
    }

    /// What is done after the actions, while the record still says that they may have to be done.
    pub(super) fn finish(&self, host: &dyn Host) -> Result<(), HostError> {
        match self {
            Self::Uninstall { emptied } => {
                emptied.iter().try_for_each(|dir| host.remove_empty(dir))
            }
            Self::Apply { .. } | Self::Rollback { .. } => Ok(()),
        }
    }

    pub(super) const fn is_rollback(&self) -> bool {
        matches!(self, Self::Rollback { .. })
    }
}

pub(super) fn directory(number: u32) -> String {
    format!("{STATE}/generations/{number}")
}

impl Generation {
    /// Saves what a plan replaces or removes.
    pub(super) fn begin(
        host: &dyn Host,
        plan: &Plan,
        record: &Record,
        purpose: &Purpose<'_>,
    ) -> Result<Self, HostError> {
        let dir = directory(numbers(host)?.last().map_or(1, |last| last + 1));
        let (restores, definition) = match purpose {
            Purpose::Apply { definition, .. } => (None, Some((*definition).to_owned())),
            Purpose::Rollback { to } => (Some(*to), None),
            Purpose::Uninstall { .. } => (None, None),
        };
        let files = kept::files(host, &dir, plan, record)?;
        let manifest = GenerationManifest {
            record: record.clone(),
            undoes: None,
            restores,
            uninstalls: matches!(purpose, Purpose::Uninstall { .. }),
            at_secs: Some(host.now_secs()),
            definition,
            files,
        };
        state::put_json(host, &format!("{dir}/manifest.json"), &manifest)?;
        let journal = format!("{dir}/journal.jsonl");
        host.append(&journal, b"")?;
        Ok(Self { path: dir, journal })
    }

    /// Saves what a plan begins to manage, if it is there and already as it is to be: nothing has to be
    /// done, but an uninstallation must know that it was there.
    pub(super) fn keep_found(
        host: &dyn Host,
        plan: &Plan,
        record: &Record,
        purpose: &Purpose<'_>,
    ) -> Result<(), HostError> {
        if kept::found(host, plan, record)?.is_empty() {
            return Ok(());
        }
        Self::begin(host, plan, record, purpose)?.end(host)
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

/// What is known of a generation, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Its number.
    pub number: u32,
    /// When it began, in seconds since the Unix epoch.
    pub at_secs: Option<u64>,
    /// The definition that was applied; `None` for anything else.
    pub definition: Option<String>,
    /// The generation that it rolled back to; `None` for anything else.
    pub rolled_back_to: Option<u32>,
    /// Whether it removed all that was applied before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_uninstall: bool,
    /// Whether all of it was done.
    pub is_done: bool,
    /// Whether the host is as this generation left it, apart from what failed.
    pub is_current: bool,
    /// The files and links that it was to change.
    pub paths: Vec<String>,
}

/// The generations of a host.
#[derive(Debug)]
pub(super) struct Generations {
    pub(super) all: BTreeMap<u32, Past>,
}

/// A generation of the past.
#[derive(Debug)]
pub(super) struct Past {
    /// `None` if it ended before anything was changed.
    pub(super) manifest: Option<GenerationManifest>,
    pub(super) is_done: bool,
    /// Whether there was a manifest, which is gone or damaged.
    pub(super) is_lost: bool,
}

/// What to roll back.
#[derive(Debug)]
pub(super) struct Target {
    /// The generation whose state is restored; 0 for the state before all of them.
    pub(super) number: u32,
    /// The record of managed files at that time.
    pub(super) record: Record,
    pub(super) kept: Vec<Kept>,
}

impl Generations {
    pub(super) fn read(host: &dyn Host) -> Result<Self, HostError> {
        Self::read_with(host, manifest)
    }

    /// Those that can be read. Of the others, it is only known that they are there.
    pub(super) fn read_rest(host: &dyn Host) -> Result<Self, HostError> {
        Self::read_with(host, |host, number| match manifest(host, number) {
            Err(HostError::Damaged { .. }) => Ok(None),
            read => read,
        })
    }

    fn read_with(
        host: &dyn Host,
        manifest: fn(&dyn Host, u32) -> Result<Option<GenerationManifest>, HostError>,
    ) -> Result<Self, HostError> {
        let mut all = BTreeMap::new();
        for number in numbers(host)? {
            let dir = directory(number);
            let is_there = |name: &str| -> Result<bool, HostError> {
                Ok(host.entry(&format!("{dir}/{name}"))?.is_some())
            };
            let manifest = manifest(host, number)?;
            // The journal is begun after the manifest was written.
            let was_written = is_there("manifest.json")? || is_there("journal.jsonl")?;
            let past = Past {
                is_lost: manifest.is_none() && was_written,
                manifest,
                is_done: is_there("done")?,
            };
            all.insert(number, past);
        }
        Ok(Self { all })
    }

    /// The generation whose state the host has after this one: its own, or the one that it rolled
    /// back to.
    pub(super) fn state_after(&self, number: u32) -> u32 {
        let manifest = self
            .all
            .get(&number)
            .and_then(|past| past.manifest.as_ref());
        match manifest {
            Some(manifest) => match (manifest.restores, manifest.undoes) {
                (Some(target), _) => target,
                (None, Some(undone)) => self.state_before(undone),
                (None, None) => number,
            },
            None => number,
        }
    }

    fn state_before(&self, number: u32) -> u32 {
        let earlier = self.all.range(..number).next_back();
        let before_all = number.saturating_sub(1);
        earlier.map_or(before_all, |(number, _)| self.state_after(*number))
    }

    fn last(&self) -> Option<(u32, &Past)> {
        self.all
            .last_key_value()
            .map(|(number, past)| (*number, past))
    }

    /// The generation to roll back to if none was chosen. A rollback that was interrupted is
    /// continued.
    fn next_target(&self) -> Result<u32, HostError> {
        let (last, past) = self.last().ok_or(HostError::NothingBefore)?;
        let mut state = self.state_after(last);
        if state != last && !past.is_done {
            return Ok(state);
        }
        // What changed no files needs no rollback.
        while let Some(past) = self.all.get(&state) {
            let manifest = past.manifest.as_ref();
            if past.is_done && manifest.is_some_and(|manifest| manifest.changed().next().is_none())
            {
                state = self.state_before(state);
            } else {
                return Ok(self.state_before(state));
            }
        }
        Err(HostError::NothingBefore)
    }

    /// What to restore to get back to a generation, or to the state before the last apply.
    pub(super) fn target(&self, host: &dyn Host, to: Option<u32>) -> Result<Target, HostError> {
        let number = match to {
            Some(number) => number,
            None => self.next_target()?,
        };
        // What is before the first one that is left can be restored, and nothing earlier.
        let first = self.all.keys().next();
        let is_before_first = first.is_some_and(|first| number.checked_add(1) == Some(*first));
        if !is_before_first && !self.all.contains_key(&number) {
            return Err(HostError::NoGeneration(number));
        }
        let mut record = None;
        let mut kept: Vec<Kept> = Vec::new();
        let mut index_of: HashMap<String, usize> = HashMap::new();
        for (later, past) in self.all.range(number + 1..) {
            let Some(manifest) = &past.manifest else {
                continue;
            };
            record.get_or_insert_with(|| manifest.record.clone());
            for file in manifest.changed() {
                let found = kept_of(host, &directory(*later), file)?;
                match index_of.get(&found.path) {
                    // What was there before the first of them is restored.
                    Some(index) => kept[*index].left.extend(found.left),
                    None => {
                        index_of.insert(found.path.clone(), kept.len());
                        kept.push(found);
                    }
                }
            }
        }
        Ok(Target {
            number,
            record: record.map_or_else(|| state::record(host), Ok)?,
            kept,
        })
    }

    /// Fails if the last apply changed no files, so that undoing it does nothing. What it was meant
    /// to undo must be chosen.
    pub(super) fn refuse_to_do_nothing(&self) -> Result<(), HostError> {
        match self.last() {
            Some((number, _)) if self.state_after(number) == number => {
                let before = self.state_before(number);
                Err(HostError::ChangedNothing {
                    number,
                    further: (before > 0).then(|| self.state_before(before)),
                })
            }
            _ => Ok(()),
        }
    }

    /// What is known of each generation, the oldest first.
    pub(super) fn summaries(&self) -> Vec<Summary> {
        let current = self.last().map(|(number, _)| self.state_after(number));
        let all = self.all.iter().map(|(number, past)| {
            let manifest = past.manifest.as_ref();
            let state = self.state_after(*number);
            Summary {
                number: *number,
                at_secs: manifest.and_then(|manifest| manifest.at_secs),
                definition: manifest.and_then(|manifest| manifest.definition.clone()),
                rolled_back_to: (state != *number).then_some(state),
                is_uninstall: manifest.is_some_and(|manifest| manifest.uninstalls),
                is_done: past.is_done,
                is_current: current == Some(*number),
                paths: manifest.map_or_else(Vec::new, |manifest| {
                    manifest.changed().map(|file| file.path.clone()).collect()
                }),
            }
        });
        all.collect()
    }
}

/// Where the number of the oldest generation that counts is recorded. It is written before the
/// earlier ones are removed: one that is only partly there must not be restored.
fn oldest_path() -> String {
    format!("{STATE}/generations/oldest")
}

/// The numbers of all generations, sorted.
fn numbers(host: &dyn Host) -> Result<Vec<u32>, HostError> {
    let oldest: u32 =
        state::json(host, StateFile::OldestGeneration, &oldest_path())?.unwrap_or_default();
    let mut numbers = directories(host)?;
    numbers.retain(|number| *number >= oldest);
    Ok(numbers)
}

/// The numbers of all generations that are there at least in part, sorted.
fn directories(host: &dyn Host) -> Result<Vec<u32>, HostError> {
    let names = host.names(&format!("{STATE}/generations"))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes the generations that are not to be kept. The newest always is.
pub(super) fn prune(host: &dyn Host, keep: Keep) -> Result<(), HostError> {
    let all = numbers(host)?;
    let Some(newest) = all.last() else {
        return Ok(());
    };
    let age_secs = u64::from(keep.days.get()) * 24 * 60 * 60;
    let earliest = host.now_secs().saturating_sub(age_secs);
    let is_old = |number: u32| -> Result<bool, HostError> {
        let manifest = match manifest(host, number) {
            // It may have been damaged at any time.
            Err(HostError::Damaged { .. }) => return Ok(false),
            read => read?,
        };
        let at_secs = manifest.and_then(|manifest| manifest.at_secs);
        Ok(at_secs.is_some_and(|at_secs| at_secs < earliest))
    };
    let too_many = all.len().saturating_sub(keep.generations.get().into());
    let mut oldest = *newest;
    for number in &all[too_many..] {
        if !is_old(*number)? {
            oldest = *number;
            break;
        }
    }
    if all.first() == Some(&oldest) {
        return Ok(());
    }
    state::put_json(host, &oldest_path(), &oldest)?;
    for number in directories(host)? {
        if number < oldest {
            host.remove_tree(&directory(number))?;
        }
    }
    Ok(())
}

fn manifest(host: &dyn Host, number: u32) -> Result<Option<GenerationManifest>, HostError> {
    let path = format!("{}/manifest.json", directory(number));
    state::json(host, StateFile::Manifest, &path)
}
