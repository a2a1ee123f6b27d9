//! Names derived from a VM's names.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::document::decode::FromText;
use crate::resolve::{Origin, Resolved};
use crate::values::Hostname;

/// A host name that is not set is derived from the domain, and may be too long.
pub(super) fn hostname(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let is_used = vm.root.managed().is_some();
        if !is_used || !matches!(vm.hostname.origin, Origin::Derived(_)) {
            continue;
        }
        if let Err(invalid) = Hostname::from_text(vm.hostname.as_str()) {
            let message = format!(
                "the host name of the guest, `{}`, {}",
                *vm.hostname, invalid.why
            );
            let path = vm_place(vm).path();
            report.push(
                Diagnostic::new(DiagnosticId::BadHostname, path, message)
                    .help("set `guest_hostname`, or choose another `org` or `name`"),
            );
        }
    }
}
