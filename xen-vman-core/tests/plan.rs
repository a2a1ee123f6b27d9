//! Laws of plans, on a host that is kept in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proptest::prelude::*;
use support::strategy::definition;
use xen_vman_core::install::GuestRecord;
use xen_vman_core::plan::{
    Change, Domain, Entry, Kept, Kernels, Observed, Plan, digest, places, plan, rollback,
};
use xen_vman_core::values::Reinstall;
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

fn rendered(text: &str) -> Option<Output> {
    let compiled = compile(
        vec![Source::new("host.toml", text).unwrap()],
        &Facts::default(),
    );
    let fine = !compiled.report.has_errors();
    fine.then(|| {
        compiled
            .render(&Templates::embedded(), &Assets::default())
            .unwrap()
    })
}

/// Does the first actions of a plan, and what is done around them.
fn apply(host: &mut Observed, plan: &Plan, count: usize) {
    let record = &mut host.record;
    record.places.extend(plan.record.places.iter().cloned());
    for action in &plan.actions {
        match &action.change {
            Change::DaemonReload => record.reload_pending = true,
            Change::BuildInitrd { kernel } => {
                record.stale_initrds.insert(kernel.clone());
            }
            Change::Start { domain } => {
                record.starts_pending.insert(domain.clone());
            }
            _ => {}
        }
    }
    for action in &plan.actions[..count] {
        one(host, &action.change);
    }
    if count == plan.actions.len() {
        host.record = plan.record.clone();
    }
}

fn one(host: &mut Observed, change: &Change) {
    match change.clone() {
        Change::Put { path, entry, .. } => {
            host.entries.insert(path, entry);
        }
        Change::Remove { path, .. } => {
            host.entries.remove(&path);
        }
        Change::DaemonReload => {}
        Change::BuildInitrd { kernel } => {
            host.kernels.with_initrd.insert(kernel);
        }
        Change::Adopt { domain, place } | Change::Install { domain, place, .. } => {
            let record = GuestRecord {
                is_finished: true,
                place,
                ..GuestRecord::default()
            };
            host.guests.insert(domain, record);
        }
        Change::Start { domain } => {
            host.domains.insert(domain, Domain::default());
        }
        Change::Stop { domain } => {
            host.domains.remove(&domain);
        }
    }
}

fn host() -> Observed {
    let kernels = ["6.1.0-37-amd64", "6.1.0-38-amd64"].map(str::to_owned);
    Observed {
        is_running: true,
        kernels: Kernels {
            installed: kernels.clone().into(),
            with_initrd: kernels[..1].iter().cloned().collect(),
            running: Some(kernels[0].clone()),
        },
        ..Observed::default()
    }
}

/// The same without guests that are installed at every run.
fn rendered_once(table: &toml::Table) -> Option<Output> {
    let mut output = rendered(&toml::to_string(table).unwrap())?;
    for install in &mut output.installs {
        install.reinstall = Reinstall::No;
    }
    Some(output)
}

fn kept(plan: &Plan) -> Vec<Kept> {
    let changes = plan
        .actions
        .iter()
        .filter_map(|action| match &action.change {
            Change::Put {
                path,
                entry,
                before,
            } => Some((path, before.clone(), Some(digest(entry)))),
            Change::Remove { path, before } => Some((path, Some(before.clone()), None)),
            _ => None,
        });
    changes
        .map(|(path, before, after)| Kept {
            path: path.clone(),
            before,
            after,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_an_apply_nothing_is_to_be_done(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered_once(&table));
        let mut host = host();
        for output in outputs.iter().flatten() {
            for prune in [false, true] {
                let first = plan(output, &host, prune).unwrap();
                apply(&mut host, &first, first.actions.len());
                prop_assert!(plan(output, &host, prune).unwrap().is_empty());
                for file in &output.host {
                    let entry = Entry::File { mode: file.mode, content: file.content.clone() };
                    prop_assert_eq!(&host.entries[&file.path], &entry);
                }
            }
            // What a prune leaves is what is wanted, and nothing else.
            prop_assert!(host.entries.keys().all(|path| places(output, &host.record).contains(path)));
            prop_assert_eq!(host.record.places.len(), output.host.len() + output.enabled_units.len());
        }
    }

    #[test]
    fn an_apply_that_was_cut_off_anywhere_is_taken_up(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered_once(&table));
        let mut before = host();
        for output in outputs.iter().flatten() {
            let whole = plan(output, &before, true).unwrap();
            let mut done = before.clone();
            apply(&mut done, &whole, whole.actions.len());
            for count in 0..whole.actions.len() {
                let mut host = before.clone();
                apply(&mut host, &whole, count);
                let rest = plan(output, &host, true).unwrap();
                // What programs do may be done again; files are not.
                let twice = 1 + host.kernels.installed.len();
                prop_assert!(rest.actions.len() <= whole.actions.len() - count + twice);
                apply(&mut host, &rest, rest.actions.len());
                prop_assert_eq!(&host.entries, &done.entries);
                prop_assert_eq!(&host.record, &done.record);
            }
            before = done;
        }
    }

    #[test]
    fn a_rollback_brings_the_files_of_before_back(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered_once(&table));
        let mut host = host();
        for output in outputs.iter().flatten() {
            let before = host.clone();
            let forth = plan(output, &host, true).unwrap();
            apply(&mut host, &forth, forth.actions.len());
            // Wherever it is cut off, it can be begun again.
            let kept = kept(&forth);
            let back = rollback(&kept, before.record.clone(), &host).unwrap();
            for count in 0..=back.actions.len() {
                let mut host = host.clone();
                apply(&mut host, &back, count);
                let back = rollback(&kept, before.record.clone(), &host).unwrap();
                apply(&mut host, &back, back.actions.len());
                prop_assert_eq!(&host.entries, &before.entries);
                prop_assert_eq!(&host.record.places, &before.record.places);
            }
        }
    }
}
