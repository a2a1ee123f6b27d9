//! `check`: reports all problems of the definitions of hosts; writes nothing.

use crate::args::{CheckArgs, Format};
use crate::definition::{self, HostFiles};
use crate::{Failure, Outcome, fix, input, terminal};
use std::collections::HashSet;
use xen_vman_core::Facts;

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let hosts = hosts(args)?;
    let format = args.input.report.format_or(args.json);
    if args.fix.fix {
        let facts = definition::facts(args.input.facts.as_deref(), format)?;
        let Some(facts) = facts else {
            return Ok(Outcome::WrongDefinition);
        };
        let levels = definition::levels(&args.input.report)?;
        let sources = definition::host_sources(&hosts, &args.input.common)?;
        let named = hosts.iter().flat_map(|host| &host.files);
        let paths: Vec<_> = named.chain(&args.input.common).collect();
        fix::offer(&paths, sources, &facts, &levels, args.fix.yes)?;
    }
    let Some((fleet, _)) = definition::fleet(&hosts, &args.input, format, Facts::default())? else {
        return Ok(Outcome::WrongDefinition);
    };
    terminal::report(&fleet.report, &fleet.sources, format)?;
    if format == Format::Text
        && let Some(first) = fleet.report.iter().next()
    {
        let id = first.id;
        terminal::note(&format!(
            "for more information, try 'xen-vman-cli diagnostics {id}'"
        ));
        if !args.fix.fix {
            fix::mention(&fleet, "check");
        }
    }
    if fleet.report.has_errors() {
        return Ok(Outcome::WrongDefinition);
    }
    if format == Format::Text {
        let vms: usize = fleet.hosts.iter().map(|host| host.vms.len()).sum();
        let hosts = match fleet.hosts.len() {
            1 => String::new(),
            many => format!(" on {many} hosts"),
        };
        let vms = terminal::count(vms, "VM");
        terminal::note(&format!("{vms}{hosts}: no errors"));
    }
    Ok(Outcome::Fine)
}

/// The hosts that the arguments name: a file is one host, a directory contains several.
fn hosts(args: &CheckArgs) -> Result<Vec<HostFiles>, Failure> {
    if args.hosts.is_empty() {
        let host = HostFiles::default(definition::default_dir(), "name its file")?;
        return Ok(vec![host]);
    }
    let mut hosts = Vec::new();
    for path in &args.hosts {
        if input::is_stdin(path) || !path.is_dir() {
            hosts.push(HostFiles::named(vec![path.clone()]));
            continue;
        }
        let before = hosts.len();
        for inner in input::entries(path)? {
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
