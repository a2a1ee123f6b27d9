//! Names derived from a VM's names.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::Resolved;

/// The longest host name of Linux (`HOST_NAME_MAX`, gethostname(2)).
const HOSTNAME_MAX: usize = 64;
/// The longest label of a host name (RFC 1035).
const LABEL_MAX: usize = 63;

/// `ORG-NAME` is the guest's host name.
pub(super) fn hostname(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let name = vm.domain.hostname();
        let label = |label: &str| {
            (1..=LABEL_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let why = if name.len() > HOSTNAME_MAX {
            format!("is longer than {HOSTNAME_MAX} characters")
        } else if !name.split('.').all(label) {
            format!(
                "has a label that is not 1 to {LABEL_MAX} characters long, or that begins or ends with `-`"
            )
        } else {
            continue;
        };
        let message = format!("the host name of the guest, `{name}`, {why}");
        let diagnostic = Diagnostic::new(DiagnosticId::BadHostname, vm_place(vm).path(), message)
            .help("choose another `org` or `name`, or set `domain`");
        report.push(diagnostic);
    }
}
