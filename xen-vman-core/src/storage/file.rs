//! Volumes in image files (raw), which xen-vman makes. Xen attaches them as loop devices.

use super::settings::sourced;
use super::{
    Backend, BlockDevice, Bytes, Fstab, KernelRoot, Location, Medium, Needs, Pool, PoolState,
    Problem, RootVolume, SettingRow, Snapshot, StorageSettings, Unmanaged, Volume, VolumeId,
    VolumeRequest, VolumeState,
};
use crate::command::{Command, SHORT_SECS, WHOLE_VOLUME_SECS};
use crate::diag::DiagnosticId;
use crate::diag::text::printable;
use crate::document::table::table;
use crate::origin::Sourced;
use crate::values::{DiskContent, FileAllocation, ImageDir, VolumeSizeMib};
use serde_json::json;

/// The built-in defaults.
pub(super) const BUILT_IN: &str = r#"
file_allocation = "sparse"
"#;

const OVER_THE_NETWORK: &str = "a loop device there can stop the host when memory is short";

/// File systems on which an image would be lost, or could not be written while memory is short.
const UNFIT: [(&str, &str); 8] = [
    ("tmpfs", "it is in memory, and gone with the next boot"),
    ("ramfs", "it is in memory, and gone with the next boot"),
    ("cifs", OVER_THE_NETWORK),
    ("smb2", OVER_THE_NETWORK),
    ("v9fs", OVER_THE_NETWORK),
    (
        "fuseblk",
        "a program of this host serves it, which can wait for the guest's memory",
    ),
    ("msdos", "its files can have 4 GiB at most"),
    ("nfs", OVER_THE_NETWORK),
];

/// File systems on which a copy takes no space for what it has in common with the first.
const WITH_REFLINKS: [&str; 2] = ["xfs", "btrfs"];

table! {
    /// The host's settings for image files, as written.
    plain struct FileKeys {
        /// The directory of image files, which must exist; a root is `DIR/ORG-NAME.img`, a further volume
        /// `DIR/ORG-NAME-VOLUME.img`. Required for files.
        file_dir: ImageDir,
        /// Whether image files take their space at once (`full`), or as it is written (`sparse`).
        file_allocation: FileAllocation,
    }
}

/// A host's settings for image files.
#[derive(Debug, Clone)]
pub struct FileSettings {
    file_dir: Option<Sourced<ImageDir>>,
    file_allocation: Sourced<FileAllocation>,
}

impl FileSettings {
    pub(super) fn new(written: &FileKeys, built_in: &FileKeys) -> Self {
        Self {
            file_dir: sourced!(setting, written, built_in, file_dir),
            file_allocation: sourced!(required_setting, written, built_in, file_allocation),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![
            SettingRow::maybe("file_dir", self.file_dir.as_ref()),
            SettingRow::of("file_allocation", &self.file_allocation),
        ]
    }

    /// A volume of a VM.
    pub(super) fn volume(
        &self,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        let Some(directory) = &self.file_dir else {
            return asked.without_setting(
                Problem::missing(
                    DiagnosticId::MissingFileDir,
                    "file_dir",
                    "set it to the directory for image files, such as `/srv/xen`",
                ),
                report,
            );
        };
        if !asked.has_size(report) {
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        }
        let name = match &asked.called {
            Some(name) => name.value.to_string(),
            None => format!("{}.img", asked.label()),
        };
        RootVolume::Managed(Volume::File(FileVolume {
            directory: directory.value.clone(),
            name,
            size_mib: asked.size_mib,
            allocation: self.file_allocation.value,
            content: asked.content,
        }))
    }
}

/// An image file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileVolume {
    /// The directory that it is in.
    pub directory: ImageDir,
    /// Its name there.
    pub name: String,
    /// Its size, which it is made with and grows to.
    pub size_mib: Option<VolumeSizeMib>,
    /// Whether it takes its space at once.
    pub allocation: FileAllocation,
    /// What it holds.
    pub content: DiskContent,
}

impl FileVolume {
    fn path(&self) -> String {
        format!("{}/{}", self.directory, self.name)
    }

    fn disk(&self) -> BlockDevice {
        BlockDevice {
            path: self.path(),
            content: self.content,
        }
    }

    /// Lets a file grow to its size, and never makes it smaller.
    fn extend(&self, path: &str, from_bytes: u64, to_bytes: u64) -> Command {
        match self.allocation {
            FileAllocation::Sparse => {
                let size = format!("--size=>{to_bytes}");
                Command::new(["truncate", &size, path], SHORT_SECS)
            }
            FileAllocation::Full => {
                let more = to_bytes.saturating_sub(from_bytes);
                let (offset, length) = (from_bytes.to_string(), more.to_string());
                let words = ["fallocate", "--offset", &offset, "--length", &length, path];
                Command::new(words, WHOLE_VOLUME_SECS)
            }
        }
    }

    /// The name of what is being made, and that nothing has used.
    fn unfinished(&self) -> String {
        format!("{}/.{}.xen-vman-new", self.directory, self.name)
    }
}

/// The commands that copy an image without its data.
fn copy(from: &str, to: &str) -> [Command; 2] {
    let copy = [
        "cp",
        "--reflink=always",
        "--preserve=mode,ownership",
        "--no-target-directory",
        from,
        to,
    ];
    [
        Command::new(copy, WHOLE_VOLUME_SECS),
        Command::new(["sync", to], WHOLE_VOLUME_SECS),
    ]
}

impl Backend for FileVolume {
    fn id(&self) -> VolumeId {
        VolumeId::of_host(self.path())
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

    fn needs(&self, _: &StorageSettings) -> Needs {
        Needs::default()
    }

    fn pool(&self) -> Option<Pool> {
        let directory = self.directory.as_str();
        let list = ["find", "-L", directory, "-mindepth", "1", "-maxdepth", "1"];
        let list = list
            .into_iter()
            .chain(["-printf", "%s %i %BY-%Bm-%Bd %f\\0"]);
        let fs = ["stat", "--file-system", "--format=%T %a %S", directory];
        Some(Pool {
            name: format!("directory {directory}"),
            ask: vec![Command::new(list, SHORT_SECS), Command::new(fs, SHORT_SECS)],
        })
    }

    fn read_pool(&self, said: &[Vec<u8>]) -> Result<PoolState, String> {
        let [files, fs] = said else {
            return Err("two outputs are needed".to_owned());
        };
        let unexpected = |what: &[u8]| {
            let what = printable(&String::from_utf8_lossy(what));
            format!("unexpected output: {what}")
        };
        let text = String::from_utf8_lossy(fs);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [fs_type, blocks, block_bytes] = words[..] else {
            return Err(unexpected(fs));
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| unexpected(text.as_bytes()));
        let mut state = PoolState {
            free_bytes: number(blocks)?.saturating_mul(number(block_bytes)?),
            ..PoolState::default()
        };
        let unfit = UNFIT.iter().find(|(name, _)| *name == fs_type);
        state.unfit = unfit.map(|(name, why)| format!("its file system is {name}: {why}"));
        if !WITH_REFLINKS.contains(&fs_type) {
            let why = format!(
                "its file system is {fs_type}, and only XFS and Btrfs share what files have in common"
            );
            state.no_snapshots = Some(why);
        }
        let files = files
            .split(|byte| *byte == 0)
            .filter(|file| !file.is_empty());
        for file in files {
            // Names that are not UTF-8 are not those of volumes.
            let Ok(text) = std::str::from_utf8(file) else {
                continue;
            };
            let mut words = text.splitn(4, ' ');
            let [Some(size), Some(inode), Some(day), Some(name)] = [(); 4].map(|()| words.next())
            else {
                return Err(unexpected(file));
            };
            let is_day = day.starts_with(|c: char| c.is_ascii_digit());
            let volume = VolumeState {
                size_bytes: number(size)?,
                inode: Some(number(inode)?),
                made_on: is_day.then(|| day.to_owned()),
                ..VolumeState::default()
            };
            let path = format!("{}/{name}", self.directory);
            state.volumes.insert(path.into(), volume);
        }
        Ok(state)
    }

    fn wanted_bytes(&self) -> Option<u64> {
        self.size_mib.map(VolumeSizeMib::bytes)
    }

    fn no_room(&self, state: &PoolState, bytes: u64) -> Option<String> {
        state.unfit.clone().or_else(|| {
            (bytes > state.free_bytes).then(|| {
                let (asked, free) = (Bytes(bytes), Bytes(state.free_bytes));
                format!("{asked} are needed, and {free} are free")
            })
        })
    }

    fn make(&self, _: &PoolState) -> Vec<Command> {
        let Some(size) = self.wanted_bytes() else {
            return Vec::new();
        };
        let (path, new, directory) = (self.path(), self.unfinished(), self.directory.as_str());
        let short = |words: &[&str]| Command::new(words.iter().copied(), SHORT_SECS);
        vec![
            // What an interrupted run may have left.
            short(&["rm", "--force", &new]),
            short(&[
                "install",
                "--mode=0600",
                "--no-target-directory",
                "/dev/null",
                &new,
            ]),
            self.extend(&new, 0, size),
            short(&["sync", &new]),
            short(&["mv", "--no-clobber", "--no-target-directory", &new, &path]),
            short(&["sync", directory]),
        ]
    }

    fn reclaims_bytes(&self, state: &PoolState) -> u64 {
        let left = state.volumes.get(&Location::from(self.unfinished()));
        match self.allocation {
            FileAllocation::Sparse => 0,
            FileAllocation::Full => left.map_or(0, |left| left.size_bytes),
        }
    }

    fn grow(&self, from_bytes: u64) -> Vec<Command> {
        const TELL: &str = "set -e; devices=$(losetup --noheadings --output NAME --associated \"$1\"); \
            for device in $devices; do losetup --set-capacity \"$device\"; done";
        let Some(size) = self.wanted_bytes() else {
            return Vec::new();
        };
        let path = self.path();
        vec![
            self.extend(&path, from_bytes, size),
            Command::new(["sync", &path], SHORT_SECS),
            Command::new(["sh", "-c", TELL, "sh", &path], SHORT_SECS),
        ]
    }

    fn remove(&self, location: &Location) -> Vec<Command> {
        let short = |words: &[&str]| Command::new(words.iter().copied(), SHORT_SECS);
        vec![
            short(&["rm", location.as_str()]),
            short(&["sync", self.directory.as_str()]),
        ]
    }

    fn snapshot(&self, moment: &str) -> Option<Snapshot> {
        let location = format!("{}+at-{moment}", self.path());
        Some(Snapshot {
            commands: copy(&self.path(), &location).to_vec(),
            location: location.into(),
        })
    }

    fn put_back(&self, snapshot: &Location, _: &PoolState) -> Result<Vec<Command>, String> {
        let coming = format!("{}+coming", self.path());
        let short = |words: &[&str]| Command::new(words.iter().copied(), SHORT_SECS);
        let mut commands = vec![short(&["rm", "--force", &coming])];
        commands.extend(copy(snapshot.as_str(), &coming));
        commands.push(short(&[
            "mv",
            "--no-target-directory",
            &coming,
            &self.path(),
        ]));
        commands.push(short(&["sync", self.directory.as_str()]));
        Ok(commands)
    }

    fn how_to_empty(&self) -> &'static str {
        "remove the image, or let it be all zeros (`truncate --size=0`, then its size again)"
    }

    fn describe(&self) -> String {
        self.path()
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "file",
            "path": self.path(),
            "size_mib": self.size_mib,
            "allocation": self.allocation,
            "filesystem": self.content,
        })
    }
}
