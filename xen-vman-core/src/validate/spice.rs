//! The display of HVM VMs over SPICE.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, ResolvedSpice, ResolvedVm, Scope};
use crate::values::XlValue;

fn served(resolved: &Resolved) -> impl Iterator<Item = (&ResolvedVm, &ResolvedSpice)> {
    let vms = resolved.vms.iter();
    vms.filter_map(|vm| Some((vm, vm.spice.served()?)))
}

/// libxl does not start a domain whose SPICE display has neither a password nor ticketing
/// disabled.
pub(super) fn missing_password(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        let mut ticketing = vm.xl_options_of("spicedisable_ticketing");
        let open = ticketing.any(|option| *option.value == XlValue::Integer(1));
        if spice.password.is_none() && !open && !vm.writes("spicepasswd") {
            let message = format!(
                "`{}` serves its display over SPICE, which requires `spicepasswd`",
                vm.domain
            );
            let path = vm.spice.enabled().path_or(vm_place(vm));
            let help = "set a password; or, to admit everyone who can reach the port, \
                        `additional_xen_options.spicedisable_ticketing = true`";
            report.push(
                Diagnostic::new(DiagnosticId::MissingSpicePassword, path, message).help(help),
            );
        }
    }
}

/// libxl does not start a domain whose SPICE display has no port.
pub(super) fn no_port(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        if spice.port.get() == 0 && vm.xl_options_of("spicetls_port").next().is_none() {
            let message = format!(
                "`{}` serves its display over SPICE, but on no port",
                vm.domain
            );
            let path = spice.port.path_or(Scope::Vm(vm.number).key("spiceport"));
            report.push(
                Diagnostic::new(DiagnosticId::OutOfRange, path, message)
                    .help("set `spiceport`, or `additional_xen_options.spicetls_port`"),
            );
        }
    }
}

/// The role's default is all addresses, and the traffic is not encrypted.
pub(super) fn listens_everywhere(resolved: &Resolved, report: &mut Report) {
    for (vm, spice) in served(resolved) {
        let everywhere = spice
            .host
            .address()
            .is_some_and(|address| address.is_unspecified());
        if everywhere && spice.port.get() != 0 {
            let message = format!(
                "`{}` serves its display over SPICE on every address of the host, unencrypted",
                vm.domain
            );
            let path = spice.host.path_or(vm_place(vm));
            let help = "set `spicehost = \"127.0.0.1\"` and connect through `ssh -L`, \
                        or the address of a network that you trust";
            report.push(
                Diagnostic::new(DiagnosticId::SpiceListensEverywhere, path, message).help(help),
            );
        }
    }
}

/// Shorter passwords are quickly guessed.
const PASSWORD_CHARACTERS_MIN: usize = 8;
/// The most common passwords of sufficient length.
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

/// SPICE only asks for the password, and does not limit attempts.
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
            "has fewer than 4 different characters".to_owned()
        } else if KNOWN_PASSWORDS.contains(&text.to_lowercase().as_str())
            || text == vm.domain.as_str()
        {
            "is one of the most common passwords".to_owned()
        } else {
            continue;
        };
        let message = format!("the SPICE password of `{}` {why}", vm.domain);
        let path = password.path_or(Scope::Vm(vm.number).key("spicepasswd"));
        report.push(
            Diagnostic::new(DiagnosticId::WeakSpicePassword, path, message)
                .help("use a long one, for example from `openssl rand -base64 18`"),
        );
    }
}

/// libxl does not start a domain with both (`libxl_create.c`).
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
            .help("set `max_usb_redirections = 0`, or remove the option")
            .related(
                spice
                    .max_usb_redirections
                    .path_or(scope.key("max_usb_redirections")),
                "the number of redirections (default: 4)",
            );
        report.push(diagnostic);
    }
}
