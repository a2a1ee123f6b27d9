//! How hosts, kernels and guests find a volume, and mount it.

use crate::command::{Command, Effect};
use crate::values::Vdev;
use serde::Serialize;
use std::fmt;
use std::net::IpAddr;

/// How a file system is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its type, as in `mount -t`.
    pub fs_type: String,
    /// The device or export.
    pub source: String,
    /// The kernel modules that it needs.
    pub drivers: Vec<&'static str>,
}

impl Mount {
    /// The command that mounts it at the mount point `point`.
    pub fn at(&self, point: &str, options: &str, limit_secs: u32) -> Command {
        let words = [
            "mount",
            "-t",
            &self.fs_type,
            "-o",
            options,
            &self.source,
            point,
        ];
        Command::new(words, limit_secs).with_effect(Effect::Mount)
    }
}

/// How a volume is attached to the host, if that is necessary: a systemd unit holds it as long
/// as another unit needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// The template unit, without `@` and suffix.
    pub unit: &'static str,
    /// Units of the backend that may need it, in addition to those that every VM has.
    pub holders: &'static [&'static str],
    /// The name of the session on the host.
    pub session: String,
    /// How long attaching may take, in seconds.
    pub attach_secs: u32,
    /// How long detaching may take, in seconds.
    pub detach_secs: u32,
}

/// How a kernel finds its root (dracut.cmdline(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelRoot {
    /// The arguments that specify the root.
    pub arguments: String,
    /// The server that must be reachable over the network first; `None` for a disk.
    pub server: Option<RootServer>,
}

/// The server of a root on the guest's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootServer {
    /// Its protocol, for messages.
    pub what: &'static str,
    /// Its address; `None` if it is given by name.
    pub address: Option<IpAddr>,
}

/// The root's line in the guest's fstab(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fstab {
    /// The device or export.
    pub device: String,
    /// The type of its file system.
    pub fs_type: String,
    /// The mount options.
    pub options: &'static str,
    /// The pass in which it is checked; 0 for never.
    pub pass: u8,
}

/// A volume as a disk in xl.cfg (xl-disk-configuration(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct XlDisk {
    /// The path of the disk on the host.
    pub target: String,
    /// The device name in the guest.
    pub vdev: Vdev,
}

impl fmt::Display for XlDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phy:{},{},w", self.target, self.vdev)
    }
}
