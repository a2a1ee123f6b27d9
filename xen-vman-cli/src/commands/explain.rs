//! `explain`: shows where the values of VMs, or of the host, come from.

use crate::args::ExplainArgs;
use crate::definition;
use crate::{Failure, Outcome, layout, terminal, vms};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use xen_vman_core::explain::{self, Row};
use xen_vman_core::{Compiled, Facts};

pub(crate) fn run(args: &ExplainArgs) -> Result<Outcome, Failure> {
    vms::refuse_files(&args.vms)?;
    let host = args.definition.host(definition::default_dir())?;
    let format = args.input.report.format_or(args.json);
    let Some((fleet, _)) = definition::fleet(&[host], &args.input, format, Facts::default())?
    else {
        return Ok(Outcome::WrongDefinition);
    };
    let compiled = definition::single(fleet)?;
    let has_errors = compiled.report.has_errors();
    // A wrong value may be the one to explain, so values are shown in spite of errors.
    if has_errors {
        // Standard output is for the values.
        terminal::report(&compiled.report, &compiled.sources, format.for_people())?;
    }
    let known: Vec<_> = domains(&compiled).collect();
    vms::all_known(&args.vms, &known)?;
    let text = if args.diff {
        difference(args, &compiled)?
    } else {
        values(args, &compiled)?
    };
    terminal::data(text.as_bytes())?;
    Ok(if has_errors {
        Outcome::WrongDefinition
    } else {
        Outcome::Fine
    })
}

fn domains(compiled: &Compiled) -> impl Iterator<Item = &str> {
    let vms = compiled.resolved.vms.iter();
    vms.map(|vm| vm.domain.as_str())
}

/// What differs between two VMs.
fn difference(args: &ExplainArgs, compiled: &Compiled) -> Result<String, Failure> {
    let [a, b] = &args.vms[..] else {
        return Err(Failure::new(format!(
            "--diff compares two VMs, not {}",
            args.vms.len()
        )));
    };
    let (rows_a, rows_b) = (of_vm(a, compiled), of_vm(b, compiled));
    let (names, rows) = ([a.as_str(), b.as_str()], [&rows_a[..], &rows_b[..]]);
    Ok(if args.json {
        explain::json_difference(names, rows, &compiled.sources)
    } else {
        match terminal::width() {
            Some(width) => {
                let cells = explain::cells_difference(names, rows, &compiled.sources);
                layout::explained(&cells, width)
            }
            None => explain::table_difference(names, rows, &compiled.sources),
        }
    })
}

/// The values of each VM or, if none is given, of the host.
fn values(args: &ExplainArgs, compiled: &Compiled) -> Result<String, Failure> {
    let mut parts = Vec::new();
    for vm in &args.vms {
        parts.push((Some(vm.as_str()), of_vm(vm, compiled)));
    }
    if parts.is_empty() {
        parts.push((None, explain::host(&compiled.resolved.host)));
    }
    select(&mut parts, &args.keys, compiled)?;
    if args.json {
        return Ok(json_of(&parts, compiled));
    }
    let has_titles = parts.len() > 1;
    let mut text = String::new();
    for (vm, rows) in &parts {
        if has_titles {
            let blank = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{blank}{}:", vm.unwrap_or_default());
        }
        text.push_str(&match terminal::width() {
            Some(width) => layout::explained(&explain::cells(rows, &compiled.sources), width),
            None => explain::table(rows, &compiled.sources),
        });
    }
    Ok(text)
}

/// One array for all VMs; each row names its VM.
fn json_of(parts: &[(Option<&str>, Vec<Row>)], compiled: &Compiled) -> String {
    let mut all = Vec::new();
    for (vm, rows) in parts {
        let rows = explain::json(rows, &compiled.sources);
        let rows: Vec<Map<String, Value>> = serde_json::from_str(&rows).unwrap_or_default();
        for row in rows {
            let vm = [("vm".to_owned(), json!(vm))];
            all.push(Value::Object(vm.into_iter().chain(row).collect()));
        }
    }
    format!("{:#}\n", Value::Array(all))
}

/// Keeps the rows of the keys. Each key must exist in at least one VM, because VMs may differ in
/// their number of interfaces.
fn select(
    parts: &mut [(Option<&str>, Vec<Row>)],
    keys: &[String],
    compiled: &Compiled,
) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut chosen = HashSet::new();
    let mut unknown = Vec::new();
    for key in keys {
        let of_part = |(_, rows): &(_, Vec<Row>)| explain::select(rows.clone(), key).ok();
        let found: Vec<_> = parts.iter().filter_map(of_part).flatten().collect();
        if found.is_empty() {
            unknown.push(format!("`{key}`"));
        }
        chosen.extend(found.into_iter().map(|row| row.key));
    }
    if !unknown.is_empty() {
        let known = parts.first().map_or(&[][..], |(_, rows)| rows);
        let known: Vec<_> = known.iter().map(|row| row.key.as_str()).collect();
        let failure = Failure::new(format!("unknown key {}", unknown.join(", ")));
        let host = explain::host(&compiled.resolved.host);
        let of_host = |key: &String| explain::select(host.clone(), key).is_ok();
        return Err(if keys.iter().any(of_host) {
            failure.help("keys of the host are shown without a VM")
        } else {
            failure.help(format!("keys are {}", known.join(", ")))
        });
    }
    for (_, rows) in parts {
        rows.retain(|row| chosen.contains(&row.key));
    }
    Ok(())
}

fn of_vm(name: &str, compiled: &Compiled) -> Vec<Row> {
    let mut vms = compiled.resolved.vms.iter();
    let vm = vms.find(|vm| vm.domain.as_str() == name);
    vm.map_or_else(Vec::new, |vm| explain::vm(vm, &compiled.resolved))
}
