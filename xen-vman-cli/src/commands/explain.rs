//! `explain`: where the values of a VM, or of the host, come from.

use crate::args::ExplainArgs;
use crate::definition::{self, HostFiles};
use crate::{Failure, Outcome, terminal};
use xen_vman_core::explain::{self, Row};
use xen_vman_core::{Compiled, Facts};

pub(crate) fn run(args: &ExplainArgs) -> Result<Outcome, Failure> {
    let host = HostFiles(args.files.clone());
    let Some((fleet, _)) = definition::fleet(&[host], &args.input, Facts::default())? else {
        return Ok(Outcome::WrongDefinition);
    };
    let compiled = Compiled::from(fleet);
    let sources = &compiled.sources;
    // What is wrong may be just what is to be explained, so values are shown all the same.
    if compiled.report.has_errors() {
        terminal::report(&compiled.report, sources, args.input.report.format)?;
    }
    let text = if let [a, b] = &args.diff[..] {
        let (rows_a, rows_b) = (of_vm(a, &compiled)?, of_vm(b, &compiled)?);
        let (names, rows) = ([a.as_str(), b.as_str()], [&rows_a[..], &rows_b[..]]);
        if args.json {
            explain::json_difference(names, rows, sources)
        } else {
            explain::table_difference(names, rows, sources)
        }
    } else {
        let mut rows = match &args.vm {
            Some(vm) => of_vm(vm, &compiled)?,
            None => explain::host(&compiled.resolved.host),
        };
        if let Some(key) = &args.key {
            rows = explain::select(rows, key).map_err(|known| {
                Failure::new(format!("there is no key `{key}`"))
                    .help(format!("keys are {}", known.join(", ")))
            })?;
        }
        if args.json {
            explain::json(&rows, sources)
        } else {
            explain::table(&rows, sources)
        }
    };
    terminal::data(text.as_bytes())?;
    Ok(if compiled.report.has_errors() {
        Outcome::WrongDefinition
    } else {
        Outcome::Fine
    })
}

fn of_vm(name: &str, compiled: &Compiled) -> Result<Vec<Row>, Failure> {
    let vms = &compiled.resolved.vms;
    let vm = vms.iter().find(|vm| vm.domain.as_str() == name);
    let vm = vm.ok_or_else(|| {
        let known: Vec<_> = vms.iter().map(|vm| vm.domain.as_str()).collect();
        let help = match known.len() {
            0 => "none could be read".to_owned(),
            1..=20 => format!("VMs are {}", known.join(", ")),
            many => format!(
                "VMs are called ORG-NAME, as `{}`; there are {many}",
                known[0]
            ),
        };
        Failure::new(format!("no VM is called `{name}`")).help(help)
    })?;
    Ok(explain::vm(vm, &compiled.resolved))
}
