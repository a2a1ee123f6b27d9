//! `check --fix` and `lint --fix`: show mechanical changes, and write them.

use crate::interrupt::{self, Doing};
use crate::{Failure, input, terminal};
use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use xen_vman_core::diag::Levels;
use xen_vman_core::fix::{FixedFile, fix, fixable};
use xen_vman_core::{Facts, Fleet, Source};

/// Says that there is something to fix.
pub(crate) fn mention(fleet: &Fleet, command: &str) {
    let verb = match fixable(fleet) {
        0 => return,
        1 => "1 of these can be fixed".to_owned(),
        many => format!("{many} of these can be fixed"),
    };
    terminal::note(&format!(
        "{verb} mechanically; 'xen-vman-cli {command} --fix' shows how"
    ));
}

/// Shows the changes as a diff, and writes them if the user agrees.
pub(crate) fn offer(
    paths: &[&PathBuf],
    hosts: Vec<Vec<Source>>,
    facts: &Facts,
    levels: &Levels,
    yes: bool,
) -> Result<(), Failure> {
    if paths.iter().any(|path| is_read_once(path)) {
        return Err(Failure::new("standard input and pipes cannot be fixed").help("name a file"));
    }
    let fixed = fix(hosts, facts, levels);
    if fixed.files.is_empty() {
        terminal::note("nothing here can be fixed mechanically");
        return Ok(());
    }
    let diff: String = fixed.files.iter().map(|file| &*file.diff).collect();
    terminal::data(diff.as_bytes())?;
    for (id, place) in &fixed.problems {
        terminal::note(&format!("fixes {id}: {place}"));
    }
    let files = terminal::count(fixed.files.len(), "file");
    if !yes {
        if !std::io::stdin().is_terminal() {
            terminal::note("nothing is written; to write it, add `--yes`");
            return Ok(());
        }
        terminal::note(&format!("To change {files}, type `fix`:"));
        if terminal::answer().as_deref() != Some("fix") {
            terminal::note("nothing is written");
            return Ok(());
        }
    }
    // All are written beside the old ones before the first one is replaced.
    interrupt::now(Doing::Fixing);
    let mut written = Vec::new();
    for file in &fixed.files {
        let path = paths.iter().find(|path| input::name(path) == file.name);
        let path = path.unwrap_or_else(|| unreachable!("{} was read", file.name));
        written.push(write(path, file)?);
    }
    for (path, new) in written {
        new.persist(&path)
            .map_err(|error| fail(&path, &error.error))?;
    }
    terminal::note(&format!("{files} changed"));
    Ok(())
}

fn is_read_once(path: &Path) -> bool {
    input::is_stdin(path) || input::can_be_read_once(path)
}

/// Writes the new file beside the old one, with its mode and owner.
fn write(path: &Path, file: &FixedFile) -> Result<(PathBuf, NamedTempFile), Failure> {
    let fail = |error: std::io::Error| fail(path, &error);
    // A link stays one.
    let path = path.canonicalize().map_err(fail)?;
    let now = input::bytes(&path)?;
    let mark: &[u8] = b"\xef\xbb\xbf";
    let (mark, text) = match now.strip_prefix(mark) {
        Some(text) => (mark, text),
        None => (&[][..], &now[..]),
    };
    if text != file.before.as_bytes() {
        let failure = Failure::new(format!("{} has changed in the meantime", file.name));
        return Err(failure.help("run the command again"));
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    let mut new = NamedTempFile::new_in(dir).map_err(fail)?;
    new.write_all(mark).map_err(fail)?;
    new.write_all(file.after.as_bytes()).map_err(fail)?;
    let data = fs::metadata(&path).map_err(fail)?;
    chown(new.path(), Some(data.uid()), Some(data.gid())).map_err(fail)?;
    fs::set_permissions(new.path(), data.permissions()).map_err(fail)?;
    new.as_file().sync_all().map_err(fail)?;
    Ok((path, new))
}

fn fail(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}
