//! Checks on complete values that concern more than a single value.
//!
//! They run on [`Resolved`] hosts, so they also find bad defaults, and report at the origin of a
//! value. There is one function for each kind of problem: those in `CHECKS` look at one host,
//! those in `ACROSS` at all of them together.

mod across_vms;
mod boot;
mod capacity;
mod cascades;
mod disks;
mod names;
mod network;
mod options;
mod roots;
mod spice;
mod start_order;
mod unused;
mod volumes;

use crate::diag::Report;
use crate::resolve::{Resolved, ResolvedInterface, ResolvedVm, Scope};

/// A check of a single host.
type Check = fn(&Resolved, &mut Report);

const CHECKS: &[Check] = &[
    boot::cmdline_too_long,
    boot::maxmem_below_memory,
    boot::nfs_root_without_interface,
    boot::never_installed,
    boot::nfs_server_unreachable,
    boot::unknown_suite,
    capacity::cpus_beyond_host,
    capacity::memory_exceeds_host,
    capacity::vcpus_exceed_host,
    disks::duplicate_vdev,
    disks::missing_root_disk,
    disks::needs_newer_xen,
    names::hostname,
    network::address_without_prefix,
    network::gateway_unreachable,
    network::missing_bridge,
    network::needs_newer_xen,
    network::scripts_of_one_name,
    network::vif_key_written_twice,
    network::vifname_too_long_for_hvm,
    options::bad_bootloader_user,
    options::contradictions,
    options::shared_pci_device,
    options::fewer_cpus_than_asked_for,
    options::open_vnc,
    options::option_shadows_key,
    options::options_that_xl_ignores,
    options::unrestricted_bootloader,
    spice::listens_everywhere,
    spice::missing_password,
    spice::no_port,
    spice::usb_devices_beside_redirection,
    spice::weak_password,
    start_order::unknown_vm,
    start_order::cycle,
    unused::dhcp_beside_address,
    unused::keys,
    volumes::duplicate,
    volumes::unused_keys,
];

/// A check across VMs, on one host or on several.
type AcrossCheck = fn(Hosts<'_>, &mut Report);

const ACROSS: &[AcrossCheck] = &[
    across_vms::duplicate_vm,
    across_vms::duplicate_names,
    across_vms::duplicate_address,
    across_vms::duplicate_mac,
    across_vms::duplicate_uuid,
    across_vms::duplicate_vifname,
    across_vms::reused_spice_password,
    across_vms::spice_port_clash,
    across_vms::vnc_port_clash,
    roots::shared_disk,
    roots::shared_root,
];

/// Runs all checks.
pub fn validate(hosts: &[Resolved], report: &mut Report) {
    for (resolved, host) in hosts.iter().zip(0..) {
        let mut found = Report::new();
        for check in CHECKS {
            check(resolved, &mut found);
        }
        report.append(found, host);
    }
    for check in ACROSS {
        check(Hosts(hosts), report);
    }
    cascades::remove(Hosts(hosts), report);
}

/// The hosts that are checked together.
#[derive(Debug, Clone, Copy)]
struct Hosts<'r>(&'r [Resolved]);

impl<'r> Hosts<'r> {
    /// A host by its number.
    fn resolved(self, host: u16) -> &'r Resolved {
        &self.0[usize::from(host)]
    }

    /// Every VM, with the number of its host.
    fn vms(self) -> impl Iterator<Item = (u16, &'r ResolvedVm, Scope)> {
        self.0.iter().zip(0..).flat_map(|(resolved, host)| {
            let vms = resolved.vms.iter();
            vms.map(move |vm| (host, vm, Scope::Vm(vm.number)))
        })
    }

    /// Every interface of every VM.
    fn interfaces(
        self,
    ) -> impl Iterator<Item = (u16, &'r ResolvedVm, &'r ResolvedInterface, Scope)> {
        self.vms().flat_map(|(host, vm, _)| {
            vm.interfaces.iter().map(move |interface| {
                let scope = Scope::Interface(vm.number, interface.devid);
                (host, vm, interface, scope)
            })
        })
    }
}
