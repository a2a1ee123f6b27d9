//! Installation of operating systems on guest roots, as data.
//!
//! [`decide`] determines what may be done with a root: existing data is never overwritten without
//! approval. [`steps`] returns the commands of an installation, which depend on the [`Method`].

mod data_disk;
mod debootstrap;
mod fstab;
mod method;
mod steps;
mod verdict;

pub use data_disk::{DataDisk, DataVerdict};
pub use debootstrap::{Debootstrap, DebootstrapSettings};
pub use fstab::edit_fstab;
pub use method::{Installation, Method, MethodKind, NotInstalled};
pub use steps::{Step, Task, steps};
#[cfg(feature = "host")]
pub(crate) use steps::{close, enter, open, point, put_on, unmount};
pub use verdict::{Found, Signature, Surface, Tree, Verdict, decide};

use crate::storage::{Location, Volume};
use crate::values::{
    DiskContent, DomainName, GuestUser, Reinstall, Risk, Seconds, Vdev, VolumeKey,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Everything needed to install a guest, except its files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Install {
    /// Its root.
    pub root: OnHost,
    /// The installation method.
    pub method: Method,
    /// The user to create.
    pub user: GuestUser,
    /// Whether to install it if its root is empty.
    pub auto_install: bool,
    /// Whether to reinstall it.
    pub reinstall: Reinstall,
    /// Whether to start it after the installation.
    pub boot_after_creation: bool,
    /// The lines of its fstab(5) for data disks.
    pub mounts: Vec<String>,
    /// Before what a snapshot of its root is taken.
    pub snapshot_before: Vec<Risk>,
}

/// A volume of a VM in the hands of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnHost {
    /// The VM, and the name of a data disk.
    pub key: VolumeKey,
    /// The volume.
    pub volume: Volume,
    /// The time limits of what is done with it.
    pub timeouts: Timeouts,
}

impl Install {
    /// Whether the definition asks for an installation at all.
    pub fn is_wanted(&self) -> bool {
        self.auto_install || self.reinstall != Reinstall::No
    }
}

/// The time limits of installation steps, from the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The limit for a mount.
    pub mount_timeout: Seconds,
    /// The limit for an unmount.
    pub umount_timeout: Seconds,
    /// The limit for shutting down the VM.
    pub stop_timeout: Seconds,
}

/// A host's record of a volume of a guest. It is written before the volume is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRecord {
    /// Whether a root holds a complete system, and a data disk its file system. Otherwise, that was begun and
    /// must be started over.
    pub is_finished: bool,
    /// The location of the volume.
    #[serde(alias = "place")]
    pub location: Location,
    /// The `reinstall` token that it was installed with.
    pub token: Option<String>,
    /// Whether an unfinished installation may have left some of the data that it was to erase. The
    /// consent to erase that data is used up.
    #[serde(default = "yes")]
    pub has_old_data: bool,
    /// What identifies the volume even if another gets its name; `None` if its backend has no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<String>,
    /// Whether its file system has yet to become as large as the volume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_to_be_filled: bool,
    /// The device of a data disk in its guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vdev: Option<Vdev>,
    /// What a data disk holds, and the UUID of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<(DiskContent, Uuid)>,
    /// The lines for data disks that the fstab(5) of a root has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<String>,
}

/// Lines of an fstab(5) to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those to add.
    pub add: Vec<String>,
    /// Those to remove.
    pub remove: Vec<String>,
}

/// What is assumed of a record that does not say whether there is old data.
const fn yes() -> bool {
    true
}

/// Directories at the top of an export that a server may show, with its snapshots. They are part of
/// the server, not of the root.
pub(crate) const SNAPSHOTS: [&str; 2] = [".snapshot", ".zfs"];

/// Where the records of guests are.
pub(crate) const GUESTS: &str = "/var/lib/xen-vman/guests";

/// The paths of the record of a volume: once it holds what it is to hold, and before that.
pub fn record_paths(key: &VolumeKey) -> [String; 2] {
    ["installed", "unfinished"].map(|ending| format!("{GUESTS}/{key}.{ending}"))
}

/// The path of the file that keeps a VM from starting because a volume of it was refused.
pub fn refusal_path(key: &VolumeKey) -> String {
    format!("{GUESTS}/{key}.refused")
}

/// The paths of all that a host records about a volume.
pub(crate) fn record_paths_of(key: &VolumeKey) -> [String; 3] {
    let [installed, unfinished] = record_paths(key);
    [installed, unfinished, refusal_path(key)]
}

/// The paths of all that a host records about the root of a VM.
pub(crate) fn guest_paths(domain: &DomainName) -> [String; 3] {
    record_paths_of(&VolumeKey::root(domain.clone()))
}

/// A marker inside a root that identifies its VM to every host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The domain.
    pub domain: String,
    /// The suite, as debootstrap calls it.
    pub suite: String,
    /// The `reinstall` token that it is installed with.
    pub token: Option<String>,
}

impl Marker {
    /// Its path once the installation is finished.
    pub const FINISHED: &'static str = "/var/lib/xen-vman/installed.json";
    /// Its path during the installation: at the top level, where no symbolic link of an old system
    /// can redirect it. It is the last file to be removed.
    pub const BEGUN: &'static str = "/.xen-vman-installing.json";

    /// The marker of an installation.
    pub fn of(install: &Install) -> Self {
        Self {
            domain: install.root.key.domain.to_string(),
            suite: install.method.release().to_owned(),
            token: wanted_token(install),
        }
    }
}

impl GuestRecord {
    /// The record of an installation on a root without old data.
    pub fn of(install: &Install, is_finished: bool) -> Self {
        let mounts = if is_finished {
            install.mounts.clone()
        } else {
            Vec::new()
        };
        Self {
            is_finished,
            location: install.root.volume.location(),
            token: wanted_token(install),
            mounts,
            ..Self::default()
        }
    }

    /// The record of a data disk.
    pub fn of_data(location: Location, is_finished: bool) -> Self {
        Self {
            is_finished,
            location,
            ..Self::default()
        }
    }

    /// The same record, of a disk with this device in its guest.
    #[must_use]
    pub fn at(self, vdev: Option<Vdev>) -> Self {
        Self { vdev, ..self }
    }

    /// The same record, of a disk that holds this, with its UUID.
    #[must_use]
    pub fn holding(self, content: DiskContent, uuid: Uuid) -> Self {
        let holds = Some((content, uuid));
        Self { holds, ..self }
    }

    /// The same record, with these lines in the guest's fstab(5).
    #[must_use]
    pub fn mounting(self, mounts: Vec<String>) -> Self {
        Self { mounts, ..self }
    }

    /// What is to be changed in the guest's fstab(5).
    pub fn mounts_to_change(&self, install: &Install) -> Changes {
        let without = |lines: &[String], others: &[String]| {
            let left = lines.iter().filter(|line| !others.contains(line));
            left.cloned().collect()
        };
        Changes {
            add: without(&install.mounts, &self.mounts),
            remove: without(&self.mounts, &install.mounts),
        }
    }

    /// The same record, of the volume with this identity.
    #[must_use]
    pub fn on(self, unique_id: Option<String>) -> Self {
        Self { unique_id, ..self }
    }

    /// The same record, with a file system that has yet to become as large as its volume, or has.
    #[must_use]
    pub fn to_be_filled(self, is_to_be_filled: bool) -> Self {
        Self {
            is_to_be_filled,
            ..self
        }
    }

    /// Whether it is the record of the volume with this location and identity.
    pub fn is_of(&self, location: &Location, unique_id: Option<&str>) -> bool {
        let known = self.unique_id.as_deref().zip(unique_id);
        self.location == *location && known.is_none_or(|(ours, found)| ours == found)
    }

    /// The record of a system that was there before this host had a record.
    pub fn found_at(location: Location, token: Option<String>) -> Self {
        Self {
            is_finished: true,
            location,
            token,
            ..Self::default()
        }
    }

    /// The record of an installation that has yet to erase old data. It keeps the token of the
    /// record before it: if the installation fails before that is done, the next one must be
    /// confirmed again.
    pub fn of_erasing(install: &Install, known: Option<&Self>) -> Self {
        let location = install.root.volume.location();
        let known = known.filter(|record| record.location == location);
        Self {
            is_finished: false,
            token: known.and_then(|record| record.token.clone()),
            location,
            has_old_data: true,
            ..Self::default()
        }
    }
}

/// The token in `reinstall`, if there is one.
pub fn wanted_token(install: &Install) -> Option<String> {
    match &install.reinstall {
        Reinstall::Token(token) => Some(token.to_string()),
        Reinstall::No | Reinstall::Always => None,
    }
}

/// The UUID of the file system that an installation creates. It is deterministic, so that an
/// interrupted installation is recognized.
pub fn filesystem_uuid(domain: &DomainName, location: &Location, token: Option<&str>) -> Uuid {
    let ours = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"root.xen-vman.invalid");
    let name = format!("{domain}\n{location}\n{}", token.unwrap_or_default());
    Uuid::new_v5(&ours, name.as_bytes())
}
