//! What all backends with disks share: xen-vman creates the file system.

use super::{Fstab, KernelRoot, Mount, XlDisk};
use crate::command::{Command, Effect, SHORT_SECS, WHOLE_VOLUME_SECS};
use crate::values::{DiskContent, Filesystem, Vdev};
use uuid::Uuid;

/// The device name of the root disk in guests.
const ROOT_VDEV: &str = "xvda";

/// The kernel arguments for a root on the guest's first disk.
pub(crate) fn root_on_disk(filesystem: Filesystem) -> String {
    format!("root=/dev/{ROOT_VDEV} rootfstype={filesystem} rw")
}

/// A disk on the host, with the content that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockDevice {
    /// The path of the device.
    pub path: String,
    /// What it holds.
    pub content: DiskContent,
}

impl BlockDevice {
    /// How its file system is mounted.
    pub fn mount(&self) -> Mount {
        Mount {
            fs_type: self.content.to_string(),
            source: self.path.clone(),
            drivers: vec![self.content.as_str()],
        }
    }

    /// The disk of a root in xl.cfg.
    pub(super) fn xl_disk(&self) -> XlDisk {
        self.as_vdev(Vdev::first())
    }

    /// The disk in xl.cfg.
    pub(crate) fn as_vdev(&self, vdev: Vdev) -> XlDisk {
        XlDisk {
            target: self.path.clone(),
            vdev,
        }
    }

    /// How a kernel finds its root on the disk.
    pub(super) fn kernel_root(&self) -> KernelRoot {
        KernelRoot {
            arguments: self
                .content
                .filesystem()
                .map_or_else(String::new, root_on_disk),
            server: None,
        }
    }

    /// The command that removes all signatures, so that no file system is detected (wipefs(8)).
    pub fn wipe(&self) -> Command {
        Command::new(["wipefs", "--all", "--force", &self.path], SHORT_SECS)
            .with_effect(Effect::Wipe)
    }

    /// The commands that create what it holds.
    pub fn format(&self, uuid: Uuid) -> Vec<Command> {
        let Some(Maker { program, .. }) = self.maker() else {
            return Vec::new();
        };
        let uuid = uuid.to_string();
        let of_metadata = format!("uuid={uuid}");
        let options: &[&str] = match self.content {
            DiskContent::Raw => &[],
            DiskContent::Swap => &["-f", "-U", &uuid],
            DiskContent::Filesystem(filesystem) => match filesystem {
                Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => {
                    &["-q", "-F", "-U", &uuid]
                }
                Filesystem::Btrfs | Filesystem::F2fs => &["-q", "-f", "-U", &uuid],
                Filesystem::Xfs => &["-q", "-f", "-m", &of_metadata],
                Filesystem::Jfs => &["-q"],
            },
        };
        let words = [&[&*program], options, &[&*self.path]].concat();
        let make = Command::new(words, WHOLE_VOLUME_SECS)
            .contained()
            .with_effect(Effect::Format);
        let name = Command::new(["jfs_tune", "-U", &uuid, &self.path], SHORT_SECS);
        let names = self.content == DiskContent::Filesystem(Filesystem::Jfs);
        [make].into_iter().chain(names.then_some(name)).collect()
    }

    /// The program that creates what it holds; `None` if nothing does.
    pub fn maker(&self) -> Option<Maker> {
        let (program, package) = match self.content {
            DiskContent::Raw => return None,
            DiskContent::Swap => ("mkswap".to_owned(), "util-linux"),
            DiskContent::Filesystem(filesystem) => {
                let package = match filesystem {
                    Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => "e2fsprogs",
                    Filesystem::Xfs => "xfsprogs",
                    Filesystem::Btrfs => "btrfs-progs",
                    Filesystem::F2fs => "f2fs-tools",
                    Filesystem::Jfs => "jfsutils",
                };
                (format!("mkfs.{filesystem}"), package)
            }
        };
        Some(Maker { program, package })
    }

    /// The mount options in the guest, and the pass in which the file system is checked (fstab(5)).
    pub(super) fn fstab(&self) -> Fstab {
        let checks = match self.content {
            DiskContent::Filesystem(filesystem) => checks(filesystem),
            DiskContent::Swap | DiskContent::Raw => false,
        };
        Fstab {
            device: format!("/dev/{ROOT_VDEV}"),
            fs_type: self.content.to_string(),
            options: if checks {
                "errors=remount-ro"
            } else {
                "defaults"
            },
            pass: u8::from(checks),
        }
    }

    /// What to type in the guest to make the file system of a root as large as its disk.
    pub fn fill_root_inside(&self) -> Option<String> {
        let filesystem = self.content.filesystem()?;
        Some(fill_inside(filesystem, ROOT_VDEV, "/"))
    }

    /// The commands that make the file system as large as the disk while nothing uses it; `None` if it
    /// must be mounted for that, or if the disk holds something else.
    pub fn fill(&self) -> Option<Vec<Command>> {
        match self.content.filesystem()? {
            Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => Some(vec![
                // resize2fs wants it to have been checked. 1 means that errors were corrected, such as those of
                // a guest that lost its power.
                Command::new(["e2fsck", "-f", "-p", &self.path], WHOLE_VOLUME_SECS)
                    .contained()
                    .succeeding_up_to(1),
                Command::new(["resize2fs", &self.path], WHOLE_VOLUME_SECS).contained(),
            ]),
            Filesystem::F2fs => Some(vec![
                Command::new(["resize.f2fs", &self.path], WHOLE_VOLUME_SECS).contained(),
            ]),
            Filesystem::Xfs | Filesystem::Btrfs | Filesystem::Jfs => None,
        }
    }
}

/// Whether fsck checks a file system at boot; others check themselves when they are mounted.
pub(super) const fn checks(filesystem: Filesystem) -> bool {
    match filesystem {
        Filesystem::Ext4 | Filesystem::Ext3 | Filesystem::Ext2 | Filesystem::Jfs => true,
        Filesystem::Xfs | Filesystem::Btrfs | Filesystem::F2fs => false,
    }
}

/// What to type in a guest to make a file system as large as its disk `vdev`. It is mounted at `point`.
pub(super) fn fill_inside(filesystem: Filesystem, vdev: &str, point: &str) -> String {
    match filesystem {
        Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => format!("resize2fs /dev/{vdev}"),
        Filesystem::Xfs => format!("xfs_growfs {point}"),
        Filesystem::Btrfs => format!("btrfs filesystem resize max {point}"),
        Filesystem::Jfs => format!("mount -o remount,resize {point}"),
        Filesystem::F2fs => format!("umount {point} && resize.f2fs /dev/{vdev} && mount {point}"),
    }
}

/// The program that creates a file system or swap space.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maker {
    /// Its name.
    pub program: String,
    /// The Debian package that provides it.
    pub package: &'static str,
}
