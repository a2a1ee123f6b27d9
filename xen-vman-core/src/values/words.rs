//! Types whose values are words from a short list.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};

/// Declares an enum of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
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

        impl $crate::document::decode::FromText for $name {
            const ID: $crate::diag::DiagnosticId = $crate::diag::DiagnosticId::UnknownWord;
            const EXPECTED: &'static str = $expected;
            const CHOICES: &'static [&'static str] = Self::WORDS;

            fn from_text(text: &str) -> Result<Self, $crate::document::decode::Invalid> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => {
                        let invalid = $crate::document::decode::Invalid::new(format!("must be one of {}", Self::WORDS.join(", ")));
                        Err(match $crate::document::decode::closest(&text.to_lowercase(), Self::WORDS) {
                            Some(near) => invalid.did_you_mean(text, near),
                            None => invalid,
                        })
                    }
                }
            }
        }

        $crate::values::from_str!($name);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words!(
    /// The role's word for the type of a VM; [`GuestType`] replaces it.
    Builder {
        /// Para-virtualised.
        Generic = "generic",
        /// All hardware emulated.
        Hvm = "hvm",
    },
    "`generic` or `hvm`"
);

words!(
    /// How Xen runs a VM (`type` in xl.cfg(5)).
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
    /// How a new LVM volume loses the data of volumes before it.
    LvmWipe {
        /// It is overwritten with zeros.
        Zero = "zero",
        /// Its disk is told to forget it.
        Discard = "discard",
    },
    "`zero` or `discard`"
);

words!(
    /// When an image file takes its space.
    FileAllocation {
        /// As it is written.
        Sparse = "sparse",
        /// At once.
        Full = "full",
    },
    "`sparse` or `full`"
);

words!(
    /// A file system for a root that is a disk.
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
        /// F2FS.
        F2fs = "f2fs",
        /// JFS.
        Jfs = "jfs",
    },
    "`ext4`, `ext3`, `ext2`, `xfs`, `btrfs`, `f2fs` or `jfs`"
);

words!(
    /// What can lose data of a volume, so that a snapshot is taken first.
    Risk {
        /// A reinstallation, which erases a root.
        Reinstall = "reinstall",
        /// Growth.
        Growth = "growth",
    },
    "`reinstall` or `growth`"
);

words!(
    /// How much debootstrap installs besides the packages that are asked for (debootstrap(8)).
    DebootstrapVariant {
        /// The base system, with all packages of priority `important`.
        Standard = "standard",
        /// Only essential packages and apt.
        Minbase = "minbase",
        /// The tools to build packages.
        Buildd = "buildd",
    },
    "`standard`, `minbase` or `buildd`"
);

words!(
    /// What Xen does with a domain when it powers off, reboots or crashes (xl.cfg(5)).
    DomainAction {
        /// Removes it.
        Destroy = "destroy",
        /// Starts it again.
        Restart = "restart",
        /// Keeps it under another name, and starts a new one.
        RenameRestart = "rename-restart",
        /// Keeps it, for inspection.
        Preserve = "preserve",
        /// Writes its memory to a file, and removes it.
        CoredumpDestroy = "coredump-destroy",
        /// Writes its memory to a file, and starts it again.
        CoredumpRestart = "coredump-restart",
        /// Resets it, without removing its memory.
        SoftReset = "soft-reset",
    },
    "`destroy`, `restart`, `rename-restart`, `preserve`, `coredump-destroy`, `coredump-restart` or `soft-reset`"
);

text_type!(
    /// The type of an operating system: `debian`, `ubuntu`, or any other word.
    OsType
);

impl FromText for OsType {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "a word such as `debian` or `ubuntu`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        Word::from_text(&text.to_lowercase()).map(|Word(word)| Self(word))
    }
}

text_type!(
    /// A word that the administrator chooses.
    Word
);

impl FromText for Word {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "a word";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        if !text.is_empty() && text.len() <= 64 && text.chars().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new(
                "must be a single word of letters, digits, `-`, `_`, `.` and `+`",
            ))
        }
    }
}
