//! Laws of plans, on a host that is kept in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proptest::prelude::*;
use support::strategy::definition;
use xen_vman_core::plan::{Change, Entry, Observed, Plan, places, plan};
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
    host.record
        .places
        .extend(plan.record.places.iter().cloned());
    host.record.reload_pending |= plan.actions.contains(&Change::DaemonReload);
    for change in &plan.actions[..count] {
        match change {
            Change::Put { path, entry, .. } => {
                host.entries.insert(path.clone(), entry.clone());
            }
            Change::Remove { path, .. } => {
                host.entries.remove(path);
            }
            Change::DaemonReload => {}
        }
    }
    if count == plan.actions.len() {
        host.record = plan.record.clone();
    }
}

fn host() -> Observed {
    Observed {
        is_running: true,
        ..Observed::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_an_apply_nothing_is_to_be_done(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered(&toml::to_string(&table).unwrap()));
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
        let outputs = [one, other].map(|table| rendered(&toml::to_string(&table).unwrap()));
        let mut before = host();
        for output in outputs.iter().flatten() {
            let whole = plan(output, &before, true).unwrap();
            let mut done = before.clone();
            apply(&mut done, &whole, whole.actions.len());
            for count in 0..whole.actions.len() {
                let mut host = before.clone();
                apply(&mut host, &whole, count);
                let rest = plan(output, &host, true).unwrap();
                prop_assert!(rest.actions.len() <= whole.actions.len() - count + 1);
                apply(&mut host, &rest, rest.actions.len());
                prop_assert_eq!(&host.entries, &done.entries);
                prop_assert_eq!(&host.record, &done.record);
            }
            before = done;
        }
    }
}
