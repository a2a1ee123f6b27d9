//! What a plan does with a volume.

use crate::storage::{Bytes, Location};
use crate::values::{DiskContent, VolumeKey};
use serde_json::{Value, json};
use std::fmt;

/// A change to a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeChange {
    /// The volume.
    pub key: VolumeKey,
    /// Its location.
    pub location: Location,
    /// What is done with it.
    pub work: VolumeWork,
}

/// What is done with a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VolumeWork {
    /// It is made.
    Make {
        /// Its size.
        size_bytes: u64,
    },
    /// It gets its size.
    Grow {
        /// The size that it has.
        from_bytes: u64,
        /// The size that it gets.
        to_bytes: u64,
        /// What becomes of what it holds.
        fill: Fill,
        /// Whether a snapshot is taken first.
        snapshot: bool,
    },
    /// What a data disk is to hold is created, if it is empty.
    Prepare {
        /// What it is to hold.
        content: DiskContent,
        /// The line for the guest's fstab(5) that somebody has to add there.
        line: Option<String>,
        /// Where it was before, which stays as it is.
        moves_from: Option<Location>,
    },
}

/// What becomes of what a volume holds that grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fill {
    /// It grows with it.
    Here,
    /// The administrator lets it grow in the guest, with this command; `None` if it is the guest's own.
    Inside(Option<String>),
    /// It is made again.
    New,
}

impl fmt::Display for VolumeChange {
    /// One line, without a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            location,
            work,
        } = self;
        match work {
            VolumeWork::Make { size_bytes } => {
                write!(f, "make {location} for {key} with {}", Bytes(*size_bytes))
            }
            VolumeWork::Grow {
                from_bytes,
                to_bytes,
                fill,
                snapshot,
            } => {
                let (from, to) = (Bytes(*from_bytes), Bytes(*to_bytes));
                if from_bytes == to_bytes {
                    return write!(f, "let the file system on {location} grow to {to}");
                }
                if *snapshot {
                    write!(f, "take a snapshot of {location}, then ")?;
                }
                write!(f, "let {location} grow from {from} to {to}")?;
                let domain = &key.domain;
                match fill {
                    Fill::Inside(Some(command)) => write!(f, "; then run `{command}` in {domain}"),
                    Fill::Inside(None) => {
                        write!(f, "; {domain} lets what is on it grow")
                    }
                    Fill::Here => f.write_str(" with its content"),
                    Fill::New => Ok(()),
                }
            }
            VolumeWork::Prepare {
                content,
                line,
                moves_from,
            } => {
                match content {
                    DiskContent::Raw => write!(f, "record {location} for {key}")?,
                    DiskContent::Swap | DiskContent::Filesystem(_) => {
                        write!(f, "create {content} for {key} on {location} if it is empty")?;
                    }
                }
                if let Some(line) = line {
                    write!(f, "; then add `{line}` to /etc/fstab in {}", key.domain)?;
                }
                match moves_from {
                    Some(from) => write!(
                        f,
                        "; what it had, {from}, stays as it is, and nothing is copied from there"
                    ),
                    None => Ok(()),
                }
            }
        }
    }
}

impl VolumeChange {
    /// The change for programs: its name, and what it is about.
    pub(super) fn to_json(&self) -> (&'static str, Value) {
        let (name, mut json) = match &self.work {
            VolumeWork::Make { size_bytes } => ("make", json!({ "size_bytes": size_bytes })),
            VolumeWork::Grow {
                from_bytes,
                to_bytes,
                fill,
                snapshot,
            } => (
                "grow",
                json!({
                    "snapshot": snapshot,
                    "from_bytes": from_bytes,
                    "to_bytes": to_bytes,
                    "inside": match fill {
                        Fill::Inside(command) => command.as_deref(),
                        Fill::Here | Fill::New => None,
                    },
                }),
            ),
            VolumeWork::Prepare {
                content,
                line,
                moves_from,
            } => (
                "prepare",
                json!({ "filesystem": content, "fstab": line, "moves_from": moves_from }),
            ),
        };
        json["domain"] = json!(self.key.domain);
        json["volume"] = json!(self.key.volume);
        json["location"] = json!(self.location);
        (name, json)
    }
}
