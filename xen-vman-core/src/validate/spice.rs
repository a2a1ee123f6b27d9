//! The display of HVM VMs over SPICE.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, ResolvedSpice, ResolvedVm, Scope};
use crate::values::XlValue;

fn served(resolved: &Resolved) -> impl Iterator<Item = (&ResolvedVm, &ResolvedSpice)> {
    let vms = resolved.vms.iter();
    vms.filter_map(|vm| Some((vm, vm.spice.served()?)))
}

/// libxl refuses to start a domain with SPICE that has neither password nor permission to
/// do without.
pub(super) fn missing_password(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        let open = vm.xl_options.iter().any(|option| {
            option.key.as_str() == "spicedisable_ticketing" && *option.value == XlValue::Integer(1)
        });
        if spice.password.is_none() && !open && !vm.writes("spicepasswd") {
            let message = format!(
                "`{}` serves its display by SPICE, which needs `spicepasswd`",
                vm.domain
            );
            let path = vm.spice.enabled().path_or(vm_place(vm));
            let help = "write a password; or, to let in everybody who reaches the port, \
                        `additional_xen_options.spicedisable_ticketing = true`";
            report.push(
                Diagnostic::new(DiagnosticId::MissingSpicePassword, path, message).help(help),
            );
        }
    }
}

/// The role's default is every address; the traffic is not encrypted.
pub(super) fn listens_everywhere(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        if spice.host.is_unspecified() {
            let message = format!(
                "the display of `{}` is served by SPICE on every address of the host, without encryption",
                vm.domain
            );
            let path = spice.host.path_or(vm_place(vm));
            let help = "write `spicehost = \"127.0.0.1\"` and reach it through `ssh -L`, \
                        or the address of a network that you trust";
            report.push(
                Diagnostic::new(DiagnosticId::SpiceListensEverywhere, path, message).help(help),
            );
        }
    }
}

/// Fewer characters are soon tried out.
const PASSWORD_CHARACTERS_MIN: usize = 8;
/// What everybody tries first.
const KNOWN_PASSWORDS: &[&str] = &[
    "12345678",
    "123456789",
    "1234567890",
    "changeit",
    "changeme",
    "password",
    "passw0rd",
    "qwertyui",
    "qwertyuiop",
    "spicespice",
    "xenxenxen",
];

/// SPICE asks nothing but the password, and as often as one likes.
pub(super) fn weak_password(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        let Some(password) = &spice.password else {
            continue;
        };
        let text = password.reveal();
        let mut characters: Vec<char> = text.to_lowercase().chars().collect();
        let length = characters.len();
        characters.sort_unstable();
        characters.dedup();
        let why = if length < PASSWORD_CHARACTERS_MIN {
            format!("has fewer than {PASSWORD_CHARACTERS_MIN} characters")
        } else if characters.len() < 4 {
            "is made of fewer than 4 different characters".to_owned()
        } else if KNOWN_PASSWORDS.contains(&text.to_lowercase().as_str())
            || text == vm.domain.as_str()
        {
            "is one that everybody tries first".to_owned()
        } else {
            continue;
        };
        let message = format!("the SPICE password of `{}` {why}", vm.domain);
        let path = password.path_or(Scope::Vm(vm.number).key("spicepasswd"));
        report.push(
            Diagnostic::new(DiagnosticId::WeakSpicePassword, path, message)
                .help("write a long one, as from `openssl rand -base64 18`"),
        );
    }
}

/// libxl refuses to start a domain with both (`libxl_create.c`).
pub(super) fn usb_devices_beside_redirection(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        if spice.max_usb_redirections.get() == 0 {
            continue;
        }
        let Some(usb) = vm
            .xl_options
            .iter()
            .find(|option| matches!(option.key.as_str(), "usb" | "usbdevice"))
        else {
            continue;
        };
        let key = usb.key.as_str();
        let scope = Scope::Vm(vm.number);
        let message = format!(
            "`{key}` of `{}` cannot be combined with USB redirection over SPICE",
            vm.domain
        );
        let path = usb
            .value
            .path_or(scope.key("additional_xen_options"))
            .key(key);
        let diagnostic = Diagnostic::new(DiagnosticId::UsbBesideRedirection, path, message)
            .help("write `max_usb_redirections = 0`, or take the option out")
            .related(
                spice
                    .max_usb_redirections
                    .path_or(scope.key("max_usb_redirections")),
                "the redirections (4 if not written)",
            );
        report.push(diagnostic);
    }
}
