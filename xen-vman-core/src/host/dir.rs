//! Access to files below a directory that serves as `/`.

use super::HostError;
use super::machine::{Files, GuestRoot};
use crate::plan::{Access, Entry, FileOwner};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, getegid, geteuid, symlinkat, unlinkat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use xattr::FileExt as _;

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

    fn try_put(&self, path: &str, entry: &Entry) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        let new = new_file(name);
        match unlinkat(&parent, new.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        match entry {
            Entry::File { access, content } => {
                let flags = OFlag::O_WRONLY
                    | OFlag::O_CREAT
                    | OFlag::O_EXCL
                    | OFlag::O_NOFOLLOW
                    | OFlag::O_CLOEXEC;
                let private = Mode::from_bits_truncate(0o600);
                let mut file = File::from(openat(&parent, new.as_str(), flags, private)?);
                set_access(&file, access)?;
                file.write_all(content)?;
                file.sync_all()?;
            }
            Entry::Link(target) => symlinkat(target.as_str(), &parent, new.as_str())?,
            Entry::Other => return Err(io::ErrorKind::Unsupported.into()),
        }
        renameat(&parent, new.as_str(), &parent, name)?;
        sync(&parent)
    }

    fn each_name(&self, path: &str) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = match openat2(&self.root, path, how(flags)) {
            Err(Errno::ENOENT) => None,
            dir => Some(nix::dir::Dir::from_fd(dir?)?),
        };
        let entries = dir.into_iter().flatten();
        Ok(entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())))
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
            self.make_parents_for(path, Mode::from_bits_truncate(0o755), None)?;
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

    /// The status of what is at a path, with its parent directory and its name; `None` if there is
    /// nothing.
    fn stat<'p>(&self, path: &'p str) -> nix::Result<Option<(OwnedFd, &'p str, FileStat)>> {
        let (parent, name) = match self.parent(path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            parent => parent?,
        };
        match fstatat(&parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => Ok(None),
            stat => Ok(Some((parent, name, stat?))),
        }
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

impl Files for HostDir {
    fn entry(&self, path: &str) -> Result<Option<Entry>, HostError> {
        let read = || -> io::Result<Option<Entry>> {
            let Some((parent, name, stat)) = self.stat(path)? else {
                return Ok(None);
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

    fn put(&self, path: &str, entry: &Entry) -> Result<(), HostError> {
        self.make_parents_for(path, Mode::from_bits_truncate(0o755), None)
            .and_then(|()| self.try_put(path, entry))
            .map_err(|error| failed("write", path, error))
    }

    fn remove(&self, path: &str) -> Result<(), HostError> {
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

    fn remove_tree(&self, path: &str) -> Result<(), HostError> {
        let remove = || -> io::Result<()> {
            let (parent, name) = self.parent(path)?;
            remove_at(&parent, OsStr::new(name))?;
            sync(&parent)
        };
        remove().map_err(|error| failed("remove", path, error))
    }

    fn remove_empty(&self, path: &str) -> Result<(), HostError> {
        let removed = self.parent(path).and_then(|(parent, name)| {
            unlinkat(&parent, name, UnlinkatFlags::RemoveDir).map(|()| parent)
        });
        match removed {
            Ok(parent) => sync(&parent).map_err(|error| failed("remove", path, error)),
            // It does not exist, is not empty, or is a mount point.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ENOTEMPTY | Errno::EBUSY) => Ok(()),
            Err(errno) => Err(failed("remove", path, errno.into())),
        }
    }

    fn names(&self, path: &str) -> Result<Vec<String>, HostError> {
        let names = self.each_name(path).and_then(Iterator::collect);
        match names {
            // A file in place of a directory above it: nothing is there.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => match self.entry(path)? {
                None => Ok(Vec::new()),
                Some(_) => Err(failed("list", path, error)),
            },
            names => names.map_err(|error| failed("list", path, error)),
        }
    }

    fn is_program(&self, path: &str) -> Result<bool, HostError> {
        match openat2(&self.root, path, how(OFlag::O_PATH | OFlag::O_CLOEXEC)) {
            Ok(file) => {
                let stat = fstat(&file).map_err(|errno| failed("read", path, errno.into()))?;
                Ok(kind(&stat) == SFlag::S_IFREG && stat.st_mode & 0o111 != 0)
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(errno) => Err(failed("read", path, errno.into())),
        }
    }

    fn make_parents(&self, path: &str, mode: u32) -> Result<(), HostError> {
        self.make_parents_for(path, Mode::from_bits_truncate(mode), None)
            .map_err(|error| failed("make directories for", path, error))
    }
}

impl GuestRoot for HostDir {
    fn put_for(
        &self,
        owner: FileOwner,
        path: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), HostError> {
        let access = Access {
            owner,
            ..Access::of_root(mode)
        };
        let content = content.to_vec();
        let entry = Entry::File { access, content };
        let is_private = mode.trailing_zeros() >= 6;
        let parents = if is_private { 0o700 } else { 0o755 };
        self.make_parents_for(path, Mode::from_bits_truncate(parents), Some(owner))
            .and_then(|()| self.try_put(path, &entry))
            .map_err(|error| failed("write", path, error))
    }

    fn unlink(&self, path: &str) -> Result<(), HostError> {
        self.remove(path)
    }

    fn content(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, HostError> {
        let read = || -> io::Result<Option<Vec<u8>>> {
            let Some((parent, name, stat)) = no_loop(self.stat(path))? else {
                return Ok(None);
            };
            // Opening anything else may have effects, or may fail.
            if kind(&stat) != SFlag::S_IFREG {
                return Ok(None);
            }
            let file = open_file(&parent, name)?;
            if kind(&fstat(&file)?) != SFlag::S_IFREG {
                return Ok(None);
            }
            // The size in the file's status may be a lie by the time it is read.
            let most = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
            let mut content = Vec::new();
            file.take(most.saturating_add(1))
                .read_to_end(&mut content)?;
            Ok((content.len() <= limit_bytes).then_some(content))
        };
        read().map_err(|error| failed("read", path, error))
    }

    fn is_there(&self, path: &str) -> Result<bool, HostError> {
        match no_loop(self.stat(path)) {
            Ok(found) => Ok(found.is_some()),
            Err(errno) => Err(failed("read", path, errno.into())),
        }
    }

    fn has_other_names(&self, path: &str, known: &[&str]) -> Result<bool, HostError> {
        let look = || -> io::Result<bool> {
            for name in self.each_name(path)? {
                let name = name?;
                if name != "." && name != ".." && !known.contains(&&*name) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        look().map_err(|error| failed("list", path, error))
    }
}

/// A guest's links may form a cycle; there is nothing at such a path.
fn no_loop<T>(found: nix::Result<Option<T>>) -> nix::Result<Option<T>> {
    match found {
        Err(Errno::ELOOP) => Ok(None),
        found => found,
    }
}

fn file(parent: &OwnedFd, name: &str) -> io::Result<Entry> {
    let mut file = open_file(parent, name)?;
    let stat = fstat(&file)?;
    if kind(&stat) != SFlag::S_IFREG {
        return Ok(Entry::Other);
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    let access = Access {
        owner: seen(FileOwner {
            user: stat.st_uid,
            group: stat.st_gid,
        }),
        mode: stat.st_mode & 0o7777,
        acl: acl(&file)?,
    };
    Ok(Entry::File { access, content })
}

/// Removes an entry and all that is below it.
fn remove_at(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let dir = openat(parent, name, flags, Mode::empty())?;
    for entry in nix::dir::Dir::from_fd(dir.try_clone()?)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            remove_at(&dir, name)?;
        }
    }
    Ok(unlinkat(parent, name, UnlinkatFlags::RemoveDir)?)
}

/// The ending of new files, before they are renamed.
const NEW: &str = ".xen-vman-new";

/// The name of a new file until it takes the place of another.
fn new_file(name: &str) -> String {
    format!(".{name}{NEW}")
}

/// Whether a name is that of a new file, which a run that was killed has left.
pub(super) fn is_new_file(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(NEW)
}

/// The extended attribute that holds a file's access control list.
const ACL: &str = "system.posix_acl_access";

/// The access control list of a file; `None` if it has none, or if its file system has none.
fn acl(file: &File) -> io::Result<Option<Vec<u8>>> {
    match file.get_xattr(ACL) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        acl => acl,
    }
}

/// Sets who may do what with a new file. The mode comes last: it must not be more open than the
/// list allows, and a directory may have given the file a list of its own.
fn set_access(file: &File, access: &Access) -> io::Result<()> {
    let owner = on_disk(access.owner);
    fchown(file, Some(owner.user), Some(owner.group))?;
    match &access.acl {
        Some(acl) => file.set_xattr(ACL, acl)?,
        None if acl(file)?.is_some() => file.remove_xattr(ACL)?,
        None => {}
    }
    Ok(fchmod(file, Mode::from_bits_truncate(access.mode))?)
}

/// The user and the group of this process. Without the rights of root, as when an image is
/// prepared, its own files stand for those of root.
fn own() -> Option<FileOwner> {
    let user = geteuid();
    (!user.is_root()).then(|| FileOwner {
        user: user.as_raw(),
        group: getegid().as_raw(),
    })
}

/// An owner as a plan sees it.
fn seen(found: FileOwner) -> FileOwner {
    own().map_or(found, |own| FileOwner {
        user: if found.user == own.user {
            0
        } else {
            found.user
        },
        group: if found.group == own.group {
            0
        } else {
            found.group
        },
    })
}

/// An owner as a file gets it.
fn on_disk(wanted: FileOwner) -> FileOwner {
    own().map_or(wanted, |own| FileOwner {
        user: if wanted.user == 0 {
            own.user
        } else {
            wanted.user
        },
        group: if wanted.group == 0 {
            own.group
        } else {
            wanted.group
        },
    })
}

/// Opens a file to read it. This neither follows a link nor blocks on a FIFO that has replaced the
/// file in the meantime.
fn open_file(parent: &OwnedFd, name: &str) -> nix::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty()).map(File::from)
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
