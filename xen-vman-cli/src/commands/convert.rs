//! `convert`: the role's variables to TOML, and back.

use crate::args::{ConvertArgs, ConvertTo, Format};
use crate::definition::{self, HostFiles};
use crate::{Failure, Outcome, input, terminal};
use std::path::PathBuf;
use xen_vman_core::Dialect;
use xen_vman_core::parse::{ConvertTarget, convert};

pub(crate) fn run(args: &ConvertArgs) -> Result<Outcome, Failure> {
    let source = input::source(&file(args)?)?;
    let target = match args.to {
        Some(ConvertTo::Yaml) => ConvertTarget::Yaml,
        Some(ConvertTo::Json) => ConvertTarget::Json,
        None if source.dialect == Dialect::Schema => ConvertTarget::Yaml,
        Some(ConvertTo::Toml) | None => ConvertTarget::Toml,
    };
    let converted = convert(&source, target);
    terminal::report(&converted.report, &converted.sources, Format::Text)?;
    if converted.report.has_errors() {
        return Ok(Outcome::WrongDefinition);
    }
    terminal::data(converted.text.as_bytes())?;
    Ok(Outcome::Fine)
}

/// The file given, or the only one of the default directory. Several are not joined: each keeps
/// its own settings when it is converted.
fn file(args: &ConvertArgs) -> Result<PathBuf, Failure> {
    if let Some(file) = &args.file {
        return Ok(file.clone());
    }
    let mut files = HostFiles::default(definition::default_dir(), "name its file")?.files;
    match files.len() {
        1 => Ok(files.remove(0)),
        many => {
            let names: Vec<_> = files.iter().map(|file| input::name(file)).collect();
            Err(Failure::new(format!(
                "there are {many} definitions, and no file is given: {}",
                names.join(", ")
            ))
            .help("name one of them: `convert` works on one file at a time"))
        }
    }
}
