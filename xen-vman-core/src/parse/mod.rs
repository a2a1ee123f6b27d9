//! Text → [`Definition`] as written.
//!
//! Takes the texts of one or more files; gives the definition they make together, the
//! [`Sources`] that know where everything stands, and a [`Report`]. Several files join as
//! Ansible joins `group_vars` and `host_vars`: a later file's setting wins (and is
//! reported when it replaces another); the VMs of all files are taken together.

mod comments;
mod convert;
mod from_xl;
mod host_defaults;
mod import;
mod libvirt;
mod role_vars;

pub use convert::{ConvertTarget, Converted, convert};
pub use import::{ImportOptions, import, import_with};
pub(crate) use role_vars::role_name;

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Severity, Span};
use crate::document::decode::{Decoder, FromNode};
use crate::document::{
    Dialect, Node, Source, Sources, TableEntry, Unreadable, Value, json, toml, yaml,
};
use crate::spec::Definition;
use crate::xl_cfg;
use std::borrow::Cow;
use std::collections::HashMap;

/// What parsing gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parsed {
    /// The definition, as far as it could be read.
    pub definition: Definition,
    /// The input, for showing excerpts.
    pub sources: Sources,
    /// The problems that were found.
    pub report: Report,
}

/// Diagnostics that stop the reading of a file.
const UNREAD: &[DiagnosticId] = &[
    DiagnosticId::Syntax,
    DiagnosticId::NotUtf8,
    DiagnosticId::TooLarge,
];

fn unread(report: &Report) -> usize {
    report
        .iter()
        .filter(|found| UNREAD.contains(&found.id))
        .count()
}

/// Reads the files of one definition. All problems that can be located have their position.
pub fn parse(files: Vec<Source>) -> Parsed {
    let mut parsed = parse_from(files, 0);
    let sources = &parsed.sources;
    parsed.report.locate(|path| sources.span_of(path));
    parsed
}

/// Reads the files of one definition, with ids from `first_file`.
pub(crate) fn parse_from(files: Vec<Source>, first_file: FileId) -> Parsed {
    let mut report = Report::new();
    let mut sources = Sources::starting_at(first_file);
    for file in files {
        add_file(file, &mut sources, &mut report);
    }
    if unread(&report) > 0 && !sources.has_only_domains() {
        // Errors that result from an unreadable file would only hide the cause.
        return Parsed {
            definition: Definition::default(),
            sources,
            report,
        };
    }
    let whole = merge(&sources, &mut report);
    if whole.entries().is_empty() && !report.has_errors() {
        report.push(no_definition(&sources));
    }
    let is_role = |file| sources.dialect(file).is_some_and(Dialect::is_role);
    let mut decoder = Decoder::new(&mut report).with_role_files(&is_role);
    decoder.table_of = crate::spec::table_of;
    decoder.role_of = crate::spec::role_of;
    let definition = Definition::from_node(&whole, &mut decoder).unwrap_or_default();
    Parsed {
        definition,
        sources,
        report,
    }
}

/// The error for files without any key of a definition.
fn no_definition(sources: &Sources) -> Diagnostic {
    let (key, note) = if sources.has_role_files() {
        (
            "xen_vman_vms: []",
            "; variables of the role begin with `xen_vman_`",
        )
    } else {
        ("vms = []", "")
    };
    let message = "there is no definition: no file has a key of one";
    Diagnostic::new(DiagnosticId::NoDefinition, FieldPath::root(), message).help(format!(
        "check that this is the right file{note}. A host without VMs has `{key}`"
    ))
}

fn add_file(file: Source, sources: &mut Sources, report: &mut Report) {
    let (dialect, name, bytes) = (file.dialect, file.name.clone(), file.bytes.clone());
    let size = u64::try_from(file.text.len()).unwrap_or(u64::MAX);
    let unreadable = file
        .unreadable
        .or_else(|| (size > Source::BYTES_MAX).then_some(Unreadable::TooLarge(size)));
    let Some(id) = sources.add(file) else {
        let most = usize::from(FileId::MAX) + 1;
        let message = format!("`{name}` cannot be read: at most {most} files are supported");
        report.push(Diagnostic::new(
            DiagnosticId::TooLarge,
            FieldPath::root(),
            message,
        ));
        return;
    };
    if let Some(why) = unreadable {
        report.push(unreadable_file(&name, id, why));
        sources.add_tree(id, Node::bare(Value::Table(Vec::new())), Vec::new());
        return;
    }
    let before = unread(report);
    let (tree, aliases) = read(dialect, sources.text(id), bytes.as_deref(), id, report);
    sources.add_tree(id, tree, aliases);
    if dialect == Dialect::XlCfg {
        sources.hide_password_assignments();
    }
    // Attributes of XML are not values of their own.
    if unread(report) > before || dialect == Dialect::LibvirtXml {
        sources.hide_password_lines();
    }
}

/// Reads a file as a tree with the keys of the schema; also returns the keys that were written
/// differently. `bytes` are the content if it is not UTF-8.
fn read(
    dialect: Dialect,
    text: &str,
    bytes: Option<&[u8]>,
    file: FileId,
    report: &mut Report,
) -> (Node, Vec<(String, String)>) {
    match dialect {
        Dialect::Schema => (toml::read(text, file, report), Vec::new()),
        Dialect::SchemaJson => (json::read(text, file, report), Vec::new()),
        Dialect::RoleYaml => role_vars::to_schema(yaml::read(text, file, report), report),
        Dialect::RoleJson => role_vars::to_schema(json::read(text, file, report), report),
        Dialect::XlCfg => {
            let before = report.count(Severity::Error);
            let domain = xl_cfg::read(bytes.unwrap_or(text.as_bytes()), file, report);
            // A statement that could not be read is not missing.
            let tree = if report.count(Severity::Error) == before {
                from_xl::to_schema(&domain, file, &from_xl::Given::default(), report).0
            } else {
                Node::bare(Value::Table(Vec::new()))
            };
            (tree, Vec::new())
        }
        Dialect::LibvirtXml => {
            let domain = libvirt::read(text, file, report);
            let tree = domain.map(|domain| {
                let given = from_xl::Given {
                    description: domain.description.as_deref(),
                    ..from_xl::Given::default()
                };
                from_xl::to_schema(&domain.file, file, &given, report).0
            });
            let empty = || Node::bare(Value::Table(Vec::new()));
            (tree.unwrap_or_else(empty), Vec::new())
        }
    }
}

fn unreadable_file(name: &str, file: FileId, why: Unreadable) -> Diagnostic {
    match why {
        Unreadable::TooLarge(bytes) => {
            let message = format!(
                "`{name}` has {} MiB; the limit is {} MiB",
                bytes >> 20,
                Source::BYTES_MAX >> 20
            );
            Diagnostic::new(DiagnosticId::TooLarge, FieldPath::root(), message)
                .help("split it by host")
        }
        Unreadable::NotUtf8(start) => {
            let span = Span {
                file,
                start,
                end: start.saturating_add(1),
            };
            Diagnostic::new(
                DiagnosticId::NotUtf8,
                FieldPath::root(),
                "the file is not valid UTF-8 at this byte",
            )
            .at(span)
            .help(format!(
                "save it as UTF-8, for example with `iconv -f latin1 -t utf8 {name}`"
            ))
        }
    }
}

/// Merges the trees of all files.
fn merge<'s>(sources: &'s Sources, report: &mut Report) -> Cow<'s, Node> {
    let [first, rest @ ..] = sources.trees() else {
        return Cow::Owned(Node::bare(Value::Table(Vec::new())));
    };
    let mut merged = Cow::Borrowed(first);
    for tree in rest {
        overlay(merged.to_mut(), tree, &FieldPath::root(), report);
    }
    merged
}

fn overlay(base: &mut Node, over: &Node, path: &FieldPath, report: &mut Report) {
    let Value::Table(known) = &mut base.value else {
        *base = over.clone();
        return;
    };
    let numbers = known.iter().enumerate();
    let numbers: HashMap<_, _> = numbers.map(|(at, entry)| (entry.key.clone(), at)).collect();
    for entry in over.entries() {
        let here = path.clone().key(&entry.key);
        match numbers.get(&entry.key).and_then(|at| known.get_mut(*at)) {
            None => known.push(entry.clone()),
            Some(same) if &*entry.key == "defaults" => {
                overlay(&mut same.node, &entry.node, &here, report);
            }
            Some(TableEntry {
                node:
                    Node {
                        value: Value::List(vms),
                        ..
                    },
                ..
            }) if &*entry.key == "vms" && path.segments().is_empty() => {
                vms.extend_from_slice(entry.node.items());
            }
            Some(same) => {
                let message = format!("`{here}` is set in two files; this value is used");
                let mut diagnostic =
                    Diagnostic::new(DiagnosticId::SettingOverridden, here.clone(), message)
                        .at(entry.node.span.or(entry.key_span))
                        .related(here, "first set here");
                diagnostic.related[0].span = same.node.span.or(same.key_span);
                if same.node.value != entry.node.value {
                    report.push(diagnostic);
                }
                *same = entry.clone();
            }
        }
    }
}
