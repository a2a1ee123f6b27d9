//! The keys and settings of all backends together.

use super::{
    BackendKind, IscsiKeys, IscsiSettings, NfsKeys, NfsSettings, RootRequest, RootVolume,
    StorageType, Unmanaged, iscsi, nfs,
};
use crate::diag::DiagnosticId;
use crate::document::decode::{Fields, FromNode as _, Schema};
use crate::document::table::Key;
use crate::origin::{Origin, Sourced};
use crate::values::{ProgramPath, Seconds};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// What a definition says of the backends, at its top level.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StorageKeys {
    /// NFS.
    pub nfs: NfsKeys,
    /// iSCSI.
    pub iscsi: IscsiKeys,
}

/// What holds where nothing is written, as text in TOML.
pub(crate) fn built_in() -> String {
    [nfs::BUILT_IN, iscsi::BUILT_IN].concat()
}

impl StorageKeys {
    /// The keys of each backend.
    pub fn tables() -> [(BackendKind, &'static [Key]); 2] {
        [
            (BackendKind::Nfs, NfsKeys::KEYS),
            (BackendKind::Iscsi, IscsiKeys::KEYS),
        ]
    }

    /// Reads the keys out of an open table.
    pub(crate) fn take_fields(fields: &mut Fields<'_, '_, '_>) -> Self {
        Self {
            nfs: NfsKeys::take_fields(fields),
            iscsi: IscsiKeys::take_fields(fields),
        }
    }

    /// The schemas of the backends' keys.
    pub(crate) fn schemas() -> [Schema; 2] {
        [NfsKeys::schema(), IscsiKeys::schema()]
    }
}

/// The settings of a host for all backends.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    pub(super) nfs: NfsSettings,
    pub(super) iscsi: IscsiSettings,
}

/// By key.
impl Serialize for StorageSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.rows().iter().map(|row| (row.key, &row.value)))
    }
}

/// A limit that units and scripts keep, by the name that their templates have for it.
pub type StorageTimeout = (&'static str, Seconds);

impl StorageSettings {
    /// What is written, else what is built in. `program` knows where the host has a program,
    /// by the name of the fact.
    pub(crate) fn new(
        written: &StorageKeys,
        built_in: &StorageKeys,
        program: &dyn Fn(&str) -> Option<ProgramPath>,
    ) -> Self {
        Self {
            nfs: NfsSettings::new(&written.nfs, &built_in.nfs),
            iscsi: IscsiSettings::new(&written.iscsi, &built_in.iscsi, program),
        }
    }

    /// Every setting, with its origin.
    pub fn rows(&self) -> Vec<Row> {
        [self.nfs.rows(), self.iscsi.rows()].concat()
    }

    /// Programs that the scripts of the host run, by the name that their templates have for
    /// them.
    pub(crate) fn programs(&self) -> Vec<(&'static str, &ProgramPath)> {
        self.iscsi.programs()
    }

    /// Limits that units and scripts keep.
    pub(crate) fn timeouts(&self) -> Vec<StorageTimeout> {
        self.iscsi.timeouts()
    }

    /// The root of a VM; what is missing for it goes to `report`.
    pub(crate) fn root(
        &self,
        storage_type: &StorageType,
        vm: &RootRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        match storage_type {
            StorageType::Managed(BackendKind::Nfs) => self.nfs.root(vm, report),
            StorageType::Managed(BackendKind::Iscsi) => self.iscsi.root(vm, report),
            StorageType::Other(_) => RootVolume::Unmanaged(Unmanaged::ForeignBackend),
        }
    }
}

/// A setting and where it comes from.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its key.
    pub key: &'static str,
    /// Its value; null if there is none.
    pub value: Value,
    /// Where it comes from; none if nothing is written and nothing is built in.
    pub origin: Option<Origin>,
}

impl Row {
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

/// Why a backend cannot give a VM its root.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What kind of problem it is.
    pub id: DiagnosticId,
    /// What it is about.
    pub at: ProblemAt,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What a problem with a root is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemAt {
    /// A setting of the host that its storage type needs.
    Setting(&'static str),
    /// The VM's name.
    Name,
}

impl Problem {
    /// A setting of the host is missing.
    pub(super) fn missing(id: DiagnosticId, key: &'static str, help: &str) -> Self {
        Self {
            id,
            at: ProblemAt::Setting(key),
            message: format!("needs `{key}`"),
            help: help.to_owned(),
        }
    }
}
