//! Collects what `doctor` needs to know about a host.

use super::machine::Host;
use super::{HostError, observe, volume};
use crate::doctor::{self, Finding, Questions, Seen, examine, questions};
use crate::plan::Entry;
use crate::render::Output;
use crate::resolve::Resolved;
use crate::values::{GUEST_INITRD, GUEST_KERNEL};
use std::collections::BTreeSet;

const MODULES: &str = "/usr/lib/dracut/modules.d";
/// Where open-iscsi stores its node records, before and since version 2.1.10.
const NODES: [&str; 2] = ["/etc/iscsi/nodes", "/var/lib/iscsi/nodes"];
/// Where xendomains is enabled, as a unit and as a script.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
const SCRIPTS: &str = "/etc/rc2.d";

/// Checks whether a host is ready to run its VMs.
///
/// # Errors
/// If the host cannot be read.
pub fn doctor(
    host: &dyn Host,
    resolved: &Resolved,
    output: &Output,
) -> Result<Vec<Finding>, HostError> {
    let mut seen = see(host, &questions(resolved, output))?;
    if seen.is_running {
        seen.pools = volume::pools(host, output);
    }
    Ok(examine(resolved, output, &seen))
}

/// Finds what is missing for an apply.
///
/// # Errors
/// If the host cannot be read.
pub(super) fn preflight(
    host: &dyn Host,
    resolved: &Resolved,
    output: &Output,
) -> Result<Vec<Finding>, HostError> {
    let asked = questions(resolved, output);
    Ok(doctor::preflight(&asked, &see(host, &asked)?))
}

/// Answers the questions of [`doctor`](crate::doctor).
fn see(host: &dyn Host, asked: &Questions) -> Result<Seen, HostError> {
    let mut seen = Seen {
        is_running: host.is_running(),
        is_xen: observe::is_xen(host)?,
        is_dom0: text(host, "/proc/xen/capabilities")?.contains("control_d"),
        xendomains: text(host, "/etc/default/xendomains")?,
        iscsid: text(host, "/etc/iscsi/iscsid.conf")?,
        lvm: text(host, "/etc/lvm/lvm.conf")?,
        auto: names(host, "/etc/xen/auto")?,
        kernels: observe::kernels(host)?,
        kernel_links: [link(host, GUEST_KERNEL)?, link(host, GUEST_INITRD)?],
        ..Seen::default()
    };
    seen.xendomains_is_enabled = names(host, WANTS)?.contains("xendomains.service")
        || names(host, SCRIPTS)?
            .iter()
            .any(|name| name.starts_with('S') && name.ends_with("xendomains"));
    for program in asked.programs.keys() {
        let is_there = if program.starts_with('/') {
            host.is_program(program)?
        } else {
            observe::path_of(host, program)?.is_some()
        };
        if is_there {
            seen.programs.insert(program.clone());
        }
    }
    for script in &asked.scripts {
        if host.is_program(script)? {
            seen.scripts.insert(script.clone());
        }
    }
    for bridge in &asked.bridges {
        let path = format!("/sys/class/net/{bridge}");
        // `/sys/class/net/NAME/bridge` would miss bridges of Open vSwitch.
        if !names(host, &path)?.is_empty() {
            seen.bridges.insert(bridge.clone());
        }
    }
    for target in &asked.targets {
        if is_automatic(host, target)? {
            seen.automatic_targets.insert(target.clone());
        }
    }
    let modules = names(host, MODULES)?;
    // Directory names begin with two digits.
    seen.dracut_modules = modules
        .iter()
        .map(|name| {
            name.trim_start_matches(|c: char| c.is_ascii_digit())
                .to_owned()
        })
        .collect();
    Ok(seen)
}

/// Whether open-iscsi logs in to a target at boot. The records are `NODES/IQN/PORTAL/INTERFACE`,
/// or `NODES/IQN/PORTAL` if that is a file.
fn is_automatic(host: &dyn Host, target: &str) -> Result<bool, HostError> {
    for nodes in NODES {
        let node = format!("{nodes}/{target}");
        for portal in names(host, &node)? {
            let portal = format!("{node}/{portal}");
            let files = match host.entry(&portal)? {
                Some(Entry::File { .. }) => vec![portal],
                _ => names(host, &portal)?
                    .into_iter()
                    .map(|name| format!("{portal}/{name}"))
                    .collect(),
            };
            for file in files {
                let is_automatic = |line: &str| {
                    let line = line.split_once('=');
                    line.is_some_and(|(key, value)| {
                        key.trim() == "node.startup" && value.trim() == "automatic"
                    })
                };
                if text(host, &file)?.lines().any(is_automatic) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn names(host: &dyn Host, path: &str) -> Result<BTreeSet<String>, HostError> {
    let names = host.names(path)?.into_iter();
    Ok(names
        .filter(|name| !matches!(name.as_str(), "." | ".."))
        .collect())
}

/// The content of a file; empty if the path is not a file.
fn text(host: &dyn Host, path: &str) -> Result<String, HostError> {
    Ok(match host.entry(path)? {
        Some(Entry::File { content, .. }) => String::from_utf8_lossy(&content).into_owned(),
        _ => String::new(),
    })
}

fn link(host: &dyn Host, path: &str) -> Result<Option<String>, HostError> {
    Ok(match host.entry(path)? {
        Some(Entry::Link(target)) => Some(target),
        _ => None,
    })
}
