//! Strings and values for xl.cfg.

use super::text::text_type;
use super::xl_keys::xl_keys;
use super::xl_words::xl_key_schema;
use crate::diag::{DiagnosticId, Fix, Segment};
use crate::document::decode::{Decoder, FromNode, FromText, Invalid, Schema};
use crate::document::{Node, Value};
use crate::xl_cfg::unquoted;
use serde::{Serialize, Serializer};
use serde_json::json;

text_type!(
    /// The description of a VM, which becomes a comment.
    Description
);

impl FromText for Description {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a string";
    const EMPTY_IS_A_VALUE: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.contains('\0') {
            return Err(Invalid::new("must not contain a NUL character"));
        }
        Ok(Self(text.into()))
    }
}

text_type!(
    /// A kernel command line.
    KernelCmdline
);

impl KernelCmdline {
    /// A command line from parts that are known to be valid.
    pub(crate) fn generated(text: String) -> Self {
        Self(text.into())
    }
}

impl FromText for KernelCmdline {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a kernel command line";
    const EMPTY_IS_A_VALUE: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        no_control(text)?;
        Ok(Self(text.into()))
    }
}

/// A SPICE password. It is only shown in the files that need it.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayPassword(Box<str>);

impl DisplayPassword {
    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DisplayPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DisplayPassword(..)")
    }
}

impl Serialize for DisplayPassword {
    /// Serializes a placeholder: serialized values are meant to be shown.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// Whether a password is an expression, rather than one with braces in it.
fn is_whole_expression(text: &str) -> bool {
    let ends = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    ends.iter().any(|(start, end)| {
        text.split_once(start)
            .is_some_and(|(_, rest)| rest.contains(end))
    })
}

impl FromNode for DisplayPassword {
    const EXPECTED: &'static str = "a password, as a string";

    fn schema() -> Schema {
        json!({ "type": "string", "pattern": "^[^,]*$", "maxLength": 60 })
    }

    /// Unlike other values, the password is never quoted in messages.
    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let why = match &node.value {
            Value::Text(text) if decoder.is_role_value(node) && is_whole_expression(text) => {
                "the password must not be a template expression: it is not evaluated here"
            }
            Value::Text(text) if text.contains(',') || text.chars().any(char::is_control) => {
                "the password must not contain commas or control characters: QEMU would read an option after a comma"
            }
            Value::Text(text) if text.len() > 60 => {
                "the password must be at most 60 bytes long, which is SPICE's limit"
            }
            Value::Text(text) => return Some(Self(text.clone())),
            _ => "the password must be a string; put it in quotes",
        };
        decoder.problem(node, DiagnosticId::BadText, why);
        None
    }
}

fn no_control(text: &str) -> Result<(), Invalid> {
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(
            "must be a single line without control characters",
        ));
    }
    Ok(())
}

text_type!(
    /// A key of xl.cfg: a lower-case letter, then lower-case letters, digits, `_` and `.`.
    XlKey
);

impl FromText for XlKey {
    const ID: DiagnosticId = DiagnosticId::BadXlOption;
    const EXPECTED: &'static str = "a key of xl.cfg";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let first = |byte: u8| byte.is_ascii_lowercase();
        let rest = |byte: u8| first(byte) || byte.is_ascii_digit() || b"_.".contains(&byte);
        if text.bytes().next().is_some_and(first) && text.bytes().all(rest) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new(
                "must be a key of xl.cfg: lower-case letters, digits, `_` and `.`",
            ))
        }
    }
}

/// A value that xl.cfg can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XlValue {
    /// Never negative: xl.cfg has no sign.
    Integer(u32),
    /// A string without line breaks.
    Text(Box<str>),
    /// A list.
    List(Vec<XlValue>),
}

impl XlValue {
    /// The string, or the strings of the list.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let items = match self {
            Self::List(items) => items,
            one => std::slice::from_ref(one),
        };
        items.iter().filter_map(|item| match item {
            Self::Text(text) => Some(&**text),
            _ => None,
        })
    }
}

/// Additional options for xl.cfg, in the order written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XlOptions(Vec<(XlKey, XlValue)>);

impl XlOptions {
    /// The options, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&XlKey, &XlValue)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl Serialize for XlOptions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl FromNode for XlOptions {
    const EXPECTED: &'static str = "a table of xl.cfg keys and values";
    const EMPTY_IS_A_VALUE: bool = false;

    fn schema() -> Schema {
        let keys = xl_keys().filter_map(|key| Some((key.to_owned(), xl_key_schema(key)?)));
        let keys: serde_json::Map<_, _> = keys.collect();
        json!({
            "anyOf": [
                { "type": "object", "properties": keys, "additionalProperties": false },
                { "type": "array", "items": { "type": "array", "minItems": 2, "maxItems": 2 } },
            ],
        })
    }

    /// A table or, as for the original role, a list of pairs.
    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let pairs: Vec<(Segment, Box<str>, &Node)> = match &node.value {
            Value::Table(entries) => entries
                .iter()
                .map(|entry| {
                    (
                        Segment::Key(entry.key.clone()),
                        entry.key.clone(),
                        &entry.node,
                    )
                })
                .collect(),
            Value::List(items) => {
                let pairs = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| match item.items() {
                        [
                            Node {
                                value: Value::Text(key),
                                ..
                            },
                            value,
                        ] => Some((Segment::Index(index), key.clone(), value)),
                        _ => None,
                    });
                match pairs.collect() {
                    Some(pairs) => pairs,
                    None => {
                        decoder.wrong_type::<Self>(node);
                        return None;
                    }
                }
            }
            _ => {
                decoder.wrong_type::<Self>(node);
                return None;
            }
        };
        let mut options = Vec::new();
        for (segment, key, value) in pairs
            .into_iter()
            .filter(|(.., node)| node.value != Value::Null)
        {
            options.extend(decoder.within(segment, |decoder| option(&key, value, decoder)));
        }
        // Returned without the invalid options, so that the others are checked.
        Some(Self(options))
    }
}

/// A key with its value.
fn option(key: &str, node: &Node, decoder: &mut Decoder<'_>) -> Option<(XlKey, XlValue)> {
    let key = match XlKey::from_text(key) {
        Ok(key) => key,
        Err(invalid) => {
            let message = format!("`{key}` {}", invalid.why);
            decoder.problem(node, DiagnosticId::BadXlOption, message);
            return None;
        }
    };
    Some((key, XlValue::from_node(node, decoder)?))
}

impl FromNode for XlValue {
    const EXPECTED: &'static str = "a number, a boolean, a string or a list of them";

    fn schema() -> Schema {
        json!({ "type": ["integer", "boolean", "string", "array"] })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let bad = |decoder: &mut Decoder<'_>, why: &str| {
            decoder.problem(node, DiagnosticId::BadXlOption, why);
            None
        };
        match &node.value {
            Value::Bool(value, _) => Some(Self::Integer(u32::from(*value))),
            Value::Integer(value, raw) => match (u32::try_from(*value), raw) {
                (Ok(value), None) if i32::try_from(value).is_ok() => Some(Self::Integer(value)),
                (_, Some(raw)) => {
                    let message =
                        format!("`{raw}` is read as {value}; write the number in decimal digits");
                    decoder.problem(node, DiagnosticId::MisreadValue, message);
                    None
                }
                _ => bad(
                    decoder,
                    "a number in xl.cfg must be decimal, from 0 to 2147483647",
                ),
            },
            Value::Text(text) => {
                if decoder.refuse_expression(node) {
                    return None;
                }
                if decoder.is_role_value(node)
                    && let Some(inner) = unquoted(text)
                {
                    let message =
                        format!("`{text}` is already quoted for xl.cfg; it is read as `{inner}`");
                    let help = "remove the quotes: xen-vman adds them where xl.cfg needs them";
                    let id = DiagnosticId::QuotedXlValue;
                    // Of two layers, one is meant.
                    if unquoted(inner).is_some() {
                        decoder.problem_with_help(node, id, message, Some(help));
                    } else {
                        decoder.fixable(node, id, message, help, Fix::Text(inner.into()));
                    }
                    return Some(Self::Text(inner.into()));
                }
                match no_control(text) {
                    Ok(()) => Some(Self::Text(text.clone())),
                    Err(_) => bad(
                        decoder,
                        "a string in xl.cfg must be a single line without control characters",
                    ),
                }
            }
            Value::List(_) => decoder.list(node).map(Self::List),
            Value::Float(_) | Value::Null | Value::Table(_) => {
                decoder.wrong_type::<Self>(node);
                None
            }
        }
    }
}

impl Serialize for XlValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(value) => value.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
        }
    }
}
