//! Reads the files that the core is given as text.

use crate::Failure;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use xen_vman_core::{Dialect, Source};

/// A definition or a file of facts.
pub(crate) fn source(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let bytes = bytes(path)?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let source = if size <= Source::BYTES_MAX {
        Source::from_bytes(&name, bytes)
    } else {
        let on_disk = path.metadata().map_or(size, |data| data.len().max(size));
        Source::too_large(&name, on_disk)
    };
    source.ok_or_else(|| {
        Failure::new(format!("{name} has no ending that tells its format"))
            .help("call it .toml, or .yml, .yaml or .json for the role's variables")
    })
}

/// The bytes of a file; of one that is too large, just so many that it shows.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |error: std::io::Error| {
        let name = path.display();
        let failure = Failure::new(format!("cannot read {name}: {error}"));
        if path.is_dir() {
            failure.help("name the files in it")
        } else {
            failure
        }
    };
    let file = std::fs::File::open(path).map_err(fail)?;
    // A pipe has no size, so no more is read than is taken.
    let mut bytes = Vec::new();
    let most = Source::BYTES_MAX + 1;
    file.take(most).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// What is in a directory, sorted.
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

/// Whether a file's name says that it is a definition.
pub(crate) fn is_definition(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && Dialect::of_file_name(&name).is_some()
}

/// The templates of a site: every `NAME.tera` below a directory.
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
        return Err(Failure::new(format!("{} holds no template", dir.display()))
            .help("a template is called NAME.tera, as xl/vm.cfg.tera"));
    }
    Ok(found)
}
