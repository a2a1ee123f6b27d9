//! Access to files below a directory that serves as `/`.

use super::HostError;
use super::machine::FileOwner;
use crate::plan::Entry;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, symlinkat, unlinkat};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};

/// A host's file system: `/`, or a directory in its place. Paths begin with `/` and are resolved
/// inside it, including symbolic links (openat2(2), `RESOLVE_IN_ROOT`).
#[derive(Debug)]
pub struct HostDir {
    root: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

impl HostDir {
    /// Opens the directory to use as `/`.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, HostError> {
        let root = nix::fcntl::open(path, DIRECTORY, Mode::empty())
            .map_err(|errno| failed("open", &path.display().to_string(), errno.into()))?;
        let path = path.to_owned();
        Ok(Self { root, path })
    }

    /// Whether this is the machine's own `/`, with systemd running.
    pub fn is_running(&self) -> bool {
        let is_root = self
            .path
            .canonicalize()
            .is_ok_and(|path| path == Path::new("/"));
        is_root && Path::new("/run/systemd/system").is_dir()
    }

    /// The entry at a path; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn entry(&self, path: &str) -> Result<Option<Entry>, HostError> {
        let read = || -> io::Result<Option<Entry>> {
            let (parent, name) = match self.parent(path) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
                parent => parent?,
            };
            let stat = match fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Err(Errno::ENOENT) => return Ok(None),
                stat => stat?,
            };
            Ok(Some(match kind(&stat) {
                SFlag::S_IFREG => file(&parent, name)?,
                SFlag::S_IFLNK => {
                    let target = readlinkat(&parent, name)?;
                    Entry::Link(target.to_string_lossy().into_owned())
                }
                _ => Entry::Other,
            }))
        };
        read().map_err(|error| failed("read", path, error))
    }

    /// Writes a file or creates a link atomically: readers find either the old one or the new one.
    /// Missing directories are created.
    ///
    /// # Errors
    /// If it cannot be written; the old one is kept.
    pub fn put(&self, path: &str, entry: &Entry) -> Result<(), HostError> {
        self.make_parents(path, Mode::from_bits_truncate(0o755))
            .and_then(|()| self.try_put(path, entry, None))
            .map_err(|error| failed("write", path, error))
    }

    /// Writes a file for an owner, who also owns the directories that are created. They are private
    /// if the file is.
    ///
    /// # Errors
    /// If it cannot be written; the old one is kept.
    pub(super) fn put_for(
        &self,
        owner: FileOwner,
        path: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), HostError> {
        let content = content.to_vec();
        let entry = Entry::File { mode, content };
        let is_private = mode.trailing_zeros() >= 6;
        let parents = if is_private { 0o700 } else { 0o755 };
        self.make_parents_for(path, Mode::from_bits_truncate(parents), Some(owner))
            .and_then(|()| self.try_put(path, &entry, Some(owner)))
            .map_err(|error| failed("write", path, error))
    }

    fn try_put(&self, path: &str, entry: &Entry, owner: Option<FileOwner>) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        let new = format!(".{name}.xen-vman-new");
        match unlinkat(&parent, new.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        match entry {
            Entry::File { mode, content } => {
                let flags = OFlag::O_WRONLY
                    | OFlag::O_CREAT
                    | OFlag::O_EXCL
                    | OFlag::O_NOFOLLOW
                    | OFlag::O_CLOEXEC;
                let private = Mode::from_bits_truncate(0o600);
                let mut file = File::from(openat(&parent, new.as_str(), flags, private)?);
                if let Some(owner) = owner {
                    fchown(&file, Some(owner.user), Some(owner.group))?;
                }
                fchmod(&file, Mode::from_bits_truncate(*mode))?;
                file.write_all(content)?;
                file.sync_all()?;
            }
            Entry::Link(target) => symlinkat(target.as_str(), &parent, new.as_str())?,
            Entry::Other => return Err(io::ErrorKind::Unsupported.into()),
        }
        renameat(&parent, new.as_str(), &parent, name)?;
        sync(&parent)
    }

    /// Removes a file or a link, if it exists.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, path: &str) -> Result<(), HostError> {
        let remove = || -> io::Result<()> {
            let (parent, name) = self.parent(path)?;
            match unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir) {
                Ok(()) => sync(&parent),
                Err(Errno::ENOENT) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        };
        remove().map_err(|error| failed("remove", path, error))
    }

    /// The names in a directory; empty if it does not exist.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>, HostError> {
        let names = || -> io::Result<Vec<String>> {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let dir = match openat2(&self.root, path, how(flags)) {
                Err(Errno::ENOENT) => return Ok(Vec::new()),
                dir => dir?,
            };
            let entries = nix::dir::Dir::from_fd(dir)?.into_iter();
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        };
        names().map_err(|error| failed("list", path, error))
    }

    /// Whether a path resolves to an executable file.
    pub(super) fn is_program(&self, path: &str) -> Result<bool, HostError> {
        match openat2(&self.root, path, how(OFlag::O_PATH | OFlag::O_CLOEXEC)) {
            Ok(file) => {
                let stat = fstat(&file).map_err(|errno| failed("read", path, errno.into()))?;
                Ok(kind(&stat) == SFlag::S_IFREG && stat.st_mode & 0o111 != 0)
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(errno) => Err(failed("read", path, errno.into())),
        }
    }

    /// Creates the parent directories of a path, with these permissions.
    pub(super) fn make_parents(&self, path: &str, mode: Mode) -> io::Result<()> {
        self.make_parents_for(path, mode, None)
    }

    fn make_parents_for(&self, path: &str, mode: Mode, owner: Option<FileOwner>) -> io::Result<()> {
        let ends = path.match_indices('/').map(|(end, _)| end);
        for end in ends.skip(1) {
            match openat2(&self.root, &path[..end], how(DIRECTORY)) {
                Ok(_) => {}
                Err(Errno::ENOENT) => {
                    let (parent, name) = self.parent(&path[..end])?;
                    match mkdirat(&parent, name, mode) {
                        Ok(()) => {
                            let flags = OFlag::O_RDONLY
                                | OFlag::O_DIRECTORY
                                | OFlag::O_NOFOLLOW
                                | OFlag::O_CLOEXEC;
                            let new = openat(&parent, name, flags, Mode::empty())?;
                            if let Some(owner) = owner {
                                fchown(&new, Some(owner.user), Some(owner.group))?;
                            }
                            // The umask may have cleared some bits.
                            fchmod(&new, mode)?;
                            sync(&parent)?;
                        }
                        Err(Errno::EEXIST) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Opens a file for locking; it is created if necessary.
    pub(super) fn lock_file(&self, path: &str) -> Result<File, HostError> {
        let open = || -> io::Result<File> {
            self.make_parents(path, Mode::from_bits_truncate(0o755))?;
            let (parent, name) = self.parent(path)?;
            let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let private = Mode::from_bits_truncate(0o600);
            Ok(File::from(openat(&parent, name, flags, private)?))
        };
        open().map_err(|error| failed("lock", path, error))
    }

    /// Opens a file that only root may read, for reading and appending; it is created if necessary.
    /// Its directory must exist.
    pub(super) fn open_to_append(&self, path: &str) -> io::Result<File> {
        let (parent, name) = self.parent(path)?;
        let flags =
            OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let private = Mode::from_bits_truncate(0o600);
        Ok(File::from(openat(&parent, name, flags, private)?))
    }

    /// The parent directory of a path, opened, and its file name.
    fn parent<'p>(&self, path: &'p str) -> nix::Result<(OwnedFd, &'p str)> {
        let (parent, name) = path.rsplit_once('/').ok_or(Errno::EINVAL)?;
        if matches!(name, "" | "." | "..") {
            return Err(Errno::EINVAL);
        }
        let parent = if parent.is_empty() { "/" } else { parent };
        Ok((openat2(&self.root, parent, how(DIRECTORY))?, name))
    }
}

fn file(parent: &OwnedFd, name: &str) -> io::Result<Entry> {
    // Neither follow a link nor block on a FIFO that has replaced the file in the meantime.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mut file = File::from(openat(parent, name, flags, Mode::empty())?);
    let stat = fstat(&file)?;
    if kind(&stat) != SFlag::S_IFREG {
        return Ok(Entry::Other);
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(Entry::File {
        mode: stat.st_mode & 0o7777,
        content,
    })
}

fn how(flags: OFlag) -> OpenHow {
    let inside = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    OpenHow::new().flags(flags).resolve(inside)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// Syncs a directory, so that its entries are durable.
fn sync(dir: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(fsync(openat(dir, ".", flags, Mode::empty())?)?)
}

pub(super) fn failed(what: &'static str, path: &str, source: io::Error) -> HostError {
    HostError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
