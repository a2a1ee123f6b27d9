//! Role variables → TOML and back.
//!
//! Keys are renamed in the tree, so values are kept unchanged, even invalid ones; comments and the
//! layout of the file are lost.

use super::role_vars;
use crate::diag::Report;
use crate::document::{Node, Source, Sources, Value};
use std::fmt::Write as _;

/// The target format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvertTarget {
    /// TOML with the keys of the schema.
    Toml,
    /// The role's variables as YAML.
    Yaml,
    /// The role's variables as JSON.
    Json,
}

/// A file in another format.
#[derive(Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The content in the target format.
    pub text: String,
    /// Problems with its syntax or names.
    pub report: Report,
    /// The original file, for showing excerpts.
    pub sources: Sources,
}

/// Writes a file in another format.
pub fn convert(source: &Source, target: ConvertTarget) -> Converted {
    let mut report = Report::new();
    let (mut tree, _) = super::read(source.dialect, &source.text, None, 0, &mut report);
    let mut sources = Sources::default();
    sources.add(source.clone());
    report.locate(|path| sources.span_of(path));
    let text = match target {
        ConvertTarget::Toml => {
            if source.dialect.is_role() {
                role_vars::foreign_into_extra(&mut tree);
                role_vars::without_xl_quotes(&mut tree);
            }
            to_toml(&tree)
        }
        ConvertTarget::Yaml => {
            let mut text = String::from("---\n");
            yaml_block(&role_vars::from_schema(tree), 0, &mut text);
            text
        }
        ConvertTarget::Json => {
            let value = to_json(&role_vars::from_schema(tree));
            format!("{value:#}\n")
        }
    };
    Converted {
        text,
        report,
        sources,
    }
}

fn to_toml(tree: &Node) -> String {
    match toml_value(tree) {
        Some(::toml::Value::Table(table)) => ::toml::to_string_pretty(&table)
            .unwrap_or_else(|error| unreachable!("a tree of plain values is TOML: {error}")),
        _ => String::new(),
    }
}

pub(super) fn toml_value(node: &Node) -> Option<::toml::Value> {
    Some(match &node.value {
        Value::Null => return None,
        Value::Bool(value, _) => (*value).into(),
        Value::Integer(value, None) => (*value).into(),
        // `010` or digits between colons were meant as a string.
        Value::Integer(_, Some(raw)) | Value::Float(raw) => raw.to_string().into(),
        Value::Text(text) => text.to_string().into(),
        Value::List(items) => ::toml::Value::Array(items.iter().filter_map(toml_value).collect()),
        Value::Table(entries) => ::toml::Value::Table(
            entries
                .iter()
                .filter_map(|entry| Some((entry.key.to_string(), toml_value(&entry.node)?)))
                .collect(),
        ),
    })
}

fn to_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value, _) => (*value).into(),
        Value::Integer(value, None) => (*value).into(),
        Value::Integer(_, Some(raw)) | Value::Float(raw) => raw.to_string().into(),
        Value::Text(text) => text.to_string().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Table(entries) => serde_json::Value::Object(
            entries
                .iter()
                .map(|entry| (entry.key.to_string(), to_json(&entry.node)))
                .collect(),
        ),
    }
}

/// Writes tables and lists in block style, and strings in double quotes, so that the rules of plain
/// scalars do not apply.
fn yaml_block(node: &Node, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match &node.value {
        Value::Table(entries) => {
            for entry in entries {
                let _ = write!(out, "{pad}{}:", yaml_key(&entry.key));
                yaml_child(&entry.node, indent, out);
            }
        }
        Value::List(items) => {
            for item in items {
                let nested = matches!(&item.value, Value::Table(entries) if !entries.is_empty());
                if nested {
                    let start = out.len();
                    yaml_block(item, indent + 2, out);
                    out.replace_range(start..start + indent + 2, &format!("{pad}- "));
                } else {
                    let _ = write!(out, "{pad}-");
                    yaml_child(item, indent, out);
                }
            }
        }
        _ => {}
    }
}

fn yaml_child(node: &Node, indent: usize, out: &mut String) {
    match &node.value {
        Value::Table(entries) if !entries.is_empty() => {
            out.push('\n');
            yaml_block(node, indent + 2, out);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            yaml_block(node, indent + 2, out);
        }
        // JSON scalars and empty collections are valid YAML.
        _ => {
            let _ = writeln!(out, " {}", to_json(node));
        }
    }
}

fn yaml_key(key: &str) -> String {
    let plain = key
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let word = key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.len() > 4;
    if plain
        && (word
            || matches!(
                key,
                "org" | "name" | "os" | "type" | "ip" | "ipv6" | "mac" | "mtu" | "rate" | "uuid"
            ))
    {
        key.to_owned()
    } else {
        serde_json::Value::from(key).to_string()
    }
}
