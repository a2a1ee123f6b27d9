//! What was on a host before xen-vman managed it, as far as its generations know.

use super::HostError;
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
    /// What was already its own when the oldest generation was made is not known any more.
    pub(super) fn originals(&self, host: &dyn Host) -> Result<Originals, HostError> {
        let begins = self
            .all
            .iter()
            .rev()
            .find_map(|(number, past)| self.is_first(*number, past).then_some(*number));
        let mut left = Left::default();
        let mut kept: Vec<Kept> = Vec::new();
        let mut index_of: HashMap<String, usize> = HashMap::new();
        for (number, past) in self.all.range(begins.unwrap_or(0)..) {
            let manifest = past.manifest.iter();
            for (manifest, file) in
                manifest.flat_map(|one| one.files.iter().map(move |file| (one, file)))
            {
                let mut found = kept_of(host, &directory(*number), file)?;
                left.note_root_of(&found.object, found.before.as_ref());
                if let Some(index) = index_of.get(&found.path) {
                    kept[*index].left.extend(found.left);
                    continue;
                }
                if manifest.record.settings.contains_key(&found.path) {
                    continue;
                }
                if manifest.record.objects.contains_key(&found.path) {
                    found.before = None;
                }
                index_of.insert(found.path.clone(), kept.len());
                kept.push(found);
            }
        }
        let unfinished = self.unfinished();
        Ok(Originals {
            kept,
            left,
            unfinished,
        })
    }

    /// Whether a generation is the first apply on a host that was not managed. That nothing is recorded
    /// as managed does not suffice: the record may have been lost.
    fn is_first(&self, number: u32, past: &Past) -> bool {
        past.manifest.as_ref().is_some_and(|manifest| {
            manifest.record.objects.is_empty()
                && manifest.definition.is_some()
                && self.is_unmanaged_before(number)
        })
    }

    /// Whether there was no apply before a generation, or all of it had been removed again.
    fn is_unmanaged_before(&self, number: u32) -> bool {
        let earlier = self.all.range(..number).rev();
        // What ended before anything was changed does not count.
        let mut earlier = earlier.filter(|(_, past)| past.manifest.is_some());
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
