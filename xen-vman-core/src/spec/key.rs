//! What the schema says of a key.

use crate::document::decode::Schema;
use serde_json::json;

/// One key of a table of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it is for; lines of text.
    pub doc: &'static str,
    /// What values it takes, in a few words.
    pub expected: &'static str,
    /// The same as a JSON Schema.
    pub schema: fn() -> Schema,
}

/// Tables of the schema as a JSON Schema.
pub(super) fn table_schema(keys: &[&[Key]]) -> Schema {
    let described = |key: &Key| {
        let mut schema = (key.schema)();
        schema["description"] = key
            .doc
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .into();
        (key.name.to_owned(), schema)
    };
    let properties: serde_json::Map<_, _> = keys.iter().copied().flatten().map(described).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The name of a field without the mark of a raw identifier (`r#type`).
pub(super) const fn plain_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}
