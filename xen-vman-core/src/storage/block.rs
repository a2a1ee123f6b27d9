//! What all backends with disks have in common: the file system is ours to make.

use super::Mount;
use crate::command::{Command, Effect, SHORT_SECS, WHOLE_VOLUME_SECS};
use crate::values::Filesystem;
use uuid::Uuid;

/// What guests see the disk of their root as.
pub(super) const ROOT_VDEV: &str = "xvda";

/// How a kernel finds a root on the first disk of the guest.
pub(crate) fn root_on_disk(filesystem: Filesystem) -> String {
    format!("root=/dev/{ROOT_VDEV} rootfstype={filesystem} rw")
}

/// A disk of the host, and the file system that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockDevice {
    /// Its path.
    pub path: String,
    /// The file system.
    pub filesystem: Filesystem,
}

impl BlockDevice {
    /// Its file system as something to mount.
    pub fn mount(&self) -> Mount {
        Mount {
            fs_type: self.filesystem.to_string(),
            source: self.path.clone(),
        }
    }

    /// Removes every signature, so that nothing finds a file system there (wipefs(8)).
    pub fn wipe(&self) -> Command {
        Command::new(["wipefs", "--all", "--force", &self.path], SHORT_SECS)
            .with_effect(Effect::Erase)
    }

    /// Makes the file system.
    pub fn make_filesystem(&self, uuid: Uuid) -> Command {
        let program = format!("mkfs.{}", self.filesystem);
        let uuid = uuid.to_string();
        let (force, option, uuid) = match self.filesystem {
            Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => ("-F", "-U", uuid),
            Filesystem::Btrfs => ("-f", "-U", uuid),
            Filesystem::Xfs => ("-f", "-m", format!("uuid={uuid}")),
        };
        let words = [&*program, "-q", force, option, &*uuid, &*self.path];
        Command::new(words, WHOLE_VOLUME_SECS).contained()
    }

    /// The program that makes the file system, and the Debian package that brings it.
    pub fn maker(&self) -> (String, &'static str) {
        let package = match self.filesystem {
            Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => "e2fsprogs",
            Filesystem::Xfs => "xfsprogs",
            Filesystem::Btrfs => "btrfs-progs",
        };
        (format!("mkfs.{}", self.filesystem), package)
    }

    /// Options of the mount in the guest, and when the file system is checked (fstab(5)).
    pub(super) const fn fstab_options(&self) -> (&'static str, u8) {
        match self.filesystem {
            Filesystem::Ext4 | Filesystem::Ext3 | Filesystem::Ext2 => ("errors=remount-ro", 1),
            // These check themselves when they are mounted.
            Filesystem::Xfs | Filesystem::Btrfs => ("defaults", 0),
        }
    }
}
