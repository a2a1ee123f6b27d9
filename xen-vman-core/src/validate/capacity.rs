//! What the host has for its VMs, as far as the definition or the facts say.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::resolve::{Resolved, Scope};

/// VMs that start with the host, and any VM by itself, must find their memory.
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
                .help("xl refuses to start it")
                .related(has.path_or(place), "what the host has");
            report.push(diagnostic);
        }
    }
    let started = resolved.vms.iter().filter(|vm| *vm.auto_boot);
    let asked_mib: u64 = started.map(|vm| u64::from(vm.memory_mib.get())).sum();
    if asked_mib > has_mib {
        let message = format!(
            "VMs that start with the host need {asked_mib} MiB of memory, {} MiB more than it has for them",
            asked_mib - has_mib
        );
        let diagnostic = Diagnostic::new(
            DiagnosticId::MemoryExceedsHost,
            has.path_or(place).clone(),
            message,
        )
        .help("the last of them would not start; give some less memory, or `auto_boot = false`");
        report.push(diagnostic);
    }
}

/// Xen runs such a VM, but some of its CPUs always wait.
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
                "what the host has",
            );
        report.push(diagnostic);
    }
}

/// xl reads any number; Xen leaves out CPUs that are not there, and refuses to run a VM on
/// none.
pub(super) fn cpus_beyond_host(resolved: &Resolved, report: &mut Report) {
    let Some(has) = &resolved.host.host_cpus else {
        return;
    };
    for vm in &resolved.vms {
        let Some(highest) = vm.cpus.highest().filter(|highest| *highest >= has.get()) else {
            continue;
        };
        let message = format!(
            "`{}` is to run on CPU {highest}, but the host's CPUs are 0 to {}",
            vm.domain,
            has.get() - 1
        );
        let path = vm.cpus.path_or(Scope::Vm(vm.number).key("cpu_str"));
        let diagnostic = Diagnostic::new(DiagnosticId::CpusBeyondHost, path, message).related(
            has.path_or(Scope::Host.key("host_cpus")),
            "what the host has",
        );
        report.push(diagnostic);
    }
}
