//! Simulates ZFS volumes and their snapshots in memory.

use super::pools::option;
use super::{Content, State};
use std::fmt::Write as _;

/// Whether a location is that of a snapshot, which has no device.
pub(super) fn has_no_device(location: &str) -> bool {
    location.starts_with("/dev/zvol/") && location.contains('@')
}

fn device(path: &str) -> String {
    format!("/dev/zvol/{path}")
}

/// The properties of our own that a command sets.
fn properties(words: &[&str]) -> Vec<String> {
    let set = words.windows(2).filter(|pair| pair[0] == "-o");
    let ours = set.filter(|pair| pair[1].contains(':'));
    ours.map(|pair| pair[1].to_owned()).collect()
}

impl State {
    /// Simulates `zfs`; returns its exit status and output.
    pub(super) fn zfs(&mut self, subcommand: &str, words: &[&str]) -> (i32, String) {
        let done = |is_done: bool| (i32::from(!is_done), String::new());
        match (subcommand, words) {
            ("get", [.., dataset]) => (0, self.report_of_zfs(dataset)),
            ("create", [.., path]) => done(self.create_in_zfs(words, path).is_some()),
            ("rename", [from, to]) => done(self.give_name(&device(from), &device(to)).is_some()),
            ("set", [size, path]) => {
                let bytes = size.strip_prefix("volsize=");
                let bytes = bytes.and_then(|bytes| bytes.parse().ok());
                let set = bytes.and_then(|bytes| self.set_size(&device(path), bytes));
                done(set.is_some())
            }
            ("destroy", [path]) => done(self.destroy(&device(path)).is_some()),
            ("snapshot", [.., path]) => {
                let volume = path.split('@').next().unwrap_or_default();
                let copied = self.copy(&device(volume), &device(path), properties(words));
                done(copied.is_some())
            }
            ("rollback", [path]) => done(self.roll_back(path).is_some()),
            _ => done(false),
        }
    }

    fn create_in_zfs(&mut self, words: &[&str], path: &str) -> Option<()> {
        let device = device(path);
        if self.volumes.contains_key(&device) {
            return None;
        }
        self.made += 1;
        let content = Content {
            size_bytes: option(words, "-V")?.parse().ok()?,
            unique_id: self.made.to_string(),
            inode: u64::from(self.made),
            tags: properties(words),
            ..Content::default()
        };
        self.volumes.insert(device, content);
        Some(())
    }

    /// Fails for a volume that has snapshots.
    fn destroy(&mut self, device: &str) -> Option<()> {
        let start = format!("{device}@");
        if self.volumes.keys().any(|path| path.starts_with(&start)) {
            return None;
        }
        let old = self.volumes.remove(device)?;
        self.erased.push((device.to_owned(), old));
        Some(())
    }

    /// Fails if there is a newer snapshot.
    fn roll_back(&mut self, path: &str) -> Option<()> {
        let (volume, _) = path.split_once('@')?;
        let snapshot = self.volumes.get(&device(path))?.clone();
        let start = device(&format!("{volume}@"));
        let mut all = self.volumes.iter();
        if all.any(|(path, one)| path.starts_with(&start) && one.inode > snapshot.inode) {
            return None;
        }
        let now = self.volumes.get_mut(&device(volume))?;
        let back = Content {
            unique_id: now.unique_id.clone(),
            inode: now.inode,
            tags: now.tags.clone(),
            users: now.users.clone(),
            ..snapshot
        };
        *now = back;
        Some(())
    }

    fn report_of_zfs(&self, dataset: &str) -> String {
        let prefix = device(&format!("{dataset}/"));
        let free = self.free_bytes(&prefix).to_string();
        let mut said = format!("{dataset}\ttype\tfilesystem\t-\n{dataset}\tavailable\t{free}\t-\n");
        for (path, content) in &self.volumes {
            let Some(name) = path.strip_prefix(&prefix) else {
                continue;
            };
            let kind = if name.contains('@') {
                "snapshot"
            } else {
                "volume"
            };
            let mut row = |property: &str, value: &str, source: &str| {
                let _ = writeln!(said, "{dataset}/{name}\t{property}\t{value}\t{source}");
            };
            row("type", kind, "-");
            row("volsize", &content.size_bytes.to_string(), "local");
            row("guid", &content.unique_id, "-");
            row("creation", "1796083199", "-");
            row("createtxg", &content.inode.to_string(), "-");
            for (property, value) in content.tags.iter().filter_map(|one| one.split_once('=')) {
                row(property, value, "local");
            }
        }
        said
    }
}
