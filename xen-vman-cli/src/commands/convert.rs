//! `convert`: the role's variables as TOML, and back.

use crate::args::{ConvertArgs, ConvertTo, Format};
use crate::{Failure, Outcome, input, terminal};
use xen_vman_core::parse::{ConvertTarget, convert};
use xen_vman_core::{Dialect, Sources};

pub(crate) fn run(args: &ConvertArgs) -> Result<Outcome, Failure> {
    let source = input::source(&args.file)?;
    let target = match args.to {
        Some(ConvertTo::Yaml) => ConvertTarget::Yaml,
        Some(ConvertTo::Json) => ConvertTarget::Json,
        None if source.dialect == Dialect::Schema => ConvertTarget::Yaml,
        Some(ConvertTo::Toml) | None => ConvertTarget::Toml,
    };
    let (text, mut report) = convert(&source, target);
    let mut sources = Sources::default();
    sources.add(source);
    report.locate(|path| sources.span_of(path));
    terminal::report(&report, &sources, Format::Text)?;
    if report.has_errors() {
        return Ok(Outcome::WrongDefinition);
    }
    terminal::data(text.as_bytes())?;
    Ok(Outcome::Fine)
}
