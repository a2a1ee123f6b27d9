//! The names of the Ansible role's variables ↔ the keys of the schema.
//!
//! The rule: drop `xen_vman_`; names that then begin with `default_` belong to the table `defaults`;
//! all others are unchanged. Variables without the prefix are ignored.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Fix, Report, did_you_mean, is_mistyped};
use crate::document::decode::is_foreign;
use crate::document::{Node, TableEntry, Value};
use crate::spec::{
    DefaultsSpec, EXTRA, InterfaceSpec, Key, VmSpec, VolumeSpec, host_keys, role_of,
};
use crate::xl_cfg::unquoted;
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

/// What Ansible up to 2.18 passes for `default(omit)` inside a value: this and a random number.
const OMITTED: &str = "__omit_place_holder__";

/// Removes values that Ansible was told to omit.
fn without_omitted(node: &mut Node) {
    let is_omitted =
        |node: &Node| matches!(&node.value, Value::Text(text) if text.starts_with(OMITTED));
    match &mut node.value {
        Value::List(items) => {
            items.retain(|item| !is_omitted(item));
            items.iter_mut().for_each(without_omitted);
        }
        Value::Table(entries) => {
            entries.retain(|entry| !is_omitted(&entry.node));
            let nodes = entries.iter_mut().map(|entry| &mut entry.node);
            nodes.for_each(without_omitted);
        }
        _ => {}
    }
}

const VMS: &str = "vms";
const INTERFACES: &str = "interfaces";
const VOLUMES: &str = "volumes";

/// Changes the keys of each VM, and of each of its interfaces.
fn for_each_vm(tree: &mut Node, change: fn(&mut Vec<TableEntry>, &str, &[Key])) {
    let of_list = |entry: &mut TableEntry, change: &dyn Fn(&mut Vec<TableEntry>)| {
        if let Value::List(items) = &mut entry.node.value {
            for item in items {
                if let Value::Table(entries) = &mut item.value {
                    change(entries);
                }
            }
        }
    };
    let Value::Table(entries) = &mut tree.value else {
        return;
    };
    for entry in entries.iter_mut().filter(|entry| &*entry.key == VMS) {
        of_list(entry, &|vm| {
            for (list, keys) in [
                (INTERFACES, InterfaceSpec::KEYS),
                (VOLUMES, VolumeSpec::KEYS),
            ] {
                for entry in vm.iter_mut().filter(|entry| &*entry.key == list) {
                    of_list(entry, &|item| change(item, list, keys));
                }
            }
            change(vm, VMS, VmSpec::KEYS);
        });
    }
}

/// Removes the quotes that values of additional options may have for xl.cfg, as the original role
/// required.
pub(super) fn without_xl_quotes(tree: &mut Node) {
    for_each_vm(tree, |vm, _, _| options_of(vm).for_each(unquote));
    if let Value::Table(entries) = &mut tree.value {
        for entry in entries.iter_mut().filter(|entry| &*entry.key == "defaults") {
            if let Value::Table(defaults) = &mut entry.node.value {
                options_of(defaults).for_each(unquote);
            }
        }
    }
}

fn options_of(table: &mut [TableEntry]) -> impl Iterator<Item = &mut Node> {
    let entries = table.iter_mut();
    let options = entries.filter(|entry| &*entry.key == "additional_xen_options");
    options.map(|entry| &mut entry.node)
}

fn unquote(node: &mut Node) {
    match &mut node.value {
        Value::Text(text) => {
            if let Some(inner) = unquoted(text) {
                *text = inner.into();
            }
        }
        Value::List(items) => items.iter_mut().for_each(unquote),
        Value::Table(entries) => entries
            .iter_mut()
            .for_each(|entry| unquote(&mut entry.node)),
        _ => {}
    }
}

/// Moves the keys of other roles into the table `extra`.
pub(super) fn foreign_into_extra(tree: &mut Node) {
    for_each_vm(tree, |table, list, keys| {
        let is_foreign = |entry: &TableEntry| {
            let known = keys.iter().map(|key| key.name);
            is_foreign(&entry.key, role_of(list, &entry.key), known)
        };
        let (foreign, own): (Vec<_>, Vec<_>) =
            std::mem::take(table).into_iter().partition(is_foreign);
        *table = own;
        if foreign.is_empty() {
            return;
        }
        match table.iter_mut().find(|entry| &*entry.key == EXTRA) {
            Some(TableEntry {
                node:
                    Node {
                        value: Value::Table(extra),
                        ..
                    },
                ..
            }) => {
                extra.extend(foreign);
            }
            _ => table.push(TableEntry {
                key: EXTRA.into(),
                key_span: None,
                node: Node::bare(Value::Table(foreign)),
            }),
        }
    });
}

/// Moves the entries of `extra` beside the keys of its VM or interface, where other roles look for
/// them; those that have the name of a key stay.
fn extra_beside_keys(tree: &mut Node) {
    for_each_vm(tree, |table, _, keys| {
        let is_extra = |entry: &TableEntry| {
            &*entry.key == EXTRA && matches!(entry.node.value, Value::Table(_))
        };
        let Some(at) = table.iter().position(is_extra) else {
            return;
        };
        let Value::Table(extra) = std::mem::replace(&mut table[at].node.value, Value::Null) else {
            unreachable!("it is a table")
        };
        let is_key = |entry: &TableEntry| keys.iter().any(|key| key.name == &*entry.key);
        let (stays, moves): (Vec<_>, Vec<_>) = extra.into_iter().partition(is_key);
        if stays.is_empty() {
            table.remove(at);
        } else {
            table[at].node.value = Value::Table(stays);
        }
        table.extend(moves);
    });
}

/// The names of all variables of the role.
fn variables() -> Vec<String> {
    let host = host_keys().map(|key| format!("{PREFIX}{key}"));
    let defaults = DefaultsSpec::KEYS.iter();
    let defaults = defaults.map(|key| format!("{PREFIX}{DEFAULT_PREFIX}{}", key.name));
    let mut all: Vec<_> = host.chain(defaults).collect();
    all.push(format!("{PREFIX}{VMS}"));
    all
}

/// The variable that another name was meant to be: it is mistyped, or lacks the prefix.
fn meant<'v>(name: &str, variables: &'v [String], has_variables: bool) -> Option<&'v str> {
    let find = |fits: &dyn Fn(&str) -> bool| {
        let mut fitting = variables
            .iter()
            .map(String::as_str)
            .filter(|known| fits(known));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    if name == VMS && has_variables {
        return find(&|known| known.strip_prefix(PREFIX) == Some(VMS));
    }
    let rest = name.strip_prefix(PREFIX);
    // A key of the schema that is mistyped is reported where the schema is read.
    let is_key = |rest: &str| match rest.strip_prefix(DEFAULT_PREFIX) {
        Some(key) => !is_foreign(key, None, DefaultsSpec::KEYS.iter().map(|known| known.name)),
        None => !is_foreign(rest, None, host_keys()),
    };
    let is_known = variables.iter().any(|known| known == name);
    if is_known || rest.is_some_and(is_key) {
        return None;
    }
    find(&|known| is_mistyped(name, known))
}

/// Renames the role's variables. Also returns the schema paths of misspelt ones, with their names as
/// written.
pub(super) fn to_schema(mut tree: Node, report: &mut Report) -> (Node, Vec<(String, String)>) {
    without_omitted(&mut tree);
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
    let variables = variables();
    let is_of_the_role = |entry: &TableEntry| entry.key.starts_with(PREFIX);
    let has_variables = entries.iter().any(is_of_the_role);
    for entry in entries {
        let known = MISSPELT
            .iter()
            .find(|(misspelt, _)| *misspelt == &*entry.key);
        let name = known.map_or(&*entry.key, |(_, right)| right);
        if let Some(meant) = meant(name, &variables, has_variables) {
            let message = format!("unknown variable `{name}`");
            let path = FieldPath::root().key(name.strip_prefix(PREFIX).unwrap_or(name));
            if name != VMS {
                aliases.push((path.to_string(), name.to_owned()));
            }
            let diagnostic = Diagnostic::new(DiagnosticId::UnknownKey, path, message)
                .help(did_you_mean(meant))
                .fix(Fix::key(name, meant));
            report.push(diagnostic.at(entry.key_span));
            continue;
        }
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
                .fix(Fix::key(*misspelt, *right))
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
        let entry = TableEntry {
            key: "defaults".into(),
            key_span: None,
            node,
        };
        // People look for them before the VMs.
        let vms = top.iter().position(|entry| &*entry.key == VMS);
        top.insert(vms.unwrap_or(top.len()), entry);
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
pub(super) fn from_schema(mut tree: Node) -> Node {
    extra_beside_keys(&mut tree);
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
