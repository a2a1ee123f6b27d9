//! Simulates the programs of a host in memory.

use super::{Content, State};
use crate::command::{Command, Effect};
use crate::install::Marker;
use crate::plan::Entry;
use crate::values::guest_initrd;
use serde_json::json;

/// The directory of the VMs' configurations.
const CONFIGS: &str = "/etc/xen/vms";

impl State {
    /// Simulates a command; returns its exit status and output.
    pub(super) fn execute(&mut self, command: &Command) -> (i32, String) {
        let argv: Vec<&str> = command.argv.iter().map(String::as_str).collect();
        match (command.effect, argv.as_slice()) {
            (Effect::Mount, [.., source, point]) => {
                return (self.mount(source, point), String::new());
            }
            (Effect::Unmount, [.., point]) => {
                return (
                    i32::from(self.mounts.remove(*point).is_none()),
                    String::new(),
                );
            }
            (Effect::EraseFiles, ["find", point, ..]) => {
                self.erase_below(point);
                return (0, String::new());
            }
            (Effect::Wipe, [program, options @ .., device]) => {
                let is_zeroed = *program == "blkdiscard" && options.contains(&"--zeroout");
                self.wipe(device, !is_zeroed);
                return (0, String::new());
            }
            (Effect::Format, _) => return (self.make_filesystem(&argv), String::new()),
            _ => {}
        }
        if let Some(done) = self.on_pools(&argv) {
            return done;
        }
        match argv.as_slice() {
            ["systemctl", "start", unit] => (self.start(unit), String::new()),
            ["systemctl", "stop", unit] => {
                if let Some(domain) = domain_of(unit) {
                    if self.unstoppable.contains(domain) {
                        return (0, String::new());
                    }
                    self.domains.remove(domain);
                    let record = format!("/run/xen-vman/domains/{domain}/");
                    self.entries.retain(|path, _| !path.starts_with(&record));
                }
                self.active_units.remove(*unit);
                (0, String::new())
            }
            ["systemctl", "is-active", units @ ..] => (3, "inactive\n".repeat(units.len())),
            ["systemctl", "list-units", ..] => {
                let line = |unit| format!("{unit} loaded active running Xen VM\n");
                (0, self.active_units.iter().map(line).collect())
            }
            ["systemctl", "show", .., unit] => {
                let dependents = self.required_by.get(*unit);
                (0, dependents.cloned().unwrap_or_default())
            }
            ["systemctl", "restart", unit] => {
                if let Some(instance) = unit.strip_prefix("vm_iscsi@") {
                    let session = format!("vm_iscsi_session@{instance}");
                    self.active_units.insert(session);
                }
                (0, String::new())
            }
            [_, "list", "-l"] => {
                let one =
                    |name: &String| json!({ "domid": 1, "config": { "c_info": { "name": name } } });
                let all: Vec<_> = self.domains.iter().map(one).collect();
                (0, json!(all).to_string())
            }
            [_, "known", domain] => (i32::from(!self.domains.contains(*domain)), String::new()),
            // It does not tell a disk that cannot be read from an empty one.
            ["wipefs", "--json", device] => (0, self.signatures(device)),
            ["debootstrap", .., point, _] => (self.bootstrap(point), String::new()),
            [hook, kernel] if hook.starts_with("/etc/kernel/") => {
                let initrd = guest_initrd(kernel);
                self.entries
                    .insert(initrd, Entry::file(0o600, kernel.as_bytes()));
                (0, String::new())
            }
            _ => (0, String::new()),
        }
    }

    fn start(&mut self, unit: &str) -> i32 {
        let Some(domain) = domain_of(unit) else {
            return 0;
        };
        let config = self.entries.get(&format!("{CONFIGS}/{domain}.cfg"));
        let Some(config) = config.cloned() else {
            return 1;
        };
        let running = format!("/run/xen-vman/domains/{domain}/config");
        self.entries.insert(running, config);
        self.domains.insert(domain.to_owned());
        self.active_units.insert(unit.to_owned());
        0
    }

    fn mount(&mut self, source: &str, point: &str) -> i32 {
        if self
            .volumes
            .get(source)
            .is_none_or(|content| content.is_broken)
        {
            return 32;
        }
        self.mounts.insert(point.to_owned(), source.to_owned());
        0
    }

    /// The volume mounted at a mount point.
    fn mounted(&mut self, point: &str) -> Option<(&String, &mut Content)> {
        let source = self.mounts.get(point)?;
        Some((source, self.volumes.get_mut(source)?))
    }

    /// Removes signatures: what was on the disk is lost, though its blocks may still be there.
    fn wipe(&mut self, location: &str, is_raw: bool) {
        if let Some(content) = self.volumes.get_mut(location) {
            let left = content.without_data(is_raw, None);
            let old = std::mem::replace(content, left);
            self.erased.push((location.to_owned(), old));
        }
    }

    fn erase_below(&mut self, point: &str) {
        let Some((location, content)) = self.mounted(point) else {
            return;
        };
        let mut old = content.clone();
        content.files.retain(|path, _| path == Marker::BEGUN);
        old.files.remove(Marker::BEGUN);
        let location = location.clone();
        self.erased.push((location, old));
    }

    fn make_filesystem(&mut self, argv: &[&str]) -> i32 {
        let uuid = argv.iter().rev().nth(1).copied().unwrap_or_default();
        let uuid = uuid.trim_start_matches("uuid=").to_owned();
        let Some(content) = argv.last().and_then(|device| self.volumes.get_mut(*device)) else {
            return 1;
        };
        let mut left = content.without_data(false, Some(uuid));
        let program = argv.first().copied().unwrap_or_default();
        program
            .trim_start_matches("mkfs.")
            .trim_start_matches("mk")
            .clone_into(&mut left.kind);
        let old = std::mem::replace(content, left);
        if !old.is_blank() {
            self.erased
                .push(((*argv.last().unwrap_or(&"")).to_owned(), old));
        }
        0
    }

    fn signatures(&self, device: &str) -> String {
        let content = self.volumes.get(device);
        let content = content.filter(|content| !content.is_broken);
        let one = |content: &Content| {
            let kind = match content.kind.as_str() {
                "" => "ext4",
                kind => kind,
            };
            let uuid = content.filesystem.as_ref()?;
            Some(json!({ "type": kind, "uuid": uuid }))
        };
        let all: Vec<_> = content.and_then(one).into_iter().collect();
        json!({ "signatures": all }).to_string()
    }

    fn bootstrap(&mut self, point: &str) -> i32 {
        let Some((_, content)) = self.mounted(point) else {
            return 1;
        };
        for (path, text) in [
            ("/etc/os-release", "ID=debian\n"),
            (
                "/etc/passwd",
                "root:x:0:0::/root:/bin/bash\nadmin:x:1000:1000::/home/admin:/bin/bash\n",
            ),
            ("/sbin/init", ""),
        ] {
            content
                .files
                .insert(path.to_owned(), Entry::file(0o755, text));
        }
        0
    }
}

/// The domain of `vm@DOMAIN.service`.
fn domain_of(unit: &str) -> Option<&str> {
    unit.strip_prefix("vm@")?.split(".service").next()
}
