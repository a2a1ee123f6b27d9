//! Simulates volume groups and directories of images in memory.

use super::{Content, State};
use serde_json::json;

/// What each of them can take.
const POOL_BYTES: u64 = 1 << 40;
/// The size of LVM's extents.
const EXTENT_BYTES: u64 = 4 << 20;

/// The value after an option.
fn option<'a>(argv: &[&'a str], name: &str) -> Option<&'a str> {
    let at = argv.iter().position(|word| *word == name)?;
    argv.get(at + 1).copied()
}

/// A number of MiB with a unit, as LVM takes it, in bytes.
fn bytes(size: &str) -> u64 {
    let digits = size.trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.parse::<u64>().unwrap_or_default() << 20
}

impl State {
    /// Simulates a command on volume groups or images; `None` if it is another.
    pub(super) fn on_pools(&mut self, argv: &[&str]) -> Option<(i32, String)> {
        let done = |is_done: bool| Some((if is_done { 0 } else { 5 }, String::new()));
        match argv {
            ["lvm", "fullreport", .., group] => Some((0, self.report(group))),
            ["lvcreate", ..] => done(self.create(argv).is_some()),
            ["lvremove", .., path] => {
                let device = format!("/dev/{path}");
                let removed = self.volumes.remove(&device);
                done(removed.map(|old| self.erased.push((device, old))).is_some())
            }
            ["lvrename", group, from, to] => {
                let [from, to] = [from, to].map(|name| format!("/dev/{group}/{name}"));
                done(self.give_name(&from, &to).is_some())
            }
            ["lvextend", "--size", size, path] => done(
                self.set_size(&format!("/dev/{path}"), bytes(size))
                    .is_some(),
            ),
            ["find", "-L", directory, .., "-printf", _] => Some((0, self.images(directory))),
            ["stat", "--file-system", .., directory] => {
                let free = self.free_bytes(&format!("{directory}/"));
                Some((0, format!("ext2/ext3 {} 4096\n", free / 4096)))
            }
            ["install", .., "/dev/null", path] => {
                self.volumes.insert((*path).to_owned(), Content::default());
                done(true)
            }
            ["truncate", size, path] => {
                let size = size.trim_start_matches("--size=>").parse().ok()?;
                done(self.set_size(path, size).is_some())
            }
            // Nothing is replaced, and that is a success.
            ["mv", "--no-clobber", "--no-target-directory", from, to] => {
                let _ = self.give_name(from, to);
                done(true)
            }
            ["rm", "--force", path] => {
                self.volumes.remove(*path);
                done(true)
            }
            _ => None,
        }
    }

    fn report(&self, group: &str) -> String {
        let prefix = format!("/dev/{group}/");
        let volumes = self.volumes.iter();
        let ours =
            volumes.filter_map(|(path, content)| Some((path.strip_prefix(&prefix)?, content)));
        let row = |(name, content): (&str, &Content)| {
            json!({
                "lv_name": name,
                "lv_uuid": content.unique_id,
                "lv_size": content.size_bytes.to_string(),
                "lv_tags": content.tags.join(","),
                "pool_lv": "",
                "data_percent": "",
                "metadata_percent": "",
            })
        };
        let rows: Vec<_> = ours.map(row).collect();
        let group = json!({
            "vg_free": self.free_bytes(&prefix).to_string(),
            "vg_extent_size": EXTENT_BYTES.to_string(),
        });
        json!({ "report": [{ "vg": [group], "lv": rows, "seg": [] }] }).to_string()
    }

    /// A new volume shows what was there before it.
    fn create(&mut self, argv: &[&str]) -> Option<()> {
        let (name, group) = (option(argv, "--name")?, argv.last()?);
        let device = format!("/dev/{group}/{name}");
        if self.volumes.contains_key(&device) {
            return None;
        }
        self.made += 1;
        let tags = argv.windows(2).filter(|pair| pair[0] == "--addtag");
        let content = Content {
            size_bytes: bytes(option(argv, "--size")?),
            unique_id: format!("lv-{}", self.made),
            tags: tags.map(|pair| pair[1].to_owned()).collect(),
            is_raw: true,
            ..Content::default()
        };
        self.volumes.insert(device, content);
        Some(())
    }

    fn give_name(&mut self, from: &str, to: &str) -> Option<()> {
        if self.volumes.contains_key(to) {
            return None;
        }
        let content = self.volumes.remove(from)?;
        self.volumes.insert(to.to_owned(), content);
        Some(())
    }

    fn set_size(&mut self, path: &str, size_bytes: u64) -> Option<()> {
        self.volumes.get_mut(path)?.size_bytes = size_bytes;
        Some(())
    }

    /// What is free in a group or a directory.
    fn free_bytes(&self, prefix: &str) -> u64 {
        let volumes = self
            .volumes
            .iter()
            .filter(|(path, _)| path.starts_with(prefix));
        let used: u64 = volumes.map(|(_, content)| content.size_bytes).sum();
        POOL_BYTES.saturating_sub(used)
    }

    fn images(&self, directory: &str) -> String {
        let prefix = format!("{directory}/");
        let images = self.volumes.iter();
        let images = images.filter_map(|(path, content)| {
            let name = path.strip_prefix(&prefix)?;
            Some(format!("{} {name}\0", content.size_bytes))
        });
        images.collect()
    }
}
