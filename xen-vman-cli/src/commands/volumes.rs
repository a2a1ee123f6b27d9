//! `volumes`, `remove-volume` and `restore-volume`: what was made for VMs, and what becomes of it.

use super::host::open_named;
use crate::args::{RemoveVolumeArgs, RestoreVolumeArgs, VolumesArgs};
use crate::{Failure, Outcome, layout, terminal};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use xen_vman_core::diag::text::printable;
use xen_vman_core::host::{Listed, remove_volumes, restore_volume, volumes};
use xen_vman_core::storage::{Bytes, Location};

pub(crate) fn run_list(args: &VolumesArgs) -> Result<Outcome, Failure> {
    let Some((dir, _, output)) = open_named(&args.definition, &args.host, args.json)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let all = volumes(&dir, &output)?;
    let text = if args.json {
        format!("{:#}\n", json!({ "volumes": all }))
    } else {
        table(&all)
    };
    terminal::data(text.as_bytes())?;
    if !args.json && all.is_empty() {
        terminal::note(
            "no volumes were made for VMs in the volume groups and directories of the definition",
        );
    }
    Ok(Outcome::Fine)
}

fn table(all: &[Listed]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let head = ["VOLUME", "SIZE", "MADE ON", "MADE FOR", "USED"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(all.iter().map(|one| {
        let used = match (&one.used_for, &one.snapshot_of) {
            (Some(key), _) => format!("by {key}"),
            (None, Some(origin)) => format!("snapshot of {}", printable(origin.as_str())),
            (None, None) => "no".to_owned(),
        };
        [
            printable(one.location.as_str()),
            Bytes(one.size_bytes).to_string(),
            one.made_on
                .as_deref()
                .map_or_else(|| "-".to_owned(), printable),
            one.made_for.to_string(),
            used,
        ]
    }));
    layout::table(&rows, terminal::width())
}

pub(crate) fn run_remove(args: &RemoveVolumeArgs) -> Result<Outcome, Failure> {
    let Some((dir, _, output)) = open_named(&args.definition, &args.host, false)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let locations: Vec<_> = args.volumes.iter().cloned().map(Location::from).collect();
    let removed = remove_volumes(&dir, &output, &locations, &mut |all| {
        all.iter().try_for_each(|one| {
            let location = printable(one.location.as_str());
            let size = Bytes(one.size_bytes);
            typed(
                &format!("This removes {location} ({size}), which was made for {}, with all that it holds.", one.made_for),
                &format!("the location ({location})"),
                &location,
            )
        })
    })?;
    let removed = terminal::count(removed.len(), "volume");
    terminal::note(&format!("{removed} removed"));
    Ok(Outcome::Fine)
}

pub(crate) fn run_restore(args: &RestoreVolumeArgs) -> Result<Outcome, Failure> {
    let Some((dir, _, output)) = open_named(&args.definition, &args.host, false)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let snapshot = Location::from(args.snapshot.clone());
    let restored = restore_volume(&dir, &output, &snapshot, &mut |one| {
        let origin = one.snapshot_of.as_ref().map_or("", Location::as_str);
        let (origin, domain) = (printable(origin), one.made_for.domain.as_str());
        typed(
            &format!("This loses all that was written to {origin} since the snapshot was taken."),
            &format!("the name of the VM ({domain})"),
            domain,
        )
    })?;
    let origin = restored.snapshot_of.as_ref().map_or("", Location::as_str);
    terminal::note(&format!(
        "{} is what it was when the snapshot was taken, which stays; `apply` does what is to be done to it since",
        printable(origin)
    ));
    Ok(Outcome::Fine)
}

/// Asks for a word, which nobody types by mistake.
fn typed(what: &str, asked_for: &str, word: &str) -> Result<(), String> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err("nothing was changed: this has to be confirmed on a terminal".to_owned());
    }
    terminal::note(&format!("{what} To continue, type {asked_for}:"));
    match terminal::answer() {
        Some(answer) if answer == word => Ok(()),
        _ => Err("nothing was changed: it was not confirmed".to_owned()),
    }
}
