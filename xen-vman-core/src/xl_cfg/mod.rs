//! A reader of xl.cfg files by xl's own grammar, that of libxlutil 4.17.
//!
//! ```text
//! file       = { [ assignment ] ( LINE-END | ";" ) } [ assignment ]
//! assignment = KEY ( "=" | "+=" ) value
//! value      = NUMBER | TEXT | "[" [ value { "," value } [ "," ] ] "]"
//! KEY        = a-z, then a-z 0-9 "_" "."
//! NUMBER     = 0-9, then 0-9 a-f "x"
//! TEXT       = '…' or "…" on one line, with \\ \' \" \a \b \f \n \r \t \v
//! ```
//!
//! Blanks and tabs may stand between tokens, line ends and comments only inside lists and
//! between assignments. A comment goes from `#` to the end of its line, which must be there.
//! What xl refuses is an error in the report; what xl takes but reads as nobody means it is
//! a warning: escapes like `\101`, and a last byte that is no token, which xl passes over.
//!
//! ```
//! use xen_vman_core::diag::Report;
//! use xen_vman_core::xl_cfg::{SettingValue, read};
//!
//! let mut report = Report::new();
//! let file = read(b"name = 'web'\nname += '01' # two digits\n", 0, &mut report);
//! assert!(report.is_empty());
//! assert_eq!(file.statements.len(), 2);
//! assert_eq!(file.settings()[0].value, SettingValue::Text(b"web01".to_vec()));
//! ```

mod advice;
mod lexer;
mod meaning;
pub(crate) mod names;
mod parser;
mod secrets;

pub use meaning::same_meaning;
pub use secrets::without_secrets;

use crate::diag::{FileId, Report, Span};
use std::collections::HashMap;

/// Lists inside each other; libxlutil itself takes some thousand.
pub const DEPTH: usize = 64;

/// One xl.cfg file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XlFile {
    /// The assignments, as written.
    pub statements: Vec<Statement>,
    /// All comments, in order.
    pub comments: Vec<Comment>,
}

/// One `key = value` or `key += value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The key.
    pub key: Box<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// Whether it is written with `+=`.
    pub appends: bool,
    /// The value.
    pub value: XlNode,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XlNode {
    /// Where it stands, with its quotes or brackets.
    pub span: Span,
    /// What it is.
    pub value: XlToken,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XlToken {
    /// A number as written; xl takes it for a text until it is used.
    Number(Box<str>),
    /// What stood in quotes, after escapes.
    Text(Box<[u8]>),
    /// A list.
    List(Vec<XlNode>),
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Where it stands, from the `#`, without the line end.
    pub span: Span,
    /// What follows the `#`, without the line end.
    pub text: Box<[u8]>,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// A key and what its statements make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: SettingValue<'a>,
    /// The statements it is made from, as positions in [`XlFile::statements`].
    pub statements: Vec<usize>,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue<'a> {
    /// A number or text, or several joined.
    Text(Vec<u8>),
    /// The items of a list, or of several.
    List(Vec<&'a XlNode>),
}

/// Reads a file: everything wrong goes to the report; what could be read is given.
///
/// At most one error is reported for each line, and at most a hundred for the file.
/// Diagnostics of a statement have its key as their path.
pub fn read(text: &[u8], file: FileId, report: &mut Report) -> XlFile {
    parser::Parser::new(text, file, report).file()
}

impl XlFile {
    /// The settings as libxlutil sees them: `=` replaces, `+=` joins. They are in the order
    /// in which their keys first stand in the file.
    pub fn settings(&self) -> Vec<Setting<'_>> {
        let mut settings: Vec<Setting<'_>> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (number, statement) in self.statements.iter().enumerate() {
            let Some(&at) = known.get(&*statement.key) else {
                known.insert(&statement.key, settings.len());
                settings.push(Setting {
                    key: &statement.key,
                    value: SettingValue::of(&statement.value),
                    statements: vec![number],
                });
                continue;
            };
            let setting = &mut settings[at];
            if !statement.appends {
                setting.value = SettingValue::of(&statement.value);
                setting.statements.clear();
                setting.statements.push(number);
            } else if setting.value.join(&statement.value) {
                setting.statements.push(number);
            }
        }
        settings
    }
}

impl XlNode {
    /// The bytes of a number or text.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.value {
            XlToken::Number(number) => Some(number.as_bytes()),
            XlToken::Text(text) => Some(text),
            XlToken::List(_) => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.value {
            XlToken::List(items) => Some(items),
            _ => None,
        }
    }
}

impl<'a> SettingValue<'a> {
    fn of(node: &'a XlNode) -> Self {
        match (node.bytes(), node.items()) {
            (Some(text), _) => Self::Text(text.to_vec()),
            (None, items) => Self::List(items.unwrap_or_default().iter().collect()),
        }
    }

    /// Adds what a `+=` gives. Lists and texts do not go together: reading the file has
    /// said so, and nothing is added.
    fn join(&mut self, node: &'a XlNode) -> bool {
        match (self, node.bytes(), node.items()) {
            (Self::Text(all), Some(text), _) => all.extend_from_slice(text),
            (Self::List(all), _, Some(items)) => all.extend(items),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests;
