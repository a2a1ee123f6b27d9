//! A host's records of guest roots, under `/var/lib/xen-vman/guests`.

use super::HostError;
use super::machine::Host;
use super::state::{self, STATE};
use crate::install::{GuestRecord, record_paths};
use crate::values::DomainName;
use std::collections::BTreeMap;

/// All records, by domain. An unfinished installation takes precedence over an older, finished
/// one.
pub(super) fn all(host: &dyn Host) -> Result<BTreeMap<DomainName, GuestRecord>, HostError> {
    let dir = format!("{STATE}/guests");
    let mut names = host.names(&dir)?;
    // `.unfinished` sorts after `.installed` and replaces it.
    names.sort();
    let mut records = BTreeMap::new();
    for name in names {
        let Some((domain, "installed" | "unfinished")) = name.rsplit_once('.') else {
            continue;
        };
        let Ok(domain) = domain.parse() else {
            continue;
        };
        if let Some(record) = state::json(host, &format!("{dir}/{name}"))? {
            records.insert(domain, record);
        }
    }
    Ok(records)
}

/// Writes the record of a guest.
pub(super) fn set(
    host: &dyn Host,
    domain: &DomainName,
    record: &GuestRecord,
) -> Result<(), HostError> {
    let [installed, unfinished] = record_paths(domain);
    if record.is_finished {
        state::put_json(host, &installed, record)?;
        host.remove(&unfinished)
    } else {
        state::put_json(host, &unfinished, record)
    }
}
