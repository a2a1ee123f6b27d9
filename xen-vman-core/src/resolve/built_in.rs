//! The built-in defaults.

use crate::document::{Dialect, Source};
use crate::parse::parse;
use crate::spec::Definition;
use std::sync::LazyLock;

static TEXT: LazyLock<String> =
    LazyLock::new(|| crate::storage::built_in() + include_str!("built_in.toml"));

/// The built-in defaults as a definition in TOML, including those of the storage backends.
pub fn built_in_text() -> &'static str {
    &TEXT
}

static BUILT_IN: LazyLock<Definition> = LazyLock::new(|| {
    let source = Source {
        name: "built_in.toml".into(),
        text: built_in_text().into(),
        dialect: Dialect::Schema,
        unreadable: None,
        bytes: None,
    };
    let parsed = parse(vec![source]);
    debug_assert!(parsed.report.is_empty(), "{:?}", parsed.report);
    parsed.definition
});

/// The built-in defaults as a definition.
pub fn built_in() -> &'static Definition {
    &BUILT_IN
}
