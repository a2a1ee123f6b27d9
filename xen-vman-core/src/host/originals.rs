//! What was on a host before xen-vman managed it, as far as its generations know.

use super::generation::{Generations, Past, directory};
use super::kept::kept_of;
use super::machine::Host;
use crate::plan::{self, Kept, Left, Observed, Record, Uninstall};
use std::collections::HashMap;

/// What an uninstallation restores.
#[derive(Debug)]
pub(super) struct Originals {
    /// What was at each path.
    pub(super) kept: Vec<Kept>,
    /// What is known to stay.
    pub(super) left: Left,
    /// The records from before the last generations, if these were not completed.
    pub(super) unfinished: Vec<Record>,
}

impl Originals {
    pub(super) fn plan(self, observed: &Observed) -> Uninstall {
        plan::uninstall(&self.kept, self.left, &self.unfinished, observed)
    }
}

impl Generations {
    /// What was at each path before xen-vman managed the host, which it may have done before, too.
    /// What was already its own when the oldest generation was made is not known any more. Nor is what
    /// a generation kept that is damaged, or part of which is gone.
    pub(super) fn originals(&self, host: &dyn Host, record: &Record) -> Originals {
        let begins = self
            .all
            .iter()
            .rev()
            .find_map(|(number, past)| self.is_first(*number, past).then_some(*number));
        let mut left = Left::default();
        let mut kept: Vec<Kept> = Vec::new();
        let mut index_of: HashMap<&str, usize> = HashMap::new();
        let mut is_any_lost = false;
        for (number, past) in self.all.range(begins.unwrap_or(0)..) {
            is_any_lost |= past.is_lost;
            let Some(manifest) = &past.manifest else {
                continue;
            };
            for file in &manifest.files {
                let path = file.path.as_str();
                let is_settings = manifest.record.settings.contains_key(path);
                let is_ours = manifest.record.objects.contains_key(path);
                let is_first = !index_of.contains_key(path);
                let found = kept_of(host, &directory(*number), file);
                if is_first && (found.is_err() || is_any_lost && (is_settings || is_ours)) {
                    left.unknown_originals.insert(path.to_owned());
                }
                // It cannot be read.
                let Ok(mut found) = found else { continue };
                left.note_root_of(&found.object, found.before.as_ref());
                if let Some(index) = index_of.get(path) {
                    kept[*index].left.extend(found.left);
                    continue;
                }
                if is_settings {
                    continue;
                }
                if is_ours {
                    found.before = None;
                }
                index_of.insert(path, kept.len());
                kept.push(found);
            }
        }
        if is_any_lost {
            let known = |path: &&String| index_of.contains_key(path.as_str());
            let ours = record.objects.keys().chain(record.settings.keys());
            let unknown = ours.filter(|path| !known(path));
            left.unknown_originals.extend(unknown.cloned());
        }
        let unfinished = self.unfinished();
        Originals {
            kept,
            left,
            unfinished,
        }
    }

    /// Whether a generation is the first apply on a host that was not managed. That nothing is recorded
    /// as managed does not suffice: the record may have been lost.
    fn is_first(&self, number: u32, past: &Past) -> bool {
        let may_be = past.manifest.as_ref().map_or(past.is_lost, |manifest| {
            manifest.record.objects.is_empty() && manifest.definition.is_some()
        });
        may_be && self.is_unmanaged_before(number)
    }

    /// Whether there was no apply before a generation, or all of it had been removed again.
    fn is_unmanaged_before(&self, number: u32) -> bool {
        let earlier = self.all.range(..number).rev();
        // What ended before anything was changed does not count.
        let mut earlier = earlier.filter(|(_, past)| past.manifest.is_some() || past.is_lost);
        let Some((before, _)) = earlier.next() else {
            return true;
        };
        match self.all.get(&self.state_after(*before)) {
            None => true,
            Some(state) => state.manifest.as_ref().is_some_and(|one| one.uninstalls),
        }
    }

    fn unfinished(&self) -> Vec<Record> {
        let last = self.all.values().rev().take_while(|past| !past.is_done);
        last.filter_map(|past| Some(past.manifest.as_ref()?.record.clone()))
            .collect()
    }
}
