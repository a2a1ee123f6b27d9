//! What a host knows of the roots of guests, under `/var/lib/xen-vman/guests`.

use super::state::{self, STATE};
use super::{HostDir, HostError};
use crate::install::{GuestRecord, record_paths};
use std::collections::BTreeMap;

/// All of it, by domain. An installation that is under way counts more than an older one that
/// is finished.
pub(super) fn all(dir: &HostDir) -> Result<BTreeMap<String, GuestRecord>, HostError> {
    let place = format!("{STATE}/guests");
    let mut names = dir.names(&place)?;
    // `.installed` before `.unfinished`.
    names.sort();
    let mut records = BTreeMap::new();
    for name in names {
        let Some((domain, "installed" | "unfinished")) = name.rsplit_once('.') else {
            continue;
        };
        if let Some(record) = state::json(dir, &format!("{place}/{name}"))? {
            records.insert(domain.to_owned(), record);
        }
    }
    Ok(records)
}

/// Writes down what is known of one.
pub(super) fn set(dir: &HostDir, domain: &str, record: &GuestRecord) -> Result<(), HostError> {
    let [installed, unfinished] = record_paths(domain);
    if record.is_finished {
        state::put_json(dir, &installed, record)?;
        dir.remove(&unfinished)
    } else {
        state::put_json(dir, &unfinished, record)
    }
}
