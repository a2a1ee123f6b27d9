//! Compiles the definitions that the arguments name.

use crate::args::{FileOption, FilesArgs, Format, HostsArgs, InputArgs, ReportArgs};
use crate::{Failure, input, terminal};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use xen_vman_core::diag::{Levels, Places, Report};
use xen_vman_core::facade::{Choices, FactsFile, InvalidChoice, compile_hosts};
use xen_vman_core::{Assets, Compiled, Facts, Fleet, Output, Source, Templates};

/// A host's definition.
#[derive(Debug)]
pub(crate) struct HostFiles {
    /// Files that are joined, in this order.
    pub(crate) files: Vec<PathBuf>,
    /// The directory that they are all the definitions of, if no file was named.
    pub(crate) default_dir: Option<PathBuf>,
}

impl fmt::Display for HostFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.files.iter().map(|file| file.display().to_string());
        f.write_str(&names.collect::<Vec<_>>().join(", "))
    }
}

impl HostFiles {
    /// Files that were named.
    pub(crate) fn named(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            default_dir: None,
        }
    }

    fn named_or_default(
        files: &[PathBuf],
        default_dir: PathBuf,
        how_to_name: &str,
    ) -> Result<Self, Failure> {
        if files.is_empty() {
            Self::default(default_dir, how_to_name)
        } else {
            Ok(Self::named(files.to_vec()))
        }
    }

    /// Every definition of the default directory.
    pub(crate) fn default(dir: PathBuf, how_to_name: &str) -> Result<Self, Failure> {
        let files = input::default_definitions(&dir)?;
        let why = match &files {
            None => "does not exist",
            Some(files) if files.is_empty() => "contains no *.toml file",
            Some(_) => {
                return Ok(Self {
                    files: files.unwrap_or_default(),
                    default_dir: Some(dir),
                });
            }
        };
        let dir = dir.display();
        Err(
            Failure::new(format!("no definition: no file is given, and {dir} {why}")).help(
                format!("{how_to_name}, or put the definition in {dir}/hypervisor.toml"),
            ),
        )
    }
}

/// Where commands that work on no host read the definition from. Tests cannot write there,
/// so a variable overrides it.
pub(crate) fn default_dir() -> PathBuf {
    let dir = std::env::var_os("XEN_VMAN_DEFINITION_DIR");
    dir.map_or_else(|| PathBuf::from("/etc/xen-vman"), PathBuf::from)
}

impl FilesArgs {
    /// The files given, or those of the default directory.
    pub(crate) fn host(&self, default_dir: PathBuf) -> Result<HostFiles, Failure> {
        HostFiles::named_or_default(&self.files, default_dir, "name its file")
    }
}

impl FileOption {
    /// The files given, or those of the default directory.
    pub(crate) fn host(&self, default_dir: PathBuf) -> Result<HostFiles, Failure> {
        HostFiles::named_or_default(&self.files, default_dir, "name its file with `--file`")
    }
}

impl HostsArgs {
    /// The hosts that the arguments name: a file is one host, a directory contains several.
    pub(crate) fn hosts(&self) -> Result<Vec<HostFiles>, Failure> {
        if self.hosts.is_empty() {
            let host = HostFiles::default(default_dir(), "name its file")?;
            return Ok(vec![host]);
        }
        let mut hosts = Vec::new();
        for path in &self.hosts {
            if input::is_stdin(path) || !path.is_dir() {
                hosts.push(HostFiles::named(vec![path.clone()]));
                continue;
            }
            let before = hosts.len();
            for inner in input::entries(path)? {
                if input::is_hidden(&inner) {
                    continue;
                }
                if inner.is_dir() {
                    let files: Vec<_> = input::entries(&inner)?
                        .into_iter()
                        .filter(|path| input::is_definition(path))
                        .collect();
                    if !files.is_empty() {
                        hosts.push(HostFiles::named(files));
                    }
                } else if input::is_definition(&inner) {
                    hosts.push(HostFiles::named(vec![inner]));
                }
            }
            if hosts.len() == before {
                return Err(
                    Failure::new(format!("no definitions in {}", path.display()))
                        .help("the name of a definition ends in .toml, .yml, .yaml or .json"),
                );
            }
        }
        // A file that is named twice, such as by itself and by its directory, is one host.
        let mut seen = HashSet::new();
        hosts.retain(|host| {
            let real = host
                .files
                .iter()
                .map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()));
            seen.insert(real.collect::<Vec<_>>())
        });
        Ok(hosts)
    }
}

/// The compiled definitions of hosts, with their network scripts; `None` if the file of facts
/// has errors, which are reported. It takes precedence over observed facts.
pub(crate) fn fleet(
    hosts: &[HostFiles],
    args: &InputArgs,
    format: Format,
    observed: Facts,
) -> Result<Option<(Fleet, Vec<Assets>)>, Failure> {
    let levels = levels(&args.report)?;
    let files = host_sources(hosts, &args.common)?;
    let Some(facts) = facts(args.facts.as_deref(), format)? else {
        return Ok(None);
    };
    let scripts: Vec<_> = hosts.iter().map(|host| scripts_dir(host, args)).collect();
    let read = |host: usize, path: &str| {
        std::fs::read(scripts[host].join(path)).map_err(|error| error.to_string())
    };
    Ok(Some(compile_hosts(
        files,
        &facts.or(observed),
        &levels,
        read,
    )))
}

/// The compiled definition of one host and what it renders to; `None` if it has errors. All
/// problems are reported.
pub(crate) fn rendered(
    host: HostFiles,
    input: &InputArgs,
    format: Format,
    templates: Option<&Path>,
    observed: Facts,
) -> Result<Option<(Compiled, Output)>, Failure> {
    let templates = match templates {
        Some(dir) => Templates::with_overrides(&input::templates(dir)?)?,
        None => Templates::embedded(),
    };
    let Some((fleet, assets)) = fleet(&[host], input, format, observed)? else {
        return Ok(None);
    };
    let compiled = single(fleet)?;
    show(&compiled.report, &compiled.sources, format)?;
    if compiled.report.has_errors() {
        return Ok(None);
    }
    let output = compiled.render(&templates, &assets[0])?;
    Ok(Some((compiled, output)))
}

/// The only host of a fleet that was made of one.
pub(crate) fn single(fleet: Fleet) -> Result<Compiled, Failure> {
    let one = fleet.into_single();
    one.map_err(|fleet| Failure::new(format!("{} hosts instead of one", fleet.hosts.len())))
}

/// The sources of each host, with the settings that all share.
pub(crate) fn host_sources(
    hosts: &[HostFiles],
    common: &[PathBuf],
) -> Result<Vec<Vec<Source>>, Failure> {
    let common = sources(common)?;
    let of_host = |host: &HostFiles| Ok([common.clone(), sources(&host.files)?].concat());
    hosts.iter().map(of_host).collect()
}

fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    paths.iter().map(|path| input::source(path)).collect()
}

/// The levels chosen by the arguments.
pub(crate) fn levels(args: &ReportArgs) -> Result<Levels, Failure> {
    let choices = Choices {
        allow: args.allow.clone(),
        deny: args.deny.clone(),
        strict: args.strict,
    };
    choices.levels().map_err(|invalid| {
        let help = invalid.0.iter().find_map(InvalidChoice::help);
        Failure::new(invalid.to_string()).help(help.unwrap_or_else(|| LISTED.to_owned()))
    })
}

/// Where all diagnostics are found.
const LISTED: &str = "`xen-vman-cli diagnostics` lists them";

/// The failure for a name that no diagnostic has.
pub(crate) fn unknown_diagnostic(name: &str) -> Failure {
    let invalid = InvalidChoice::unknown(name);
    let help = invalid.help().unwrap_or_else(|| LISTED.to_owned());
    Failure::new(invalid.to_string()).help(help)
}

/// The facts in a file; `None` if it has errors, which are reported.
pub(crate) fn facts(path: Option<&Path>, format: Format) -> Result<Option<Facts>, Failure> {
    let Some(path) = path else {
        return Ok(Some(Facts::default()));
    };
    let file = FactsFile::read(input::source(path)?);
    show(&file.report, &file.sources, format)?;
    Ok(file.facts().cloned())
}

/// Reports problems. They go to standard output only if there are errors: otherwise that is
/// for the result.
pub(crate) fn show(report: &Report, sources: &impl Places, format: Format) -> Result<(), Failure> {
    let format = if report.has_errors() {
        format
    } else {
        format.for_people()
    };
    if report.is_empty() {
        return Ok(());
    }
    terminal::report(report, sources, format)
}

fn scripts_dir(host: &HostFiles, args: &InputArgs) -> PathBuf {
    let beside = || {
        // Pipes are next to nothing: what is relative to them is relative to the current directory.
        let is_named = |file: &&PathBuf| !input::is_stdin(file) && !input::can_be_read_once(file);
        let first = host.files.iter().find(is_named);
        let first = first.and_then(|file| file.parent());
        first.unwrap_or(Path::new("")).join("files")
    };
    args.scripts.clone().unwrap_or_else(beside)
}
