//! The storage of VMs: their roots and data disks as [`Volume`]s, and one file for each backend.
//!
//! Each backend implements `Backend`, which describes it as data; all stages use a [`Volume`]
//! and none knows a backend by name. To add one, write its file, and add it wherever the compiler
//! then complains: [`BackendKind`], [`Volume`], [`StorageKeys`], [`StorageSettings`].

mod block;
mod data;
mod file;
mod iscsi;
mod lvm;
mod lvm_report;
mod mounting;
mod nfs;
mod pool;
mod root;
mod settings;
mod storage_type;
mod zfs;
mod zfs_report;

pub(crate) use block::root_on_disk;
pub use block::{BlockDevice, Maker};
pub use data::DataVolume;
pub use file::{FileKeys, FileSettings, FileVolume};
pub use iscsi::{IscsiKeys, IscsiSettings, IscsiVolume};
pub use lvm::{LvmKeys, LvmSettings, LvmVolume};
pub use mounting::{Attachment, Fstab, KernelRoot, Mount, RootServer, XlDisk};
pub use nfs::{NfsKeys, NfsSettings, NfsVolume};
pub use pool::{Bytes, Pool, PoolState, Snapshot, ThinPool, VolumeState};
pub use root::{RootRequest, RootVolume, Unmanaged, VolumeRequest};
pub(crate) use settings::built_in;
pub use settings::{Problem, ProblemAt, SettingRow, StorageKeys, StorageSettings, StorageTimeout};
pub use storage_type::{BackendKind, StorageType};
pub use zfs::{ZfsKeys, ZfsSettings, ZfsVolume};

use crate::command::Command;
use crate::values::Filesystem;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A volume of a VM, on one of the backends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Volume {
    /// On an NFS export.
    Nfs(NfsVolume),
    /// On an iSCSI disk.
    Iscsi(IscsiVolume),
    /// On an LVM volume.
    Lvm(LvmVolume),
    /// In an image file.
    File(FileVolume),
    /// On a ZFS volume.
    Zfs(ZfsVolume),
}

/// The location of a volume: an export, or the path of a device on the host. Hosts identify
/// volumes by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Location(String);

impl Location {
    /// The location as a string.
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

/// The identity of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VolumeId {
    text: String,
    is_of_host: bool,
}

impl VolumeId {
    /// The identity of an NFS export, `server:/path`.
    pub fn of_export(export: &str) -> Self {
        Self::everywhere(export.to_owned())
    }

    /// An identity that is the same volume on all hosts.
    const fn everywhere(text: String) -> Self {
        Self {
            text,
            is_of_host: false,
        }
    }

    /// An identity that is another volume on each host.
    const fn of_host(text: String) -> Self {
        Self {
            text,
            is_of_host: true,
        }
    }

    /// Whether it is another volume on each host.
    pub const fn is_of_host(&self) -> bool {
        self.is_of_host
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a volume consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Medium {
    /// A directory on an existing file system.
    Directory(Mount),
    /// A disk, on which xen-vman creates the file system.
    Disk(BlockDevice),
}

/// What a host needs for a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// Programs by name or path, with the Debian packages that provide them.
    pub programs: Vec<(String, &'static str)>,
    /// iSCSI targets, which nothing else may log in to.
    pub targets: Vec<String>,
}

/// The server that provides a volume over the network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StorageServer {
    /// Its protocol, for people.
    pub protocol: &'static str,
    /// Its address or name.
    pub address: String,
    /// What the server calls the volume.
    pub volume: String,
}

/// The interface of a backend's volumes; see the methods of [`Volume`].
trait Backend {
    fn id(&self) -> VolumeId;
    fn medium(&self) -> Medium;
    fn attachment(&self) -> Option<Attachment> {
        None
    }
    fn kernel_root(&self) -> KernelRoot;
    fn fstab(&self) -> Fstab;
    fn data(&self) -> Vec<ShellVariable> {
        Vec::new()
    }
    fn needs(&self, settings: &StorageSettings) -> Needs;
    fn server(&self) -> Option<StorageServer> {
        None
    }
    fn guest_package(&self) -> Option<&'static str> {
        None
    }
    fn pool(&self) -> Option<Pool> {
        None
    }
    fn read_pool(&self, _: &[Vec<u8>]) -> Result<PoolState, String> {
        Err("this backend makes no volumes".to_owned())
    }
    fn wanted_bytes(&self) -> Option<u64> {
        None
    }
    fn no_room(&self, _: &PoolState, _: u64) -> Option<String> {
        None
    }
    fn make(&self, _: &PoolState) -> Vec<Command> {
        Vec::new()
    }
    fn reclaims_bytes(&self, _: &PoolState) -> u64 {
        0
    }
    fn shares_room_with(&self, _: &VolumeState) -> bool {
        true
    }
    fn grow(&self, _: u64) -> Vec<Command> {
        Vec::new()
    }
    fn remove(&self, _: &Location) -> Vec<Command> {
        Vec::new()
    }
    fn why_kept(&self, _: &Location, _: &PoolState) -> Option<String> {
        None
    }
    fn snapshot(&self, _: &str) -> Option<Snapshot> {
        None
    }
    fn put_back(&self, _: &Location, _: &PoolState) -> Result<Vec<Command>, String> {
        Err("this backend has no snapshots".to_owned())
    }
    fn how_to_empty(&self) -> &'static str {
        match self.medium() {
            Medium::Directory(_) => "empty it by hand",
            Medium::Disk(_) => "fill it with zeros (`blkdiscard --zeroout`)",
        }
    }
    fn describe(&self) -> String;
    fn to_json(&self) -> serde_json::Value;
}

/// A shell variable and its value.
pub type ShellVariable = (&'static str, String);

/// The options of every mount on the host: a guest's root may hold anything.
const MOUNT_OPTIONS: &str = "nodev,nosuid";

/// The device or export in the data about a root ([`Volume::data`]), as a file of a host has it.
pub(crate) fn source_in(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("ROOT_SOURCE="))?;
    Some(value.trim_matches('\'').to_owned())
}

impl Volume {
    /// The backend of the volume.
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::Nfs(_) => BackendKind::Nfs,
            Self::Iscsi(_) => BackendKind::Iscsi,
            Self::Lvm(_) => BackendKind::Lvm,
            Self::File(_) => BackendKind::File,
            Self::Zfs(_) => BackendKind::Zfs,
        }
    }

    fn backend(&self) -> &dyn Backend {
        match self {
            Self::Nfs(volume) => volume,
            Self::Iscsi(volume) => volume,
            Self::Lvm(volume) => volume,
            Self::File(volume) => volume,
            Self::Zfs(volume) => volume,
        }
    }

    /// The location of the volume.
    pub fn location(&self) -> Location {
        match self.medium() {
            Medium::Directory(mount) => mount.source.into(),
            Medium::Disk(disk) => disk.path.into(),
        }
    }

    /// The identity of the volume, which is the same on all hosts.
    pub fn id(&self) -> VolumeId {
        self.backend().id()
    }

    /// What the volume consists of.
    pub fn medium(&self) -> Medium {
        self.backend().medium()
    }

    /// How the volume is attached to the host; `None` if that is not necessary.
    pub fn attachment(&self) -> Option<Attachment> {
        self.backend().attachment()
    }

    /// The volume as a disk in xl.cfg; `None` if the guest mounts it over the network.
    pub fn xl_disk(&self) -> Option<XlDisk> {
        match self.medium() {
            Medium::Directory(_) => None,
            Medium::Disk(disk) => Some(disk.xl_disk()),
        }
    }

    /// How a kernel finds the volume when it boots from it.
    pub fn kernel_root(&self) -> KernelRoot {
        self.backend().kernel_root()
    }

    /// How the guest mounts the volume.
    pub fn fstab(&self) -> Fstab {
        self.backend().fstab()
    }

    /// The data for scripts on the host: how to mount the volume, and what its backend adds.
    pub fn data(&self) -> Vec<ShellVariable> {
        let (mount, device) = match self.medium() {
            Medium::Directory(mount) => (mount, None),
            Medium::Disk(disk) => (disk.mount(), Some(disk.path)),
        };
        let options = match self.attachment() {
            None => MOUNT_OPTIONS.to_owned(),
            Some(_) => format!("{MOUNT_OPTIONS},_netdev"),
        };
        let mut data = self.backend().data();
        data.extend(device.map(|path| ("ROOT_DEVICE", path)));
        data.extend([
            ("ROOT_FSTYPE", mount.fs_type),
            ("ROOT_SOURCE", mount.source),
            ("ROOT_OPTIONS", options),
        ]);
        data
    }

    /// What a host needs for the volume.
    pub fn needs(&self, settings: &StorageSettings) -> Needs {
        self.backend().needs(settings)
    }

    /// The server that provides the volume; `None` if it is on the host.
    pub fn server(&self) -> Option<StorageServer> {
        self.backend().server()
    }

    /// Where xen-vman makes the volume; `None` if somebody else does.
    pub fn pool(&self) -> Option<Pool> {
        self.backend().pool()
    }

    /// Reads what the commands of [`pool`](Self::pool) have printed.
    ///
    /// # Errors
    /// Why the state of the pool is not known.
    pub fn read_pool(&self, said: &[Vec<u8>]) -> Result<PoolState, String> {
        self.backend().read_pool(said)
    }

    /// The size that the volume is to have; `None` if it stays as it is.
    pub fn wanted_bytes(&self) -> Option<u64> {
        self.backend().wanted_bytes()
    }

    /// Why the pool cannot give `bytes` more to volumes, if so.
    pub fn no_room(&self, state: &PoolState, bytes: u64) -> Option<String> {
        self.backend().no_room(state, bytes)
    }

    /// The commands that make the volume. It gets its name last, once it shows nothing but zeros.
    pub fn make(&self, state: &PoolState) -> Vec<Command> {
        self.backend().make(state)
    }

    /// What [`make`](Self::make) gives back first of what an interrupted run has left.
    pub fn reclaims_bytes(&self, state: &PoolState) -> u64 {
        self.backend().reclaims_bytes(state)
    }

    /// Whether a volume that is there takes its space where new ones do.
    pub fn shares_room_with(&self, found: &VolumeState) -> bool {
        self.backend().shares_room_with(found)
    }

    /// The commands that give the volume its size if it has `from_bytes`, also while it is in use.
    pub fn grow(&self, from_bytes: u64) -> Vec<Command> {
        self.backend().grow(from_bytes)
    }

    /// The commands that remove a volume in the same pool.
    pub fn remove(&self, location: &Location) -> Vec<Command> {
        self.backend().remove(location)
    }

    /// Why a volume in the same pool cannot be removed as long as others are there, if so.
    pub fn why_kept(&self, location: &Location, state: &PoolState) -> Option<String> {
        self.backend().why_kept(location, state)
    }

    /// How a snapshot of the volume is taken, with a name that ends in `moment`; `None` if none can be.
    pub fn snapshot(&self, moment: &str) -> Option<Snapshot> {
        self.backend().snapshot(moment)
    }

    /// The commands that put a snapshot in the place of the volume, which must not be in use. What an interrupted
    /// run has done is not done again.
    ///
    /// # Errors
    /// Why the volume cannot go back to this snapshot.
    pub fn put_back(&self, snapshot: &Location, state: &PoolState) -> Result<Vec<Command>, String> {
        self.backend().put_back(snapshot, state)
    }

    /// How an administrator empties the volume, for people.
    pub fn how_to_empty(&self) -> &'static str {
        self.backend().how_to_empty()
    }

    /// A short description, for people.
    pub fn describe(&self) -> String {
        self.backend().describe()
    }

    /// The volume as JSON, for programs.
    pub fn to_json(&self) -> serde_json::Value {
        self.backend().to_json()
    }

    /// The Debian package with which a guest mounts it as a data volume, if it needs one.
    pub fn guest_package(&self) -> Option<&'static str> {
        self.backend().guest_package()
    }

    /// The kernel modules with which it is mounted.
    pub fn filesystem_drivers(&self) -> Vec<&'static str> {
        match self.medium() {
            Medium::Directory(mount) => mount.drivers,
            Medium::Disk(disk) => disk
                .content
                .filesystem()
                .map(Filesystem::as_str)
                .into_iter()
                .collect(),
        }
    }

    /// The file system that xen-vman creates on it; `None` if it already has one.
    pub fn filesystem(&self) -> Option<Filesystem> {
        match self.medium() {
            Medium::Directory(_) => None,
            Medium::Disk(disk) => disk.content.filesystem(),
        }
    }
}
