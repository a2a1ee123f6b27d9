//! The built-in defaults.

use crate::document::{Dialect, Source};
use crate::parse::parse;
use crate::spec::Definition;
use std::sync::LazyLock;

/// The text of the built-in defaults.
pub(crate) const TEXT: &str = include_str!("built_in.toml");

static BUILT_IN: LazyLock<Definition> = LazyLock::new(|| {
    let source = Source {
        name: "built_in.toml".into(),
        text: TEXT.into(),
        dialect: Dialect::Schema,
        unreadable: None,
        bytes: None,
    };
    let parsed = parse(vec![source]);
    debug_assert!(parsed.report.is_empty(), "{:?}", parsed.report);
    parsed.definition
});

/// What holds where nothing is written.
pub fn built_in() -> &'static Definition {
    &BUILT_IN
}
