//! Commands as data: what is run, where, for how long, and what it does to a volume.

use crate::diag::text::printable;
use crate::quote::sh_word;
use std::fmt;

/// For programs that do little.
pub const SHORT_SECS: u32 = 5 * 60;
/// For programs that go through a whole file system or disk.
pub const WHOLE_VOLUME_SECS: u32 = 60 * 60;
/// What systemd may take beyond the limits of a unit.
pub const SYSTEMD_SECS: u32 = 30;

/// A command of the host. It is shown as a command line that does the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How long it may take, in seconds.
    pub limit_secs: u32,
    /// Where it runs.
    pub runs_in: RunsIn,
    /// What it does to a volume.
    pub effect: Effect,
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunsIn {
    /// On the host, as any other program.
    Host,
    /// On the host, with processes and mounts of its own, none of which outlives it.
    Contained,
    /// The same, and its program is one of the guest's (chroot(8)).
    Guest,
}

/// What a command does to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing, or nothing that matters here.
    None,
    /// Mounts it: its file system can be worked on afterwards.
    Mount,
    /// Unmounts it: nothing may hold its file system open.
    Unmount,
    /// Erases what was on it.
    Erase,
}

impl Command {
    /// A command that runs on the host.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>, limit_secs: u32) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            limit_secs,
            runs_in: RunsIn::Host,
            effect: Effect::None,
        }
    }

    /// A command that runs a program of the guest whose root is mounted at `point`.
    pub fn in_guest(point: &str, argv: &[&str], limit_secs: u32) -> Self {
        Self {
            runs_in: RunsIn::Guest,
            ..Self::new([&["chroot", point], argv].concat(), limit_secs)
        }
    }

    /// The same, with processes and mounts of its own.
    #[must_use]
    pub fn contained(mut self) -> Self {
        self.runs_in = RunsIn::Contained;
        self
    }

    /// The same, with an effect on a volume.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.argv.iter().map(|word| sh_word(word)).collect();
        f.write_str(&printable(&words.join(" ")))
    }
}
