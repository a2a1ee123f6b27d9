//! JSON Schemas of the input files, for completion and checks in editors.
//!
//! They are generated from the types that read the files. A schema accepts everything that is
//! valid; `check` finds problems that a schema cannot express.

use crate::document::EXPRESSION;
use crate::document::decode::{FromNode, Schema};
use crate::parse::role_name;
use crate::resolve::{Facts, built_in_text};
use crate::spec::Definition;
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The kind of file that a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaOf {
    /// A definition (TOML).
    Definition,
    /// The role's variables (YAML or JSON).
    RoleVariables,
    /// Facts of a host.
    Facts,
}

/// The schema of one kind of file.
pub fn schema(of: SchemaOf) -> Schema {
    let (title, mut schema) = match of {
        SchemaOf::Definition => ("Definition of a Xen host and its VMs", definition()),
        SchemaOf::RoleVariables => (
            "Variables of the Ansible role xen_vman",
            role_variables(&definition()),
        ),
        SchemaOf::Facts => ("Facts of a Xen host", Facts::schema()),
    };
    let mut whole = Map::new();
    whole.insert("$schema".into(), DIALECT.into());
    whole.insert("title".into(), title.into());
    if let Value::Object(rest) = schema.take() {
        whole.extend(rest);
    }
    Value::Object(whole)
}

/// The schema of definitions, with the built-in defaults.
fn definition() -> Schema {
    let mut schema = Definition::schema();
    let built_in: Value = toml::from_str(built_in_text())
        .unwrap_or_else(|error| unreachable!("the built-in defaults are tested: {error}"));
    with_defaults(&mut schema, &built_in);
    schema
}

fn with_defaults(schema: &mut Schema, values: &Value) {
    for (key, value) in values.as_object().into_iter().flatten() {
        let property = &mut schema["properties"][key];
        if value.is_object() {
            with_defaults(property, value);
        } else {
            property["default"] = value.clone();
        }
    }
}

/// The schema of the role's variables. Other variables are ignored, and any string may be a
/// template that Ansible evaluates.
fn role_variables(definition: &Schema) -> Schema {
    let mut properties = Map::new();
    let keys = |schema: &Value| {
        schema["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default()
    };
    for (key, schema) in keys(definition) {
        if key == "defaults" {
            for (key, schema) in keys(&schema) {
                properties.insert(role_name(&["defaults", &key]), templated(schema));
            }
        } else {
            properties.insert(role_name(&[&key]), templated(schema));
        }
    }
    let mut schema = json!({ "type": "object" });
    schema["properties"] = properties.into();
    schema
}

/// Allows a template expression, or an empty string, wherever there is a value, and keys of other
/// roles.
fn templated(mut schema: Value) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (_, inner) in properties {
            *inner = templated(inner.take());
        }
    }
    if let Some(items) = schema.get_mut("items") {
        *items = templated(items.take());
    }
    if let Some(table) = schema.as_object_mut() {
        table.remove("additionalProperties");
    }
    let mut either = json!({ "anyOf": [] });
    for about in ["description", "default"] {
        if let Some(text) = schema.as_object_mut().and_then(|all| all.remove(about)) {
            either[about] = text;
        }
    }
    either["anyOf"] = json!([schema, { "type": "string", "pattern": format!("^$|{EXPRESSION}") }]);
    either
}
