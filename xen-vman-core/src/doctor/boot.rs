//! Checks the kernel and initrd that guests share with the host.

use super::{Finding, Seen, fine, missing, risky};
use crate::diag::text::printable;
use crate::resolve::Resolved;

pub(super) fn findings(resolved: &Resolved, seen: &Seen) -> Vec<Finding> {
    if !resolved.boots_host_kernel() {
        return Vec::new();
    }
    let mut all = dracut(resolved, seen);
    all.extend(pair(seen));
    all
}

fn dracut(resolved: &Resolved, seen: &Seen) -> Vec<Finding> {
    if seen.dracut_modules.is_empty() {
        return Vec::new();
    }
    let wanted = resolved.host.dracut_modules.iter();
    let gone = wanted.filter(|module| !seen.dracut_modules.contains(module.as_str()));
    let gone: Vec<_> = gone.map(|module| printable(module.as_str())).collect();
    vec![if gone.is_empty() {
        fine("dracut", "has all configured modules")
    } else {
        risky(
            "dracut",
            &format!(
                "modules that this version does not have are left out of initrds: {}",
                gone.join(", ")
            ),
            "remove them from dracut_modules, or install dracut-network",
        )
    }]
}

/// Both links must belong to the running kernel; otherwise, guests find no kernel modules.
fn pair(seen: &Seen) -> Option<Finding> {
    let running = seen.kernels.running.as_ref()?;
    if !seen.kernels.with_initrd.contains(running) {
        return Some(missing(
            "kernel",
            &format!(
                "there is no guest initrd for the running kernel {}",
                printable(running)
            ),
            "run 'xen-vman-cli apply' to build it",
        ));
    }
    let wanted = [
        format!("/boot/vmlinuz-{running}"),
        format!("/etc/xen/initrd.img-{running}"),
    ];
    let is_pair = seen
        .kernel_links
        .iter()
        .zip(&wanted)
        .all(|(found, wanted)| found.as_ref() == Some(wanted));
    Some(if is_pair {
        fine(
            "kernel",
            &format!("guests boot {} with its initrd", printable(running)),
        )
    } else {
        missing(
            "kernel",
            "/etc/xen/vmlinuz and /etc/xen/initrd.img do not both belong to the running kernel",
            "systemctl restart xen_vman_global_preparation",
        )
    })
}
