//! Checks services of the host that may interfere with VMs.

use super::{Finding, Questions, Seen, fine, risky, setting};
use crate::diag::text::printable;
use crate::object::Role;
use crate::render::Output;
use std::path::Path;

/// xendomains(8) also stops and starts domains.
pub(super) fn xendomains(output: &Output, seen: &Seen) -> Vec<Finding> {
    let is_ours = |name: &&String| {
        let configs = output.of_role(Role::XlConfig);
        let mut names = configs.filter_map(|file| Path::new(&file.path).file_name());
        names.any(|own| own == name.as_str())
    };
    let twice = seen.auto.iter().filter(is_ours).map(|name| {
        risky(
            "xendomains",
            &format!(
                "/etc/xen/auto/{} would start the VM a second time",
                printable(name)
            ),
            "remove it; vm@ already starts the VM",
        )
    });
    let mut all: Vec<_> = twice.collect();
    let directory = setting(&seen.xendomains, "XENDOMAINS_SAVE").unwrap_or_default();
    let only_own = setting(&seen.xendomains, "XENDOMAINS_AUTO_ONLY") == Some("true");
    let saves = seen.xendomains_is_enabled && !directory.is_empty() && !only_own;
    if saves {
        all.push(risky(
            "xendomains",
            &format!(
                "whenever xendomains is stopped, for example by an upgrade, it saves every running VM \
                to {}",
                printable(directory)
            ),
            "set XENDOMAINS_SAVE=\"\" and XENDOMAINS_AUTO_ONLY=true in /etc/default/xendomains, or \
            run 'systemctl disable xendomains'",
        ));
    }
    if all.is_empty() {
        all.push(fine("xendomains", "does not interfere with the VMs"));
    }
    all
}

/// open-iscsi may log in to targets at boot.
pub(super) fn open_iscsi(asked: &Questions, seen: &Seen) -> Vec<Finding> {
    if asked.targets.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<_> = seen
        .automatic_targets
        .iter()
        .map(|iqn| {
            let iqn = printable(iqn);
            risky(
                "open-iscsi",
                &format!("this host logs in to {iqn} at boot, even if its VM runs elsewhere"),
                &format!("iscsiadm -m node -T {iqn} -o update -n node.startup -v manual"),
            )
        })
        .collect();
    if setting(&seen.iscsid, "node.startup") == Some("automatic") {
        all.push(risky(
            "open-iscsi",
            "this host logs in to every discovered target at boot",
            "set node.startup = manual in /etc/iscsi/iscsid.conf",
        ));
    }
    if all.is_empty() {
        all.push(fine(
            "open-iscsi",
            "does not log in to the VMs' targets at boot",
        ));
    }
    all
}
