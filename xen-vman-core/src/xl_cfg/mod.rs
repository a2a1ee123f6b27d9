//! A reader of xl.cfg files with the grammar of libxlutil 4.17.
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
//! Blanks and tabs may separate tokens; line breaks and comments may only occur inside lists and
//! between assignments. A comment extends from `#` to the end of its line, which must exist. What
//! xl rejects is an error; what xl accepts but misreads is a warning: escapes such as `\101`, and
//! a last byte that is not a token, which xl ignores.
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

/// The maximum depth of nested lists; libxlutil itself accepts some thousand.
pub const DEPTH: usize = 64;

/// A parsed xl.cfg file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XlFile {
    /// The assignments, as written.
    pub statements: Vec<Statement>,
    /// All comments, in order.
    pub comments: Vec<Comment>,
}

/// A statement: `key = value` or `key += value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The key.
    pub key: Box<str>,
    /// The position of the key.
    pub key_span: Span,
    /// Whether it uses `+=`.
    pub appends: bool,
    /// The value.
    pub value: XlNode,
}

/// A value and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XlNode {
    /// The position, including quotes or brackets.
    pub span: Span,
    /// The content.
    pub value: XlToken,
}

/// The content of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XlToken {
    /// A number as written; xl treats it as a string until it is used.
    Number(Box<str>),
    /// The content of quotes, with escapes resolved.
    Text(Box<[u8]>),
    /// A list.
    List(Vec<XlNode>),
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The position, from the `#`, without the line break.
    pub span: Span,
    /// The text after the `#`, without the line break.
    pub text: Box<[u8]>,
    /// Whether only blanks precede it on its line.
    pub own_line: bool,
}

/// A key and the value that its statements give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: SettingValue<'a>,
    /// The statements that set it, as indices of [`XlFile::statements`].
    pub statements: Vec<usize>,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue<'a> {
    /// A number or string, or several that are joined.
    Text(Vec<u8>),
    /// The items of a list, or of several that are joined.
    List(Vec<&'a XlNode>),
}

/// Reads a file as far as possible; problems are added to the report.
///
/// At most one error is reported for each line, and at most 100 for the file.
/// Diagnostics of a statement have its key as their path.
pub fn read(text: &[u8], file: FileId, report: &mut Report) -> XlFile {
    parser::Parser::new(text, file, report).file()
}

impl XlFile {
    /// The settings as libxlutil sees them: `=` replaces, `+=` joins. They are in the order in which
    /// their keys first occur.
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
    /// The bytes of a number or string.
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

    /// Adds the value of a `+=`. A list and a string cannot be joined; that was reported when the file
    /// was read.
    fn join(&mut self, node: &'a XlNode) -> bool {
        match (self, node.bytes(), node.items()) {
            (Self::Text(all), Some(text), _) => all.extend_from_slice(text),
            (Self::List(all), _, Some(items)) => all.extend(items),
            _ => return false,
        }
        true
    }
}

/// The content of a string that is a single xl.cfg string without escapes.
pub(crate) fn unquoted(text: &str) -> Option<&str> {
    ['"', '\''].iter().find_map(|&quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains([quote, '\\']) && !inner.chars().any(char::is_control)).then_some(inner)
    })
}

#[cfg(test)]
mod tests;
