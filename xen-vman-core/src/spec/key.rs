//! What the schema says of a key.

/// One key of a table of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it is for; lines of text.
    pub doc: &'static str,
    /// What values it takes, in a few words.
    pub expected: &'static str,
}

/// The name of a field without the mark of a raw identifier (`r#type`).
pub(super) const fn plain_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}
