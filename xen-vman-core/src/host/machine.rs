//! The interface to a host. [`HostDir`](super::HostDir) is the real one; tests use one in memory
//! ([`MemoryHost`](super::memory::MemoryHost)).

use super::HostError;
use crate::command::Command;
use crate::install::Surface;
use crate::plan::{Entry, FileOwner};
use crate::storage::Medium;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

/// The files of a host. Paths begin with `/`, and symbolic links are resolved inside its tree.
pub trait Files: Debug {
    /// The entry at a path; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn entry(&self, path: &str) -> Result<Option<Entry>, HostError>;

    /// Writes a file or creates a link atomically: readers find either the old one or the new one.
    /// Missing directories are created.
    ///
    /// # Errors
    /// If it cannot be written; the old one is kept.
    fn put(&self, path: &str, entry: &Entry) -> Result<(), HostError>;

    /// Removes a file or a link, if it exists.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, path: &str) -> Result<(), HostError>;

    /// Removes a directory with all that is in it, without following links, if it exists.
    ///
    /// # Errors
    /// If any of it cannot be removed.
    fn remove_tree(&self, path: &str) -> Result<(), HostError>;

    /// Removes a directory, if it exists and is empty.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove_empty(&self, path: &str) -> Result<(), HostError>;

    /// The names in a directory; empty if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read.
    fn names(&self, path: &str) -> Result<Vec<String>, HostError>;

    /// Whether a path resolves to an executable file.
    ///
    /// # Errors
    /// If it cannot be read.
    fn is_program(&self, path: &str) -> Result<bool, HostError>;

    /// Creates the parent directories of a path, with these permissions.
    ///
    /// # Errors
    /// If one cannot be created.
    fn make_parents(&self, path: &str, mode: u32) -> Result<(), HostError>;
}

/// The mounted root of a guest, which somebody else may change at any time. Paths begin with `/`, and
/// symbolic links are resolved inside the root.
pub trait GuestRoot: Debug {
    /// Writes a file for an owner, who also owns the directories that are created. They are private
    /// if the file is.
    ///
    /// # Errors
    /// If it cannot be written; the old one is kept.
    fn put_for(
        &self,
        owner: FileOwner,
        path: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), HostError>;

    /// Removes a file or a link, if it exists.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn unlink(&self, path: &str) -> Result<(), HostError>;

    /// The content of a file; `None` if there is no file at the path, or a larger one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn content(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, HostError>;

    /// Whether there is anything at a path.
    ///
    /// # Errors
    /// If that cannot be determined.
    fn is_there(&self, path: &str) -> Result<bool, HostError>;

    /// Whether a directory has names other than these; `false` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read.
    fn has_other_names(&self, path: &str, known: &[&str]) -> Result<bool, HostError>;
}

/// A host: its files, its programs, its mounts and its clock.
pub trait Host: Files + Sync {
    /// Whether this is the machine's own `/`, with systemd running.
    fn is_running(&self) -> bool;

    /// Acquires the lock that allows only one run at a time; it is released when the returned value
    /// is dropped.
    ///
    /// # Errors
    /// If another run holds it; the error names the process.
    fn lock(&self) -> Result<Box<dyn Send>, HostError>;

    /// Appends to a file that only root may read; it is created if necessary.
    ///
    /// # Errors
    /// If it cannot be written.
    fn append(&self, path: &str, text: &[u8]) -> Result<(), HostError>;

    /// Runs a command until it exits, without input and with messages in English.
    ///
    /// # Errors
    /// If it cannot be started.
    fn run(&self, command: &Command) -> Result<Ran, HostError>;

    /// Runs a command and appends its output to a log.
    ///
    /// # Errors
    /// If it cannot be started.
    fn run_logged(&self, command: &Command, log: &str) -> io::Result<Logged>;

    /// Starts a command that holds a resource until it is released, and prints a line once it has
    /// it. The process ends with this one, however that ends. Its error messages are appended to a
    /// log.
    ///
    /// # Errors
    /// Why it does not hold the resource, if known.
    fn hold(&self, command: &Command, log: &str) -> Result<Box<dyn Held>, Option<String>>;

    /// Does some work in a private mount namespace: its mounts are invisible to the host and do not
    /// outlive it.
    ///
    /// # Errors
    /// If the namespace cannot be created; the work is not begun.
    fn in_own_mounts(&self, work: &mut (dyn FnMut() + Send)) -> Result<(), HostError>;

    /// The tree mounted at a mount point, which cannot be unmounted while this value exists. Each
    /// call for it fails if it takes longer than `limit`: its server or disk may be gone.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn mounted_at(&self, point: &str, limit: Duration) -> Result<Box<dyn GuestRoot>, HostError>;

    /// What samples of a device show: its first and last 64 MiB, and 4096 places between.
    ///
    /// # Errors
    /// If any of them cannot be read, or if it takes longer than `limit`.
    fn surface(&self, device: &str, limit: Duration) -> Result<Surface, HostError>;

    /// What uses a medium on this host, as descriptions: mounts, devices on top of it, processes
    /// and domains.
    ///
    /// # Errors
    /// If that cannot be determined.
    fn users(&self, medium: &Medium) -> Result<Vec<String>, HostError>;

    /// Seconds since the Unix epoch.
    fn now_secs(&self) -> u64;

    /// A monotonic clock.
    fn uptime(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration);
}

/// A resource that a process holds.
pub trait Held: Debug + Send {
    /// Ends the process.
    fn let_go(self: Box<Self>);
}

/// The result of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; 124 if it exceeded its limit, 128 or more if it was killed.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

/// The result of a command whose output goes to a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logged {
    /// Its exit status, as in [`Ran`].
    pub status: i32,
    /// The end of its output.
    pub tail: Vec<u8>,
}

/// Runs a command that must succeed.
///
/// # Errors
/// If it cannot be started or its exit status is not 0.
pub(super) fn demand(host: &dyn Host, command: &Command) -> Result<Ran, HostError> {
    let ran = host.run(command)?;
    match ran.status {
        status if (0..=command.success_max).contains(&status) => Ok(ran),
        124 => {
            let why = format!("it took longer than {} s", command.limit_secs);
            Err(failed(command, &why))
        }
        status => {
            let said = match ran.stderr.as_str() {
                "" => String::from_utf8_lossy(&ran.stdout).trim().to_owned(),
                said => said.to_owned(),
            };
            Err(failed(command, &format!("exit status {status}: {said}")))
        }
    }
}

/// The error for a command that failed.
pub(super) fn failed(command: &Command, why: &str) -> HostError {
    HostError::Program {
        command: command.argv.join(" "),
        why: why.to_owned(),
    }
}
