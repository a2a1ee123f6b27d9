//! The names of the Ansible role's variables ↔ the keys of the schema.
//!
//! The rule: drop `xen_vman_`; names that then begin with `default_` belong to the table `defaults`;
//! all others are unchanged. Variables without the prefix are ignored.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::document::{Node, TableEntry, Value};
use std::collections::HashSet;

/// The prefix of the role's variables.
pub(super) const PREFIX: &str = "xen_vman_";
/// The prefix of VM defaults after that.
pub(super) const DEFAULT_PREFIX: &str = "default_";

/// Names that the original role misspelt.
const MISSPELT: &[(&str, &str)] = &[
    (
        "xen_vman_default_additonal_xen_options",
        "xen_vman_default_additional_xen_options",
    ),
    (
        "xen_vman_additional_global_prepare",
        "xen_vman_global_preparations",
    ),
];

/// Renames the role's variables. Also returns the schema paths of misspelt ones, with their names as
/// written.
pub(super) fn to_schema(tree: Node, report: &mut Report) -> (Node, Vec<(String, String)>) {
    let Value::Table(entries) = tree.value else {
        let message = format!(
            "a file of variables must contain a table, not {}",
            tree.kind()
        );
        report.push(
            Diagnostic::new(DiagnosticId::WrongType, FieldPath::root(), message).at(tree.span),
        );
        return (
            Node {
                value: Value::Table(Vec::new()),
                ..tree
            },
            Vec::new(),
        );
    };
    let mut top: Vec<TableEntry> = Vec::new();
    let mut defaults: Vec<TableEntry> = Vec::new();
    let mut aliases = Vec::new();
    let mut seen = HashSet::new();
    for entry in entries {
        let known = MISSPELT
            .iter()
            .find(|(misspelt, _)| *misspelt == &*entry.key);
        let name = known.map_or(&*entry.key, |(_, right)| right);
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if rest == "defaults" {
            let message = format!("unknown variable `{name}`");
            let diagnostic = Diagnostic::new(
                DiagnosticId::UnknownKey,
                FieldPath::root().key(rest),
                message,
            )
            .help("set each default as a variable, such as `xen_vman_default_memory`")
            .at(entry.key_span);
            report.push(diagnostic);
            continue;
        }
        let (table, key, path) = match rest.strip_prefix(DEFAULT_PREFIX) {
            Some(key) => (
                &mut defaults,
                key,
                FieldPath::root().key("defaults").key(key),
            ),
            None => (&mut top, rest, FieldPath::root().key(rest)),
        };
        if let Some((misspelt, right)) = known {
            let message = format!("`{misspelt}` is read as `{right}`");
            let diagnostic = Diagnostic::new(DiagnosticId::MisspeltKey, path.clone(), message)
                .help(format!("write `{right}`"))
                .at(entry.key_span);
            report.push(diagnostic);
            aliases.push((path.to_string(), (*misspelt).to_owned()));
        }
        if !seen.insert(name.to_owned()) {
            let message = format!("`{name}` is set twice");
            report.push(
                Diagnostic::new(DiagnosticId::DuplicateKey, path, message).at(entry.key_span),
            );
            continue;
        }
        let key = key.into();
        table.push(TableEntry { key, ..entry });
    }
    if !defaults.is_empty() {
        let node = Node::bare(Value::Table(defaults));
        top.push(TableEntry {
            key: "defaults".into(),
            key_span: None,
            node,
        });
    }
    (
        Node {
            span: tree.span,
            value: Value::Table(top),
        },
        aliases,
    )
}

/// Renames the keys of the schema to the role's variables.
pub(super) fn from_schema(tree: &Node) -> Node {
    let mut entries = Vec::new();
    for entry in tree.entries() {
        if &*entry.key == "defaults" {
            let named = entry.node.entries().iter().map(|default| TableEntry {
                key: role_name(&["defaults", &default.key]).into(),
                ..default.clone()
            });
            entries.extend(named);
        } else {
            entries.push(TableEntry {
                key: role_name(&[&entry.key]).into(),
                ..entry.clone()
            });
        }
    }
    Node {
        span: tree.span,
        value: Value::Table(entries),
    }
}

/// The name of the variable for a key of the schema.
pub(crate) fn role_name(path: &[&str]) -> String {
    match path {
        ["defaults", key] => format!("{PREFIX}{DEFAULT_PREFIX}{key}"),
        _ => format!("{PREFIX}{}", path.join(".")),
    }
}
