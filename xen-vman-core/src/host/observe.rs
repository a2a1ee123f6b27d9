//! Observes a running host: domains, kernels, programs.

use super::HostError;
use super::machine::{Files, Host, demand, failed};
use crate::command::Command;
use crate::diag::Report;
use crate::document::Source;
use crate::object::{ENABLED, EnabledUnit};
use crate::plan::{Domain, Entry, Kernels};
use crate::render::MOUNT_PATH;
use crate::resolve::Facts;
use crate::values::DomainName;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long xl may take to answer, in seconds.
const XL_LIMIT_SECS: u32 = 60;
/// Xen does not list a domain for a second or two while it reboots.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// How long systemd may take to answer questions about its units, in seconds.
pub(super) const UNITS_LIMIT_SECS: u32 = 60;
/// Where `vm@` keeps the configurations of the domains it started.
pub(super) const DOMAINS: &str = "/run/xen-vman/domains";
/// The directories to search for programs.
const DIRECTORIES: [&str; 6] = [
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
];

/// The domains that Xen has, except dom0, with the configurations that `vm@` started them from.
///
/// # Errors
/// If this is a Xen host and xl does not answer: nothing is known about any domain.
pub(super) fn domains(host: &dyn Host) -> Result<BTreeMap<String, Domain>, HostError> {
    let Some(xl) = path_of(host, "xl")? else {
        return Ok(BTreeMap::new());
    };
    let mut found = list(host, &xl)?;
    let started = host.names(DOMAINS)?;
    if started
        .iter()
        .any(|name| is_name(name) && !found.contains(name))
    {
        host.sleep(SECOND_LOOK);
        found.extend(list(host, &xl)?);
    }
    found
        .into_iter()
        .map(|name| {
            let config = match host.entry(&format!("{DOMAINS}/{name}/config"))? {
                Some(Entry::File { content, .. }) => Some(content),
                _ => None,
            };
            Ok((name, Domain { config }))
        })
        .collect()
}

/// The active units of VMs.
///
/// # Errors
/// If systemd does not answer.
pub(super) fn active_units(host: &dyn Host) -> Result<BTreeSet<String>, HostError> {
    let list = [
        "systemctl",
        "list-units",
        "--state=active",
        "--plain",
        "--no-legend",
        "vm@*.service",
        "vm_*@*.service",
    ];
    let ran = demand(host, &Command::new(list, UNITS_LIMIT_SECS))?;
    let units = String::from_utf8_lossy(&ran.stdout);
    let units = units
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(units.map(str::to_owned).collect())
}

/// The VMs that start with the host, by the links of their units, which others than xen-vman make, too.
///
/// # Errors
/// If the directory cannot be read.
pub(super) fn enabled_vms(host: &dyn Files) -> Result<BTreeSet<DomainName>, HostError> {
    let links = host.names(ENABLED)?;
    let vms = links.iter().filter_map(|link| match link.parse().ok()? {
        EnabledUnit::Vm(domain) => Some(domain),
        EnabledUnit::Preparation => None,
    });
    Ok(vms.collect())
}

fn is_name(name: &str) -> bool {
    !name.starts_with('.')
}

/// Whether the host runs on Xen.
pub(super) fn is_xen(host: &dyn Files) -> Result<bool, HostError> {
    let kind = host.entry("/sys/hypervisor/type")?;
    Ok(matches!(kind, Some(Entry::File { content, .. }) if content.trim_ascii() == b"xen"))
}

fn list(host: &dyn Host, xl: &str) -> Result<BTreeSet<String>, HostError> {
    let command = Command::new([xl, "list", "-l"], XL_LIMIT_SECS);
    let ran = host.run(&command)?;
    if ran.status != 0 {
        // A host booted without Xen has no domains.
        return if is_xen(host)? {
            Err(failed(&command, &ran.stderr))
        } else {
            Ok(BTreeSet::new())
        };
    }
    names(&ran.stdout).map_err(|why| failed(&command, &why))
}

/// The names in the output of `xl list -l`, without dom0.
fn names(json: &[u8]) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Item {
        domid: u32,
        config: Option<Config>,
    }
    #[derive(Deserialize)]
    struct Config {
        c_info: Option<Info>,
    }
    #[derive(Deserialize)]
    struct Info {
        name: Option<String>,
    }
    let items: Vec<Item> =
        serde_json::from_slice(json).map_err(|error| format!("unexpected output: {error}"))?;
    let domains = items.into_iter().filter(|item| item.domid != 0);
    Ok(domains
        .filter_map(|item| item.config?.c_info?.name)
        .collect())
}

/// The kernels of a host, and for which of them there is a guest initrd.
pub(super) fn kernels(host: &dyn Host) -> Result<Kernels, HostError> {
    let with_image = releases(host, "/boot", "vmlinuz-")?;
    let with_modules: BTreeSet<_> = host.names("/lib/modules")?.into_iter().collect();
    let running = match host.entry("/proc/sys/kernel/osrelease")? {
        Some(Entry::File { content, .. }) if host.is_running() => Some(text(&content)),
        _ => None,
    };
    Ok(Kernels {
        installed: with_image.intersection(&with_modules).cloned().collect(),
        with_initrd: releases(host, "/etc/xen", "initrd.img-")?,
        running,
    })
}

/// The iSCSI targets that a host is logged in to.
pub(super) fn sessions(host: &dyn Host) -> Result<BTreeSet<String>, HostError> {
    let dir = "/sys/class/iscsi_session";
    let mut targets = BTreeSet::new();
    for session in host.names(dir)? {
        if let Some(Entry::File { content, .. }) =
            host.entry(&format!("{dir}/{session}/targetname"))?
        {
            targets.insert(text(&content));
        }
    }
    Ok(targets)
}

/// The domains whose roots are mounted by `vm_mount@`.
pub(super) fn mounted(host: &dyn Host) -> Result<BTreeSet<String>, HostError> {
    let Some(Entry::File { content, .. }) = host.entry("/proc/self/mountinfo")? else {
        return Ok(BTreeSet::new());
    };
    let points = text(&content);
    let points = points.lines().filter_map(|line| line.split(' ').nth(4));
    let domains = points.filter_map(|point| point.strip_prefix(MOUNT_PATH)?.strip_prefix('/'));
    Ok(domains.map(str::to_owned).collect())
}

fn releases(host: &dyn Host, dir: &str, prefix: &str) -> Result<BTreeSet<String>, HostError> {
    let names = host.names(dir)?.into_iter();
    Ok(names
        .filter_map(|name| name.strip_prefix(prefix).map(str::to_owned))
        .collect())
}

/// Detects [`Facts`]: the paths of programs and, on a running Xen host, its version, memory and
/// CPUs.
///
/// # Errors
/// If the host cannot be read.
pub fn facts(host: &dyn Host) -> Result<Facts, HostError> {
    let mut facts = serde_json::Map::new();
    let mut add = |key: &str, value: Option<String>| {
        facts.extend(value.map(|value| (key.to_owned(), value.into())));
    };
    let xl = path_of(host, "xl")?;
    add("xl_path", xl.clone());
    add("iscsiadm_path", path_of(host, "iscsiadm")?);
    if host.is_running() {
        let number = |name: &str| -> Result<Option<String>, HostError> {
            let entry = host.entry(&format!("/sys/hypervisor/version/{name}"))?;
            Ok(match entry {
                Some(Entry::File { content, .. }) => Some(text(&content)),
                _ => None,
            })
        };
        let version = number("major")?.zip(number("minor")?);
        add(
            "xen_version",
            version.map(|(major, minor)| format!("{major}.{minor}")),
        );
        let info = match &xl {
            Some(xl) => {
                let info = Command::new([xl.as_str(), "info"], XL_LIMIT_SECS);
                host.run(&info)?.stdout
            }
            None => Vec::new(),
        };
        add("host_memory", info_value(&info, "total_memory"));
        add("host_cpus", info_value(&info, "nr_cpus"));
    }
    let text = serde_json::Value::Object(facts).to_string();
    let source = Source::new("observed.json", text);
    // Values that are not valid facts are ignored.
    Ok(source.map_or_else(Facts::default, |source| {
        Facts::read(&source, &mut Report::new())
    }))
}

fn text(content: &[u8]) -> String {
    String::from_utf8_lossy(content).trim().to_owned()
}

/// A value in the output of `xl info`, which has lines of `key : value`.
fn info_value(info: &[u8], key: &str) -> Option<String> {
    let info = String::from_utf8_lossy(info);
    let mut pairs = info.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
    Some(value.trim().to_owned())
}

/// The path of a program, if it is installed.
pub(super) fn path_of(host: &dyn Host, name: &str) -> Result<Option<String>, HostError> {
    for dir in DIRECTORIES {
        let path = format!("{dir}/{name}");
        if host.is_program(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_without_dom0() {
        let json = br#"[
            {"domid": 0, "config": {"c_info": {"type": "pv", "name": "Domain-0"}, "b_info": {}}},
            {"domid": 7, "config": {"c_info": {"type": "pvh", "name": "org-web"}, "b_info": {"max_memkb": 1}}},
            {"domid": 9, "config": null}
        ]"#;
        assert_eq!(names(json).unwrap(), BTreeSet::from(["org-web".to_owned()]));
        assert_eq!(names(b"[]").unwrap(), BTreeSet::new());
        assert!(names(b"xl: no such thing").is_err());
    }

    #[test]
    fn memory_and_cpus_are_read() {
        let info = b"host                   : dom0\nrelease                : 6.1.0-37-amd64\nnr_cpus                : 8\ntotal_memory           : 16310\nxen_commandline        : placeholder dom0_mem=1G:max=2G\n";
        assert_eq!(info_value(info, "nr_cpus").as_deref(), Some("8"));
        assert_eq!(info_value(info, "total_memory").as_deref(), Some("16310"));
        assert_eq!(info_value(info, "memory"), None);
    }
}
