//! A definition as a tree of plain values, from any file format.
//!
//! The three readers (`toml`, `yaml`, `json`) turn the text of files into [`Node`]s with their
//! [`Span`]s, and know nothing about VMs; [`decode`], which reads the tree, knows nothing about
//! formats. [`Sources`] keeps the texts, so that a span can be shown as file, line and column.

pub mod decode;
mod edit;
mod entries;
mod file;
pub(crate) mod json;
mod sources;
pub mod table;
pub(crate) mod toml;
pub(crate) mod yaml;

pub(crate) use edit::Edit;
pub use file::{Source, Unreadable};
pub use sources::{Dialect, Sources};

use crate::diag::{FieldPath, Segment, Span};

/// A value and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The position; `None` for values that are not from a file.
    pub span: Option<Span>,
    /// The value.
    pub value: Value,
}

/// A value of any file format.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, which counts as unset.
    Null,
    /// A boolean, with the word as written if that is neither `true` nor `false`.
    Bool(bool, Option<Box<str>>),
    /// An integer, with its text if that is not the plain decimal form.
    Integer(i64, Option<Box<str>>),
    /// Any other number, as written.
    Float(Box<str>),
    /// A string.
    Text(Box<str>),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<TableEntry>),
}

/// A key of a table and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct TableEntry {
    /// The key.
    pub key: Box<str>,
    /// The position of the key.
    pub key_span: Option<Span>,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// A value that is not from a file.
    pub const fn bare(value: Value) -> Self {
        Self { span: None, value }
    }

    /// The value of a key of this table.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    fn entry(&self, key: &str) -> Option<&TableEntry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| &*entry.key == key),
            _ => None,
        }
    }

    /// The entries of a table; empty for any other value.
    pub fn entries(&self) -> &[TableEntry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for any other value.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The span of `path`, or of its nearest ancestor that exists. The span of a table is that of its
    /// key.
    pub fn span_of(&self, path: &FieldPath) -> Option<Span> {
        let mut node = self;
        let mut nearest = None;
        for segment in path.segments() {
            let (next, shown) = match segment {
                Segment::Key(key) => match node.entry(key) {
                    Some(entry) => {
                        let whole = matches!(entry.node.value, Value::Table(_) | Value::List(_));
                        let span = if whole { entry.key_span } else { None };
                        (&entry.node, span.or(entry.node.span).or(entry.key_span))
                    }
                    None => break,
                },
                Segment::Index(index) => match node.items().get(*index) {
                    Some(item) => (item, item.span),
                    None => break,
                },
            };
            nearest = shown.or(nearest);
            node = next;
        }
        nearest
    }

    /// Whether any string in it contains a template expression.
    pub fn has_expression(&self) -> bool {
        match &self.value {
            Value::Text(text) => is_expression(text),
            Value::List(items) => items.iter().any(Self::has_expression),
            Value::Table(entries) => entries.iter().any(|entry| entry.node.has_expression()),
            _ => false,
        }
    }

    /// A description of the value, for messages.
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(value, None) => format!("the boolean `{value}`"),
            Value::Bool(value, Some(word)) => format!("`{word}`, which is the boolean `{value}`"),
            Value::Integer(value, None) => format!("the number `{value}`"),
            Value::Integer(value, Some(raw)) => format!("`{raw}`, which is the number `{value}`"),
            Value::Float(raw) => format!("the number `{raw}`"),
            Value::Text(text) => format!("the string `{text}`"),
            Value::List(_) => "a list".into(),
            Value::Table(_) => "a table".into(),
        }
    }
}

/// A regular expression for strings that contain a template expression.
pub(crate) const EXPRESSION: &str = "\\{[{%#]";

/// Whether a string is a template expression: it contains `{{`, `{%` or `{#`.
pub fn is_expression(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// Limits of the input, which keep time and memory bounded.
pub(crate) mod limits {
    /// Bytes in one file.
    pub(crate) const FILE_BYTES: usize = 32 << 20;
    /// Bytes in one YAML file, which takes several times longer to read.
    pub(crate) const YAML_BYTES: usize = 12 << 20;
    /// Commas and brackets in one YAML file: the parser stores the content of brackets, with hundreds
    /// of bytes for each item.
    pub(crate) const YAML_FLOW: usize = 1_000_000;
    /// The depth of nested tables and lists.
    pub(crate) const DEPTH: usize = 64;
    /// Values in one JSON or YAML file, including expanded aliases and the keys of YAML. 100,000 VMs
    /// need about 1,500,000.
    pub(crate) const VALUES: usize = 2_000_000;
    /// Tokens in one TOML file, including blanks and newlines. 100,000 VMs need about half.
    pub(crate) const TOML_TOKENS: usize = 12_000_000;
    /// Keys in one table.
    pub(crate) const KEYS: usize = 10_000;
    /// Bytes in one key.
    pub(crate) const KEY_BYTES: usize = 1024;
    /// Anchors in one YAML file.
    pub(crate) const ANCHORS: usize = 10_000;
}
