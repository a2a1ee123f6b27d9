//! ZFS volumes, which xen-vman makes (zfs(8), zfsprops(7)).

use super::settings::sourced;
use super::{
    Backend, BlockDevice, Bytes, Fstab, KernelRoot, Location, Medium, Needs, Pool, PoolState,
    Problem, RootVolume, SettingRow, ShellVariable, Snapshot, StorageSettings, Unmanaged, Volume,
    VolumeId, VolumeRequest, VolumeState, zfs_report,
};
use crate::command::{Command, SHORT_SECS};
use crate::diag::DiagnosticId;
use crate::document::decode::FromText as _;
use crate::document::table::table;
use crate::origin::Sourced;
use crate::values::{DiskContent, VolumeKey, VolumeSizeMib, ZfsName};
use serde_json::json;

/// The built-in defaults.
pub(super) const BUILT_IN: &str = "
zfs_sparse = true
";

/// The property that says for which VM xen-vman made a volume or took a snapshot.
pub(super) const MADE_FOR: &str = "xen-vman:made-for";
/// What the name of a volume ends in until it is there. Names of roots have no `:`.
const UNFINISHED: &str = ":new";
/// How long ZFS may take to show what a dataset has.
const REPORT_SECS: u32 = 60;
/// How long a new volume may take to appear among the devices.
const LINK_SECS: u32 = 60;
/// The part of what sparse volumes promise that must be free.
const SPARSE_PART: u64 = 10;
/// The part of a volume with reserved space, and the rest, that finding its blocks takes.
const BLOCKS_PART: u64 = 32;
const BLOCKS_BYTES: u64 = 64 << 20;

table! {
    /// The host's settings for ZFS, as written.
    plain struct ZfsKeys {
        /// The dataset in which ZFS volumes are made, such as `tank/vms`, which must exist; a root is
        /// `DATASET/ORG-NAME`, a further volume `DATASET/ORG-NAME-VOLUME`. Required for ZFS.
        zfs_dataset: ZfsName,
        /// Whether ZFS volumes take space as they are written; if not, it is reserved for them.
        zfs_sparse: bool,
    }
}

/// A host's settings for ZFS, by their keys.
#[derive(Debug, Clone)]
pub struct ZfsSettings {
    zfs_dataset: Option<Sourced<ZfsName>>,
    zfs_sparse: Sourced<bool>,
}

impl ZfsSettings {
    pub(super) fn new(written: &ZfsKeys, built_in: &ZfsKeys) -> Self {
        Self {
            zfs_dataset: sourced!(setting, written, built_in, zfs_dataset),
            zfs_sparse: sourced!(required_setting, written, built_in, zfs_sparse),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![
            SettingRow::maybe("zfs_dataset", self.zfs_dataset.as_ref()),
            SettingRow::of("zfs_sparse", &self.zfs_sparse),
        ]
    }

    /// A volume of a VM.
    pub(super) fn volume(
        &self,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        let Some(dataset) = &self.zfs_dataset else {
            return asked.without_setting(
                Problem::missing(
                    DiagnosticId::MissingZfsDataset,
                    "zfs_dataset",
                    "set it to the dataset for volumes, such as `tank/vms`",
                ),
                report,
            );
        };
        let written = asked.name_there();
        let path = match ZfsName::from_text(&format!("{}/{written}", dataset.value)) {
            Ok(path) => path,
            Err(invalid) => {
                let why = invalid.why;
                let message =
                    format!("the name `{written}` together with that of its dataset {why}");
                report(asked.bad_name(DiagnosticId::BadZfsName, message));
                return RootVolume::Unmanaged(Unmanaged::Incomplete);
            }
        };
        if !asked.has_size(report) {
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        }
        RootVolume::Managed(Volume::Zfs(ZfsVolume {
            dataset: dataset.value.clone(),
            path,
            key: asked.key.clone(),
            size_mib: asked.size_mib,
            content: asked.content,
            is_sparse: self.zfs_sparse.value,
        }))
    }
}

/// A ZFS volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZfsVolume {
    /// The dataset that it is made in.
    pub dataset: ZfsName,
    /// Its name, with that of the dataset.
    pub path: ZfsName,
    /// What it is for.
    pub key: VolumeKey,
    /// Its size, which it is made with and grows to.
    pub size_mib: Option<VolumeSizeMib>,
    /// What it holds.
    pub content: DiskContent,
    /// Whether it takes space as it is written.
    pub is_sparse: bool,
}

impl ZfsVolume {
    fn disk(&self) -> BlockDevice {
        BlockDevice {
            path: device(self.path.as_str()),
            content: self.content,
        }
    }

    fn made_for(&self) -> String {
        format!("{MADE_FOR}={}", self.key)
    }

    fn unfinished(&self) -> String {
        format!("{}{UNFINISHED}", self.path)
    }

    /// What an interrupted run has left, and nothing has used.
    fn left<'s>(&self, state: &'s PoolState) -> Option<&'s VolumeState> {
        let left = state.volumes.get(&device(&self.unfinished()).into())?;
        (left.made_for.as_ref() == Some(&self.key)).then_some(left)
    }
}

/// The location of a volume or a snapshot.
pub(super) fn device(path: &str) -> String {
    format!("/dev/zvol/{path}")
}

/// The name of what is at a location.
fn name(location: &Location) -> Option<&str> {
    location.as_str().strip_prefix("/dev/zvol/")
}

fn zfs(words: &[&str]) -> Command {
    Command::new(["zfs"].iter().chain(words).copied(), SHORT_SECS)
}

/// Waits until a volume is among the devices: ZFS names it there in its own time.
fn appears(path: &str) -> Command {
    const WAIT: &str = "until [ -b \"$1\" ]; do udevadm settle; sleep 0.2; done";
    Command::new(["sh", "-c", WAIT, "sh", &device(path)], LINK_SECS)
}

impl Backend for ZfsVolume {
    fn id(&self) -> VolumeId {
        VolumeId::of_host(device(self.path.as_str()))
    }

    fn medium(&self) -> Medium {
        Medium::Disk(self.disk())
    }

    fn kernel_root(&self) -> KernelRoot {
        self.disk().kernel_root()
    }

    fn fstab(&self) -> Fstab {
        self.disk().fstab()
    }

    fn data(&self) -> Vec<ShellVariable> {
        vec![("ZFS_VOLUME", self.path.to_string())]
    }

    fn needs(&self, _: &StorageSettings) -> Needs {
        Needs {
            programs: vec![("zfs".to_owned(), "zfsutils-linux")],
            targets: Vec::new(),
        }
    }

    fn pool(&self) -> Option<Pool> {
        let properties = zfs_report::PROPERTIES.join(",");
        // `zfs list` does not say from where a property comes.
        let words = [
            "zfs",
            "get",
            "-H",
            "-p",
            "-d",
            "2",
            "-t",
            "filesystem,volume,snapshot,bookmark",
            "-o",
            "name,property,value,source",
            &properties,
            self.dataset.as_str(),
        ];
        Some(Pool {
            name: format!("ZFS dataset {}", self.dataset),
            ask: vec![Command::new(words, REPORT_SECS)],
        })
    }

    fn read_pool(&self, said: &[Vec<u8>]) -> Result<PoolState, String> {
        let said = said.first().map_or(&b""[..], Vec::as_slice);
        zfs_report::read(self.dataset.as_str(), said)
    }

    fn wanted_bytes(&self) -> Option<u64> {
        self.size_mib.map(VolumeSizeMib::bytes)
    }

    fn no_room(&self, state: &PoolState, bytes: u64) -> Option<String> {
        let (asked, free) = (Bytes(bytes), Bytes(state.free_bytes));
        if self.is_sparse {
            return (bytes / SPARSE_PART > state.free_bytes).then(|| {
                format!("{asked} are promised, of which a tenth must be free, and {free} are free")
            });
        }
        let blocks = bytes / BLOCKS_PART + if bytes > 0 { BLOCKS_BYTES } else { 0 };
        (bytes.saturating_add(blocks) > state.free_bytes).then(|| {
            let blocks = Bytes(blocks);
            format!("{asked} are needed, and {blocks} to find their blocks; {free} are free")
        })
    }

    fn make(&self, state: &PoolState) -> Vec<Command> {
        let Some(bytes) = self.wanted_bytes() else {
            return Vec::new();
        };
        let (path, new) = (self.path.as_str(), self.unfinished());
        let (size, made_for) = (bytes.to_string(), self.made_for());
        let mut commands = Vec::new();
        if self.left(state).is_some() {
            commands.push(zfs(&["destroy", &new]));
        }
        let mut words = vec!["create"];
        if self.is_sparse {
            words.push("-s");
        }
        // The host has no need of the partitions that a guest makes.
        words.extend(["-o", "volmode=dev", "-o", &made_for, "-V", &size, &new]);
        commands.push(zfs(&words));
        commands.push(Command::new(["udevadm", "settle"], SHORT_SECS));
        commands.push(zfs(&["rename", &new, path]));
        commands.push(appears(path));
        commands
    }

    fn reclaims_bytes(&self, state: &PoolState) -> u64 {
        match self.left(state) {
            Some(left) if !self.is_sparse => left.size_bytes,
            _ => 0,
        }
    }

    fn grow(&self, from_bytes: u64) -> Vec<Command> {
        // ZFS would cut off the end of a volume without a question.
        let wanted = self.wanted_bytes().filter(|wanted| *wanted > from_bytes);
        let set = |bytes| zfs(&["set", &format!("volsize={bytes}"), self.path.as_str()]);
        wanted.map(set).into_iter().collect()
    }

    fn remove(&self, location: &Location) -> Vec<Command> {
        // Never `-r`, with which the snapshots would go, too.
        let remove = |name| zfs(&["destroy", name]);
        name(location).map(remove).into_iter().collect()
    }

    fn why_kept(&self, location: &Location, state: &PoolState) -> Option<String> {
        let start = format!("{location}@");
        let mut all = state.volumes.keys().map(Location::as_str);
        let snapshot = all.find(|one| one.starts_with(&start))?;
        Some(format!(
            "it has snapshots, which would go with it, such as {snapshot}; remove them first"
        ))
    }

    fn snapshot(&self, moment: &str) -> Option<Snapshot> {
        let path = format!("{}@at-{moment}", self.path);
        Some(Snapshot {
            location: device(&path).into(),
            commands: vec![zfs(&["snapshot", "-o", &self.made_for(), &path])],
        })
    }

    fn put_back(&self, snapshot: &Location, state: &PoolState) -> Result<Vec<Command>, String> {
        let location = device(self.path.as_str());
        let (Some(found), Some(path)) = (state.volumes.get(snapshot), name(snapshot)) else {
            return Err("it is no longer there".to_owned());
        };
        let is_newer = |one: &str, state: &VolumeState| {
            let of_it = one.strip_prefix(&location);
            of_it.is_some_and(|rest| rest.starts_with(['@', '#'])) && state.order > found.order
        };
        let newer = state.volumes.iter();
        let newer = newer.filter(|(one, state)| is_newer(one.as_str(), state));
        let newer: Vec<_> = newer.map(|(one, _)| one.as_str()).collect();
        if newer.is_empty() {
            return Ok(vec![zfs(&["rollback", path])]);
        }
        Err(format!(
            "ZFS goes back to the newest snapshot alone; these are newer, and to be removed first: {}",
            newer.join(", ")
        ))
    }

    fn describe(&self) -> String {
        device(self.path.as_str())
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "zfs",
            "device": device(self.path.as_str()),
            "dataset": self.dataset,
            "sparse": self.is_sparse,
            "size_mib": self.size_mib,
            "filesystem": self.content,
        })
    }
}
