//! Errors of operations; problems in a definition are in a [`Report`](crate::diag::Report).

use thiserror::Error;

/// Why an operation failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition has errors, which are in its report.
    #[error("the definition has errors")]
    WrongDefinition,
    /// A template cannot be parsed or rendered; the message shows the line.
    #[error("template `{name}` is broken\n{message}")]
    Template {
        /// The template's name.
        name: String,
        /// Tera's message, with the line.
        message: String,
    },
    /// A site's template has a name that no generator uses.
    #[error("no template is called `{name}`; templates are: {known}")]
    UnknownTemplate {
        /// The name given.
        name: String,
        /// The known names.
        known: String,
    },
}
