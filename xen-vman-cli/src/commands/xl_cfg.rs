//! `lint` and `import`: work on existing configurations of domains.

use crate::args::{Format, ImportArgs, LintArgs};
use crate::{Failure, Outcome, definition, fix, input, terminal};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use xen_vman_core::diag::DiagnosticId;
use xen_vman_core::parse::{ImportOptions, import_with};
use xen_vman_core::{Facts, Source, compile_fleet, compile_with};

pub(crate) fn run_lint(args: &LintArgs) -> Result<Outcome, Failure> {
    let mut levels = definition::levels(&args.report)?;
    // xl takes any name; only a definition does not.
    levels.allowed.push(DiagnosticId::RenamedDomain);
    let format = args.report.format_or(args.json);
    let Some(facts) = definition::facts(args.facts.as_deref(), format)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let Found { files, .. } = configurations(&args.files, None)?;
    let count = files.len();
    if args.fix.fix {
        let paths: Vec<_> = files.iter().collect();
        fix::offer(
            &paths,
            vec![sources(&files)?],
            &facts,
            &levels,
            args.fix.yes,
        )?;
    }
    let found = compile_fleet(vec![sources(&files)?], &facts, &levels);
    terminal::report(&found.report, &found.sources, format)?;
    if format == Format::Text && !args.fix.fix {
        fix::mention(&found, "lint");
    }
    if found.report.has_errors() {
        return Ok(Outcome::WrongDefinition);
    }
    if format == Format::Text {
        let files = terminal::count(count, "file");
        terminal::note(&format!("{files}: no errors"));
    }
    Ok(Outcome::Fine)
}

pub(crate) fn run_import(args: &ImportArgs) -> Result<Outcome, Failure> {
    let found = configurations(&args.files, Some(&args.auto))?;
    let mut options = ImportOptions::default();
    options.org.clone_from(&args.org);
    options.start_with_host = found.start_with_host;
    options.xl_conf = found.xl_conf.as_deref().map(source).transpose()?;
    options.xen_tools_conf = found.xen_tools_conf.as_deref().map(source).transpose()?;
    let sources = sources(&found.files)?;
    let levels = definition::levels(&args.report)?;
    let (text, _) = import_with(&sources, &options);
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

/// The files that the arguments name.
struct Found {
    files: Vec<PathBuf>,
    /// The names of those that start with the host.
    start_with_host: HashSet<String>,
    xl_conf: Option<PathBuf>,
    xen_tools_conf: Option<PathBuf>,
}

/// Finds the configurations; `auto` is the directory whose links name domains that start with the
/// host. A file that is named twice is read once.
fn configurations(paths: &[PathBuf], auto: Option<&Path>) -> Result<Found, Failure> {
    let mut found = Found {
        files: Vec::new(),
        start_with_host: HashSet::new(),
        xl_conf: None,
        xen_tools_conf: None,
    };
    let mut seen = HashSet::new();
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let links = match auto.filter(|dir| dir.is_dir()) {
        Some(dir) => input::entries(dir)?,
        None => Vec::new(),
    };
    let links: HashSet<PathBuf> = links.iter().map(|link| real(link)).collect();
    for path in paths {
        let files = if path.is_dir() {
            let mut files = input::entries(path)?;
            let is_auto = auto.is_some_and(|auto| real(path) == real(auto));
            let is_configuration = |file: &PathBuf| {
                let is_named = file
                    .extension()
                    .is_some_and(|ending| ending == "cfg" || ending == "xml" && auto.is_some());
                file.is_file() && (is_named || is_auto)
            };
            files.retain(is_configuration);
            files
        } else {
            vec![path.clone()]
        };
        for file in files {
            let place = real(&file);
            let is_named =
                |name: &str| auto.is_some() && file.file_name().is_some_and(|own| own == name);
            if is_named("xl.conf") {
                found.xl_conf = Some(file);
            } else if is_named("xen-tools.conf") {
                found.xen_tools_conf = Some(file);
            } else if input::is_stdin(&file) || !seen.contains(&place) {
                if links.contains(&place) {
                    found.start_with_host.insert(input::name(&file));
                }
                seen.insert(place);
                found.files.push(file);
            }
        }
    }
    if found.files.is_empty() {
        let failure = Failure::new("there is no configuration in what is named");
        let endings = if auto.is_some() {
            ".cfg or .xml"
        } else {
            ".cfg"
        };
        return Err(failure.help(format!("those in a directory end in {endings}")));
    }
    Ok(found)
}

fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    paths.iter().map(|path| source(path)).collect()
}

fn source(path: &Path) -> Result<Source, Failure> {
    Ok(Source::domain(input::name(path), input::bytes(path)?))
}
