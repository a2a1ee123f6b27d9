//! Commands as data: what to run, where, with which time limit, and the effect on a volume.

use crate::diag::text::printable;
use crate::quote::sh_word;
use std::fmt;

/// The limit for programs that finish quickly.
pub const SHORT_SECS: u32 = 5 * 60;
/// The limit for programs that process a whole file system or disk.
pub const WHOLE_VOLUME_SECS: u32 = 60 * 60;
/// The limit for overwriting a volume of `mib` MiB, with at least 20 MiB a second.
pub const fn wiping_secs(mib: u32) -> u32 {
    WHOLE_VOLUME_SECS.saturating_add(mib / 20)
}
/// The time that systemd may take in addition to the limits of a unit.
pub const SYSTEMD_SECS: u32 = 30;

/// A command to run on the host. It is displayed as an equivalent command line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The time limit, in seconds.
    pub limit_secs: u32,
    /// Where it runs.
    pub runs_in: RunsIn,
    /// The effect on a volume.
    pub effect: Effect,
    /// The largest exit status of a success, which is 0 for most.
    pub success_max: i32,
}

/// Where a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunsIn {
    /// On the host, like any other program.
    Host,
    /// On the host, in its own PID and mount namespaces; no process or mount outlives it.
    Contained,
    /// Confined to a guest's root: the host's programs, which can change nothing else.
    Below {
        /// The directory where the guest's root is mounted.
        root: String,
        /// Files and directories of the host that are read, besides its programs.
        reads: Vec<String>,
    },
    /// Confined to a guest's root: the guest's own programs, which see nothing else.
    Guest {
        /// The directory where the guest's root is mounted.
        root: String,
    },
}

/// The effect of a command on a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// None that matters here.
    None,
    /// Mounts it: its files are accessible afterwards.
    Mount,
    /// Unmounts it: nothing may keep its files open.
    Unmount,
    /// Removes the signatures of a disk.
    Wipe,
    /// Creates a file system on a disk.
    Format,
    /// Removes all files.
    EraseFiles,
}

impl Command {
    /// A command that runs on the host.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>, limit_secs: u32) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            limit_secs,
            runs_in: RunsIn::Host,
            effect: Effect::None,
            success_max: 0,
        }
    }

    /// Returns the command with more exit statuses of a success: all up to this one.
    #[must_use]
    pub fn succeeding_up_to(mut self, status: i32) -> Self {
        self.success_max = status;
        self
    }

    /// A command that runs a program of the guest whose root is mounted at `root`.
    pub fn in_guest(root: &str, argv: &[&str], limit_secs: u32) -> Self {
        let root = root.to_owned();
        Self {
            runs_in: RunsIn::Guest { root },
            ..Self::new(argv.iter().copied(), limit_secs)
        }
    }

    /// Returns the command confined to the guest's root at `root`; it reads these paths, too.
    #[must_use]
    pub fn below(mut self, root: &str, reads: Vec<String>) -> Self {
        let root = root.to_owned();
        self.runs_in = RunsIn::Below { root, reads };
        self
    }

    /// Returns the command with its own PID and mount namespaces.
    #[must_use]
    pub fn contained(mut self) -> Self {
        self.runs_in = RunsIn::Contained;
        self
    }

    /// Returns the command with an effect on a volume.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix: &[&str] = match &self.runs_in {
            RunsIn::Guest { root } => &["chroot", root],
            RunsIn::Host | RunsIn::Contained | RunsIn::Below { .. } => &[],
        };
        let all = prefix.iter().copied();
        let all = all.chain(self.argv.iter().map(String::as_str));
        let words: Vec<_> = all.map(sh_word).collect();
        f.write_str(&printable(&words.join(" ")))
    }
}
