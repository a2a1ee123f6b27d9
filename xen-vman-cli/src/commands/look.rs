//! `facts`, `status` and `doctor`: show a host, the state of its VMs, and what it lacks.

use super::host::{open_named, open_root};
use crate::args::{DoctorArgs, FactsArgs, StatusArgs};
use crate::{Failure, Outcome, layout, terminal, vms};
use serde_json::json;
use std::fmt::Write as _;
use xen_vman_core::Output;
use xen_vman_core::doctor::Readiness;
use xen_vman_core::host::{Listed, doctor, facts, observe, volumes};
use xen_vman_core::plan::{Installed, VmStatus, status};
use xen_vman_core::render::VM_DOMAIN;
use xen_vman_core::storage::Bytes;

pub(crate) fn run_facts(args: &FactsArgs) -> Result<Outcome, Failure> {
    let dir = open_root(&args.root)?;
    let facts = facts(&dir)?;
    if args.json {
        let text = format!("{:#}\n", facts.to_json());
        terminal::data(text.as_bytes())?;
        return Ok(Outcome::Fine);
    }
    let observed = observe(&dir, &Output::default())?;
    let mut text = String::new();
    if let serde_json::Value::Object(facts) = facts.to_json() {
        for (key, value) in facts {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    let kernels = &observed.kernels;
    for (what, names) in [
        ("running kernel", kernels.running.iter().collect::<Vec<_>>()),
        ("installed kernels", kernels.installed.iter().collect()),
        (
            "kernels with an initrd for guests",
            kernels.with_initrd.iter().collect(),
        ),
        ("running domains", observed.domains.keys().collect()),
        ("iSCSI sessions", observed.sessions.iter().collect()),
        (
            "roots mounted by vm_mount@",
            observed.mounted.iter().collect(),
        ),
    ] {
        if !names.is_empty() {
            let names: Vec<_> = names.into_iter().map(|name| printable(name)).collect();
            let _ = writeln!(text, "# {what}: {}", names.join(", "));
        }
    }
    terminal::data(text.as_bytes())?;
    Ok(Outcome::Fine)
}

pub(crate) fn run_status(args: &StatusArgs) -> Result<Outcome, Failure> {
    vms::refuse_files(&args.vms)?;
    let Some((dir, _, output)) = open_named(&args.definition, &args.host, args.json)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let mut all = status(&output, &observe(&dir, &output)?);
    if !args.vms.is_empty() {
        let known: Vec<_> = all.iter().map(|vm| vm.domain.as_str()).collect();
        vms::all_known(&args.vms, &known)?;
        all.retain(|vm| args.vms.contains(&vm.domain));
    }
    let text = if args.json {
        format!("{:#}\n", json!({ "vms": all }))
    } else {
        table(&all)
    };
    terminal::data(text.as_bytes())?;
    if !args.json {
        note_started_by_hand(&all);
        if args.vms.is_empty() && dir.is_running() {
            // What is wrong with a pool, `doctor` says.
            note_unused(&volumes(&dir, &output).unwrap_or_default());
        }
    }
    Ok(Outcome::Fine)
}

/// Prints the volumes that no VM has any more.
fn note_unused(all: &[Listed]) {
    let unused = all
        .iter()
        .filter(|one| one.used_for.is_none() && one.snapshot_of.is_none());
    let lines = unused.map(|one| {
        let day = one.made_on.as_deref().map(printable);
        let day = day.map_or_else(String::new, |day| format!(", made on {day}"));
        let (location, size) = (printable(one.location.as_str()), Bytes(one.size_bytes));
        format!("\n  {location} ({size}{day}, for {})", one.made_for)
    });
    let lines: String = lines.collect();
    if !lines.is_empty() {
        terminal::note(&format!(
            "no VM has these any more; `remove-volume` removes them:{lines}"
        ));
    }
}

/// Prints how VMs that no unit started are handed over to their units.
fn note_started_by_hand(all: &[VmStatus]) {
    let by_hand = all.iter().filter(|vm| vm.is_started_by_unit == Some(false));
    let (defined, others): (Vec<_>, Vec<_>) = by_hand.partition(|vm| vm.is_defined);
    if !defined.is_empty() {
        let lines = defined.into_iter().map(|vm| {
            let domain = printable(&vm.domain);
            format!("\n  {VM_DOMAIN} adopt {domain}")
        });
        let lines: String = lines.collect();
        terminal::note(&format!(
            "started by hand, so the host does not stop them when it shuts down, and changed settings are not \
             reported; to hand them over to their units, as they run:{lines}"
        ));
    }
    if !others.is_empty() {
        let names: Vec<_> = others.into_iter().map(|vm| printable(&vm.domain)).collect();
        terminal::note(&format!(
            "started by hand and not defined: {}; `import` makes a definition from their configurations",
            names.join(", ")
        ));
    }
}

/// One line per VM; on a terminal that is too narrow, two.
fn table(all: &[VmStatus]) -> String {
    let head = [
        "VM",
        "DEFINED",
        "AT BOOT",
        "RUNNING",
        "INSTALLED",
        "STORAGE",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(all.iter().map(row));
    layout::table(&rows, terminal::width())
}

fn row(vm: &VmStatus) -> [String; 6] {
    let word = |yes: bool| if yes { "yes" } else { "no" };
    let running = match vm.is_running {
        None => "-",
        Some(true) if vm.is_started_by_unit == Some(false) => "yes, by hand",
        Some(true) if vm.needs_restart => "yes, restart it",
        Some(is_running) => word(is_running),
    };
    let installed = match vm.installed {
        Installed::Foreign => "-",
        installed => installed.as_str(),
    };
    let mut storage = vm
        .storage
        .as_ref()
        .map_or_else(|| "-".to_owned(), |location| printable(location.as_str()));
    if vm.is_connected == Some(true) {
        storage.push_str(" (logged in)");
    }
    if vm.is_mounted {
        storage.push_str(" (mounted)");
    }
    [
        printable(&vm.domain),
        word(vm.is_defined).to_owned(),
        word(vm.is_enabled).to_owned(),
        running.to_owned(),
        installed.to_owned(),
        storage,
    ]
}

pub(crate) fn run_doctor(args: &DoctorArgs) -> Result<Outcome, Failure> {
    let named = open_named(&args.definition, &args.host, args.json)?;
    let Some((dir, compiled, output)) = named else {
        return Ok(Outcome::WrongDefinition);
    };
    let found = doctor(&dir, &compiled.resolved, &output)?;
    if args.json {
        terminal::data(format!("{:#}\n", json!({ "findings": found })).as_bytes())?;
    } else {
        let width = terminal::width();
        let mut text = String::new();
        for finding in &found {
            let state = match finding.state {
                Readiness::Fine => "ok",
                Readiness::Risky => "risky",
                Readiness::Missing => "MISSING",
            };
            let prefix = format!("{state:8} {}: ", finding.about);
            text.push_str(&layout::hang(&prefix, &finding.says, 9, width));
            if !finding.help.is_empty() {
                let prefix = format!("{:8} → ", "");
                text.push_str(&layout::hang(&prefix, &finding.help, 11, width));
            }
        }
        terminal::data(text.as_bytes())?;
    }
    let is_ready = found
        .iter()
        .all(|finding| finding.state != Readiness::Missing);
    Ok(if is_ready {
        Outcome::Fine
    } else {
        Outcome::SomethingToDo
    })
}

fn printable(text: &str) -> String {
    xen_vman_core::diag::text::printable(text)
}
