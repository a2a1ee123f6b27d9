//! Where values come from.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use support::{cases, compile_files, expect, finish, inputs, name};
use xen_vman_core::explain;
use xen_vman_core::resolve::Origin;

#[test]
fn tables_are_those_expected() {
    let mut problems = Vec::new();
    for case in cases("explain") {
        let compiled = compile_files(&inputs(&case));
        let resolved = &compiled.resolved;
        let mut rows = vec![explain::host(&resolved.host)];
        rows.extend(resolved.vms.iter().map(|vm| explain::vm(vm, resolved)));
        let tables: Vec<_> = rows
            .iter()
            .map(|rows| explain::table(rows, &compiled.sources))
            .collect();
        expect(&case.join("expect.txt"), &tables.join("\n"), &mut problems);
        let names = [0, 1].map(|number| resolved.vms[number].domain.as_str());
        let sides = [&rows[1][..], &rows[2][..]];
        let diff = explain::table_difference(names, sides, &compiled.sources);
        expect(&case.join("difference.txt"), &diff, &mut problems);
        let json = explain::json(&rows[1], &compiled.sources);
        expect(&case.join("expect.json"), &json, &mut problems);
    }
    finish(&problems);
}

/// What a file writes is shown with the place where it is written.
#[test]
fn every_variable_is_explained() {
    // They say what is read and reported, not what a VM or host is.
    let unexplained = [
        "allow_diagnostics",
        "deny_diagnostics",
        "lazy_default_network_bridge",
        "vms",
    ];
    for case in cases("variables") {
        let path = name(&case);
        if unexplained.contains(&path.as_str()) {
            continue;
        }
        let compiled = compile_files(&[case.join("override.toml")]);
        let resolved = &compiled.resolved;
        let mut rows = explain::host(&resolved.host);
        for vm in &resolved.vms {
            rows.extend(explain::vm(vm, resolved));
        }
        let written = |row: &explain::Row| match row.origin {
            Some(Origin::Written(place) | Origin::Default(place)) => {
                let path: String = place.path().to_string();
                path.split(['[', ']'])
                    .filter(|part| part.parse::<u32>().is_err())
                    .collect()
            }
            _ => String::new(),
        };
        let made_from = |row: &explain::Row| {
            let key = path.rsplit('.').next().unwrap_or(&path);
            matches!(row.origin, Some(Origin::Derived(from)) if from.contains(key))
        };
        let shown = rows
            .iter()
            .any(|row| written(row).starts_with(&path) || made_from(row));
        assert!(shown, "{path} is not explained");
    }
}
