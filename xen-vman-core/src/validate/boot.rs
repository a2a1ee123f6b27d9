//! What a VM needs to boot.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::document::decode::closest;
use crate::resolve::{Origin, Resolved, ResolvedVm, Scope};
use crate::storage::RootServer;
use crate::values::{suite, suites};

/// Xen hands over `MAX_GUEST_CMDLINE` bytes, the closing NUL among them (xen/public/xen.h).
const CMDLINE_BYTES_MAX: usize = 1023;

/// A longer command line is cut, most often in the middle of a word.
pub(super) fn cmdline_too_long(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let boot = vm.direct_boot.as_ref();
        let Some(cmdline) = boot.and_then(|boot| boot.cmdline.as_ref()) else {
            continue;
        };
        let length = cmdline.as_str().len();
        if length > CMDLINE_BYTES_MAX {
            let path = cmdline.path_or(Scope::Vm(vm.number).key("cmdline"));
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
            .filter(|_| vm.memory_mib.is_meant())
        {
            let message = format!(
                "`maxmem` ({} MiB) of `{}` must not be less than its memory ({} MiB)",
                maxmem.value, vm.domain, vm.memory_mib.value
            );
            let path = maxmem.path_or(Scope::Vm(vm.number).key("maxmem"));
            let memory = vm.memory_mib.path_or(Scope::Vm(vm.number).key("memory"));
            report.push(
                Diagnostic::new(DiagnosticId::MaxmemBelowMemory, path, message)
                    .related(memory, "the memory"),
            );
        }
    }
}

/// An NFS root is reached over the network.
pub(super) fn nfs_root_without_interface(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let Some(server) = root_server(vm) else {
            continue;
        };
        if vm.interfaces.is_empty() && vm.direct_boot.is_some() {
            let message = format!(
                "`{}` has its root on {} but no network interface to reach it",
                vm.domain, server.what
            );
            let path = Scope::Vm(vm.number).key("interfaces").path();
            report.push(
                Diagnostic::new(DiagnosticId::NfsRootWithoutInterface, path, message)
                    .help("add an interface"),
            );
        }
    }
}

/// The server that the root of a VM is reached from, if it is reached over its network.
fn root_server(vm: &ResolvedVm) -> Option<RootServer> {
    vm.root.managed()?.kernel_root().server
}

/// A static address must reach the server, by its own network or a gateway.
pub(super) fn nfs_server_unreachable(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let Some(RootServer { what, address }) = root_server(vm) else {
            continue;
        };
        let cmdline = vm
            .direct_boot
            .as_ref()
            .and_then(|boot| boot.cmdline.as_ref());
        let (Some(server), true, Some(number)) = (
            address,
            cmdline.is_some_and(|line| matches!(line.origin, Origin::Derived(_))),
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
                    "the address `{address}` of `{}` does not reach the {what} server `{server}`, and there is no gateway",
                    vm.domain
                ),
                "write the prefix of the network, as `10.0.0.15/24`, or a gateway",
            ),
            None if interface.addresses.is_empty() => continue,
            None => (
                format!(
                    "`{}` has no address of the kind of its {what} server `{server}`, so it asks for one at boot",
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

/// debootstrap installs what it has a script for.
pub(super) fn unknown_suite(resolved: &Resolved, report: &mut Report) {
    for vm in resolved.vms.iter().filter(|vm| vm.is_installed()) {
        if suite(&vm.os_type, &vm.os_version).is_some() {
            continue;
        }
        let message = format!(
            "`{}` is no version of {} that debootstrap knows",
            *vm.os_version,
            vm.os_type.as_str()
        );
        let known = suites(&vm.os_type);
        let help = match closest(vm.os_version.as_str(), &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a suite such as `bookworm` or `noble`, or its number".to_owned(),
        };
        let path = vm
            .os_version
            .path_or(Scope::Vm(vm.number).key("os.version"));
        report.push(Diagnostic::new(DiagnosticId::UnknownSuite, path, message).help(help));
    }
}
