//! The real host: a [`HostDir`] with its programs, mounts and clock.

use super::machine::{FileOwner, Files, Held, Host, Logged, Ran};
use super::{HostDir, HostError, dir::failed, lock::Lock, program};
use crate::command::Command;
use crate::plan::Entry;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the uptime was first asked for.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Files for HostDir {
    fn entry(&self, path: &str) -> Result<Option<Entry>, HostError> {
        Self::entry(self, path)
    }

    fn put(&self, path: &str, entry: &Entry) -> Result<(), HostError> {
        Self::put(self, path, entry)
    }

    fn put_for(
        &self,
        owner: FileOwner,
        path: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), HostError> {
        Self::put_for(self, owner, path, mode, content)
    }

    fn remove(&self, path: &str) -> Result<(), HostError> {
        Self::remove(self, path)
    }

    fn names(&self, path: &str) -> Result<Vec<String>, HostError> {
        Self::names(self, path)
    }

    fn is_program(&self, path: &str) -> Result<bool, HostError> {
        Self::is_program(self, path)
    }

    fn make_parents(&self, path: &str, mode: u32) -> Result<(), HostError> {
        Self::make_parents(self, path, Mode::from_bits_truncate(mode))
            .map_err(|error| failed("make directories for", path, error))
    }
}

impl Host for HostDir {
    fn is_running(&self) -> bool {
        Self::is_running(self)
    }

    fn lock(&self) -> Result<Box<dyn Send>, HostError> {
        Ok(Box::new(Lock::take(self)?))
    }

    fn append(&self, path: &str, text: &[u8]) -> Result<(), HostError> {
        self.open_to_append(path)
            .and_then(|mut file| file.write_all(text))
            .map_err(|error| failed("write", path, error))
    }

    fn run(&self, command: &Command) -> Result<Ran, HostError> {
        program::run(command)
    }

    fn run_logged(&self, command: &Command, log: &str) -> io::Result<Logged> {
        program::run_logged(command, &mut self.open_to_append(log)?)
    }

    fn hold(&self, command: &Command, log: &str) -> Result<Box<dyn Held>, Option<String>> {
        let log = self.open_to_append(log);
        let log = log.map_err(|error| Some(format!("could not open its log ({error})")))?;
        program::hold(command, log)
    }

    fn in_own_mounts(&self, work: &mut (dyn FnMut() + Send)) -> Result<(), HostError> {
        // A mount namespace belongs to a thread, and this thread ends with the work.
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                own_mounts().map_err(|errno| failed("unshare", "mounts", errno.into()))?;
                work();
                Ok(())
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn mounted_at(&self, point: &str) -> Result<Box<dyn Files>, HostError> {
        Ok(Box::new(Self::open(Path::new(point))?))
    }

    fn now_secs(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    }

    fn uptime(&self) -> Duration {
        BEGAN.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Gives this thread a mount namespace without propagation in either direction.
fn own_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
}
