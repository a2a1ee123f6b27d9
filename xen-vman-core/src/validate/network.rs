//! Network interfaces.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, Scope};
use crate::values::{GuestType, HVM_VIF_NAME_MAX};
use std::collections::HashMap;

/// QEMU's tap device of an HVM vif is called `VIFNAME-emu`.
pub(super) fn vifname_too_long_for_hvm(resolved: &Resolved, report: &mut Report) {
    for vm in resolved
        .vms
        .iter()
        .filter(|vm| *vm.guest_type == GuestType::Hvm)
    {
        for interface in &vm.interfaces {
            let Some(name) = interface
                .vifname
                .as_ref()
                .filter(|name| name.as_str().len() > HVM_VIF_NAME_MAX)
            else {
                continue;
            };
            let message = format!(
                "`{}` must be at most {HVM_VIF_NAME_MAX} characters long: `{}` is an HVM VM, and `-emu` is added",
                name.as_str(),
                vm.domain
            );
            let path = name.path_or(Scope::Interface(vm.number, interface.devid).key("vifname"));
            report.push(Diagnostic::new(
                DiagnosticId::BadInterfaceName,
                path,
                message,
            ));
        }
    }
}

/// `rate` and a rate among the further parameters: xl would take the last.
pub(super) fn rate_written_twice(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for interface in &vm.interfaces {
            let (Some(rate), Some(parameters)) = (&interface.rate, &interface.xen_str) else {
                continue;
            };
            if parameters.get("rate").is_some() {
                let scope = Scope::Interface(vm.number, interface.devid);
                let message = "the rate is written twice, in `rate` and in `xen_str`";
                let diagnostic = Diagnostic::new(
                    DiagnosticId::Contradiction,
                    rate.path_or(scope.key("rate")),
                    message,
                )
                .help("take one of them out")
                .related(parameters.path_or(scope.key("xen_str")), "the other");
                report.push(diagnostic);
            }
        }
    }
}

/// Two scripts of one file name would be one file.
pub(super) fn scripts_of_one_name(resolved: &Resolved, report: &mut Report) {
    let place = Scope::Host.key("additional_network_scripts");
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (number, script) in resolved.host.additional_network_scripts.iter().enumerate() {
        if let Some(first) = seen.get(script.file_name()) {
            let message = format!(
                "two network scripts are called `{}`; only the file name is kept",
                script.file_name()
            );
            let diagnostic = Diagnostic::new(
                DiagnosticId::Contradiction,
                place.path().index(number),
                message,
            )
            .related(place.path().index(*first), "the first one");
            report.push(diagnostic);
        } else {
            seen.insert(script.file_name(), number);
        }
    }
}
