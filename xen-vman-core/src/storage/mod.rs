//! Where the roots of VMs are stored: a [`Volume`], and one file for each backend.
//!
//! A backend answers the questions of [`Backend`] as data; every stage asks a [`Volume`] and
//! none knows a backend by name. To add one, write its file, and add it here wherever the
//! compiler then asks for it: [`BackendKind`], [`Volume`], [`StorageKeys`], [`StorageSettings`].

mod block;
mod iscsi;
mod nfs;
mod settings;
mod storage_type;

pub use block::BlockDevice;
pub(crate) use block::root_on_disk;
pub use iscsi::{IscsiKeys, IscsiSettings, IscsiVolume};
pub use nfs::{NfsKeys, NfsSettings, NfsVolume};
pub(crate) use settings::built_in;
pub use settings::{Problem, ProblemAt, Row, StorageKeys, StorageSettings, StorageTimeout};
pub use storage_type::{BackendKind, StorageType};

use crate::command::Command;
use crate::origin::Sourced;
use crate::values::{DomainName, Filesystem, GuestType, NamePart};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;
use std::net::IpAddr;

/// The root volume of a VM, on one of the backends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Volume {
    /// On an NFS export.
    Nfs(NfsVolume),
    /// On an iSCSI disk.
    Iscsi(IscsiVolume),
}

/// What is known of the root volume of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootVolume {
    /// It is ours to look after.
    Managed(Volume),
    /// It is not.
    Unmanaged(Unmanaged),
}

/// Why the root volume of a VM is not ours to look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unmanaged {
    /// It is one of the VM's `disks` (`manual_root_disk`).
    AmongDisks,
    /// An HVM VM boots from its disks, whatever network storage is the default.
    HvmBootsFromDisks,
    /// Its storage type is a word of the administrator's own.
    ForeignBackend,
    /// Settings are missing or wrong, which was reported as an error.
    Incomplete,
}

/// As in the manifest: `type` is the backend's name, or `unmanaged` with the reason as `why`.
impl Serialize for RootVolume {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl RootVolume {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Managed(volume) => volume.to_json(),
            Self::Unmanaged(why) => json!({ "type": "unmanaged", "why": why }),
        }
    }

    /// The volume, if it is ours to look after.
    pub const fn managed(&self) -> Option<&Volume> {
        match self {
            Self::Managed(volume) => Some(volume),
            Self::Unmanaged(_) => None,
        }
    }
}

/// What a VM says of its root volume.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RootRequest<'a> {
    /// Organisation that owns the VM.
    pub org: &'a NamePart,
    /// Its name.
    pub name: &'a NamePart,
    /// Its domain.
    pub domain: &'a DomainName,
    /// How Xen runs it.
    pub guest_type: GuestType,
    /// Whether the root is among its `disks`.
    pub manual_root_disk: bool,
    /// The file system that a disk gets.
    pub filesystem: &'a Sourced<Filesystem>,
}

/// Where a volume is on its host: an export, or the path of a device. A host that knows a
/// volume knows it by this.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Location(String);

impl Location {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Location {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What makes two volumes the same one, on whatever hosts they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VolumeId(String);

impl VolumeId {
    /// The identity of an NFS export, `server:/path`.
    pub fn of_export(export: &str) -> Self {
        Self(export.to_owned())
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a volume is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Medium {
    /// A directory of a file system that somebody else made and keeps.
    Directory(Mount),
    /// A disk, whose file system is ours to make.
    Disk(BlockDevice),
}

/// How a file system is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its type, as mount(8) knows it.
    pub fs_type: String,
    /// What is mounted.
    pub source: String,
}

impl Mount {
    /// The command that mounts it at `point`.
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
        Command::new(words, limit_secs).with_effect(crate::command::Effect::Mount)
    }
}

/// What brings a volume to this host, where it is not there by itself: a unit of systemd holds
/// it for as long as some other unit needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// The unit, without its instance and ending.
    pub unit: &'static str,
    /// Units of the backend that may need it, besides those that every VM has.
    pub holders: &'static [&'static str],
    /// What the host calls the session while it lasts.
    pub session: String,
    /// How long attaching may take, in seconds.
    pub attach_secs: u32,
    /// How long detaching may take, in seconds.
    pub detach_secs: u32,
}

/// How a kernel finds the volume when it boots from it (dracut.cmdline(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelRoot {
    /// The words that say where the root is.
    pub arguments: String,
    /// The server that the network must reach before; none for a disk.
    pub server: Option<RootServer>,
}

/// The server of a root that is reached over the guest's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootServer {
    /// What it is called in messages.
    pub what: &'static str,
    /// Its address; none if it is given by name.
    pub address: Option<IpAddr>,
}

/// The line of the root in the guest's fstab(5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fstab {
    /// What is mounted.
    pub device: String,
    /// The type of its file system.
    pub fs_type: String,
    /// Options of the mount.
    pub options: &'static str,
    /// When it is checked.
    pub pass: u8,
}

/// The disk of xl.cfg that a volume is (xl-disk-configuration(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct XlDisk {
    /// The path of the disk on the host.
    pub target: String,
    /// What the guest sees it as.
    pub vdev: &'static str,
}

impl fmt::Display for XlDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phy:{},{},w", self.target, self.vdev)
    }
}

/// What the scripts of the host are told of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageData {
    /// What the file is called after the domain and a dot. The units of the backend act if it
    /// is there.
    pub suffix: &'static str,
    /// Variables of the shell.
    pub variables: Vec<(&'static str, String)>,
}

/// What a host must have for a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// Programs by name or path, and the Debian packages that bring them.
    pub programs: Vec<(String, &'static str)>,
    /// Targets of disks, which nothing else may log in to.
    pub targets: Vec<String>,
}

/// The questions that every backend answers.
trait Backend {
    /// Where the volume is.
    fn location(&self) -> Location;
    /// What makes it the same one on other hosts.
    fn id(&self) -> VolumeId;
    /// What it is made of.
    fn medium(&self) -> Medium;
    /// What brings it to this host; none if it is there.
    fn attachment(&self) -> Option<Attachment>;
    /// What it is as a disk of xl.cfg; none if it is none.
    fn xl_disk(&self) -> Option<XlDisk>;
    /// How a kernel finds it.
    fn kernel_root(&self) -> KernelRoot;
    /// How the guest mounts it.
    fn fstab(&self) -> Fstab;
    /// What scripts are told.
    fn data(&self) -> StorageData;
    /// What a host must have to reach it.
    fn needs(&self, settings: &StorageSettings) -> Needs;
    /// In a few words, for people.
    fn describe(&self) -> String;
    /// For programs.
    fn to_json(&self) -> serde_json::Value;
}

impl Volume {
    fn backend(&self) -> &dyn Backend {
        match self {
            Self::Nfs(volume) => volume,
            Self::Iscsi(volume) => volume,
        }
    }

    /// Where the volume is.
    pub fn location(&self) -> Location {
        self.backend().location()
    }

    /// What makes the volume the same one on whatever host.
    pub fn id(&self) -> VolumeId {
        self.backend().id()
    }

    /// What the volume is made of.
    pub fn medium(&self) -> Medium {
        self.backend().medium()
    }

    /// What brings the volume to this host; none if it is there by itself.
    pub fn attachment(&self) -> Option<Attachment> {
        self.backend().attachment()
    }

    /// What the volume is as a disk of xl.cfg.
    pub fn xl_disk(&self) -> Option<XlDisk> {
        self.backend().xl_disk()
    }

    /// How a kernel finds the volume.
    pub fn kernel_root(&self) -> KernelRoot {
        self.backend().kernel_root()
    }

    /// How the guest mounts the volume.
    pub fn fstab(&self) -> Fstab {
        self.backend().fstab()
    }

    /// What scripts of the host are told.
    pub fn data(&self) -> StorageData {
        self.backend().data()
    }

    /// What a host must have to reach the volume.
    pub fn needs(&self, settings: &StorageSettings) -> Needs {
        self.backend().needs(settings)
    }

    /// The volume in a few words, for people.
    pub fn describe(&self) -> String {
        self.backend().describe()
    }

    /// The volume for programs.
    pub fn to_json(&self) -> serde_json::Value {
        self.backend().to_json()
    }

    /// The file system that is made on it; none if it is somebody else's to make.
    pub fn filesystem(&self) -> Option<Filesystem> {
        match self.medium() {
            Medium::Directory(_) => None,
            Medium::Disk(disk) => Some(disk.filesystem),
        }
    }
}
