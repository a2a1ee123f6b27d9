//! The lock that allows only one run at a time on a host.

use super::{HostDir, HostError, dir::failed};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;

const LOCK: &str = "/run/xen-vman/lock";

/// The lock, held until it is dropped or the process ends, however it ends. Nothing is written
/// to the file: the kernel knows the holder (fcntl(2), `F_GETLK`).
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Acquires the lock.
    ///
    /// # Errors
    /// If another run holds it; the error names the process.
    pub(super) fn take(dir: &HostDir) -> Result<Self, HostError> {
        let file = dir.lock_file(LOCK)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "small constants, for which libc has a wider type than the fields"
        )]
        let mut whole = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
            Ok(_) => Ok(Self { _file: file }),
            Err(Errno::EACCES | Errno::EAGAIN) => {
                let asked = fcntl(&file, FcntlArg::F_GETLK(&mut whole));
                Err(HostError::Locked(match asked {
                    Ok(_) if whole.l_pid > 0 => holder(whole.l_pid),
                    _ => "it has just finished; try again".into(),
                }))
            }
            Err(errno) => Err(failed("lock", LOCK, errno.into())),
        }
    }
}

fn holder(pid: libc::pid_t) -> String {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(words.trim_ascii_end()).replace('\0', " ");
    format!(
        "pid {pid}: {}",
        crate::diag::text::printable(command.trim())
    )
}
