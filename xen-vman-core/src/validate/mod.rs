//! Checks on complete values: what each of them cannot know by itself.
//!
//! Takes a [`Resolved`], so that a bad default is found too, and reports at the place a
//! value comes from. One function for each kind of problem, all of them in `CHECKS`.

mod across_vms;
mod boot;
mod disks;
mod names;
mod network;
mod options;
mod start_order;

use crate::diag::Report;
use crate::resolve::Resolved;

/// A check: looks at everything, reports what it finds.
type Check = fn(&Resolved, &mut Report);

const CHECKS: &[Check] = &[
    across_vms::duplicate_vm,
    across_vms::duplicate_address,
    across_vms::duplicate_mac,
    across_vms::duplicate_uuid,
    across_vms::duplicate_vifname,
    across_vms::shared_disk,
    boot::cmdline_too_long,
    boot::maxmem_below_memory,
    boot::nfs_root_without_interface,
    boot::nfs_server_unreachable,
    boot::spice_needs_password,
    boot::unused_keys,
    boot::usb_devices_beside_redirection,
    disks::duplicate_vdev,
    names::hostname,
    network::vifname_too_long_for_hvm,
    network::rate_written_twice,
    network::scripts_of_one_name,
    options::fewer_cpus_than_asked_for,
    options::option_shadows_key,
    options::options_that_xl_passes_over,
    start_order::unknown_vm,
    start_order::circle,
];

/// Runs all checks.
pub fn validate(resolved: &Resolved, report: &mut Report) {
    for check in CHECKS {
        check(resolved, report);
    }
}
