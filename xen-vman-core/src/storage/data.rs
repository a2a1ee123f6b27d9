//! Data disks: the volumes that a VM has besides its root.

use super::block::{checks, fill_inside};
use super::{Medium, Volume, XlDisk};
use crate::command::Command;
use crate::origin::{Origin, Sourced};
use crate::values::{
    DiskContent, MountOptions, MountPoint, NamePart, Vdev, VolumeKey, VolumeSizeMib,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A volume that a VM has besides its root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataVolume {
    /// Its VM and its name.
    pub key: VolumeKey,
    /// Its position among the volumes of its VM.
    pub number: u32,
    /// The volume.
    pub volume: Volume,
    /// Its size, if its backend makes it.
    pub size_mib: Option<VolumeSizeMib>,
    /// The device in the guest; `None` if the guest mounts it over the network.
    pub vdev: Option<Sourced<Vdev>>,
    /// The UUID of its content.
    pub uuid: Sourced<Uuid>,
    /// Where the guest mounts it; `None` if it does not.
    pub mount: Option<MountPoint>,
    /// The options of that mount, if they are written.
    pub options: Option<MountOptions>,
}

impl DataVolume {
    /// Its name among the volumes of its VM.
    pub fn name(&self) -> &NamePart {
        let name = self.key.volume.as_ref();
        name.unwrap_or_else(|| unreachable!("data disks have names"))
    }

    /// What it holds; `None` for a directory on a server.
    pub fn content(&self) -> Option<DiskContent> {
        match self.volume.medium() {
            Medium::Directory(_) => None,
            Medium::Disk(disk) => Some(disk.content),
        }
    }

    /// Whether its device is in the definition.
    pub fn is_vdev_written(&self) -> bool {
        let vdev = self.vdev.as_ref();
        vdev.is_some_and(|vdev| matches!(vdev.origin, Origin::Written(_)))
    }

    /// The disk in xl.cfg; `None` if the guest mounts it over the network.
    pub fn xl_disk(&self) -> Option<XlDisk> {
        let vdev = self.vdev.as_ref()?.value.clone();
        match self.volume.medium() {
            Medium::Directory(_) => None,
            Medium::Disk(disk) => Some(disk.as_vdev(vdev)),
        }
    }

    /// Its line in the guest's fstab(5), without the end of the line; `None` if there is no need of one.
    pub fn fstab_line(&self) -> Option<String> {
        let options = self.options.as_ref().map(MountOptions::as_str);
        let disk = match self.volume.medium() {
            Medium::Directory(source) => {
                let point = self.mount.as_ref()?;
                let options = options.unwrap_or("rw,relatime");
                let (source, fs_type) = (source.source, source.fs_type);
                return Some(format!("{source} {point} {fs_type} {options} 0 0"));
            }
            Medium::Disk(disk) => disk,
        };
        let uuid = *self.uuid;
        match disk.content {
            DiskContent::Raw => None,
            DiskContent::Swap => {
                let options = options.unwrap_or("sw");
                Some(format!("UUID={uuid} none swap {options} 0 0"))
            }
            DiskContent::Filesystem(filesystem) => {
                let point = self.mount.as_ref()?;
                let options = options.unwrap_or("defaults");
                // After the root, which is checked in pass 1.
                let pass = if checks(filesystem) { 2 } else { 0 };
                Some(format!(
                    "UUID={uuid} {point} {filesystem} {options} 0 {pass}"
                ))
            }
        }
    }

    /// The commands that create its content.
    pub fn format(&self) -> Vec<Command> {
        match self.volume.medium() {
            Medium::Directory(_) => Vec::new(),
            Medium::Disk(disk) => disk.format(*self.uuid),
        }
    }

    /// The commands that make its content as large as the disk while nothing uses it; `None` if that is done
    /// in the guest.
    pub fn fill(&self) -> Option<Vec<Command>> {
        match self.volume.medium() {
            Medium::Directory(_) => None,
            // There is nothing to keep.
            Medium::Disk(disk) if disk.content == DiskContent::Swap => Some(self.format()),
            Medium::Disk(disk) => disk.fill(),
        }
    }

    /// What to type in the guest to make its content as large as the disk; `None` if it is the guest's own.
    pub fn fill_inside(&self) -> Option<String> {
        let (content, vdev) = (self.content()?, self.vdev.as_ref()?.as_str());
        match content {
            DiskContent::Raw => None,
            DiskContent::Swap => {
                let uuid = *self.uuid;
                let device = format!("/dev/{vdev}");
                Some(format!(
                    "swapoff {device} && mkswap -U {uuid} {device} && swapon {device}"
                ))
            }
            DiskContent::Filesystem(filesystem) => {
                let point = self
                    .mount
                    .as_ref()
                    .map_or("MOUNT-POINT", MountPoint::as_str);
                Some(fill_inside(filesystem, vdev, point))
            }
        }
    }

    /// The volume as JSON, for programs.
    pub fn to_json(&self) -> Value {
        let mut json = self.volume.to_json();
        json["name"] = json!(self.name());
        json["vdev"] = json!(self.vdev);
        json["uuid"] = json!(self.uuid);
        json["mount"] = json!(self.mount);
        json["mount_options"] = json!(self.options);
        json
    }
}

/// The form of [`DataVolume::to_json`].
impl Serialize for DataVolume {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}
