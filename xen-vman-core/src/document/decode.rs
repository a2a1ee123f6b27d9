//! [`Node`] → typed values; invalid ones are reported.
//!
//! A type implements [`FromNode`], or [`FromText`] if it is written as a string. [`Fields`] reads a
//! table key by key, and so finds unknown keys.

use super::{Node, Value, is_expression};
use crate::diag::secret::is_password;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Fix, Report, Segment, Span};
use serde_json::json;
use std::collections::HashSet;

mod fields;
mod invalid;
pub use fields::Fields;
pub(crate) use fields::{closest, is_foreign};
pub use invalid::Invalid;

/// A type that can be read from a definition.
pub trait FromNode: Sized {
    /// The expected value, for messages (`an integer, in MiB`).
    const EXPECTED: &'static str;

    /// Whether an empty string is a valid value; otherwise it counts as unset.
    const EMPTY_IS_A_VALUE: bool = false;

    /// A JSON Schema that accepts at least all valid values, for editors.
    fn schema() -> Schema;

    /// Reads a value; reports it and returns `None` if it is not valid.
    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self>;
}

/// A JSON Schema, or a part of one.
pub type Schema = serde_json::Value;

/// A type that is written as a string.
pub trait FromText: Sized {
    /// The diagnostic for invalid strings.
    const ID: DiagnosticId;
    /// The expected value, for messages.
    const EXPECTED: &'static str;
    /// Whether an empty string is a valid value.
    const EMPTY_IS_A_VALUE: bool = false;
    /// Whether a number is read as a string (`version: 12`).
    const NUMBERS_ARE_TEXT: bool = false;
    /// All valid strings, if there are only a few.
    const CHOICES: &'static [&'static str] = &[];

    /// Reads it.
    ///
    /// # Errors
    /// If the string is not valid.
    fn from_text(text: &str) -> Result<Self, Invalid>;
}

/// The current position, and the report.
pub struct Decoder<'r> {
    path: Vec<Segment>,
    report: &'r mut Report,
    /// Whether a file holds role variables.
    is_role_file: &'r dyn Fn(FileId) -> bool,
    /// The position of values made from an expression.
    pub span: Option<Span>,
    /// Finds the table of the schema that a key belongs to.
    pub table_of: fn(&str) -> Option<&'static str>,
    /// Finds the role that reads a key of a table which is not of the schema.
    pub role_of: fn(&str, &str) -> Option<&'static str>,
    /// The foreign keys that were reported, with the keys above them.
    foreign: HashSet<Vec<Box<str>>>,
}

impl std::fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder at `{}`", self.path())
    }
}

impl<'r> Decoder<'r> {
    /// A decoder at the root.
    pub fn new(report: &'r mut Report) -> Self {
        Self {
            path: Vec::new(),
            report,
            is_role_file: &|_| false,
            span: None,
            table_of: |_| None,
            role_of: |_, _| None,
            foreign: HashSet::new(),
        }
    }

    /// Sets how to determine whether a file contains role variables.
    #[must_use]
    pub fn with_role_files(mut self, is_role_file: &'r dyn Fn(FileId) -> bool) -> Self {
        self.is_role_file = is_role_file;
        self
    }

    /// Whether a value comes from a file of role variables. There, template expressions that are not
    /// evaluated are an error, and values of options may be quoted for xl.cfg, as the original role
    /// required.
    pub fn is_role_value(&self, node: &Node) -> bool {
        node.span.is_some_and(|span| (self.is_role_file)(span.file))
    }

    /// Runs `read` one level deeper.
    pub fn within<T>(&mut self, segment: Segment, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let result = read(self);
        self.path.pop();
        result
    }

    /// Whether the current key is a variable of the role, and not below one.
    fn is_variable(&self) -> bool {
        match self.path.as_slice() {
            [_] => true,
            [table, _] => table.key() == Some("defaults"),
            _ => false,
        }
    }

    /// The key of the current table, or of the list that contains it.
    fn table(&self) -> &str {
        let mut keys = self.path.iter().rev().filter_map(Segment::key);
        keys.next().unwrap_or_default()
    }

    /// The current path.
    pub fn path(&self) -> FieldPath {
        self.path.clone().into()
    }

    /// Reports a problem with a value here.
    pub fn problem(&mut self, node: &Node, id: DiagnosticId, message: impl Into<String>) {
        self.problem_with_help(node, id, message, None::<String>);
    }

    /// Reports a problem with a value here, with help.
    pub fn problem_with_help(
        &mut self,
        node: &Node,
        id: DiagnosticId,
        message: impl Into<String>,
        help: Option<impl Into<String>>,
    ) {
        let mut diagnostic = self.diagnostic(node, id, message);
        diagnostic.help = help.map(Into::into);
        self.report.push(diagnostic);
    }

    fn diagnostic(&self, node: &Node, id: DiagnosticId, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(id, self.path(), message).at(node.span.or(self.span))
    }

    /// Reports a problem with a value here, with help and a mechanical change.
    pub fn fixable(
        &mut self,
        node: &Node,
        id: DiagnosticId,
        message: impl Into<String>,
        help: impl Into<String>,
        fix: Fix,
    ) {
        let diagnostic = self.diagnostic(node, id, message);
        self.report.push(diagnostic.help(help).fix(fix));
    }

    /// Reports why the value here is not valid.
    pub fn invalid(
        &mut self,
        node: &Node,
        id: DiagnosticId,
        message: impl Into<String>,
        invalid: Invalid,
    ) {
        let mut diagnostic = self.diagnostic(node, invalid.id.unwrap_or(id), message);
        diagnostic.help = invalid.help;
        diagnostic.fix = invalid.fix;
        self.report.push(diagnostic);
    }

    /// Reports a template expression that is not evaluated; returns whether there is one.
    pub fn refuse_expression(&mut self, node: &Node) -> bool {
        let Value::Text(text) = &node.value else {
            return false;
        };
        if !self.is_role_value(node) || !is_expression(text) {
            return false;
        }
        let message = format!("template expression `{text}` is not evaluated here");
        let help = "write the value; expressions are evaluated under `xen_vman_default_*`, \
                    and by Ansible before xen-vman sees the variables";
        self.problem_with_help(
            node,
            DiagnosticId::ExpressionNotEvaluated,
            message,
            Some(help),
        );
        true
    }

    /// Reports that a value has the wrong type.
    pub fn wrong_type<T: FromNode>(&mut self, node: &Node) {
        self.wrong_type_with::<T>(node, None);
    }

    /// The same, with a mechanical change.
    fn wrong_type_with<T: FromNode>(&mut self, node: &Node, fix: Option<Fix>) {
        if self.refuse_expression(node) {
            return;
        }
        let expected = T::EXPECTED;
        let secret = matches!(self.path.last(), Some(Segment::Key(key)) if is_password(key));
        let found = if secret {
            "something else".to_owned()
        } else {
            node.kind()
        };
        let message = format!("expected {expected}, found {found}");
        let id = match &node.value {
            Value::Bool(_, Some(_)) | Value::Integer(_, Some(_)) => DiagnosticId::MisreadValue,
            _ => DiagnosticId::WrongType,
        };
        let help = match &node.value {
            Value::Integer(..) if expected == <bool as FromNode>::EXPECTED => {
                Some("write true or false".to_owned())
            }
            Value::Bool(_, Some(word)) => {
                Some(format!("write \"{word}\" in quotes if it is a string"))
            }
            Value::Integer(_, Some(raw)) if raw.contains(':') => Some(format!(
                "write \"{raw}\" in quotes: YAML reads digits between colons as a base-60 number"
            )),
            Value::Float(_) if expected.starts_with("an integer") => {
                Some("write a whole number".to_owned())
            }
            Value::Integer(_, Some(raw)) | Value::Float(raw) => {
                Some(format!("write \"{raw}\" in quotes if it is a string"))
            }
            Value::Table(_) if expected == Vec::<bool>::EXPECTED => {
                let keys = self.path.iter().filter_map(Segment::key);
                let header = keys.collect::<Vec<_>>().join(".");
                Some(format!(
                    "in TOML, each item begins with `[[{header}]]`, in two brackets; in YAML, with `-`"
                ))
            }
            Value::Integer(value, None) => Some(match pairs_to_the_base_of_60(*value) {
                Some(pairs) => format!(
                    "write \"{pairs}\" in quotes: YAML reads digits between colons as a base-60 number"
                ),
                None => format!("write \"{value}\" in quotes if it is a string"),
            }),
            _ => None,
        };
        let is_single =
            matches!(node.value, Value::Table(_)) && T::schema()["items"]["type"] == "object";
        let mut diagnostic = self.diagnostic(node, id, message);
        diagnostic.help = help;
        diagnostic.fix = fix.or(is_single.then_some(Fix::Items));
        self.report.push(diagnostic);
    }

    /// Reads the items of a list; a single value is read as a list of one.
    pub fn list<T: FromNode>(&mut self, node: &Node) -> Option<Vec<T>> {
        match &node.value {
            Value::List(items) => {
                let mut read = Some(Vec::new());
                for (index, item) in items.iter().enumerate() {
                    // All items are checked, up to a limit of problems.
                    if self.report.is_full_of_errors() {
                        return None;
                    }
                    let item =
                        self.within(Segment::Index(index), |decoder| T::from_node(item, decoder));
                    match (&mut read, item) {
                        (Some(read), Some(item)) => read.push(item),
                        _ => read = None,
                    }
                }
                read
            }
            Value::Text(text) if text.is_empty() => Some(Vec::new()),
            Value::Text(_) => T::from_node(node, self).map(|item| vec![item]),
            _ => {
                self.wrong_type::<Vec<T>>(node);
                None
            }
        }
    }
}

impl<T: FromText> FromNode for T {
    const EXPECTED: &'static str = <T as FromText>::EXPECTED;
    const EMPTY_IS_A_VALUE: bool = <T as FromText>::EMPTY_IS_A_VALUE;

    fn schema() -> Schema {
        if !T::CHOICES.is_empty() {
            return json!({ "enum": T::CHOICES });
        }
        if T::NUMBERS_ARE_TEXT {
            json!({ "type": ["string", "number"] })
        } else {
            json!({ "type": "string" })
        }
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(_, Some(raw)) | Value::Float(raw) if T::NUMBERS_ARE_TEXT => raw.clone(),
            Value::Integer(value, None) if T::NUMBERS_ARE_TEXT => value.to_string().into(),
            _ => {
                let meant = meant(node).filter(|text| T::from_text(text).is_ok());
                decoder.wrong_type_with::<T>(node, meant.map(|text| Fix::Text(text.into())));
                return None;
            }
        };
        if decoder.refuse_expression(node) {
            return None;
        }
        match T::from_text(&text) {
            Ok(value) => Some(value),
            Err(invalid) => {
                let message = format!("`{text}` {}", invalid.why);
                decoder.invalid(node, T::ID, message, invalid);
                None
            }
        }
    }
}

impl FromNode for bool {
    const EXPECTED: &'static str = "a boolean";

    fn schema() -> Schema {
        json!({ "type": "boolean" })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        match &node.value {
            Value::Bool(value, _) => Some(*value),
            Value::Text(text) => match boolean_word(text) {
                Some(value) => {
                    let message = format!("`{text}` is a string; it is read as {value}");
                    let help = format!("write {value}, without quotes");
                    let fix = Fix::Boolean(value);
                    decoder.fixable(node, DiagnosticId::BooleanAsText, message, help, fix);
                    Some(value)
                }
                None => {
                    decoder.wrong_type::<Self>(node);
                    None
                }
            },
            _ => {
                decoder.wrong_type::<Self>(node);
                None
            }
        }
    }
}

/// The string that a number or a boolean would be in quotes.
fn meant(node: &Node) -> Option<String> {
    match &node.value {
        Value::Bool(_, Some(text)) | Value::Integer(_, Some(text)) | Value::Float(text) => {
            Some(text.to_string())
        }
        Value::Bool(value, None) => Some(value.to_string()),
        Value::Integer(value, None) => {
            pairs_to_the_base_of_60(*value).or_else(|| Some(value.to_string()))
        }
        _ => None,
    }
}

/// The digits and colons, such as `52:54:00:12:34:56`, that YAML read as this number, if any.
fn pairs_to_the_base_of_60(value: i64) -> Option<String> {
    let mut rest = value;
    let mut pairs = [0; 6];
    for pair in pairs[1..].iter_mut().rev() {
        (rest, *pair) = (rest / 60, rest % 60);
    }
    pairs[0] = rest;
    (10..100)
        .contains(&rest)
        .then(|| pairs.map(|pair| format!("{pair:02}")).join(":"))
}

/// Strings that can only be booleans.
pub(crate) fn boolean_word(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    const EXPECTED: &'static str = "a list";
    const EMPTY_IS_A_VALUE: bool = true;

    fn schema() -> Schema {
        let item = T::schema();
        let list = json!({ "type": "array", "items": item });
        if item["type"] == "object" {
            list
        } else {
            // A single item is read as a list of one.
            json!({ "anyOf": [list, item] })
        }
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        decoder.list(node)
    }
}

/// Reads an integer within `range` from a number or from digits in a string.
pub(crate) fn integer<T: FromNode>(
    node: &Node,
    decoder: &mut Decoder<'_>,
    range: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    let value = match &node.value {
        Value::Integer(value, raw) => {
            if let Some(raw) = raw
                .as_deref()
                .filter(|raw| raw.starts_with('0') || raw.contains(':'))
            {
                let message =
                    format!("`{raw}` is read as {value}; write the number in decimal digits");
                decoder.problem(node, DiagnosticId::MisreadValue, message);
                return None;
            }
            *value
        }
        Value::Text(text) => {
            let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let plain = decimal && (text.len() == 1 || !text.starts_with('0'));
            match text.parse().ok().filter(|_| plain) {
                Some(value) => value,
                None => {
                    decoder.wrong_type::<T>(node);
                    return None;
                }
            }
        }
        _ => {
            decoder.wrong_type::<T>(node);
            return None;
        }
    };
    if range.contains(&value) {
        return Some(value);
    }
    let message = format!(
        "{value} must be between {} and {}",
        range.start(),
        range.end()
    );
    decoder.problem(node, DiagnosticId::OutOfRange, message);
    None
}
