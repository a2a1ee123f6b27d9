//! What all backends with disks share: xen-vman creates the file system.

use super::{Fstab, KernelRoot, Mount, XlDisk};
use crate::command::{Command, Effect, SHORT_SECS, WHOLE_VOLUME_SECS};
use crate::values::Filesystem;
use uuid::Uuid;

/// The device name of the root disk in guests.
const ROOT_VDEV: &str = "xvda";

/// The kernel arguments for a root on the guest's first disk.
pub(crate) fn root_on_disk(filesystem: Filesystem) -> String {
    format!("root=/dev/{ROOT_VDEV} rootfstype={filesystem} rw")
}

/// A disk on the host, with the file system that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockDevice {
    /// The path of the device.
    pub path: String,
    /// The file system.
    pub filesystem: Filesystem,
}

impl BlockDevice {
    /// How its file system is mounted.
    pub fn mount(&self) -> Mount {
        Mount {
            fs_type: self.filesystem.to_string(),
            source: self.path.clone(),
        }
    }

    /// The disk in xl.cfg.
    pub(super) fn xl_disk(&self) -> XlDisk {
        XlDisk {
            target: self.path.clone(),
            vdev: ROOT_VDEV,
        }
    }

    /// How a kernel finds its root on the disk.
    pub(super) fn kernel_root(&self) -> KernelRoot {
        KernelRoot {
            arguments: root_on_disk(self.filesystem),
            server: None,
        }
    }

    /// The command that removes all signatures, so that no file system is detected (wipefs(8)).
    pub fn wipe(&self) -> Command {
        Command::new(["wipefs", "--all", "--force", &self.path], SHORT_SECS)
            .with_effect(Effect::Wipe)
    }

    /// The commands that create the file system.
    pub fn make_filesystem(&self, uuid: Uuid) -> Vec<Command> {
        let program = format!("mkfs.{}", self.filesystem);
        let uuid = uuid.to_string();
        let of_metadata = format!("uuid={uuid}");
        let options: &[&str] = match self.filesystem {
            Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => &["-F", "-U", &uuid],
            Filesystem::Btrfs | Filesystem::F2fs => &["-f", "-U", &uuid],
            Filesystem::Xfs => &["-f", "-m", &of_metadata],
            Filesystem::Jfs => &[],
        };
        let words = [&[&*program, "-q"], options, &[&*self.path]].concat();
        let make = Command::new(words, WHOLE_VOLUME_SECS)
            .contained()
            .with_effect(Effect::Format);
        let name = Command::new(["jfs_tune", "-U", &uuid, &self.path], SHORT_SECS);
        let names = self.filesystem == Filesystem::Jfs;
        [make].into_iter().chain(names.then_some(name)).collect()
    }

    /// The program that creates the file system, and the Debian package that provides it.
    pub fn maker(&self) -> (String, &'static str) {
        let package = match self.filesystem {
            Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => "e2fsprogs",
            Filesystem::Xfs => "xfsprogs",
            Filesystem::Btrfs => "btrfs-progs",
            Filesystem::F2fs => "f2fs-tools",
            Filesystem::Jfs => "jfsutils",
        };
        (format!("mkfs.{}", self.filesystem), package)
    }

    /// The mount options in the guest, and the pass in which the file system is checked (fstab(5)).
    pub(super) fn fstab(&self) -> Fstab {
        let (options, pass) = match self.filesystem {
            Filesystem::Ext4 | Filesystem::Ext3 | Filesystem::Ext2 | Filesystem::Jfs => {
                ("errors=remount-ro", 1)
            }
            // These file systems check themselves when mounted.
            Filesystem::Xfs | Filesystem::Btrfs | Filesystem::F2fs => ("defaults", 0),
        };
        Fstab {
            device: format!("/dev/{ROOT_VDEV}"),
            fs_type: self.filesystem.to_string(),
            options,
            pass,
        }
    }

    /// The commands that make the file system as large as the disk while nothing uses it; `None` if it
    /// must be mounted for that.
    pub fn fill(&self) -> Option<Vec<Command>> {
        match self.filesystem {
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

    /// What to type in the guest to make the file system as large as its disk.
    pub const fn fill_inside(&self) -> &'static str {
        match self.filesystem {
            Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => "resize2fs /dev/xvda",
            Filesystem::Xfs => "xfs_growfs /",
            Filesystem::Btrfs => "btrfs filesystem resize max /",
            Filesystem::Jfs => "mount -o remount,resize /",
            Filesystem::F2fs => "resize.f2fs /dev/xvda (not while it is mounted)",
        }
    }
}
