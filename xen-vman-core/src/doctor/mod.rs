//! Is a host ready for its VMs? What is defined × what was seen → findings.
//!
//! [`questions`] says what to look for, the host answers with [`Seen`], [`examine`] judges.
//! Nothing is touched here.

mod boot;
mod services;

use crate::diag::text::printable;
use crate::plan::Kernels;
use crate::render::Output;
use crate::resolve::Resolved;
use crate::storage::Medium;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about, such as `xendomains`.
    pub about: String,
    /// How bad it is.
    pub state: Readiness,
    /// What was found.
    pub says: String,
    /// What to do; empty if nothing is.
    pub help: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// As it should be.
    Fine,
    /// VMs run, but something may surprise.
    Risky,
    /// Something that VMs or `apply` need is not there.
    Missing,
}

/// What to look for on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Questions {
    /// Programs by name or path, and the Debian packages that bring them.
    pub programs: BTreeMap<String, &'static str>,
    /// Scripts of network interfaces, by path.
    pub scripts: BTreeSet<String>,
    /// Bridges that interfaces are put into.
    pub bridges: BTreeSet<String>,
    /// Targets of disks.
    pub targets: BTreeSet<String>,
}

/// What was seen of a host.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "answers to questions of yes or no"
)]
#[non_exhaustive]
pub struct Seen {
    /// Whether this is the host itself, running, and not an image of one.
    pub is_running: bool,
    /// Whether it runs under Xen.
    pub is_xen: bool,
    /// Whether it is the domain that controls the others.
    pub is_dom0: bool,
    /// Those of the programs asked for that are there.
    pub programs: BTreeSet<String>,
    /// Those of the scripts asked for that are there and can be executed.
    pub scripts: BTreeSet<String>,
    /// Those of the bridges asked for that are there.
    pub bridges: BTreeSet<String>,
    /// Whether xendomains starts with the host.
    pub xendomains_is_enabled: bool,
    /// `/etc/default/xendomains`.
    pub xendomains: String,
    /// What is in `/etc/xen/auto`.
    pub auto: BTreeSet<String>,
    /// `/etc/iscsi/iscsid.conf`.
    pub iscsid: String,
    /// Those of the targets asked for that the host logs in to by itself.
    pub automatic_targets: BTreeSet<String>,
    /// Its kernels.
    pub kernels: Kernels,
    /// Where `/etc/xen/vmlinuz` and `/etc/xen/initrd.img` lead.
    pub kernel_links: [Option<String>; 2],
    /// The modules that dracut has; none if there is no dracut.
    pub dracut_modules: BTreeSet<String>,
}

const XL_PACKAGE: &str = "xen-utils-common";
const DRACUT_PACKAGE: &str = "dracut-core";

/// What to look for on a host.
pub fn questions(resolved: &Resolved, output: &Output) -> Questions {
    let host = &resolved.host;
    let mut programs = BTreeMap::from([(host.xl_path.to_string(), XL_PACKAGE)]);
    let mut need = |program: &str, package| programs.insert(program.to_owned(), package);
    if boot::uses_host_kernel(resolved) {
        need("dracut", DRACUT_PACKAGE);
    }
    for install in &output.installs {
        for (program, package) in install.method.programs() {
            need(program, package);
        }
        if let Medium::Disk(disk) = install.volume.medium() {
            let (program, package) = disk.maker();
            need(&program, package);
        }
    }
    let mut targets = BTreeSet::new();
    for volume in resolved.vms.iter().filter_map(|vm| vm.root.managed()) {
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
        // Open vSwitch: the bridge, then a tag.
        bridges: bridges
            .filter_map(|bridge| bridge.as_str().split(['.', ':']).next().map(str::to_owned))
            .collect(),
        programs,
        targets,
    }
}

/// The Debian packages that a host with these VMs needs besides Xen's own. Not `dracut`, which
/// would take away `initramfs-tools`, but the parts of it that build initrds of guests.
pub fn packages(resolved: &Resolved, output: &Output) -> BTreeSet<&'static str> {
    let asked = questions(resolved, output).programs;
    let mut packages: BTreeSet<_> = asked.into_values().collect();
    packages.remove(XL_PACKAGE);
    if packages.contains(DRACUT_PACKAGE) {
        packages.insert("dracut-network");
    }
    packages
}

/// Says what is fine and what is not, the worst last.
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
    found.extend(boot::findings(resolved, seen));
    found.sort_by_key(|finding| finding.state);
    found
}

fn xen(seen: &Seen) -> Finding {
    match (seen.is_xen, seen.is_dom0) {
        (true, true) => fine("xen", "this is dom0 of a Xen host"),
        (true, false) => missing(
            "xen",
            "this machine is a guest of Xen itself",
            "run this on dom0",
        ),
        (false, _) => missing(
            "xen",
            "this machine does not run under Xen",
            "install xen-system-amd64 and reboot into the entry with Xen in GRUB's menu",
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
            &format!("there is no {name}"),
            &format!("apt-get install {package}"),
        )
    }));
    all
}

fn script(path: &str, seen: &Seen) -> Finding {
    let shown = printable(path);
    if seen.scripts.contains(path) {
        fine("scripts", &format!("{shown} is there"))
    } else {
        missing(
            "scripts",
            &format!("there is no {shown} that can be executed, so VMs with it do not start"),
            "install what brings it, or name it in additional_network_scripts",
        )
    }
}

fn bridge(name: &str, seen: &Seen) -> Finding {
    let shown = printable(name);
    if seen.bridges.contains(name) {
        fine("bridges", &format!("{shown} is there"))
    } else {
        missing(
            "bridges",
            &format!("there is no bridge {shown}, so VMs in it do not start"),
            "add it to the network of this host, see bridge-utils-interfaces(5)",
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

/// The value of `KEY=value` in a file that a shell reads, or of `key = value`: the last that
/// is not in a comment, without quotes.
fn setting<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let lines = text.lines().rev().filter_map(|line| line.split_once('='));
    let mut values = lines.filter(|(name, _)| name.trim() == key);
    let (_, value) = values.next()?;
    Some(value.trim().trim_matches(['"', '\'']))
}
