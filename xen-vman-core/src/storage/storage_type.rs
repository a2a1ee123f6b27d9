//! The values of `storage_type`.

use crate::diag::{DiagnosticId, Fix};
use crate::document::decode::{FromText, Invalid};
use crate::values::{Word, from_str, words};
use serde::Serialize;
use std::fmt;

words!(
    /// The backends that xen-vman manages.
    BackendKind {
        /// An NFS export.
        Nfs = "nfs",
        /// An iSCSI disk.
        Iscsi = "iscsi",
        /// An LVM volume.
        Lvm = "lvm",
        /// An image file.
        File = "file",
        /// A ZFS volume.
        Zfs = "zfs",
    },
    "`nfs`, `iscsi`, `lvm`, `file` or `zfs`"
);

/// Where the root file system of a VM is stored, as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StorageType {
    /// On a backend that xen-vman manages.
    Managed(BackendKind),
    /// Anywhere else: its disks are listed in `disks`, and nothing is installed.
    Other(Word),
}

impl StorageType {
    /// The value as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Managed(kind) => kind.as_str(),
            Self::Other(word) => word.as_str(),
        }
    }
}

impl FromText for StorageType {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str =
        "`nfs`, `iscsi`, `lvm`, `file`, `zfs`, or a word of your own for other backends";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if let Ok(kind) = BackendKind::from_text(text) {
            return Ok(Self::Managed(kind));
        }
        let lower = text.to_lowercase();
        if BackendKind::from_text(&lower).is_ok() {
            return Err(Invalid::new("must be in lower case")
                .help(format!("write `{lower}`"))
                .fix(Fix::word(text, lower)));
        }
        Word::from_text(text).map(Self::Other)
    }
}

impl Serialize for StorageType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl StorageType {
    /// Whether a VM gets a root disk, which one of its `disks` may replace.
    pub const fn has_root_disk(&self) -> bool {
        match self {
            Self::Managed(
                BackendKind::Iscsi | BackendKind::Lvm | BackendKind::File | BackendKind::Zfs,
            ) => true,
            Self::Managed(BackendKind::Nfs) | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

from_str!(StorageType);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_every_backend() {
        for word in BackendKind::WORDS {
            for expected in [BackendKind::EXPECTED, StorageType::EXPECTED] {
                assert!(
                    expected.contains(&format!("`{word}`")),
                    "storage_type.rs: add `{word}` to \"{expected}\""
                );
            }
        }
    }
}
