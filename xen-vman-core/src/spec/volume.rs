//! A data disk of a VM.

use crate::document::table::table;
use crate::storage::BackendKind;
use crate::values::{
    DiskContent, MountOptions, MountPoint, NamePart, Vdev, VolumeName, VolumeSizeMib,
};
use uuid::Uuid;

table! {
    /// A data disk (an item of a VM's `volumes`).
    scene struct VolumeSpec {
        /// Name of the volume among those of its VM. Names on its backend are derived from it.
        name: NamePart,
        /// Where it is stored: `nfs`, `iscsi`, `lvm`, `file` or `zfs`. Default: as the root of the VM.
        storage_type: BackendKind,
        /// Size of an LVM or ZFS volume or image file, such as `20G`, in MiB without a unit. If it is increased, the
        /// volume grows, also while the VM runs.
        size: VolumeSizeMib,
        /// What a new disk gets: a file system, `swap`, or `none` if the guest decides. Default: `ext4`.
        filesystem: DiskContent,
        /// Where the guest mounts it. Without it, the guest has the disk, and its fstab(5) no line for it.
        mount: MountPoint,
        /// Options of that mount, or of swap space. Default: `defaults`, `rw,relatime` for NFS, `sw` for swap.
        mount_options: MountOptions,
        /// Device in the guest. Default: the first of `xvdb`, `xvdc` ... that is free; `apply` refuses to move a
        /// disk to another device unless it is written here.
        vdev: Vdev,
        /// Name of the LVM or ZFS volume or image file, if it is not that of the VM with `-NAME`.
        volume: VolumeName,
        /// UUID of its content, by which the guest mounts it. Default: derived from `org` and both names. Write that
        /// of an existing file system to keep it.
        uuid: Uuid,
    }
}
