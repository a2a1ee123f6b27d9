//! A host in memory that records what is done to it, for tests that need no machine.
//!
//! It simulates the programs that an apply runs and their effect on files, volumes and domains.
//! It is only a model: other tests use a container with a real systemd, and real Xen.

mod pools;
mod programs;
mod zfs;

use super::HostError;
use super::machine::{Files, GuestRoot, Held, Host, Logged, Ran};
use crate::command::Command;
use crate::install::Surface;
use crate::plan::{Entry, FileOwner};
use crate::storage::Medium;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The content of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The UUID of its file system, if it is a formatted disk.
    pub filesystem: Option<String>,
    /// Its files.
    pub files: BTreeMap<String, Entry>,
    /// Whether it is a disk with data that has no signature.
    pub is_raw: bool,
    /// Whether it cannot be read.
    pub is_broken: bool,
    /// What uses it on this host.
    pub users: Vec<String>,
    /// What `filesystem` is the UUID of, such as `xfs`; empty for ext4.
    pub kind: String,
    /// Its size, if its backend makes it.
    pub size_bytes: u64,
    /// What identifies it, if it is a volume of LVM or ZFS.
    pub unique_id: String,
    /// The number of the file, if it is an image, or of the transaction that made it, if ZFS did.
    pub inode: u64,
    /// Its tags, if it is an LVM volume, or its properties, if it is one of ZFS.
    pub tags: Vec<String>,
}

impl Content {
    /// The same volume with other data.
    fn without_data(&self, is_raw: bool, filesystem: Option<String>) -> Self {
        Self {
            is_raw,
            filesystem,
            kind: String::new(),
            files: BTreeMap::new(),
            is_broken: false,
            ..self.clone()
        }
    }

    /// Whether there is nothing on it.
    pub fn is_blank(&self) -> bool {
        self.filesystem.is_none() && self.files.is_empty() && !self.is_raw
    }
}

/// The state of a host in memory. Tests inspect it, and change it as an administrator might.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The entries, by path.
    pub entries: BTreeMap<String, Entry>,
    /// The domains that Xen has.
    pub domains: BTreeSet<String>,
    /// The active units of VMs.
    pub active_units: BTreeSet<String>,
    /// The units that require another, by that.
    pub required_by: BTreeMap<String, String>,
    /// The domains that ignore their shutdown.
    pub unstoppable: BTreeSet<String>,
    /// The volumes, by location. Any other volume is unreachable.
    pub volumes: BTreeMap<String, Content>,
    /// The mounted locations, by mount point.
    pub mounts: BTreeMap<String, String>,
    /// The commands that were run, as displayed.
    pub commands: Vec<String>,
    /// The contents that were erased, with their locations.
    pub erased: Vec<(String, Content)>,
    /// How many more calls succeed before all fail; `None` if no call fails.
    pub calls_left: Option<u32>,
    /// Whether volumes have snapshots: groups have a thin pool `pool`, and directories are on XFS.
    pub is_thin: bool,
    /// How many volumes were made.
    made: u32,
    clock_secs: u64,
    is_locked: bool,
}

/// A host in memory. Clones share the same state.
#[derive(Debug, Clone, Default)]
pub struct MemoryHost {
    state: Arc<Mutex<State>>,
}

impl MemoryHost {
    /// A running dom0 with xl and one kernel.
    pub fn dom0() -> Self {
        let host = Self::default();
        let mut state = host.state();
        let program = Entry::file(0o755, "");
        let text = |content: &str| Entry::file(0o644, content);
        let kernel = "6.1.0-37-amd64";
        for (path, entry) in [
            ("/usr/sbin/xl".to_owned(), program),
            ("/sys/hypervisor/type".to_owned(), text("xen\n")),
            ("/proc/sys/kernel/osrelease".to_owned(), text(kernel)),
            (format!("/boot/vmlinuz-{kernel}"), text("")),
            (format!("/lib/modules/{kernel}/modules.dep"), text("")),
        ] {
            state.entries.insert(path, entry);
        }
        drop(state);
        host
    }

    /// Locks the state for inspection and changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and fails if `calls_left` is used up.
    fn call(&self, what: &'static str, path: &str) -> Result<(), HostError> {
        if self.state().may_call() {
            return Ok(());
        }
        Err(HostError::Io {
            what,
            path: path.to_owned(),
            source: io::ErrorKind::StorageFull.into(),
        })
    }
}

impl State {
    fn may_call(&mut self) -> bool {
        match &mut self.calls_left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The names in a directory.
fn names(entries: &BTreeMap<String, Entry>, path: &str) -> Vec<String> {
    let folder = format!("{}/", path.trim_end_matches('/'));
    let below = entries.keys().filter_map(|path| path.strip_prefix(&folder));
    let names: BTreeSet<_> = below.filter_map(|rest| rest.split('/').next()).collect();
    names.into_iter().map(str::to_owned).collect()
}

impl Files for MemoryHost {
    fn entry(&self, path: &str) -> Result<Option<Entry>, HostError> {
        Ok(self.state().entries.get(path).cloned())
    }

    fn put(&self, path: &str, entry: &Entry) -> Result<(), HostError> {
        self.call("write", path)?;
        self.state().entries.insert(path.to_owned(), entry.clone());
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), HostError> {
        self.call("remove", path)?;
        self.state().entries.remove(path);
        Ok(())
    }

    fn remove_tree(&self, path: &str) -> Result<(), HostError> {
        self.call("remove", path)?;
        let below = format!("{path}/");
        self.state()
            .entries
            .retain(|entry, _| !entry.starts_with(&below));
        Ok(())
    }

    // Directories are there as long as something is in them.
    fn remove_empty(&self, _: &str) -> Result<(), HostError> {
        Ok(())
    }

    fn names(&self, path: &str) -> Result<Vec<String>, HostError> {
        Ok(names(&self.state().entries, path))
    }

    fn is_program(&self, path: &str) -> Result<bool, HostError> {
        let entry = self.state().entries.get(path).cloned();
        Ok(matches!(entry, Some(Entry::File { access, .. }) if access.mode & 0o111 != 0))
    }

    fn make_parents(&self, _: &str, _: u32) -> Result<(), HostError> {
        Ok(())
    }
}

impl Host for MemoryHost {
    fn is_running(&self) -> bool {
        true
    }

    fn lock(&self) -> Result<Box<dyn Send>, HostError> {
        if std::mem::replace(&mut self.state().is_locked, true) {
            return Err(HostError::Locked("another run of the test".to_owned()));
        }
        Ok(Box::new(Unlock(self.clone())))
    }

    fn append(&self, path: &str, text: &[u8]) -> Result<(), HostError> {
        let mut state = self.state();
        let new = || Entry::file(0o600, "");
        let entry = state.entries.entry(path.to_owned()).or_insert_with(new);
        if let Entry::File { content, .. } = entry {
            content.extend_from_slice(text);
        }
        Ok(())
    }

    fn run(&self, command: &Command) -> Result<Ran, HostError> {
        let mut state = self.state();
        state.commands.push(command.to_string());
        // Queries always succeed: the tests are about calls that change something.
        let asks = matches!(
            command.argv.get(1).map(String::as_str),
            Some(
                "list"
                    | "known"
                    | "is-active"
                    | "list-units"
                    | "show"
                    | "--json"
                    | "get"
                    | "fullreport"
                    | "--file-system"
            )
        ) || command.argv.iter().any(|word| word == "-printf");
        if !asks && !state.may_call() {
            return Ok(Ran {
                status: 1,
                ..Ran::default()
            });
        }
        let (status, stdout) = state.execute(command);
        Ok(Ran {
            status,
            stdout: stdout.into_bytes(),
            stderr: String::new(),
        })
    }

    fn run_logged(&self, command: &Command, _: &str) -> io::Result<Logged> {
        let ran = self.run(command).map_err(io::Error::other)?;
        Ok(Logged {
            status: ran.status,
            tail: ran.stdout,
        })
    }

    fn hold(&self, command: &Command, _: &str) -> Result<Box<dyn Held>, Option<String>> {
        let mut state = self.state();
        state.commands.push(command.to_string());
        if state.may_call() {
            Ok(Box::new(Nothing))
        } else {
            Err(None)
        }
    }

    fn in_own_mounts(&self, work: &mut (dyn FnMut() + Send)) -> Result<(), HostError> {
        work();
        self.state().mounts.clear();
        Ok(())
    }

    fn surface(&self, device: &str, _: Duration) -> Result<Surface, HostError> {
        let state = self.state();
        match state.volumes.get(device) {
            Some(content) if !content.is_broken => Ok(if content.is_blank() {
                Surface::Zeros
            } else {
                Surface::Data { offset_bytes: 0 }
            }),
            _ => Err(HostError::Io {
                what: "read",
                path: device.to_owned(),
                source: io::Error::other("Input/output error"),
            }),
        }
    }

    fn users(&self, medium: &Medium) -> Result<Vec<String>, HostError> {
        let location = match medium {
            Medium::Directory(mount) => &mount.source,
            Medium::Disk(disk) => &disk.path,
        };
        if zfs::has_no_device(location) {
            return Err(HostError::Io {
                what: "read",
                path: location.clone(),
                source: io::ErrorKind::NotFound.into(),
            });
        }
        let state = self.state();
        let content = state.volumes.get(location);
        let mut users = content.map_or_else(Vec::new, |content| content.users.clone());
        let domains = state.domains.iter().filter(|domain| {
            let config = format!("/run/xen-vman/domains/{domain}/config");
            let disk = format!("phy:{location},");
            matches!(state.entries.get(&config), Some(Entry::File { content, .. })
                if String::from_utf8_lossy(content).contains(&disk))
        });
        users.extend(domains.map(|domain| format!("the domain {domain}")));
        Ok(users)
    }

    fn mounted_at(&self, point: &str, _: Duration) -> Result<Box<dyn GuestRoot>, HostError> {
        let location = self.state().mounts.get(point).cloned();
        let location = location.ok_or_else(|| HostError::Io {
            what: "open",
            path: point.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })?;
        Ok(Box::new(Root {
            host: self.clone(),
            location,
        }))
    }

    fn now_secs(&self) -> u64 {
        self.state().clock_secs
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(self.state().clock_secs)
    }

    fn sleep(&self, time: Duration) {
        self.state().clock_secs += time.as_secs().max(1);
    }
}

/// Releases the lock.
struct Unlock(MemoryHost);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.state().is_locked = false;
    }
}

/// The resource that a session holds.
#[derive(Debug)]
struct Nothing;

impl Held for Nothing {
    fn let_go(self: Box<Self>) {}
}

/// The root of a guest.
#[derive(Debug)]
struct Root {
    host: MemoryHost,
    location: String,
}

impl Root {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Entry>) -> T) -> T {
        let mut state = self.host.state();
        let content = state.volumes.entry(self.location.clone()).or_default();
        work(&mut content.files)
    }
}

impl GuestRoot for Root {
    fn put_for(
        &self,
        _: FileOwner,
        path: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), HostError> {
        self.host.call("write", path)?;
        self.with(|files| files.insert(path.to_owned(), Entry::file(mode, content)));
        Ok(())
    }

    fn unlink(&self, path: &str) -> Result<(), HostError> {
        self.host.call("remove", path)?;
        self.with(|files| files.remove(path));
        Ok(())
    }

    fn content(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, HostError> {
        Ok(self.with(|files| match files.get(path) {
            Some(Entry::File { content, .. }) if content.len() <= limit_bytes => {
                Some(content.clone())
            }
            _ => None,
        }))
    }

    fn is_there(&self, path: &str) -> Result<bool, HostError> {
        Ok(self.with(|files| files.contains_key(path)))
    }

    fn has_other_names(&self, path: &str, known: &[&str]) -> Result<bool, HostError> {
        let names = self.with(|files| names(files, path));
        Ok(names.iter().any(|name| !known.contains(&name.as_str())))
    }
}
