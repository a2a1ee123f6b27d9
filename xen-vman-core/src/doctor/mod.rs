//! Checks whether a host is ready for its VMs.
//!
//! [`questions`] lists what to look for, the host answers with [`Seen`], and [`examine`] turns
//! the answers into findings. Nothing is changed here.

mod boot;
mod services;
mod storage;

use crate::diag::text::printable;
use crate::plan::Kernels;
use crate::render::Output;
use crate::resolve::{Resolved, ResolvedVm};
use crate::storage::{Medium, PoolState};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The subject, such as `xendomains`.
    pub about: String,
    /// The severity.
    pub state: Readiness,
    /// What was found.
    pub says: String,
    /// What to do; empty if there is nothing to do.
    pub help: String,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// Everything is as it should be.
    Fine,
    /// VMs run, but there is a risk.
    Risky,
    /// Something that VMs or `apply` need is missing.
    Missing,
}

/// What to look for on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Questions {
    /// Programs by name or path, with the Debian packages that provide them.
    pub programs: BTreeMap<String, &'static str>,
    /// Network scripts, by path.
    pub scripts: BTreeSet<String>,
    /// Bridges that interfaces are attached to.
    pub bridges: BTreeSet<String>,
    /// iSCSI targets.
    pub targets: BTreeSet<String>,
}

/// The answers of a host.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes/no answers")]
#[non_exhaustive]
pub struct Seen {
    /// Whether this is a running host and not an image.
    pub is_running: bool,
    /// Whether it runs under Xen.
    pub is_xen: bool,
    /// Whether it is dom0.
    pub is_dom0: bool,
    /// The requested programs that are installed.
    pub programs: BTreeSet<String>,
    /// The requested scripts that exist and are executable.
    pub scripts: BTreeSet<String>,
    /// The requested bridges that exist.
    pub bridges: BTreeSet<String>,
    /// Whether xendomains is enabled.
    pub xendomains_is_enabled: bool,
    /// The content of `/etc/default/xendomains`.
    pub xendomains: String,
    /// The file names in `/etc/xen/auto`.
    pub auto: BTreeSet<String>,
    /// The content of `/etc/iscsi/iscsid.conf`.
    pub iscsid: String,
    /// The content of `/etc/lvm/lvm.conf`.
    pub lvm: String,
    /// The pools that roots are made in, by name; for each whose state is not known, why.
    pub pools: BTreeMap<String, Result<PoolState, String>>,
    /// The requested targets that the host logs in to at boot.
    pub automatic_targets: BTreeSet<String>,
    /// Its kernels.
    pub kernels: Kernels,
    /// The targets of the links `/etc/xen/vmlinuz` and `/etc/xen/initrd.img`.
    pub kernel_links: [Option<String>; 2],
    /// The modules that dracut has; empty if dracut is not installed.
    pub dracut_modules: BTreeSet<String>,
}

const XL_PACKAGE: &str = "xen-utils-common";
const DRACUT_PACKAGE: &str = "dracut-core";

/// Lists what to look for on a host.
pub fn questions(resolved: &Resolved, output: &Output) -> Questions {
    let host = &resolved.host;
    let mut programs = BTreeMap::from([(host.xl_path.to_string(), XL_PACKAGE)]);
    let mut need = |program: &str, package| programs.insert(program.to_owned(), package);
    if resolved.boots_host_kernel() {
        need("dracut", DRACUT_PACKAGE);
    }
    for install in &output.installs {
        for (program, package) in install.method.programs() {
            need(program, package);
        }
        if let Medium::Disk(disk) = install.root.volume.medium()
            && let Some(maker) = disk.maker()
        {
            need(&maker.program, maker.package);
        }
    }
    let mut targets = BTreeSet::new();
    for data in resolved.vms.iter().flat_map(|vm| &vm.volumes) {
        if let Medium::Disk(disk) = data.volume.medium()
            && let Some(maker) = disk.maker()
        {
            need(&maker.program, maker.package);
        }
    }
    for volume in resolved.vms.iter().flat_map(ResolvedVm::managed_volumes) {
        let needs = volume.needs(&host.storage);
        for (program, package) in &needs.programs {
            need(program, package);
        }
        targets.extend(needs.targets);
    }
    let interfaces = || resolved.vms.iter().flat_map(|vm| &vm.interfaces);
    let scripts = interfaces().map(|interface| {
        let script = interface.script.as_ref().unwrap_or(&host.network_script);
        match script.to_string() {
            path if path.starts_with('/') => path,
            name => format!("/etc/xen/scripts/{name}"),
        }
    });
    let bridges = interfaces().filter_map(|interface| interface.bridge.as_ref());
    Questions {
        scripts: scripts
            .filter(|path| output.host_file(path).is_none())
            .collect(),
        // Open vSwitch: the bridge may be followed by a VLAN tag.
        bridges: bridges
            .filter_map(|bridge| bridge.as_str().split(['.', ':']).next().map(str::to_owned))
            .collect(),
        programs,
        targets,
    }
}

/// The Debian packages that a host with these VMs needs in addition to Xen. They do not include
/// `dracut`, which would replace `initramfs-tools`, only the parts that build guest initrds.
pub fn packages(resolved: &Resolved, output: &Output) -> BTreeSet<&'static str> {
    let asked = questions(resolved, output).programs;
    let mut packages: BTreeSet<_> = asked.into_values().collect();
    packages.remove(XL_PACKAGE);
    if packages.contains(DRACUT_PACKAGE) {
        packages.insert("dracut-network");
    }
    packages
}

/// Turns the answers of a host into findings, the worst last.
pub fn examine(resolved: &Resolved, output: &Output, seen: &Seen) -> Vec<Finding> {
    let asked = questions(resolved, output);
    let mut found = Vec::new();
    if seen.is_running {
        found.push(xen(seen));
    }
    found.extend(programs(&asked, seen));
    found.extend(asked.scripts.iter().map(|path| script(path, seen)));
    if seen.is_running {
        found.extend(asked.bridges.iter().map(|name| bridge(name, seen)));
    }
    found.extend(services::xendomains(output, seen));
    found.extend(services::open_iscsi(&asked, seen));
    found.extend(storage::findings(resolved, output, seen));
    found.extend(boot::findings(resolved, seen));
    found.sort_by_key(|finding| finding.state);
    found
}

/// What is missing without which an apply cannot do its work on a running host: Xen and programs.
pub fn preflight(asked: &Questions, seen: &Seen) -> Vec<Finding> {
    let mut found = programs(asked, seen);
    found.push(xen(seen));
    found.retain(|finding| finding.state == Readiness::Missing);
    found
}

fn xen(seen: &Seen) -> Finding {
    match (seen.is_xen, seen.is_dom0) {
        (true, true) => fine("xen", "this machine is the dom0 of a Xen host"),
        (true, false) => missing(
            "xen",
            "this machine is a Xen guest itself",
            "run this command in dom0",
        ),
        (false, _) => missing(
            "xen",
            "this machine is not running under Xen",
            "install xen-system-amd64 and boot the Xen entry in GRUB's menu",
        ),
    }
}

fn programs(asked: &Questions, seen: &Seen) -> Vec<Finding> {
    let has = |name: &String| seen.programs.contains(name);
    let found: Vec<_> = asked
        .programs
        .keys()
        .filter(|name| has(name))
        .cloned()
        .collect();
    let mut all = Vec::new();
    if !found.is_empty() {
        all.push(fine("programs", &found.join(", ")));
    }
    let gone = asked.programs.iter().filter(|(name, _)| !has(name));
    all.extend(gone.map(|(name, package)| {
        missing(
            "programs",
            &format!("{name} is not installed"),
            &format!("apt-get install {package}"),
        )
    }));
    all
}

fn script(path: &str, seen: &Seen) -> Finding {
    let shown = printable(path);
    if seen.scripts.contains(path) {
        fine("scripts", &format!("{shown} exists"))
    } else {
        missing(
            "scripts",
            &format!("{shown} is missing or not executable, so VMs that use it cannot start"),
            "install the package that provides it, or add it to additional_network_scripts",
        )
    }
}

fn bridge(name: &str, seen: &Seen) -> Finding {
    let shown = printable(name);
    if seen.bridges.contains(name) {
        fine("bridges", &format!("{shown} exists"))
    } else {
        missing(
            "bridges",
            &format!("{shown} does not exist, so VMs attached to it cannot start"),
            "add it to the network configuration of this host; see bridge-utils-interfaces(5)",
        )
    }
}

fn fine(about: &str, says: &str) -> Finding {
    finding(about, Readiness::Fine, says, "")
}

fn risky(about: &str, says: &str, help: &str) -> Finding {
    finding(about, Readiness::Risky, says, help)
}

fn missing(about: &str, says: &str, help: &str) -> Finding {
    finding(about, Readiness::Missing, says, help)
}

fn finding(about: &str, state: Readiness, says: &str, help: &str) -> Finding {
    Finding {
        about: about.to_owned(),
        state,
        says: says.to_owned(),
        help: help.to_owned(),
    }
}

/// The value of a key in a file of `KEY=value` or `key = value` lines, without quotes. The last
/// line that is not a comment counts.
fn setting<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let lines = text.lines().rev().filter_map(|line| line.split_once('='));
    let mut values = lines.filter(|(name, _)| name.trim() == key);
    let (_, value) = values.next()?;
    Some(value.trim().trim_matches(['"', '\'']))
}
