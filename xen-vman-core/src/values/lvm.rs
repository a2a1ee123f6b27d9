//! Names of LVM (lvm(8), "VALID NAMES").

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};

text_type!(
    /// The name of a volume group, of a thin pool or of a volume.
    LvmName
);

/// What LVM calls its internal volumes.
const RESERVED: [&str; 17] = [
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog",
    "_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
];
/// Those of snapshots and of volumes that are moved.
const RESERVED_AT_THE_START: [&str; 2] = ["pvmove", "snapshot"];
/// The device mapper has 127 bytes for group and volume together, and doubles each `-`.
const NAME_MAX: usize = 100;

impl FromText for LvmName {
    const ID: DiagnosticId = DiagnosticId::BadLvmName;
    const EXPECTED: &'static str = "a name of LVM such as `vg0`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
        if text.is_empty() || !text.chars().all(fits) {
            return Err(Invalid::new(
                "must consist of letters, digits, `+`, `_`, `.` and `-`",
            ));
        }
        if text.starts_with('-') || matches!(text, "." | "..") {
            return Err(Invalid::new("must not begin with `-`, or be `.` or `..`"));
        }
        let is_reserved = RESERVED.iter().any(|part| text.contains(part))
            || RESERVED_AT_THE_START
                .iter()
                .any(|start| text.starts_with(start));
        if is_reserved {
            return Err(Invalid::new(
                "must not be a name that LVM gives to internal volumes, such as `pvmove0` or `x_tmeta`",
            ));
        }
        if text.len() + text.matches('-').count() > NAME_MAX {
            return Err(Invalid::new(
                "must be at most 100 characters long, where `-` counts twice",
            ));
        }
        Ok(Self(text.into()))
    }
}

text_type!(
    /// The name of a root: of a volume or of an image file. New ones have names that it cannot be.
    VolumeName
);

impl FromText for VolumeName {
    const ID: DiagnosticId = DiagnosticId::BadVolumeName;
    const EXPECTED: &'static str = "a name such as `web01-disk`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if text.is_empty() || !text.chars().all(fits) || text.starts_with(['.', '-']) {
            return Err(Invalid::new(
                "must consist of letters, digits, `_`, `.` and `-`, and not begin with `.` or `-`",
            ));
        }
        if text.len() > NAME_MAX {
            return Err(Invalid::new("must be at most 100 characters long"));
        }
        Ok(Self(text.into()))
    }
}
