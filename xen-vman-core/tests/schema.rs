//! The JSON Schemas take what is right and complete what there is.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use jsonschema::Validator;
use serde_json::Value;
use std::fs;
use std::path::Path;
use support::{cases, inputs, name};
use xen_vman_core::document::decode::FromNode as _;
use xen_vman_core::parse::{ConvertTarget, convert};
use xen_vman_core::schema::{SchemaOf, schema};
use xen_vman_core::spec::VmSpec;
use xen_vman_core::{Dialect, Source};

fn validator(of: SchemaOf) -> Validator {
    jsonschema::draft202012::new(&schema(of)).unwrap()
}

/// A file as JSON, with the kind of its schema.
fn read(path: &Path) -> (SchemaOf, Value) {
    let text = fs::read_to_string(path).unwrap();
    let source = Source::new(name(path), text).unwrap();
    if source.dialect == Dialect::Schema {
        let table: toml::Table = source.text.parse().unwrap();
        return (SchemaOf::Definition, serde_json::to_value(table).unwrap());
    }
    let json = convert(&source, ConvertTarget::Json).text;
    (
        SchemaOf::RoleVariables,
        serde_json::from_str(&json).unwrap(),
    )
}

#[test]
fn good_definitions_fit_their_schema() {
    let definition = validator(SchemaOf::Definition);
    let role = validator(SchemaOf::RoleVariables);
    let mut files: Vec<_> = cases("ok").iter().flat_map(|case| inputs(case)).collect();
    for case in cases("variables") {
        files.extend([case.join("default.toml"), case.join("override.toml")]);
    }
    assert!(files.len() > 200, "only {} files", files.len());
    let mut problems = Vec::new();
    for file in files {
        let (of, value) = read(&file);
        let validator = match of {
            SchemaOf::Definition => &definition,
            _ => &role,
        };
        problems.extend(
            validator
                .iter_errors(&value)
                .map(|error| format!("{}: {} {error}", file.display(), error.instance_path())),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_an_editor_can_see_is_refused() {
    for case in ["unknown-key.toml", "wrong-type.toml", "out-of-range"] {
        let case = support::crate_dir().join("tests/cases/bad").join(case);
        let (of, value) = read(&inputs(&case)[0]);
        assert!(!validator(of).is_valid(&value), "{}", name(&case));
    }
}

#[test]
fn every_key_says_what_it_is_for() {
    let whole = schema(SchemaOf::Definition);
    let vm = &whole["properties"]["vms"]["items"];
    assert_eq!(vm, &VmSpec::schema());
    for key in VmSpec::KEYS {
        let said = &vm["properties"][key.name]["description"];
        assert!(said.is_string(), "{}", key.name);
    }
    let role = schema(SchemaOf::RoleVariables);
    for name in [
        "xen_vman_vms",
        "xen_vman_default_memory",
        "xen_vman_nfsroot_base",
    ] {
        assert!(role["properties"][name].is_object(), "{name}");
    }
}
