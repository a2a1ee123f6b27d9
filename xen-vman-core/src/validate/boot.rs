//! What a VM needs to boot.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::document::decode::closest;
use crate::resolve::{Origin, Resolved, ResolvedVm, Scope};
use crate::storage::RootServer;
use crate::values::{suite, suites};

/// Xen passes `MAX_GUEST_CMDLINE` bytes, including the final NUL (xen/public/xen.h).
const CMDLINE_BYTES_MAX: usize = 1023;

/// Xen cuts off a longer command line, usually in the middle of a word.
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
                "the kernel command line of `{}` is {length} bytes long; the limit is {CMDLINE_BYTES_MAX}",
                vm.domain
            );
            report.push(Diagnostic::new(DiagnosticId::CmdlineTooLong, path, message));
        }
    }
}

/// xl silently accepts such a pair.
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
                "`{}` has its root on {}, but no network interface",
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

/// The server of a VM's root, if the guest mounts it over the network.
fn root_server(vm: &ResolvedVm) -> Option<RootServer> {
    vm.root.managed()?.kernel_root().server
}

/// A guest must reach its server through its own network or a gateway.
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
                    "`{}` cannot reach its {what} server `{server}` from its address `{address}` without a gateway",
                    vm.domain
                ),
                "add the prefix length of the network, as in `10.0.0.15/24`, or a gateway",
            ),
            None if interface.addresses.is_empty() => continue,
            None => (
                format!(
                    "`{}` has no address of the same family as its {what} server `{server}`, so it asks the network for one at boot",
                    vm.domain
                ),
                "add such an address, unless the network provides one",
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

/// debootstrap needs a script for the suite.
pub(super) fn unknown_suite(resolved: &Resolved, report: &mut Report) {
    for vm in resolved.vms.iter().filter(|vm| vm.is_installed()) {
        if suite(&vm.os_type, &vm.os_version).is_some() {
            continue;
        }
        let message = format!(
            "debootstrap does not know the version `{}` of {}",
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
