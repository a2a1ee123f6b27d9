//! Cases: a folder for each situation, input and expectation side by side.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use similar::TextDiff;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use support::{cases, compile_files, everything, expect, expect_tree, finish, inputs, name};
use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::parse::{ConvertTarget, convert};
use xen_vman_core::schema::{SchemaOf, schema};
use xen_vman_core::spec::{DefaultsSpec, HostSpec, InterfaceSpec, Key, OsSpec, VmSpec, VolumeSpec};
use xen_vman_core::storage::StorageKeys;
use xen_vman_core::{Compiled, Facts, Source, compile};

/// Cases that show what every host gets, too.
const SHOWN_WHOLE: &[&str] = &["whole-host", "settings-that-need-quotes"];

/// What every host gets, whatever its VMs.
fn is_common(place: &str) -> bool {
    let vms = ["host/etc/xen/vms/", "guests/", "report.txt"]
        .iter()
        .any(|start| place.starts_with(start));
    !vms && !place.contains(".service.d/")
}

#[test]
fn good_definitions_give_the_files_expected() {
    let mut problems = Vec::new();
    for case in cases("ok") {
        let compiled = compile_files(&inputs(&case));
        let mut all = everything(&compiled);
        if !SHOWN_WHOLE.contains(&name(&case).as_str()) {
            all.retain(|place, _| !is_common(place));
        }
        assert!(
            !compiled.report.has_errors(),
            "{}: {}",
            name(&case),
            render(&compiled.report, &compiled.sources, Colour::None)
        );
        expect_tree(&case.join("expect"), &all, &mut problems);
    }
    finish(&problems);
}

#[test]
fn wrong_definitions_give_the_report_expected() {
    let mut problems = Vec::new();
    for case in cases("bad") {
        let compiled = compile_files(&inputs(&case));
        assert!(
            !compiled.report.is_empty(),
            "{}: nothing found",
            name(&case)
        );
        let id = name(&case);
        let (id, _) = id.split_once('.').unwrap_or((&id, ""));
        assert!(
            compiled.report.iter().any(|d| d.id.as_str() == id),
            "{}: no `{id}`",
            case.display()
        );
        let text = render(&compiled.report, &compiled.sources, Colour::None);
        expect(&case.join("expect.txt"), &text, &mut problems);
    }
    finish(&problems);
}

#[test]
fn every_diagnostic_has_a_case() {
    let shown: Vec<_> = cases("bad")
        .iter()
        .map(|case| name(case).split('.').next().unwrap().to_owned())
        .collect();
    let missing: Vec<_> = xen_vman_core::diag::DiagnosticId::ALL
        .iter()
        .map(|id| id.as_str())
        .filter(|id| !shown.iter().any(|case| case == id))
        .collect();
    assert!(
        missing.is_empty(),
        "no folder in tests/cases/bad for {missing:?}"
    );
}

/// What a variable does: the difference that it makes to all that comes out.
#[test]
fn each_variable_makes_the_difference_expected() {
    let mut problems = Vec::new();
    for case in cases("variables") {
        let [default, written] = ["default.toml", "override.toml"]
            .map(|file| everything(&compile_files(&[case.join(file)])));
        let diff = difference(&default, &written);
        assert!(
            !diff.is_empty(),
            "{}: the variable changes nothing",
            name(&case)
        );
        expect(&case.join("shows.diff"), &diff, &mut problems);
    }
    finish(&problems);
}

fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let mut places: Vec<_> = before.keys().chain(after.keys()).collect();
    places.sort();
    places.dedup();
    let empty = String::new();
    let mut text = String::new();
    for place in places {
        let (old, new) = (
            before.get(place).unwrap_or(&empty),
            after.get(place).unwrap_or(&empty),
        );
        // Sums in the manifest say nothing that the files do not.
        let strip = |text: &String| {
            text.lines()
                .filter(|line| !line.contains("\"sha256\""))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let (old, new) = (strip(old), strip(new));
        if old != new {
            text += &TextDiff::from_lines(&old, &new)
                .unified_diff()
                .context_radius(1)
                .header(place, place)
                .to_string();
        }
    }
    text
}

/// The names of the specification, and where they are in the schema.
fn specification() -> Vec<(String, String)> {
    let text =
        fs::read_to_string(support::crate_dir().join("tests/cases/specification.txt")).unwrap();
    let names = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    names
        .map(|line| {
            let (table, name) = line.split_once(' ').unwrap();
            let name = name.split(" = ").next().unwrap();
            let path = match (
                table,
                name.strip_prefix("xen_vman_default_"),
                name.strip_prefix("xen_vman_"),
            ) {
                ("role", Some(_), _) if name == "xen_vman_default_additonal_xen_options" => {
                    "defaults.additional_xen_options".to_owned()
                }
                ("role", Some(default), _) => format!("defaults.{default}"),
                ("role", None, Some(host)) => host.to_owned(),
                ("vm", ..) => format!("vms.{name}"),
                _ => format!("vms.interfaces.{name}"),
            };
            (name.to_owned(), path)
        })
        .collect()
}

#[test]
fn no_variable_of_the_specification_is_missing() {
    let specification = specification();
    assert_eq!(specification.len(), 48 + 29 + 7);
    let known = schema_paths();
    for (name, path) in &specification {
        assert!(
            known.contains(path),
            "`{name}` ({path}) is not in the schema"
        );
    }
}

#[test]
fn every_variable_has_a_case_that_writes_it() {
    for path in schema_paths() {
        let case = support::crate_dir()
            .join("tests/cases/variables")
            .join(&path);
        let written = |file: &str| {
            let text = fs::read_to_string(case.join(file))
                .unwrap_or_else(|_| panic!("no case for `{path}`"));
            let tree: toml::Table = text.parse().unwrap();
            writes(
                &toml::Value::Table(tree),
                &path.split('.').collect::<Vec<_>>(),
            )
        };
        assert!(
            written("override.toml"),
            "{path}: override.toml does not write it"
        );
        assert!(!written("default.toml"), "{path}: default.toml writes it");
    }
}

fn writes(value: &toml::Value, path: &[&str]) -> bool {
    match (value, path) {
        (_, []) => true,
        (toml::Value::Table(table), [first, rest @ ..]) => {
            table.get(*first).is_some_and(|value| writes(value, rest))
        }
        (toml::Value::Array(items), path) => items.iter().any(|item| writes(item, path)),
        _ => false,
    }
}

/// Every key of the schema, as a path.
fn schema_paths() -> Vec<String> {
    let table = |prefix: &str, keys: &[Key]| {
        keys.iter()
            .map(|key| format!("{prefix}{}", key.name))
            .collect::<Vec<_>>()
    };
    let mut paths = table("", HostSpec::KEYS);
    for (_, keys) in StorageKeys::tables() {
        paths.extend(table("", keys));
    }
    paths.push("vms".into());
    paths.extend(table("defaults.", DefaultsSpec::KEYS));
    paths.extend(
        table("vms.", VmSpec::KEYS)
            .into_iter()
            .filter(|path| path != "vms.os"),
    );
    paths.extend(table("vms.os.", OsSpec::KEYS));
    paths.extend(table("vms.interfaces.", InterfaceSpec::KEYS));
    paths.extend(table("vms.volumes.", VolumeSpec::KEYS));
    paths
}

/// Defaults that are not those of the specification, and why.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    (
        "xen_vman_debootstrap_packages",
        "Debian has no package `python` any more",
    ),
    (
        "xen_vman_default_additonal_xen_options",
        "an empty dict, not a list",
    ),
    ("xen_vman_vms", "there is no definition without it"),
];

#[test]
fn defaults_are_those_of_the_specification() {
    fn shown(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::Bool(true) => "True".to_owned(),
            serde_json::Value::Bool(false) => "False".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(items) => {
                let items: Vec<_> = items.iter().map(shown).collect();
                format!("[{}]", items.join(","))
            }
            other => other.to_string(),
        }
    }
    let schema = schema(SchemaOf::RoleVariables);
    let text = fs::read_to_string(support::crate_dir().join("tests/cases/specification.txt"));
    let text = text.unwrap();
    let mut count = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, default)) = line.split_once(" = ") else {
            continue;
        };
        let name = name.strip_prefix("role ").unwrap();
        if OTHER_DEFAULTS.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let ours = &schema["properties"][name]["default"];
        assert_eq!(shown(ours), default, "{name}");
        count += 1;
    }
    assert_eq!(count + OTHER_DEFAULTS.len(), 34);
}

/// What is rendered, without the report.
fn files(compiled: &Compiled) -> BTreeMap<String, String> {
    let mut all = everything(compiled);
    all.remove("report.txt");
    all
}

/// As TOML, and from there as role variables, a definition gives the same files.
#[test]
fn every_definition_means_the_same_in_another_format() {
    let mut problems = Vec::new();
    let single = |case: &PathBuf| inputs(case).len() == 1;
    for case in ["ok", "role"].into_iter().flat_map(cases).filter(single) {
        let original = support::source(&inputs(&case)[0]);
        let compiled = compile_files(&inputs(&case));
        if compiled.report.has_errors() {
            continue;
        }
        let expected = files(&compiled);
        let toml = convert(&original, ConvertTarget::Toml).text;
        let toml = Source::new("converted.toml", toml).unwrap();
        let yaml = convert(&toml, ConvertTarget::Yaml).text;
        let yaml = Source::new("converted.yml", yaml).unwrap();
        for source in [toml, yaml] {
            let compiled = compile(vec![source.clone()], &Facts::default());
            if files(&compiled) != expected {
                let report = render(&compiled.report, &compiled.sources, Colour::None);
                let text = &source.text;
                problems.push(format!("{} differs:\n{text}\n{report}", name(&case)));
            }
        }
    }
    finish(&problems);
}
