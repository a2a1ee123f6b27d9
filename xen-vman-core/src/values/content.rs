//! What a disk holds in a guest.

use super::{Filesystem, from_str};
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid, closest};
use serde::{Serialize, Serializer};
use std::fmt;

/// What a disk holds in a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskContent {
    /// A file system.
    Filesystem(Filesystem),
    /// Swap space.
    Swap,
    /// Whatever the guest makes of it.
    Raw,
}

impl DiskContent {
    /// The words, in order.
    pub const WORDS: &[&str] = &[
        "ext4", "ext3", "ext2", "xfs", "btrfs", "f2fs", "jfs", "swap", "none",
    ];

    /// The word as written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem(filesystem) => filesystem.as_str(),
            Self::Swap => "swap",
            Self::Raw => "none",
        }
    }

    /// The file system, if it is one.
    pub const fn filesystem(self) -> Option<Filesystem> {
        match self {
            Self::Filesystem(filesystem) => Some(filesystem),
            Self::Swap | Self::Raw => None,
        }
    }
}

impl From<Filesystem> for DiskContent {
    fn from(filesystem: Filesystem) -> Self {
        Self::Filesystem(filesystem)
    }
}

impl FromText for DiskContent {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str =
        "`ext4`, `ext3`, `ext2`, `xfs`, `btrfs`, `f2fs`, `jfs`, `swap` or `none`";
    const CHOICES: &'static [&'static str] = Self::WORDS;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "swap" => return Ok(Self::Swap),
            "none" => return Ok(Self::Raw),
            _ => {}
        }
        Filesystem::from_text(text)
            .map(Self::Filesystem)
            .map_err(|_| {
                let invalid = Invalid::new(format!("must be one of {}", Self::WORDS.join(", ")));
                match closest(&text.to_lowercase(), Self::WORDS) {
                    Some(near) => invalid.did_you_mean(text, near),
                    None => invalid,
                }
            })
    }
}

from_str!(DiskContent);

impl fmt::Display for DiskContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for DiskContent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_text(&text).map_err(|invalid| serde::de::Error::custom(invalid.why))
    }
}

impl Serialize for DiskContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_system_can_be_on_a_disk() {
        let (with_files, others) = DiskContent::WORDS.split_at(Filesystem::WORDS.len());
        assert_eq!(with_files, Filesystem::WORDS);
        assert_eq!(others, ["swap", "none"]);
        for word in DiskContent::WORDS {
            let content: DiskContent = word.parse().expect(word);
            assert_eq!(content.as_str(), *word);
        }
    }
}
