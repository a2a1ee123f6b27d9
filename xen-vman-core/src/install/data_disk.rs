//! Decides what may be done with a data disk. Nothing on one is ever erased.

use super::{Found, GuestRecord, OnHost, Surface};
use crate::diag::text::printable;
use crate::origin::Origin;
use crate::storage::DataVolume;
use crate::values::{DiskContent, Risk};

/// A data disk that a host prepares for a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataDisk {
    /// The disk in the hands of the host.
    pub on: OnHost,
    /// What the VM has of it.
    pub data: DataVolume,
    /// Whether the guest's fstab(5) is written by xen-vman.
    pub has_fstab: bool,
    /// Before what a snapshot of it is taken.
    pub snapshot_before: Vec<Risk>,
}

/// What may be done with a data disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataVerdict {
    /// It is empty, or holds the beginning of what is created: create it.
    Format,
    /// Record it as it is: why.
    Keep(&'static str),
    /// Leave it as it is: what is wrong, and how to proceed.
    Refuse(String),
}

impl DataDisk {
    /// Decides what may be done with the disk. `record` is that of this disk.
    pub fn decide(
        &self,
        content: DiskContent,
        found: &Found,
        record: Option<&GuestRecord>,
    ) -> DataVerdict {
        let is_blank = found.signatures.is_empty() && found.surface == Surface::Zeros;
        let is_begun = record.is_some_and(|record| !record.is_finished);
        if content == DiskContent::Raw {
            if is_begun && !is_blank {
                return self.refuse("was made just now, and shows what others have left");
            }
            return DataVerdict::Keep("the guest decides what it does with it");
        }
        if is_blank {
            return DataVerdict::Format;
        }
        let wanted = self.data.uuid.to_string();
        let is_wanted = |uuid: &Option<String>| uuid.as_ref() == Some(&wanted);
        let all_wanted =
            !found.signatures.is_empty() && found.signatures.iter().all(|one| is_wanted(&one.uuid));
        if all_wanted {
            let has_files = found.tree.as_ref().is_some_and(|tree| !tree.is_empty);
            // One that is to be kept is never made again.
            if is_begun && !has_files && !matches!(self.data.uuid.origin, Origin::Written(_)) {
                return DataVerdict::Format;
            }
            return match found.signatures.as_slice() {
                [only] if is_kind(&only.kind, content) => {
                    DataVerdict::Keep("it holds what it is to hold")
                }
                _ => self.refuse(&format!("holds {}, not {content}", found.describe())),
            };
        }
        match found.signatures.as_slice() {
            [only] if is_kind(&only.kind, content) => {
                let uuid = only
                    .uuid
                    .as_deref()
                    .map_or_else(|| "?".to_owned(), printable);
                self.refuse(&format!(
                    "holds {content} with the UUID {uuid}. To keep it, set `uuid` of the volume to that"
                ))
            }
            _ => self.refuse(&format!("is not empty ({})", found.describe())),
        }
    }

    fn refuse(&self, what: &str) -> DataVerdict {
        let location = self.on.volume.location();
        let empty = self.on.volume.how_to_empty();
        DataVerdict::Refuse(format!(
            "{} {what}; nothing was changed. To lose what is there, {empty}, then apply again",
            printable(location.as_str())
        ))
    }
}

/// Whether a signature, as wipefs(8) calls it, is that of a content.
fn is_kind(kind: &str, content: DiskContent) -> bool {
    match content {
        DiskContent::Raw => false,
        DiskContent::Swap => kind == "swap",
        DiskContent::Filesystem(filesystem) => kind == filesystem.as_str(),
    }
}
