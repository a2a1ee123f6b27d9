//! The lock that allows only one run at a time on a host.

use super::{HostDir, HostError, dir::failed};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

const LOCK: &str = "/run/xen-vman/lock";

/// The lock, held until it is dropped or the process ends, however it ends. It belongs to the open
/// file, so that threads of one process exclude each other, too (flock(2)). Nothing is written to
/// the file: the kernel knows the holder.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Acquires the lock.
    ///
    /// # Errors
    /// If another run holds it; the error names the process.
    pub(super) fn take(dir: &HostDir) -> Result<Self, HostError> {
        let file = dir.lock_file(LOCK)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Self { _file: file }),
            Err((file, Errno::EWOULDBLOCK)) => Err(HostError::Locked(match holder(&file) {
                Some(pid) => describe(pid),
                None => "it has just finished; try again".into(),
            })),
            Err((_, errno)) => Err(failed("lock", LOCK, errno.into())),
        }
    }
}

/// The process that holds a lock (`proc_locks(5)`).
fn holder(file: &File) -> Option<u32> {
    let inode = file.metadata().ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| holder_in(line, inode))
}

/// Reads a line such as `1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF`; a file is identified by
/// its device and its inode.
fn holder_in(line: &str, inode: u64) -> Option<u32> {
    let mut words = line.split_whitespace();
    if words.nth(1)? != "FLOCK" {
        return None;
    }
    let pid = words.nth(2)?.parse().ok()?;
    let number = words.next()?.rsplit(':').next()?;
    (number.parse() == Ok(inode)).then_some(pid)
}

fn describe(pid: u32) -> String {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(words.trim_ascii_end()).replace('\0', " ");
    let command = crate::diag::text::printable(command.trim());
    if pid == std::process::id() {
        return format!("this process, pid {pid}: {command}");
    }
    format!("pid {pid}: {command}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_read_from_the_locks_of_the_kernel() {
        let line = "3: FLOCK  ADVISORY  WRITE 4711 fe:00:5678 0 EOF";
        assert_eq!(holder_in(line, 5678), Some(4711));
        assert_eq!(holder_in(line, 5679), None);
        assert_eq!(holder_in(&line.replace("FLOCK", "POSIX"), 5678), None);
        // One that waits for it.
        assert_eq!(
            holder_in("3: -> FLOCK  ADVISORY  WRITE 1 fe:00:5678 0 EOF", 5678),
            None
        );
    }

    #[test]
    fn a_second_run_of_the_same_process_is_refused() {
        let path = std::env::temp_dir().join(format!("xen-vman-lock-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let dir = HostDir::open(&path).unwrap();
        let first = Lock::take(&dir).unwrap();
        let second = std::thread::scope(|scope| scope.spawn(|| Lock::take(&dir)).join().unwrap());
        let message = second.unwrap_err().to_string();
        assert!(message.contains("this process"), "{message}");
        // A refused attempt must not give up the lock of the first.
        Lock::take(&dir).unwrap_err();
        drop(first);
        Lock::take(&dir).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
    }
}
