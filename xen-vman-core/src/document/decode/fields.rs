//! A table, read key by key.

use super::{Decoder, FromNode};
use crate::diag::{Diagnostic, DiagnosticId, Fix, Segment, is_mistyped};
use crate::document::{Node, TableEntry, Value};

/// Reads a table key by key.
#[derive(Debug)]
pub struct Fields<'n, 'd, 'r> {
    node: &'n Node,
    /// The current path.
    pub decoder: &'d mut Decoder<'r>,
    known: Vec<&'static str>,
}

impl<'n, 'd, 'r> Fields<'n, 'd, 'r> {
    /// Begins to read a table; reports any other value and returns `None`.
    pub fn open<T: FromNode>(node: &'n Node, decoder: &'d mut Decoder<'r>) -> Option<Self> {
        if matches!(node.value, Value::Table(_)) {
            return Some(Self {
                node,
                decoder,
                known: Vec::new(),
            });
        }
        decoder.wrong_type::<T>(node);
        None
    }

    /// The value of `key` as written, if it is set.
    pub fn written(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.node.get(key).filter(|node| node.value != Value::Null)
    }

    /// Reads the value of `key`, if it is set.
    pub fn take<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        let node = self.written(key)?;
        self.decoder.within(Segment::Key(key.into()), |decoder| {
            if !T::EMPTY_IS_A_VALUE && matches!(&node.value, Value::Text(text) if text.is_empty()) {
                // The original role's defaults are empty.
                if decoder.is_role_value(node) && decoder.is_variable() {
                    return None;
                }
                let message = format!("`{key}` is empty, so it is treated as unset");
                let help = Some("remove the key, or write a value");
                decoder.problem_with_help(node, DiagnosticId::EmptyValue, message, help);
                return None;
            }
            T::from_node(node, decoder)
        })
    }

    /// Reports the keys that were not read.
    pub fn finish(self) {
        let Self {
            node,
            decoder,
            known,
        } = self;
        for entry in node.entries() {
            if decoder.report.is_full_of_errors() {
                return;
            }
            if !known.contains(&&*entry.key) {
                unknown_key(entry, &known, decoder);
            }
        }
    }
}

/// Reports a key that is not of the schema. Role variables may belong to other roles, too, so there
/// it is only an error if it looks like a misspelt key.
fn unknown_key(entry: &TableEntry, known: &[&'static str], decoder: &mut Decoder<'_>) {
    let key = &*entry.key;
    let table = (decoder.table_of)(key).map(|table| format!("`{key}` is a key of {table}"));
    let role = (decoder.role_of)(decoder.table(), key);
    if decoder.is_role_value(&entry.node) && is_foreign(key, role, known.iter().copied()) {
        return foreign_key(entry, role, table, decoder);
    }
    let message = format!("unknown key `{key}`");
    decoder.within(Segment::Key(entry.key.clone()), |decoder| {
        let diagnostic =
            Diagnostic::new(DiagnosticId::UnknownKey, decoder.path(), message).at(entry.key_span);
        // The role's variables have a prefix, which a definition in TOML has not.
        let of_role = key.strip_prefix("xen_vman_");
        let of_default = of_role.and_then(|rest| rest.strip_prefix("default_"));
        decoder.report.push(match (closest(key, known), table) {
            _ if of_role.is_some_and(|rest| known.contains(&rest)) => {
                let right = of_role.unwrap_or_default();
                diagnostic
                    .help(format!("write `{right}`"))
                    .fix(Fix::key(key, right))
            }
            _ if of_default.is_some() && known.contains(&"defaults") => {
                let right = of_default.unwrap_or_default();
                diagnostic.help(format!("write `{right}` under `[defaults]`"))
            }
            (Some(near), _) => diagnostic.did_you_mean_key(key, near),
            (None, Some(table)) => diagnostic.help(table),
            (None, None) if known.contains(&"extra") => {
                diagnostic.help("remove it; data of your own belongs in the table `extra`")
            }
            (None, None) => diagnostic.help("remove it; the reference of variables lists all keys"),
        });
    });
}

/// Reports a key of another role, once for all tables of a kind.
fn foreign_key(
    entry: &TableEntry,
    role: Option<&str>,
    table: Option<String>,
    decoder: &mut Decoder<'_>,
) {
    decoder.within(Segment::Key(entry.key.clone()), |decoder| {
        let keys = decoder.path.iter().filter_map(Segment::key);
        let keys = keys.map(Box::from).collect();
        if !decoder.foreign.insert(keys) {
            return;
        }
        let message = format!("`{}` is not a key of xen-vman, which ignores it", entry.key);
        let role = role.map(|role| format!("the role `{role}` reads it"));
        let known: Vec<_> = role.into_iter().chain(table).collect();
        let help = if known.is_empty() {
            "remove it, unless another role or an expression reads it".to_owned()
        } else {
            known.join("; ")
        };
        let diagnostic = Diagnostic::new(DiagnosticId::ForeignKey, decoder.path(), message)
            .help(help)
            .at(entry.key_span);
        decoder.report.push(diagnostic);
    });
}

/// Whether a key of role variables is that of another role, rather than a misspelt one.
pub(crate) fn is_foreign<'k>(
    key: &str,
    role: Option<&str>,
    mut known: impl Iterator<Item = &'k str>,
) -> bool {
    let most = key.chars().count() / 4;
    let is_or_resembles = |known: &str| known == key || strsim::osa_distance(key, known) <= most;
    let is_known = known.any(|known| match role {
        Some(_) => known == key,
        None => is_or_resembles(known),
    });
    !is_known
}

/// The most similar word, if any is similar enough, and no other is as similar.
pub(crate) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let length = word.chars().count();
    // A word of four times the length, or a quarter of it, cannot reach the score below.
    let alike = |candidate: &&&str| {
        let (a, b) = (length, candidate.chars().count());
        a <= 4 * b && b <= 4 * a
    };
    let scored = known.iter().filter(alike);
    let scored = scored.map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate));
    let similar: Vec<_> = scored
        .filter(|(score, candidate)| {
            // Two letters that are swapped in a short word score less.
            *score > 0.85 || (length > 2 && strsim::osa_distance(word, candidate) == 1)
        })
        .collect();
    let (best, nearest) = similar.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?;
    // `ext5` is as near to `ext4` as to `ext3`, and `apci` to `acpi` as to `apic`.
    let is_only = |(score, other): &(f64, &str)| {
        let is_less = *score < best && (word == nearest || !is_mistyped(word, other));
        *other == nearest || is_less
    };
    similar.iter().all(is_only).then_some(nearest)
}
