//! What a host can do for us. [`HostDir`](super::HostDir) is the real one; tests have one in
//! memory ([`MemoryHost`](super::memory::MemoryHost)).

use super::HostError;
use crate::command::Command;
use crate::plan::Entry;
use std::fmt::Debug;
use std::io;
use std::time::Duration;

/// A tree of files: that of a host, or the root of a guest that is mounted. Paths begin with
/// `/`, and no symbolic link leads out of the tree.
pub trait Files: Debug {
    /// What stands at a path; none if nothing does.
    ///
    /// # Errors
    /// If it cannot be read.
    fn entry(&self, path: &str) -> Result<Option<Entry>, HostError>;

    /// Puts a file or a link in place, at once and whole: whoever looks finds the old one or
    /// the new one. Missing directories are made.
    ///
    /// # Errors
    /// If it cannot be written; then the old one stands.
    fn put(&self, path: &str, entry: &Entry) -> Result<(), HostError>;

    /// The same for an owner, who gets the missing directories, too. They are private if the
    /// file is.
    ///
    /// # Errors
    /// If it cannot be written; then the old one stands.
    fn put_for(&self, owner: Owner, path: &str, mode: u32, content: &[u8])
    -> Result<(), HostError>;

    /// Takes a file or a link away; it may be gone already.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, path: &str) -> Result<(), HostError>;

    /// The names in a directory; none if it is not there.
    ///
    /// # Errors
    /// If it cannot be read.
    fn names(&self, path: &str) -> Result<Vec<String>, HostError>;

    /// Whether a path leads to a file that can be executed.
    ///
    /// # Errors
    /// If it cannot be read.
    fn is_program(&self, path: &str) -> Result<bool, HostError>;

    /// Makes the directories above a path, with these permissions.
    ///
    /// # Errors
    /// If one cannot be made.
    fn make_parents(&self, path: &str, mode: u32) -> Result<(), HostError>;
}

/// A host: its files, its programs, its mounts and its clock.
pub trait Host: Files + Sync {
    /// Whether it is this machine's own, with systemd at work.
    fn is_running(&self) -> bool;

    /// Takes the lock that one run at a time may have, until what is returned is dropped.
    ///
    /// # Errors
    /// If another run holds it; it is named.
    fn lock(&self) -> Result<Box<dyn Send>, HostError>;

    /// Adds to the end of a file that root alone may read; it is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be written.
    fn append(&self, path: &str, text: &[u8]) -> Result<(), HostError>;

    /// Runs a command to its end, without input and with messages in English.
    ///
    /// # Errors
    /// If it cannot be started.
    fn run(&self, command: &Command) -> Result<Ran, HostError>;

    /// The same, with all that it prints added to a log.
    ///
    /// # Errors
    /// If it cannot be started.
    fn run_logged(&self, command: &Command, log: &str) -> io::Result<Logged>;

    /// Starts a command that prints a line once it holds something, and keeps it until it is
    /// let go. It ends with us, however we end. What it complains about is added to a log.
    ///
    /// # Errors
    /// Why it holds nothing, if anything is known.
    fn hold(&self, command: &Command, log: &str) -> Result<Box<dyn Held>, Option<String>>;

    /// Does some work where no mount of it reaches the host, and none outlives it.
    ///
    /// # Errors
    /// If there is no such place; the work is not begun then.
    fn in_own_mounts(&self, work: &mut (dyn FnMut() + Send)) -> Result<(), HostError>;

    /// The tree that is mounted at a point, which cannot be unmounted while this is held.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn mounted_at(&self, point: &str) -> Result<Box<dyn Files>, HostError>;

    /// Seconds since 1970.
    fn now_secs(&self) -> u64;

    /// A time that only goes forward.
    fn uptime(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration);
}

/// Something that a process holds for us.
pub trait Held: Debug + Send {
    /// Ends the process.
    fn let_go(self: Box<Self>);
}

/// Who owns a file, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

impl Owner {
    /// The administrator.
    pub const ROOT: Self = Self { user: 0, group: 0 };
}

/// What a command left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; 124 if it took longer than its limit, 128 and more if it was killed.
    pub status: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: String,
}

/// What a command left behind whose output is in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logged {
    /// Its exit status, as in [`Ran`].
    pub status: i32,
    /// The last that it printed.
    pub tail: Vec<u8>,
}

/// Runs a command that must succeed.
///
/// # Errors
/// If it cannot be started, or its exit status is not 0.
pub(super) fn demand(host: &dyn Host, command: &Command) -> Result<Ran, HostError> {
    let ran = host.run(command)?;
    match ran.status {
        0 => Ok(ran),
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

/// That a command failed.
pub(super) fn failed(command: &Command, why: &str) -> HostError {
    HostError::Program {
        command: command.argv.join(" "),
        why: why.to_owned(),
    }
}
