//! `check`: reports all problems of the definitions of hosts; writes nothing.

use crate::args::{CheckArgs, Format};
use crate::definition;
use crate::{Failure, Outcome, fix, terminal};
use xen_vman_core::Facts;

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let hosts = args.definitions.hosts()?;
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
