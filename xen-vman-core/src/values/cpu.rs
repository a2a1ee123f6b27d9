//! CPU lists.

use crate::diag::DiagnosticId;
use crate::document::decode::{Decoder, FromNode, FromText, Invalid, Schema};
use crate::document::{Node, Value};
use serde::{Serialize, Serializer};
use std::fmt;

/// The CPUs that the virtual CPUs of a domU may run on: `cpus` in xl.cfg(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CpuList {
    /// Xen chooses.
    Any,
    /// The same CPUs for all virtual CPUs.
    Same(CpuItems),
    /// The CPUs of each virtual CPU, in order.
    Each(Vec<CpuItems>),
}

/// Items `all`, `N`, `N-M` and `node:N[-M]`, read from left to right. A `^` before a number or
/// range excludes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CpuItems(Box<str>);

impl CpuItems {
    /// The items, in xl's syntax.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The highest CPU number.
    fn highest(&self) -> Option<u16> {
        let items = self.0.split(',').filter(|item| !item.contains(':'));
        let numbers = items.flat_map(|item| item.trim_start_matches('^').split('-'));
        numbers.filter_map(|number| number.parse().ok()).max()
    }
}

impl CpuList {
    /// The highest CPU number.
    pub fn highest(&self) -> Option<u16> {
        match self {
            Self::Any => None,
            Self::Same(items) => items.highest(),
            Self::Each(all) => all.iter().filter_map(CpuItems::highest).max(),
        }
    }
}

impl FromNode for CpuList {
    const EXPECTED: &'static str = "a list of CPUs";

    fn schema() -> Schema {
        Vec::<CpuItems>::schema()
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if &**text == "any" => Some(Self::Any),
            Value::List(_) => Vec::from_node(node, decoder).map(Self::Each),
            _ => CpuItems::from_node(node, decoder).map(Self::Same),
        }
    }
}

impl fmt::Display for CpuItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromText for CpuItems {
    const ID: DiagnosticId = DiagnosticId::BadCpuList;
    const EXPECTED: &'static str = "a list of CPUs";
    const NUMBERS_ARE_TEXT: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let help = "write for example `all`, `0-3`, `all,^1` or `nodes:0,^2`; items that begin with \
                    `^` exclude CPUs of the items before them";
        let mut any = false;
        for item in text.split(',') {
            let (excludes, body) = match item.strip_prefix('^') {
                Some(body) => (true, body),
                None => (false, item),
            };
            let numbered = body
                .strip_prefix("nodes:")
                .or_else(|| body.strip_prefix("node:"))
                .map_or_else(|| range(body), |nodes| nodes == "all" || range(nodes));
            if !(numbered || body == "all" && !excludes) {
                return Err(Invalid::new(format!(
                    "must be a list of CPUs; `{item}` is not a CPU, a range or a node"
                ))
                .help(help));
            }
            if excludes && !any {
                return Err(Invalid::new("must list CPUs before it excludes any").help(help));
            }
            any = true;
        }
        Ok(Self(text.into()))
    }
}

/// `N` or `N-M` in decimal digits, not descending.
fn range(text: &str) -> bool {
    let number = |text: &str| {
        let decimal =
            !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>()
            .ok()
            .filter(|_| decimal && (text.len() == 1 || !text.starts_with('0')))
    };
    match text.split_once('-') {
        None => number(text).is_some(),
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) => first <= last,
            _ => false,
        },
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Same(items) => f.write_str(&items.0),
            Self::Each(all) => {
                let items: Vec<_> = all.iter().map(CpuItems::as_str).collect();
                f.write_str(&items.join(" | "))
            }
        }
    }
}

impl Serialize for CpuList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::Same(items) => items.serialize(serializer),
            Self::Each(all) => all.serialize(serializer),
        }
    }
}
