//! The real host: a [`HostDir`] with its programs, mounts and clock.

use super::machine::{GuestRoot, Held, Host, Logged, Ran};
use super::{HostDir, HostError, dir::failed, lock::Lock, program, surface, users};
use crate::command::Command;
use crate::install::Surface;
use crate::plan::FileOwner;
use crate::storage::Medium;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the uptime was first asked for.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

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

    fn mounted_at(&self, point: &str, limit: Duration) -> Result<Box<dyn GuestRoot>, HostError> {
        let path = PathBuf::from(point);
        let dir = within(limit, "open", point, move || Self::open(&path))?;
        Ok(Box::new(Limited {
            dir: Arc::new(dir),
            limit,
        }))
    }

    fn surface(&self, device: &str, limit: Duration) -> Result<Surface, HostError> {
        let path = device.to_owned();
        within(limit, "read", device, move || surface::read(&path))
    }

    fn users(&self, medium: &Medium) -> Result<Vec<String>, HostError> {
        users::of(self, medium)
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

/// Does some work in a thread that is given up if it takes longer than `limit`: a server or a disk
/// that does not answer may block it for ever.
fn within<T: Send + 'static>(
    limit: Duration,
    what: &'static str,
    path: &str,
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        // Nobody waits for it any more after the limit.
        let _ = sender.send(work());
    });
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        let error = format!("no answer within {} s", limit.as_secs());
        Err(failed(what, path, io::Error::other(error)))
    })
}

/// A tree whose server or disk may not answer.
#[derive(Debug)]
struct Limited {
    dir: Arc<HostDir>,
    limit: Duration,
}

impl Limited {
    fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        path: &str,
        work: impl FnOnce(&HostDir, &str) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, HostError> {
        let (dir, owned) = (Arc::clone(&self.dir), path.to_owned());
        within(self.limit, what, path, move || work(&dir, &owned))
    }
}

impl GuestRoot for Limited {
    fn put_for(
        &self,
        owner: FileOwner,
        path: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), HostError> {
        let content = content.to_vec();
        self.with("write", path, move |dir, path| {
            dir.put_for(owner, path, mode, &content)
        })
    }

    fn unlink(&self, path: &str) -> Result<(), HostError> {
        self.with("remove", path, HostDir::unlink)
    }

    fn content(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, HostError> {
        self.with("read", path, move |dir, path| {
            dir.content(path, limit_bytes)
        })
    }

    fn is_there(&self, path: &str) -> Result<bool, HostError> {
        self.with("read", path, HostDir::is_there)
    }

    fn has_other_names(&self, path: &str, known: &[&str]) -> Result<bool, HostError> {
        let known: Vec<String> = known.iter().copied().map(str::to_owned).collect();
        self.with("list", path, move |dir, path| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            dir.has_other_names(path, &known)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_does_not_end_is_given_up() {
        let limit = Duration::from_millis(50);
        let (sender, receiver) = mpsc::channel::<()>();
        let stuck = within(limit, "read", "/x", move || {
            let _ = receiver.recv();
            Ok(())
        });
        let error = stuck.map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("cannot read /x: no answer within 0 s".to_owned())
        );
        drop(sender);
    }
}
