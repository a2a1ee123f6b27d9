//! A host's records of guest roots, under `/var/lib/xen-vman/guests`.

use super::HostError;
use super::machine::Host;
use super::state::{self, StateFile};
use crate::install::{GUESTS, GuestRecord, guest_paths, record_paths, refusal_path};
use crate::values::DomainName;
use std::collections::{BTreeMap, BTreeSet};

/// All records, by domain, and the domains whose records are damaged.
pub(super) fn all(
    host: &dyn Host,
) -> Result<(BTreeMap<DomainName, GuestRecord>, BTreeSet<DomainName>), HostError> {
    let names = host.names(GUESTS)?;
    let domains: BTreeSet<DomainName> = names
        .iter()
        .filter_map(|name| match name.rsplit_once('.') {
            Some((domain, "installed" | "unfinished")) => domain.parse().ok(),
            _ => None,
        })
        .collect();
    let (mut records, mut damaged) = (BTreeMap::new(), BTreeSet::new());
    for domain in domains {
        match of(host, &domain) {
            Ok(record) => records.extend(record.map(|record| (domain, record))),
            Err(HostError::Damaged { .. }) => {
                damaged.insert(domain);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((records, damaged))
}

/// The domains whose roots were refused.
pub(super) fn refused(host: &dyn Host) -> Result<BTreeSet<DomainName>, HostError> {
    let names = host.names(GUESTS)?;
    let domains = names.iter().filter_map(|name| {
        let (domain, ending) = name.rsplit_once('.')?;
        (ending == "refused").then(|| domain.parse().ok())?
    });
    Ok(domains.collect())
}

/// The record of a guest. An unfinished installation takes precedence over an older, finished one.
pub(super) fn of(host: &dyn Host, domain: &DomainName) -> Result<Option<GuestRecord>, HostError> {
    let [installed, unfinished] = record_paths(domain);
    match state::json(host, StateFile::Guest, &unfinished)? {
        Some(record) => Ok(Some(record)),
        None => state::json(host, StateFile::Guest, &installed),
    }
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
        host.remove(&unfinished)?;
    } else {
        state::put_json(host, &unfinished, record)?;
    }
    permit(host, domain)
}

/// Makes the record of a guest what it was.
pub(super) fn restore(
    host: &dyn Host,
    domain: &DomainName,
    before: Option<&GuestRecord>,
) -> Result<(), HostError> {
    match before {
        Some(record) => set(host, domain, record),
        None => remove(host, domain),
    }
}

/// Keeps a VM from starting: its root was refused, and nothing is known of what is there.
pub(super) fn refuse(host: &dyn Host, domain: &DomainName, why: &str) -> Result<(), HostError> {
    state::put(host, &refusal_path(domain), format!("{why}\n").into_bytes())
}

/// Lets a VM start that was refused, if it was.
pub(super) fn permit(host: &dyn Host, domain: &DomainName) -> Result<(), HostError> {
    let path = refusal_path(domain);
    match host.entry(&path)? {
        Some(_) => host.remove(&path),
        None => Ok(()),
    }
}

/// Removes the record of a guest.
pub(super) fn remove(host: &dyn Host, domain: &DomainName) -> Result<(), HostError> {
    let mut paths = guest_paths(domain).into_iter();
    paths.try_for_each(|path| host.remove(&path))
}
