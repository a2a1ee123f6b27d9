//! Reads the files that the core is given as text.

use crate::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xen_vman_core::Source;

/// A definition or a file of facts.
pub(crate) fn source(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        let failure = Failure::new(format!("cannot read {name}: {error}"));
        if path.is_dir() {
            failure.help("name the files in it")
        } else {
            failure
        }
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Failure::new(format!("{name}:{line}: the file is not UTF-8"))
            .help("save it as UTF-8 and try again")
    })?;
    let text = text
        .strip_prefix('\u{feff}')
        .map_or_else(|| text.clone(), str::to_owned);
    Source::new(&name, text).ok_or_else(|| {
        Failure::new(format!("{name} has no ending that tells its format"))
            .help("call it .toml, or .yml, .yaml or .json for the role's variables")
    })
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
