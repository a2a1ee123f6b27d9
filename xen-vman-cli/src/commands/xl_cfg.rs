//! `lint` and `import`: work on existing xl.cfg files.

use crate::args::{Format, ImportArgs, LintArgs};
use crate::{Failure, Outcome, definition, input, terminal};
use std::path::PathBuf;
use xen_vman_core::parse::import;
use xen_vman_core::{Facts, Source, compile_with};

pub(crate) fn run_lint(args: &LintArgs) -> Result<Outcome, Failure> {
    let levels = definition::levels(&args.report)?;
    let format = args.report.format_or(args.json);
    let Some(facts) = definition::facts(args.facts.as_deref(), format)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let found = compile_with(sources(&args.files)?, &facts, &levels);
    terminal::report(&found.report, &found.sources, format)?;
    if found.report.has_errors() {
        return Ok(Outcome::WrongDefinition);
    }
    if format == Format::Text {
        let files = terminal::count(args.files.len(), "file");
        terminal::note(&format!("{files}: no errors"));
    }
    Ok(Outcome::Fine)
}

pub(crate) fn run_import(args: &ImportArgs) -> Result<Outcome, Failure> {
    let sources = sources(&args.files)?;
    let levels = definition::levels(&args.report)?;
    let (text, _) = import(&sources);
    let found = compile_with(sources, &Facts::default(), &levels);
    // Standard output is for the definition.
    let format = args.report.format.for_people();
    terminal::report(&found.report, &found.sources, format)?;
    terminal::data(text.as_bytes())?;
    Ok(if found.report.has_errors() {
        Outcome::WrongDefinition
    } else {
        Outcome::Fine
    })
}

fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let read = |path: &PathBuf| Ok(Source::xl_cfg(input::name(path), input::bytes(path)?));
    paths.iter().map(read).collect()
}
