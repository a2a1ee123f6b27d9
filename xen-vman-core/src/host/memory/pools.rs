//! Simulates volume groups, ZFS datasets and directories of images in memory.

use super::{Content, State};
use serde_json::json;

/// What each of them can take.
const POOL_BYTES: u64 = 1 << 40;
/// The size of LVM's extents.
const EXTENT_BYTES: u64 = 4 << 20;

/// The value after an option.
pub(super) fn option<'a>(argv: &[&'a str], name: &str) -> Option<&'a str> {
    let at = argv.iter().position(|word| *word == name)?;
    argv.get(at + 1).copied()
}

/// A number of MiB with a unit, as LVM takes it, in bytes.
fn bytes(size: &str) -> u64 {
    let digits = size.trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.parse::<u64>().unwrap_or_default() << 20
}

/// The tags that a command gives.
fn tags(argv: &[&str]) -> Vec<String> {
    let tags = argv.windows(2).filter(|pair| pair[0] == "--addtag");
    tags.map(|pair| pair[1].to_owned()).collect()
}

impl State {
    /// Simulates a command on volume groups or images; `None` if it is another.
    pub(super) fn on_pools(&mut self, argv: &[&str]) -> Option<(i32, String)> {
        let done = |is_done: bool| Some((if is_done { 0 } else { 5 }, String::new()));
        match argv {
            ["zfs", subcommand, rest @ ..] => Some(self.zfs(subcommand, rest)),
            ["lvm", "fullreport", .., group] => Some((0, self.report(group))),
            ["date", ..] => {
                self.made += 1;
                Some((0, format!("20261130T0000{:02}Z\n", self.made)))
            }
            ["lvcreate", "--yes", "--type", "thin", ..] => {
                let from = format!("/dev/{}", argv.last()?);
                let (group, _) = argv.last()?.split_once('/')?;
                let to = format!("/dev/{group}/{}", option(argv, "--name")?);
                done(self.copy(&from, &to, tags(argv)).is_some())
            }
            ["cp", "--reflink=always", .., from, to] => {
                done(self.copy(from, to, Vec::new()).is_some())
            }
            ["mv", "--no-target-directory", from, to] => {
                self.volumes.remove(*to);
                done(self.give_name(from, to).is_some())
            }
            ["rm", path] => done(self.volumes.remove(*path).is_some()),
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
                Some((0, format!("{} {} 4096\n", self.fs_type(), free / 4096)))
            }
            ["install", .., "/dev/null", path] => {
                self.made += 1;
                let content = Content {
                    inode: u64::from(self.made),
                    ..Content::default()
                };
                self.volumes.insert((*path).to_owned(), content);
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
                "lv_time": "2026-11-30 00:00:00 +0000",
                "pool_lv": if self.is_thin { "pool" } else { "" },
                "data_percent": "",
                "metadata_percent": "",
            })
        };
        let mut rows: Vec<_> = ours.map(row).collect();
        let mut segments = Vec::new();
        if self.is_thin {
            rows.push(json!({
                "lv_name": "pool",
                "lv_uuid": "pool",
                "lv_size": POOL_BYTES.to_string(),
                "lv_tags": "",
                "pool_lv": "",
                "data_percent": "1.00",
                "metadata_percent": "1.00",
            }));
            segments.push(json!({ "lv_name": "pool", "segtype": "thin-pool", "zero": "zero" }));
        }
        let group = json!({
            "vg_free": self.free_bytes(&prefix).to_string(),
            "vg_extent_size": EXTENT_BYTES.to_string(),
        });
        json!({ "report": [{ "vg": [group], "lv": rows, "seg": segments }] }).to_string()
    }

    /// A new volume shows what was there before it.
    fn create(&mut self, argv: &[&str]) -> Option<()> {
        let name = option(argv, "--name")?;
        let group = argv.last()?.split('/').next()?;
        let device = format!("/dev/{group}/{name}");
        if self.volumes.contains_key(&device) {
            return None;
        }
        self.made += 1;
        let content = Content {
            size_bytes: bytes(option(argv, "--size").or_else(|| option(argv, "--virtualsize"))?),
            unique_id: format!("lv-{}", self.made),
            tags: tags(argv),
            // A thin one shows zeros.
            is_raw: option(argv, "--size").is_some(),
            ..Content::default()
        };
        self.volumes.insert(device, content);
        Some(())
    }

    /// A copy of a volume, as a snapshot is.
    pub(super) fn copy(&mut self, from: &str, to: &str, tags: Vec<String>) -> Option<()> {
        if self.volumes.contains_key(to) {
            return None;
        }
        self.made += 1;
        let content = Content {
            unique_id: format!("lv-{}", self.made),
            inode: u64::from(self.made),
            tags,
            ..self.volumes.get(from)?.clone()
        };
        self.volumes.insert(to.to_owned(), content);
        Some(())
    }

    pub(super) fn give_name(&mut self, from: &str, to: &str) -> Option<()> {
        if self.volumes.contains_key(to) {
            return None;
        }
        let content = self.volumes.remove(from)?;
        self.volumes.insert(to.to_owned(), content);
        Some(())
    }

    pub(super) fn set_size(&mut self, path: &str, size_bytes: u64) -> Option<()> {
        self.volumes.get_mut(path)?.size_bytes = size_bytes;
        Some(())
    }

    /// What is free in a group or a directory.
    pub(super) fn free_bytes(&self, prefix: &str) -> u64 {
        let volumes = self
            .volumes
            .iter()
            .filter(|(path, _)| path.starts_with(prefix));
        let used: u64 = volumes.map(|(_, content)| content.size_bytes).sum();
        POOL_BYTES.saturating_sub(used)
    }

    /// The file system of directories.
    const fn fs_type(&self) -> &'static str {
        if self.is_thin { "xfs" } else { "ext2/ext3" }
    }

    fn images(&self, directory: &str) -> String {
        let prefix = format!("{directory}/");
        let images = self.volumes.iter();
        let images = images.filter_map(|(path, content)| {
            let name = path.strip_prefix(&prefix)?;
            let (size, inode) = (content.size_bytes, content.inode);
            Some(format!("{size} {inode} -- {name}\0"))
        });
        images.collect()
    }
}
