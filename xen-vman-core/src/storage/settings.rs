//! The keys and settings of all backends together.

use super::{
    BackendKind, FileKeys, FileSettings, IscsiKeys, IscsiSettings, LvmKeys, LvmSettings, NfsKeys,
    NfsSettings, RootVolume, StorageType, Unmanaged, VolumeRequest, ZfsKeys, ZfsSettings, file,
    iscsi, lvm, nfs, zfs,
};
use crate::diag::DiagnosticId;
use crate::document::decode::{Fields, FromNode as _, Schema};
use crate::document::table::Key;
use crate::origin::{Origin, Sourced};
use crate::values::{ProgramPath, Seconds};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A setting as written, or else built in: `setting`, or `required_setting` if there is always one.
macro_rules! sourced {
    ($how:ident, $written:ident, $built_in:ident, $key:ident) => {
        Sourced::$how(
            stringify!($key),
            $written.$key.as_ref(),
            $built_in.$key.as_ref(),
        )
    };
}
pub(super) use sourced;

/// The top-level keys of all backends, as written.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StorageKeys {
    /// NFS.
    pub nfs: NfsKeys,
    /// iSCSI.
    pub iscsi: IscsiKeys,
    /// LVM.
    pub lvm: LvmKeys,
    /// Image files.
    pub file: FileKeys,
    /// ZFS.
    pub zfs: ZfsKeys,
}

/// The built-in defaults of all backends, in TOML.
pub(crate) fn built_in() -> String {
    [
        nfs::BUILT_IN,
        iscsi::BUILT_IN,
        lvm::BUILT_IN,
        file::BUILT_IN,
        zfs::BUILT_IN,
    ]
    .concat()
}

impl StorageKeys {
    /// The keys of each backend.
    pub fn tables() -> [(BackendKind, &'static [Key]); BackendKind::WORDS.len()] {
        [
            (BackendKind::Nfs, NfsKeys::KEYS),
            (BackendKind::Iscsi, IscsiKeys::KEYS),
            (BackendKind::Lvm, LvmKeys::KEYS),
            (BackendKind::File, FileKeys::KEYS),
            (BackendKind::Zfs, ZfsKeys::KEYS),
        ]
    }

    /// Reads the keys from a table.
    pub(crate) fn take_fields(fields: &mut Fields<'_, '_, '_>) -> Self {
        Self {
            nfs: NfsKeys::take_fields(fields),
            iscsi: IscsiKeys::take_fields(fields),
            lvm: LvmKeys::take_fields(fields),
            file: FileKeys::take_fields(fields),
            zfs: ZfsKeys::take_fields(fields),
        }
    }

    /// The schemas of each backend's keys.
    pub(crate) fn schemas() -> [Schema; BackendKind::WORDS.len()] {
        [
            NfsKeys::schema(),
            IscsiKeys::schema(),
            LvmKeys::schema(),
            FileKeys::schema(),
            ZfsKeys::schema(),
        ]
    }
}

/// A host's settings for all backends.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    pub(super) nfs: NfsSettings,
    pub(super) iscsi: IscsiSettings,
    pub(super) lvm: LvmSettings,
    pub(super) file: FileSettings,
    pub(super) zfs: ZfsSettings,
}

/// By key.
impl Serialize for StorageSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.rows().iter().map(|row| (row.key, &row.value)))
    }
}

/// A time limit in units and scripts, with its name in the templates.
pub type StorageTimeout = (&'static str, Seconds);

impl StorageSettings {
    /// Combines written and built-in settings. `program` returns the path of a program on the
    /// host, by the name of the fact.
    pub(crate) fn new(
        written: &StorageKeys,
        built_in: &StorageKeys,
        program: &dyn Fn(&str) -> Option<ProgramPath>,
    ) -> Self {
        Self {
            nfs: NfsSettings::new(&written.nfs, &built_in.nfs),
            iscsi: IscsiSettings::new(&written.iscsi, &built_in.iscsi, program),
            lvm: LvmSettings::new(&written.lvm, &built_in.lvm),
            file: FileSettings::new(&written.file, &built_in.file),
            zfs: ZfsSettings::new(&written.zfs, &built_in.zfs),
        }
    }

    /// All settings with their origins.
    pub fn rows(&self) -> Vec<SettingRow> {
        [
            self.nfs.rows(),
            self.iscsi.rows(),
            self.lvm.rows(),
            self.file.rows(),
            self.zfs.rows(),
        ]
        .concat()
    }

    /// The programs that scripts on the host run, by their names in the templates.
    pub(crate) fn programs(&self) -> Vec<(&'static str, &ProgramPath)> {
        self.iscsi.programs()
    }

    /// The time limits in units and scripts.
    pub(crate) fn timeouts(&self) -> Vec<StorageTimeout> {
        self.iscsi.timeouts()
    }

    /// The root of a VM; problems go to `report`.
    pub(crate) fn root(
        &self,
        storage_type: &StorageType,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        match storage_type {
            StorageType::Managed(kind) => self.volume(*kind, asked, report),
            StorageType::Other(_) => RootVolume::Unmanaged(Unmanaged::ForeignBackend),
        }
    }

    /// A volume of a VM on a backend; problems go to `report`.
    pub(crate) fn volume(
        &self,
        kind: BackendKind,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        if asked.is_among_disks() && StorageType::Managed(kind).has_root_disk() {
            return RootVolume::Unmanaged(Unmanaged::AmongDisks);
        }
        match kind {
            BackendKind::Nfs => self.nfs.volume(asked, report),
            BackendKind::Iscsi => self.iscsi.volume(asked, report),
            BackendKind::Lvm => self.lvm.volume(asked, report),
            BackendKind::File => self.file.volume(asked, report),
            BackendKind::Zfs => self.zfs.volume(asked, report),
        }
    }
}

/// A setting with its origin.
#[derive(Debug, Clone)]
pub struct SettingRow {
    /// Its key.
    pub key: &'static str,
    /// Its value; null if it is not set.
    pub value: Value,
    /// Its origin; `None` if it is neither written nor built in.
    pub origin: Option<Origin>,
}

impl SettingRow {
    pub(super) fn of<T: Serialize>(key: &'static str, value: &Sourced<T>) -> Self {
        Self::maybe(key, Some(value))
    }

    pub(super) fn maybe<T: Serialize>(key: &'static str, value: Option<&Sourced<T>>) -> Self {
        let json = |value: &Sourced<T>| {
            serde_json::to_value(&value.value)
                .unwrap_or_else(|error| unreachable!("checked values are plain: {error}"))
        };
        Self {
            key,
            value: value.map_or(Value::Null, json),
            origin: value.map(|value| value.origin),
        }
    }
}

/// Why a backend cannot provide a volume.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The kind of the problem.
    pub id: DiagnosticId,
    /// The subject of the problem.
    pub at: ProblemAt,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The subject of a problem with a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemAt {
    /// A host setting that its backend needs.
    Setting(&'static str),
    /// A key of the VM, or of the volume.
    Key(&'static str),
}

impl Problem {
    /// The problem that a host setting is missing.
    pub(super) fn missing(id: DiagnosticId, key: &'static str, help: &str) -> Self {
        Self {
            id,
            at: ProblemAt::Setting(key),
            message: format!("needs `{key}`"),
            help: help.to_owned(),
        }
    }
}
