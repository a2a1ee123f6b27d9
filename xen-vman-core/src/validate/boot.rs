//! What a VM needs to boot.

use crate::diag::{Diagnostic, DiagnosticId, Report, did_you_mean};
use crate::document::decode::closest;
use crate::install::{Installation, NotInstalled};
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
        let cmdline = vm
            .direct_boot
            .as_ref()
            .and_then(|boot| boot.cmdline.as_ref());
        let is_generated = cmdline.is_some_and(|line| matches!(line.origin, Origin::Derived(_)));
        let Some(RootServer { what, address }) = root_server(vm).filter(|_| is_generated) else {
            continue;
        };
        let Some(link) = vm.network.boot_link(address) else {
            continue;
        };
        let interface = &vm.interfaces[link.interface];
        let domain = &vm.domain;
        let (problem, help) = match (link.address, address) {
            (Some(_), Some(server)) if link.reaches(server) => continue,
            (Some(own), Some(server)) => (
                format!(
                    "`{domain}` cannot reach its {what} server `{server}` from its address `{own}` without a gateway in its network"
                ),
                "add the prefix length of the network, as in `10.0.0.15/24`, or a gateway",
            ),
            (Some(own), None) => {
                let mut nameservers = vm.network.nameservers.iter();
                if nameservers.any(|server| link.reaches(*server)) {
                    continue;
                }
                (
                    format!(
                        "`{domain}` cannot look up the name of its {what} server: it reaches no name server from its address `{own}` while it boots"
                    ),
                    "write the address of the server, or set a name server or a gateway in the network of that address",
                )
            }
            (None, _) if !*interface.dhcp && interface.addresses.is_empty() => (
                format!(
                    "`{domain}` cannot reach its {what} server: its interface {} has neither an address nor DHCP",
                    vm.network.interfaces[link.interface].name
                ),
                "set its address, or `use_dhcp = true`",
            ),
            (None, _) if *interface.dhcp => continue,
            (None, Some(server)) => (
                format!(
                    "`{domain}` has no address of the same family as its {what} server `{server}`, so it asks the network for one at boot",
                ),
                "add such an address, unless the network provides one",
            ),
            (None, None) => continue,
        };
        let scope = Scope::Interface(vm.number, interface.devid);
        let path = interface
            .addresses
            .first()
            .map_or_else(|| scope.path(), |address| address.path_or(scope.key("ip")));
        report.push(Diagnostic::new(DiagnosticId::NfsServerUnreachable, path, problem).help(help));
    }
}

/// An empty root does not boot.
pub(super) fn never_installed(resolved: &Resolved, report: &mut Report) {
    for vm in resolved.vms.iter().filter(|vm| *vm.auto_install) {
        let why = match vm.installation {
            Installation::Not(NotInstalled::ForeignOs) => {
                format!("xen-vman does not install `{}`", vm.os_type.as_str())
            }
            Installation::Not(NotInstalled::OwnKernel) => {
                "xen-vman does not install HVM VMs".to_owned()
            }
            _ => continue,
        };
        let storage = vm.storage_type.as_str();
        let message = format!("`{}` has its root on {storage}, but {why}", vm.domain);
        let path = vm.os_type.path_or(Scope::Vm(vm.number).key("os.type"));
        let diagnostic = Diagnostic::new(DiagnosticId::NeverInstalled, path, message);
        let written = vm.os_type.as_str();
        report.push(match closest(written, &["debian", "ubuntu"]) {
            // Not a mechanical change: it would be installed.
            Some(near) if near != written => diagnostic.help(did_you_mean(near)),
            _ => diagnostic.help("install it by hand, and set `auto_install = false`"),
        });
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
        let path = vm
            .os_version
            .path_or(Scope::Vm(vm.number).key("os.version"));
        let diagnostic = Diagnostic::new(DiagnosticId::UnknownSuite, path, message);
        let written = vm.os_version.as_str();
        report.push(match closest(written, &known) {
            Some(near) => diagnostic.did_you_mean(written, near),
            None => diagnostic.help("write a suite such as `bookworm` or `noble`, or its number"),
        });
    }
}
