//! Volumes of LVM, thick or thin, which xen-vman makes (lvcreate(8), lvmthin(7)).

use super::settings::sourced;
use super::{
    Backend, BlockDevice, Bytes, Fstab, KernelRoot, Location, Medium, Needs, Pool, PoolState,
    Problem, RootVolume, SettingRow, ShellVariable, Snapshot, StorageSettings, Unmanaged, Volume,
    VolumeId, VolumeRequest, VolumeState, lvm_report,
};
use crate::command::{Command, Effect, SHORT_SECS, wiping_secs};
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText as _, Invalid};
use crate::document::table::table;
use crate::origin::Sourced;
use crate::values::{DiskContent, LvmName, LvmWipe, Percent, VolumeKey, VolumeSizeMib};
use serde_json::json;

/// The built-in defaults.
pub(super) const BUILT_IN: &str = r#"
lvm_wipe = "zero"
lvm_shared = false
lvm_thin_data_limit = 90
lvm_thin_metadata_limit = 80
"#;

/// The tag of volumes that xen-vman made. With `/` and a domain, it says for which VM.
pub(super) const TAG: &str = "xen-vman";
/// What the name of a volume ends in until it is wiped. Names of roots have no `+`.
const UNFINISHED: &str = "+new";
/// What the names of snapshots have before the moment.
const SNAPSHOT: &str = "+at-";
/// The tag of snapshots, with `/` and the name of their volume.
pub(super) const SNAPSHOT_TAG: &str = "xen-vman-snapshot";
/// What the name of a copy of a snapshot ends in until it has the place of its volume, and that of the volume then.
const COMING: &str = "+coming";
const GOING: &str = "+going";
/// What LVM takes for a volume group that a host has not.
const REPORT_SECS: u32 = 60;
/// The most bytes that the device mapper has for the names of group and volume, with each `-` twice.
const NAMES_MAX: usize = 120;

table! {
    /// The host's settings for LVM, as written.
    plain struct LvmKeys {
        /// The volume group of LVM roots. Required for LVM.
        lvm_vg: LvmName,
        /// The thin pool in `lvm_vg` that LVM roots are made in. Without it, they take their space at once.
        lvm_thin_pool: LvmName,
        /// How a new volume loses the data of those before it: `zero` overwrites it, `discard` lets its
        /// disk forget it, and nothing is installed if samples then still show data. Thin volumes show none.
        lvm_wipe: LvmWipe,
        /// Whether other hosts have the volume group, too, so that a volume is the same on all of them.
        lvm_shared: bool,
        /// How much of a thin pool may be used when a volume is made or grows, in percent.
        lvm_thin_data_limit: Percent,
        /// How much of a thin pool's metadata may be used then, in percent.
        lvm_thin_metadata_limit: Percent,
    }
}

/// A host's settings for LVM, by their keys.
#[expect(clippy::struct_field_names, reason = "they are the keys")]
#[derive(Debug, Clone)]
pub struct LvmSettings {
    lvm_vg: Option<Sourced<LvmName>>,
    lvm_thin_pool: Option<Sourced<LvmName>>,
    lvm_wipe: Sourced<LvmWipe>,
    lvm_shared: Sourced<bool>,
    lvm_thin_data_limit: Sourced<Percent>,
    lvm_thin_metadata_limit: Sourced<Percent>,
}

impl LvmSettings {
    pub(super) fn new(written: &LvmKeys, built_in: &LvmKeys) -> Self {
        Self {
            lvm_vg: sourced!(setting, written, built_in, lvm_vg),
            lvm_thin_pool: sourced!(setting, written, built_in, lvm_thin_pool),
            lvm_wipe: sourced!(required_setting, written, built_in, lvm_wipe),
            lvm_shared: sourced!(required_setting, written, built_in, lvm_shared),
            lvm_thin_data_limit: sourced!(required_setting, written, built_in, lvm_thin_data_limit),
            lvm_thin_metadata_limit: sourced!(
                required_setting,
                written,
                built_in,
                lvm_thin_metadata_limit
            ),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![
            SettingRow::maybe("lvm_vg", self.lvm_vg.as_ref()),
            SettingRow::maybe("lvm_thin_pool", self.lvm_thin_pool.as_ref()),
            SettingRow::of("lvm_wipe", &self.lvm_wipe),
            SettingRow::of("lvm_shared", &self.lvm_shared),
            SettingRow::of("lvm_thin_data_limit", &self.lvm_thin_data_limit),
            SettingRow::of("lvm_thin_metadata_limit", &self.lvm_thin_metadata_limit),
        ]
    }

    /// A volume of a VM.
    pub(super) fn volume(
        &self,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        let Some(group) = &self.lvm_vg else {
            return asked.without_setting(
                Problem::missing(
                    DiagnosticId::MissingLvmVg,
                    "lvm_vg",
                    "set it to the volume group for roots, such as `vg0`",
                ),
                report,
            );
        };
        let written = asked.name_there();
        let name = match LvmName::from_text(&written).and_then(|name| fitting(group, name)) {
            Ok(name) => name,
            Err(invalid) => {
                let message = format!("the volume name `{written}` {}", invalid.why);
                report(asked.bad_name(DiagnosticId::BadLvmName, message));
                return RootVolume::Unmanaged(Unmanaged::Incomplete);
            }
        };
        if !asked.has_size(report) {
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        }
        RootVolume::Managed(Volume::Lvm(LvmVolume {
            group: group.value.clone(),
            thin_pool: self.lvm_thin_pool.as_ref().map(|pool| pool.value.clone()),
            name,
            key: asked.key.clone(),
            size_mib: asked.size_mib,
            content: asked.content,
            wipe: self.lvm_wipe.value,
            is_shared: self.lvm_shared.value,
            data_limit: self.lvm_thin_data_limit.value,
            metadata_limit: self.lvm_thin_metadata_limit.value,
        }))
    }
}

/// A name, if the device mapper has room for it and that of its group.
fn fitting(group: &LvmName, name: LvmName) -> Result<LvmName, Invalid> {
    let both = [group.as_str(), name.as_str()];
    let lengths = both.map(|one| one.len() + one.matches('-').count());
    if lengths.iter().sum::<usize>() + UNFINISHED.len() > NAMES_MAX {
        return Err(Invalid::new(
            "is too long together with that of its volume group",
        ));
    }
    Ok(name)
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LvmVolume {
    /// The volume group.
    pub group: LvmName,
    /// The thin pool that it is made in; `None` for a volume that takes its space at once.
    pub thin_pool: Option<LvmName>,
    /// Its name.
    pub name: LvmName,
    /// What it is for.
    pub key: VolumeKey,
    /// Its size, which it is made with and grows to.
    pub size_mib: Option<VolumeSizeMib>,
    /// What it holds.
    pub content: DiskContent,
    /// How it loses the data of volumes before it.
    pub wipe: LvmWipe,
    /// Whether it is the same volume on all hosts.
    pub is_shared: bool,
    /// How much of the thin pool may be used when it is made or grows.
    pub data_limit: Percent,
    /// How much of the thin pool's metadata may be used then.
    pub metadata_limit: Percent,
}

impl LvmVolume {
    fn device(&self) -> String {
        device(self.group.as_str(), self.name.as_str())
    }

    fn disk(&self) -> BlockDevice {
        BlockDevice {
            path: self.device(),
            content: self.content,
        }
    }

    /// What an interrupted run of this host has left, and nothing has used.
    fn left<'s>(&self, state: &'s PoolState) -> Option<&'s VolumeState> {
        let device = device(self.group.as_str(), &self.unfinished());
        let left = state.volumes.get(&Location::from(device))?;
        let is_ours = left.made_for.as_ref() == Some(&self.key);
        // In a shared group, another host may be making it just now.
        (is_ours && !self.is_shared).then_some(left)
    }

    /// The tag that says what it is for.
    fn tag(&self) -> String {
        let domain = &self.key.domain;
        match &self.key.volume {
            None => format!("{TAG}/{domain}"),
            // `@` has a meaning of its own in tags.
            Some(volume) => format!("{TAG}/{domain}/{volume}"),
        }
    }

    /// The command that takes a snapshot of a thin volume of the group. With its type, it is never a thick one, which
    /// would take space of its own.
    fn copy(&self, from: &str, to: &str, tags: &[&str]) -> Command {
        let own = self.tag();
        let mut words = vec![
            "lvcreate",
            "--yes",
            "--type",
            "thin",
            "--setactivationskip",
            "n",
        ];
        for tag in [TAG, &own].iter().chain(tags) {
            words.extend(["--addtag", tag]);
        }
        let from = format!("{}/{from}", self.group);
        words.extend(["--name", to, &from]);
        Command::new(words, SHORT_SECS)
    }

    fn unfinished(&self) -> String {
        format!("{}{UNFINISHED}", self.name)
    }
}

pub(super) fn device(group: &str, name: &str) -> String {
    format!("/dev/{group}/{name}")
}

impl Backend for LvmVolume {
    fn id(&self) -> VolumeId {
        if self.is_shared {
            VolumeId::everywhere(self.device())
        } else {
            VolumeId::of_host(self.device())
        }
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
        vec![("LVM_VOLUME", format!("{}/{}", self.group, self.name))]
    }

    fn needs(&self, _: &StorageSettings) -> Needs {
        let thin = self
            .thin_pool
            .as_ref()
            .map(|_| ("thin_check", "thin-provisioning-tools"));
        let programs = [("lvcreate", "lvm2")].into_iter().chain(thin);
        Needs {
            programs: programs
                .map(|(program, package)| (program.to_owned(), package))
                .collect(),
            targets: Vec::new(),
        }
    }

    fn pool(&self) -> Option<Pool> {
        let name = match &self.thin_pool {
            None => format!("volume group {}", self.group),
            Some(pool) => format!("thin pool {}/{pool}", self.group),
        };
        let words = "lvm fullreport --reportformat json --units b --nosuffix \
            --configreport vg -o vg_free,vg_extent_size \
            --configreport lv -o lv_name,lv_uuid,lv_size,lv_tags,lv_time,pool_lv,data_percent,metadata_percent \
            --configreport seg -o lv_name,segtype,zero \
            --configreport pv -o pv_name --configreport pvseg -o pvseg_start";
        let words = words.split_ascii_whitespace().chain([self.group.as_str()]);
        Some(Pool {
            name,
            ask: vec![Command::new(words, REPORT_SECS)],
        })
    }

    fn read_pool(&self, said: &[Vec<u8>]) -> Result<PoolState, String> {
        lvm_report::read(self, said.first().map_or(&b""[..], Vec::as_slice))
    }

    fn wanted_bytes(&self) -> Option<u64> {
        self.size_mib.map(VolumeSizeMib::bytes)
    }

    fn no_room(&self, state: &PoolState, bytes: u64) -> Option<String> {
        if let Some(why) = &state.unfit {
            return Some(why.clone());
        }
        let Some(thin) = &state.thin else {
            return (bytes > state.free_bytes).then(|| {
                format!(
                    "{} are needed, and {} are free",
                    Bytes(bytes),
                    Bytes(state.free_bytes)
                )
            });
        };
        let Some((data, metadata)) = thin.data_percent.zip(thin.metadata_percent) else {
            return Some("it is not active, so its use is not known".to_owned());
        };
        let is_full = |used: u8, limit: Percent| used > limit.get();
        let full = [
            (data, self.data_limit, "", "lvm_thin_data_limit"),
            (
                metadata,
                self.metadata_limit,
                " of its metadata",
                "lvm_thin_metadata_limit",
            ),
        ];
        let full = full
            .into_iter()
            .find(|(used, limit, ..)| is_full(*used, *limit));
        full.map(|(used, limit, of, key)| {
            format!("{used} %{of} are used, and `{key}` is {limit}; extend it first")
        })
    }

    fn make(&self, state: &PoolState) -> Vec<Command> {
        let Some(size_mib) = self.size_mib else {
            return Vec::new();
        };
        let unfinished = self.unfinished();
        let path = format!("{}/{unfinished}", self.group);
        let device = device(self.group.as_str(), &unfinished);
        let mut commands = Vec::new();
        if self.left(state).is_some() {
            commands.push(Command::new(["lvremove", "--yes", &path], SHORT_SECS));
        }
        let size = format!("{size_mib}m");
        let tag = self.tag();
        let mut words = vec!["lvcreate", "--yes"];
        words.extend(["--addtag", TAG, "--addtag", &tag, "--name", &unfinished]);
        let pool = self
            .thin_pool
            .as_ref()
            .map(|pool| format!("{}/{pool}", self.group));
        match &pool {
            None => words.extend(["--size", &size, self.group.as_str()]),
            Some(pool) => words.extend(["--virtualsize", &size, "--thinpool", pool]),
        }
        commands.push(Command::new(words, SHORT_SECS));
        if self.thin_pool.is_none() {
            let how: &[&str] = match self.wipe {
                LvmWipe::Zero => &["--zeroout"],
                LvmWipe::Discard => &[],
            };
            let words = [&["blkdiscard", "--force"], how, &[&*device]].concat();
            let wipe = Command::new(words, wiping_secs(size_mib.get()));
            commands.push(wipe.with_effect(Effect::Wipe));
        }
        let (group, name) = (self.group.as_str(), self.name.as_str());
        commands.push(Command::new(
            ["lvrename", group, &unfinished, name],
            SHORT_SECS,
        ));
        commands
    }

    fn reclaims_bytes(&self, state: &PoolState) -> u64 {
        self.left(state).map_or(0, |left| left.size_bytes)
    }

    fn shares_room_with(&self, found: &VolumeState) -> bool {
        found.thin_pool.as_deref() == self.thin_pool.as_ref().map(LvmName::as_str)
    }

    fn grow(&self, _: u64) -> Vec<Command> {
        let size = self.size_mib.map(|size| format!("{size}m"));
        let path = format!("{}/{}", self.group, self.name);
        let extend = |size: String| Command::new(["lvextend", "--size", &size, &path], SHORT_SECS);
        size.map(extend).into_iter().collect()
    }

    fn remove(&self, location: &Location) -> Vec<Command> {
        let name = location.as_str().strip_prefix("/dev/");
        let remove = |name| Command::new(["lvremove", "--yes", name], SHORT_SECS);
        name.map(remove).into_iter().collect()
    }

    fn snapshot(&self, moment: &str) -> Option<Snapshot> {
        self.thin_pool.as_ref()?;
        let name = format!("{}{SNAPSHOT}{moment}", self.name);
        let tag = format!("{SNAPSHOT_TAG}/{}", self.name);
        Some(Snapshot {
            location: device(self.group.as_str(), &name).into(),
            commands: vec![self.copy(self.name.as_str(), &name, &[&tag])],
        })
    }

    fn put_back(&self, snapshot: &Location, state: &PoolState) -> Result<Vec<Command>, String> {
        let (group, name) = (self.group.as_str(), self.name.as_str());
        let Some(from) = snapshot.as_str().strip_prefix(&format!("/dev/{group}/")) else {
            return Err(format!("it is not in the volume group {group}"));
        };
        let [coming, going] = [COMING, GOING].map(|ending| format!("{name}{ending}"));
        let is_there = |name: &str| state.volumes.contains_key(&device(group, name).into());
        let rename = |from: &str, to: &str| Command::new(["lvrename", group, from, to], SHORT_SECS);
        let remove = |name: &str| {
            Command::new(
                ["lvremove", "--yes", &format!("{group}/{name}")],
                SHORT_SECS,
            )
        };
        let mut commands = Vec::new();
        // Without a volume of this name, the copy was about to get it.
        if is_there(name) {
            for left in [&coming, &going] {
                commands.extend(is_there(left).then(|| remove(left)));
            }
            commands.push(self.copy(from, &coming, &[]));
            commands.push(rename(name, &going));
        } else if !is_there(&coming) {
            commands.push(self.copy(from, &coming, &[]));
        }
        commands.push(rename(&coming, name));
        if is_there(name) || is_there(&going) {
            commands.push(remove(&going));
        }
        Ok(commands)
    }

    fn describe(&self) -> String {
        self.device()
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "lvm",
            "device": self.device(),
            "thin_pool": self.thin_pool,
            "thin_data_limit_percent": self.data_limit,
            "thin_metadata_limit_percent": self.metadata_limit,
            "wipe": self.wipe,
            "shared": self.is_shared,
            "size_mib": self.size_mib,
            "filesystem": self.content,
        })
    }
}
