//! The directory that `render` writes to.
//!
//! Its `manifest.json` lists the files that belong to xen-vman. Only those are ever replaced
//! or removed; if any other file conflicts, nothing is written. The names of all files are
//! recorded before the first one is written, so that the next render can replace what an
//! interrupted one left.

use crate::Failure;
use crate::interrupt::{self, Doing};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use xen_vman_core::render::RenderedFile;

const MANIFEST: &str = "manifest.json";
/// The files of an unfinished render, one per line.
const UNFINISHED: &str = ".manifest.unfinished";

/// An output directory, and which of its files belong to xen-vman.
#[derive(Debug)]
pub(crate) struct OutputDir {
    path: PathBuf,
    ours: HashSet<String>,
    entries: Vec<Value>,
}

/// How many files a render changed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Written {
    new: usize,
    unchanged: usize,
    removed: usize,
}

impl Written {
    pub(crate) fn to_json(self, dir: &Path) -> Value {
        json!({
            "directory": dir.to_string_lossy(),
            "written": self.new,
            "unchanged": self.unchanged,
            "removed": self.removed,
        })
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} files written, {} unchanged, {} removed",
            self.new, self.unchanged, self.removed
        )
    }
}

impl OutputDir {
    /// Opens a directory; creates it if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path).map_err(|error| {
            Failure::new(format!(
                "cannot create directory {}: {error}",
                path.display()
            ))
        })?;
        let entries = match read(&path.join(MANIFEST))? {
            Some(text) => serde_json::from_str::<Value>(&text)
                .ok()
                .and_then(|manifest| manifest.get("files")?.as_array().cloned())
                .ok_or_else(|| {
                    Failure::new(format!(
                        "{} was not written by `render`",
                        path.join(MANIFEST).display()
                    ))
                    .help("choose an empty directory")
                })?,
            None => Vec::new(),
        };
        let unfinished = read(&path.join(UNFINISHED))?.unwrap_or_default();
        let ours = entries
            .iter()
            .filter_map(relative_path)
            .chain(unfinished.lines());
        let ours = ours
            .map(str::to_owned)
            .filter(|relative| is_inside(relative))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            ours,
            entries,
        })
    }

    /// Writes the manifest and the files, by their path below the directory. Removes the files
    /// of earlier renders that are not among them, unless this render was limited to some.
    pub(crate) fn write(
        mut self,
        files: &[(String, &RenderedFile)],
        manifest: &impl Serialize,
        narrowed: bool,
    ) -> Result<Written, Failure> {
        self.refuse_foreign(files)?;
        let new: HashSet<&str> = files
            .iter()
            .map(|(relative, _)| relative.as_str())
            .collect();
        let all: Vec<&str> = new
            .iter()
            .copied()
            .chain(self.ours.iter().map(String::as_str))
            .collect();
        interrupt::now(Doing::Writing(self.path.clone()));
        self.replace(UNFINISHED, all.join("\n").as_bytes())?;
        let mut done = Written::default();
        let mut known_dirs = HashSet::new();
        for (relative, file) in files {
            let path = self.path.join(relative);
            self.make_dirs(relative, &mut known_dirs)?;
            match write_file(&path, file) {
                Ok(true) => done.new += 1,
                Ok(false) => done.unchanged += 1,
                Err(error) => return Err(failed(&path, &error, done)),
            }
        }
        let manifest = if narrowed {
            serde_json::to_value(manifest).and_then(|mut manifest| {
                keep_entries(&mut manifest, std::mem::take(&mut self.entries), &new);
                serde_json::to_string_pretty(&manifest)
            })
        } else {
            for relative in self
                .ours
                .iter()
                .filter(|relative| !new.contains(relative.as_str()))
            {
                done.removed += usize::from(self.remove(relative)?);
            }
            serde_json::to_string_pretty(manifest)
        };
        let manifest = manifest
            .map_err(|error| Failure::new(format!("cannot write the manifest: {error}")))?;
        self.replace(MANIFEST, format!("{manifest}\n").as_bytes())?;
        let _ = fs::remove_file(self.path.join(UNFINISHED));
        Ok(done)
    }

    /// Refuses to replace a file that no render has written.
    fn refuse_foreign(&self, files: &[(String, &RenderedFile)]) -> Result<(), Failure> {
        if fs::read_dir(&self.path).is_ok_and(|mut entries| entries.next().is_none()) {
            return Ok(());
        }
        for (relative, file) in files
            .iter()
            .filter(|(relative, _)| !self.ours.contains(relative))
        {
            let path = self.path.join(relative);
            let foreign = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => {
                    fs::read(&path).map_or(true, |content| content != file.content)
                }
                Ok(_) => true,
                Err(_) => false,
            };
            if foreign {
                return Err(Failure::new(format!(
                    "{} exists and was not written by `render`",
                    path.display()
                ))
                .help("move it, or choose another directory; nothing was written"));
            }
        }
        Ok(())
    }

    /// Creates the directories of a file. Symbolic links among them are not followed.
    fn make_dirs(&self, relative: &str, known: &mut HashSet<String>) -> Result<(), Failure> {
        let Some((parent, _)) = relative.rsplit_once('/') else {
            return Ok(());
        };
        if known.contains(parent) {
            return Ok(());
        }
        self.make_dirs(parent, known)?;
        let path = self.path.join(parent);
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                    return Err(Failure::new(format!(
                        "{} exists but is not a directory",
                        path.display()
                    )));
                }
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "cannot create directory {}: {error}",
                    path.display()
                )));
            }
        }
        known.insert(parent.to_owned());
        Ok(())
    }

    fn remove(&self, relative: &str) -> Result<bool, Failure> {
        let path = self.path.join(relative);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(false);
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "cannot remove {}: {error}",
                    path.display()
                )));
            }
        }
        // Parents that became empty, up to the first that did not.
        let below = path.ancestors().skip(1).take_while(|dir| *dir != self.path);
        let _ = below.map(fs::remove_dir).take_while(Result::is_ok).count();
        Ok(true)
    }

    /// Replaces the manifest or its like atomically.
    fn replace(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let (path, temporary) = (self.path.join(name), self.path.join(format!("{name}.new")));
        fs::write(&temporary, content)
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    }
}

fn relative_path(entry: &Value) -> Option<&str> {
    entry.get("file")?.as_str()
}

/// A manifest may have been edited: no path in it may lead out of the directory.
fn is_inside(relative: &str) -> bool {
    !relative.is_empty()
        && !relative.starts_with('/')
        && relative
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."))
}

fn keep_entries(manifest: &mut Value, before: Vec<Value>, new: &HashSet<&str>) {
    if let Some(Value::Array(files)) = manifest.get_mut("files") {
        files.extend(
            before.into_iter().filter(|entry| {
                relative_path(entry).is_some_and(|relative| !new.contains(relative))
            }),
        );
    }
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

fn failed(path: &Path, error: &io::Error, done: Written) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display())).help(format!(
        "{done} before that; fix the cause and run the same command again"
    ))
}

/// Writes a file, setting its permissions before its content; returns whether it changed.
fn write_file(path: &Path, file: &RenderedFile) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .mode(file.mode)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits());
    let mut handle = match options.clone().create_new(true).open(path) {
        Ok(handle) => handle,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            let same = metadata.is_file()
                && metadata.permissions().mode() & 0o7777 == file.mode
                && fs::read(path).is_ok_and(|content| content == file.content);
            if same {
                return Ok(false);
            }
            fs::remove_file(path)?;
            options.create_new(true).open(path)?
        }
        Err(error) => return Err(error),
    };
    // The umask may have removed bits.
    handle.set_permissions(Permissions::from_mode(file.mode))?;
    handle.write_all(&file.content)?;
    Ok(true)
}
