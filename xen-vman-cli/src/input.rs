//! Reads the files whose text the core works on.

use crate::Failure;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use xen_vman_core::{Dialect, Source};

/// What standard input is called in messages.
const STDIN: &str = "<stdin>";

/// Whether standard input has been read, which can be done only once.
static STDIN_WAS_READ: AtomicBool = AtomicBool::new(false);

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether a file is a pipe or the like, which is empty when it is read again, or blocks. What
/// `/dev/stdin` stands for is another file for the next command, even if it is one now.
pub(crate) fn can_be_read_once(path: &Path) -> bool {
    let is_open_file = ["/dev", "/proc"].iter().any(|dir| path.starts_with(dir));
    path.metadata()
        .is_ok_and(|data| !data.is_dir() && (!data.is_file() || is_open_file))
}

/// A definition or a file of facts.
pub(crate) fn source(path: &Path) -> Result<Source, Failure> {
    let name = name(path);
    let bytes = bytes(path)?;
    // The core derives the format from the name, which standard input and pipes do not have.
    let is_pipe = path.extension().is_none() && can_be_read_once(path);
    let typed = if is_stdin(path) || is_pipe {
        format!("stdin.{}", ending(&bytes))
    } else {
        name.clone()
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let source = if size <= Source::BYTES_MAX {
        Source::from_bytes(typed, bytes)
    } else {
        let on_disk = path.metadata().map_or(size, |data| data.len().max(size));
        Source::too_large(typed, on_disk)
    };
    match source {
        Some(source) => Ok(Source { name, ..source }),
        None => Err(
            Failure::new(format!("cannot tell the format of {name} from its name"))
                .help("a definition ends in .toml; the role's variables in .yml, .yaml or .json"),
        ),
    }
}

/// The name of a file as it is shown.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) {
        STDIN.to_owned()
    } else {
        path.display().to_string()
    }
}

/// The bytes of a file. Reading stops one byte beyond the limit, so that the core can report it.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |error: std::io::Error| {
        let failure = Failure::new(format!("cannot read {}: {error}", name(path)));
        if path.is_dir() {
            failure.help("name the files in it")
        } else {
            failure
        }
    };
    let mut bytes = Vec::new();
    // Pipes have no size, so the limit holds while reading.
    let most = Source::BYTES_MAX + 1;
    let read = if is_stdin(path) {
        if STDIN_WAS_READ.swap(true, Ordering::Relaxed) {
            return Err(Failure::new("standard input can be read only once")
                .help("use `-` for one file only"));
        }
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path).map_err(fail)?;
        file.take(most).read_to_end(&mut bytes)
    };
    read.map_err(fail)?;
    Ok(bytes)
}

/// The file name extension for input without a name: JSON begins with `{`, YAML with
/// `---`, and anything else is TOML. Comments and blank lines before that do not count.
fn ending(text: &[u8]) -> &'static str {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    match lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) {
        Some(line) if line.starts_with(b"{") => "json",
        Some(line) if line.starts_with(b"---") => "yml",
        _ => "toml",
    }
}

/// The entries of a directory, sorted.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail =
        |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", dir.display()));
    let entries = std::fs::read_dir(dir).map_err(fail)?;
    let mut paths = entries
        .map(|entry| Ok(entry.map_err(fail)?.path()))
        .collect::<Result<Vec<_>, Failure>>()?;
    paths.sort();
    Ok(paths)
}

/// Whether a file or a directory is hidden, such as `.git`.
pub(crate) fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether a file name is that of a definition.
pub(crate) fn is_definition(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !is_hidden(path) && Dialect::of_file_name(&name).is_some()
}

/// The definitions of a directory that a command reads if it is given none: `*.toml`, in the
/// order of their names. `None` if the directory does not exist.
pub(crate) fn default_definitions(dir: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let exists = dir.try_exists().map_err(|error| {
        Failure::new(format!(
            "cannot read the directory {}: {error}",
            dir.display()
        ))
    })?;
    if !exists {
        return Ok(None);
    }
    let mut files = entries(dir)?;
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    files.retain(|path| is_toml(path) && is_definition(path));
    Ok(Some(files))
}

/// Custom templates: every `NAME.tera` below a directory.
pub(crate) fn templates(dir: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(below) = dirs.pop() {
        let fail = |error: std::io::Error| {
            Failure::new(format!(
                "cannot read templates in {}: {error}",
                dir.display()
            ))
        };
        for entry in std::fs::read_dir(dir.join(&below)).map_err(fail)? {
            let path = below.join(entry.map_err(fail)?.file_name());
            if dir.join(&path).is_dir() {
                dirs.push(path);
            } else if let Some(name) = path.to_str().and_then(|path| path.strip_suffix(".tera")) {
                let text = std::fs::read_to_string(dir.join(&path)).map_err(fail)?;
                found.insert(name.to_owned(), text);
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::new(format!("no templates in {}", dir.display()))
            .help("a template is called NAME.tera, for example xl/vm.cfg.tera"));
    }
    Ok(found)
}
