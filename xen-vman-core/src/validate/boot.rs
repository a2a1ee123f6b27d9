//! What a VM needs to boot, and what it does not use.

use super::across_vms::vm_place;
use crate::diag::{Diagnostic, DiagnosticId, Report, Severity};
use crate::resolve::{DirectBoot, Origin, Resolved, Root, Scope};
use crate::values::{GuestType, XlValue};

/// Xen hands over `MAX_GUEST_CMDLINE` bytes, the closing NUL among them (xen/public/xen.h).
const CMDLINE_BYTES_MAX: usize = 1023;

/// A longer command line is cut, most often in the middle of a word.
pub(super) fn cmdline_too_long(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let Some(boot) = &vm.direct_boot else {
            continue;
        };
        let length = boot.cmdline.as_str().len();
        if length > CMDLINE_BYTES_MAX {
            let path = boot.cmdline.path_or(Scope::Vm(vm.number).key("cmdline"));
            let message = format!(
                "the kernel command line of `{}` has {length} bytes, but must have at most {CMDLINE_BYTES_MAX}",
                vm.domain
            );
            report.push(Diagnostic::new(DiagnosticId::CmdlineTooLong, path, message));
        }
    }
}

/// xl takes such a pair without a word.
pub(super) fn maxmem_below_memory(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        if let Some(maxmem) = vm
            .maxmem_mib
            .as_ref()
            .filter(|maxmem| maxmem.value < vm.memory_mib.value)
        {
            let message = format!(
                "`maxmem` ({} MiB) of `{}` must not be less than its memory ({} MiB)",
                maxmem.value, vm.domain, vm.memory_mib.value
            );
            let path = maxmem.path_or(Scope::Vm(vm.number).key("maxmem"));
            let memory = vm.memory_mib.path_or(Scope::Vm(vm.number).key("memory"));
            report.push(
                Diagnostic::new(DiagnosticId::Contradiction, path, message)
                    .related(memory, "the memory"),
            );
        }
    }
}

/// An NFS root is reached over the network.
pub(super) fn nfs_root_without_interface(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        if matches!(vm.root, Root::Nfs(_)) && vm.interfaces.is_empty() && vm.direct_boot.is_some() {
            let message = format!(
                "`{}` has its root on NFS but no network interface to reach it",
                vm.domain
            );
            let path = Scope::Vm(vm.number).key("interfaces").path();
            report.push(
                Diagnostic::new(DiagnosticId::NfsRootWithoutInterface, path, message)
                    .help("add an interface"),
            );
        }
    }
}

/// A static address must reach the server, by its own network or a gateway.
pub(super) fn nfs_server_unreachable(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let Root::Nfs(export) = &vm.root else {
            continue;
        };
        let made_up = |boot: &DirectBoot| matches!(boot.cmdline.origin, Origin::Derived(_));
        let (Some(server), true, Some(number)) = (
            export.server_address(),
            vm.direct_boot.as_ref().is_some_and(made_up),
            vm.network.boot_interface,
        ) else {
            continue;
        };
        let interface = &vm.interfaces[number];
        let (problem, help) = match vm.network.boot_address(Some(server)) {
            Some(address) if address.reaches(server) => continue,
            Some(address) if vm.network.gateway_for(address.addr).is_some() => continue,
            Some(address) => (
                format!(
                    "the address `{address}` of `{}` does not reach the NFS server `{server}`, and there is no gateway",
                    vm.domain
                ),
                "write the prefix of the network, as `10.0.0.15/24`, or a gateway",
            ),
            None if interface.addresses.is_empty() => continue,
            None => (
                format!(
                    "`{}` has no address of the kind of its NFS server `{server}`, so it asks for one at boot",
                    vm.domain
                ),
                "write an address of that kind, unless there is one to be had",
            ),
        };
        let scope = Scope::Interface(vm.number, interface.devid);
        let path = interface
            .addresses
            .first()
            .map_or_else(|| scope.path(), |address| address.path_or(scope.key("ip")));
        report.push(Diagnostic::new(DiagnosticId::NfsServerUnreachable, path, problem).help(help));
    }
}

/// libxl refuses to start a domain with SPICE that has neither password nor permission to
/// do without.
pub(super) fn spice_needs_password(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let Some(spice) = &vm.spice else { continue };
        let open = vm.xl_options.iter().any(|option| {
            option.key.as_str() == "spicedisable_ticketing" && *option.value == XlValue::Integer(1)
        });
        if spice.password.is_none() && !open {
            let message = format!(
                "`{}` serves its display by SPICE, which needs `spicepasswd`",
                vm.domain
            );
            let path = vm.spice_enabled.path_or(vm_place(vm));
            let help = "write a password; or, to let in everybody who reaches the port, \
                        `additional_xen_options.spicedisable_ticketing = true`";
            report
                .push(Diagnostic::new(DiagnosticId::MissingRequirement, path, message).help(help));
        }
    }
}

/// libxl refuses to start a domain with both (`libxl_create.c`).
pub(super) fn usb_devices_beside_redirection(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let Some(spice) = vm
            .spice
            .as_ref()
            .filter(|spice| spice.max_usb_redirections.get() > 0)
        else {
            continue;
        };
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
        let diagnostic = Diagnostic::new(DiagnosticId::Contradiction, path, message)
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

/// Keys that are written on a VM, but not used by its type.
pub(super) fn unused_keys(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        if *vm.guest_type == GuestType::Hvm {
            continue;
        }
        if let (true, Origin::Written(place)) = (vm.spice_enabled.value, vm.spice_enabled.origin) {
            let message = format!(
                "`{}` is a {} VM, which has no display for SPICE to serve",
                vm.domain, *vm.guest_type
            );
            let diagnostic = Diagnostic::new(DiagnosticId::UnusedKey, place.path(), message)
                .help("take it out, or make the VM an HVM one with `type = \"hvm\"`");
            debug_assert_eq!(diagnostic.severity, Severity::Warning);
            report.push(diagnostic);
        }
    }
}
