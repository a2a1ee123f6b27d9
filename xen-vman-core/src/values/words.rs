//! Words from a short list.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid, closest};
use serde::Serialize;
use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The words, in order.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word as written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromText for $name {
            const ID: DiagnosticId = DiagnosticId::UnknownWord;
            const EXPECTED: &'static str = $expected;
            const CHOICES: &'static [&'static str] = Self::WORDS;

            fn from_text(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => {
                        let invalid = Invalid::new(format!("must be one of {}", Self::WORDS.join(", ")));
                        Err(match closest(&text.to_lowercase(), Self::WORDS) {
                            Some(near) => invalid.help(format!("did you mean `{near}`?")),
                            None => invalid,
                        })
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// The role's word for the type of a domU; [`GuestType`] says more.
    Builder {
        /// Para-virtualised.
        Generic = "generic",
        /// All hardware emulated.
        Hvm = "hvm",
    },
    "`generic` or `hvm`"
);

words!(
    /// How Xen runs a domU (`type` in xl.cfg(5)).
    GuestType {
        /// Para-virtualised.
        Pv = "pv",
        /// Para-virtualised devices in a hardware container.
        Pvh = "pvh",
        /// All hardware emulated by QEMU.
        Hvm = "hvm",
    },
    "`pv`, `pvh` or `hvm`"
);

words!(
    /// A filesystem for an iSCSI root.
    Filesystem {
        /// ext4.
        Ext4 = "ext4",
        /// ext3.
        Ext3 = "ext3",
        /// ext2.
        Ext2 = "ext2",
        /// XFS.
        Xfs = "xfs",
        /// Btrfs.
        Btrfs = "btrfs",
    },
    "`ext4`, `ext3`, `ext2`, `xfs` or `btrfs`"
);

/// Where the root filesystem of a VM lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageType {
    /// An NFS export.
    Nfs,
    /// An iSCSI disk.
    Iscsi,
    /// Anything else: its disks are written in `disks`, and nothing is installed.
    Other(Box<str>),
}

impl StorageType {
    /// The word as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Nfs => "nfs",
            Self::Iscsi => "iscsi",
            Self::Other(word) => word,
        }
    }
}

impl FromText for StorageType {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "`nfs`, `iscsi`, or a word of your own for other backends";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "nfs" => return Ok(Self::Nfs),
            "iscsi" => return Ok(Self::Iscsi),
            _ => {}
        }
        let lower = text.to_lowercase();
        if lower == "nfs" || lower == "iscsi" {
            return Err(Invalid::new("must be in lower case").help(format!("write `{lower}`")));
        }
        word(text).map(Self::Other)
    }
}

impl Serialize for StorageType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

text_type!(
    /// The type of an operating system: `debian`, `ubuntu`, or any other word.
    OsType
);

impl OsType {
    /// Whether debootstrap can install it.
    pub fn is_debootstrapped(&self) -> bool {
        matches!(self.as_str(), "debian" | "ubuntu")
    }
}

impl FromText for OsType {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "a word such as `debian` or `ubuntu`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        word(&text.to_lowercase()).map(Self)
    }
}

fn word(text: &str) -> Result<Box<str>, Invalid> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(fits) {
        Ok(text.into())
    } else {
        Err(Invalid::new(
            "must be one word of letters, digits, `-`, `_`, `.` and `+`",
        ))
    }
}
