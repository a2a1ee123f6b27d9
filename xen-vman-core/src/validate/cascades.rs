//! What is only reported because another value is wrong.

use super::Hosts;
use crate::diag::{Diagnostic, DiagnosticId, Report, Segment};
use crate::resolve::{Resolved, ResolvedVm};
use DiagnosticId as Id;

/// Keys, and what is not known of a VM whose value for one of them is wrong.
const UNKNOWN: &[(&[&str], &[Id])] = &[
    (
        &["org", "name"],
        &[
            Id::AmbiguousName,
            Id::BadHostname,
            Id::DuplicateVm,
            Id::DuplicateVifname,
            Id::SharedRoot,
        ],
    ),
    (
        &["builder", "storage_type", "type"],
        &[
            Id::MissingCmdline,
            Id::MissingRootDisk,
            Id::NeverInstalled,
            Id::NfsRootWithoutInterface,
            Id::NfsServerUnreachable,
            Id::UnusedKey,
            Id::UnusedXlKey,
        ],
    ),
    (
        &["os"],
        &[Id::NeverInstalled, Id::UnknownSuite, Id::UnusedKey],
    ),
    (
        &["disks", "manual_root_disk", "storage_type"],
        &[Id::DuplicateVdev, Id::MissingRootDisk, Id::SharedDisk],
    ),
    (
        &["connection_ip", "interfaces"],
        &[
            Id::AddressWithoutPrefix,
            Id::GatewayUnreachable,
            Id::MissingBridge,
            Id::NfsRootWithoutInterface,
            Id::NfsServerUnreachable,
        ],
    ),
    (
        &["gateway", "gateway6", "nameserver"],
        &[Id::NfsServerUnreachable],
    ),
    (&["spice"], &[Id::UnusedKey]),
    (&["spicehost"], &[Id::SpiceListensEverywhere]),
];

/// Removes what would not be reported if all values were right, as far as that is known.
pub(super) fn remove(hosts: Hosts<'_>, report: &mut Report) {
    if !report.has_errors() {
        return;
    }
    let missing: Vec<_> = report
        .iter()
        .filter(|one| one.id == Id::MissingKey)
        .map(|one| one.path.clone())
        .collect();
    let is_unnamed = |vm: &ResolvedVm| vm.misreads("org") || vm.misreads("name");
    report.retain(|one| match one.id {
        Id::EmptyValue => !missing.contains(&one.path),
        // The VM that is meant may be one without a name.
        Id::UnknownVm => !hosts.resolved(one.path.host()).vms.iter().any(is_unnamed),
        _ => vm_of(one, hosts.resolved(one.path.host())).is_none_or(|vm| {
            let concerns = |(keys, ids): &(&[&str], &[Id])| {
                ids.contains(&one.id) && keys.iter().any(|key| vm.misreads(key))
            };
            !UNKNOWN.iter().any(concerns)
        }),
    });
}

/// The VM that a diagnostic is about.
fn vm_of<'r>(one: &Diagnostic, resolved: &'r Resolved) -> Option<&'r ResolvedVm> {
    let [Segment::Key(table), Segment::Index(number), ..] = one.path.segments() else {
        return None;
    };
    let is_it = |vm: &&ResolvedVm| usize::try_from(vm.number).is_ok_and(|known| known == *number);
    resolved
        .vms
        .iter()
        .find(is_it)
        .filter(|_| &**table == "vms")
}
