//! The capacity of the host, as far as the definition or the facts specify it.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, Scope};

/// The VMs that start at boot, and each VM on its own, must fit into the host's memory.
pub(super) fn memory_exceeds_host(resolved: &Resolved, report: &mut Report) {
    let Some(has) = &resolved.host.host_memory_mib else {
        return;
    };
    let has_mib = u64::from(has.get());
    let place = Scope::Host.key("host_memory");
    for vm in &resolved.vms {
        if u64::from(vm.memory_mib.get()) > has_mib {
            let message = format!(
                "`{}` has {} MiB of memory, but the host has only {has_mib} MiB for VMs",
                vm.domain, vm.memory_mib.value
            );
            let path = vm.memory_mib.path_or(Scope::Vm(vm.number).key("memory"));
            let diagnostic = Diagnostic::new(DiagnosticId::MemoryExceedsHost, path, message)
                .help("xl does not start it; reduce `memory`")
                .related(has.path_or(place), "the limit of the host");
            report.push(diagnostic);
        }
    }
    let started = resolved.vms.iter().filter(|vm| *vm.auto_boot);
    let asked_mib: u64 = started.map(|vm| u64::from(vm.memory_mib.get())).sum();
    if asked_mib > has_mib {
        let message = format!(
            "the VMs that start at boot need {asked_mib} MiB of memory, {} MiB more than the host has for VMs",
            asked_mib - has_mib
        );
        let diagnostic = Diagnostic::new(
            DiagnosticId::MemoryExceedsHost,
            has.path_or(place).clone(),
            message,
        )
        .help("the last VM would not start; give some VMs less memory, or set `auto_boot = false`");
        report.push(diagnostic);
    }
}

/// Xen runs such a VM, but some of its virtual CPUs always wait.
pub(super) fn vcpus_exceed_host(resolved: &Resolved, report: &mut Report) {
    let Some(has) = &resolved.host.host_cpus else {
        return;
    };
    for vm in resolved.vms.iter().filter(|vm| vm.vcpus.get() > has.get()) {
        let message = format!(
            "`{}` has {} virtual CPUs, but the host has only {} CPUs",
            vm.domain, vm.vcpus.value, has.value
        );
        let path = vm.vcpus.path_or(Scope::Vm(vm.number).key("vcpus"));
        let diagnostic = Diagnostic::new(DiagnosticId::VcpusExceedHost, path, message)
            .help(format!("write at most {}", has.value))
            .related(
                has.path_or(Scope::Host.key("host_cpus")),
                "the limit of the host",
            );
        report.push(diagnostic);
    }
}

/// xl accepts any number. Xen ignores CPUs that do not exist, and does not start a VM if none
/// is left.
pub(super) fn cpus_beyond_host(resolved: &Resolved, report: &mut Report) {
    let Some(has) = &resolved.host.host_cpus else {
        return;
    };
    for vm in &resolved.vms {
        let Some(highest) = vm.cpus.highest().filter(|highest| *highest >= has.get()) else {
            continue;
        };
        let message = format!(
            "`{}` is pinned to CPU {highest}, but the host only has CPUs 0 to {}",
            vm.domain,
            has.get() - 1
        );
        let path = vm.cpus.path_or(Scope::Vm(vm.number).key("cpu_str"));
        let diagnostic = Diagnostic::new(DiagnosticId::CpusBeyondHost, path, message).related(
            has.path_or(Scope::Host.key("host_cpus")),
            "the limit of the host",
        );
        report.push(diagnostic);
    }
}
