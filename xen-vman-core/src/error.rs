//! What can go wrong in *doing* something; wrong definitions are a
//! [`Report`](crate::diag::Report).

use thiserror::Error;

/// Why the program could not do its work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition has errors, which its report lists.
    #[error("the definition has errors")]
    WrongDefinition,
    /// A template cannot be parsed; the message shows the line.
    #[error("template `{name}` is broken\n{message}")]
    Template {
        /// The template's name.
        name: String,
        /// Tera's message, with the line.
        message: String,
    },
    /// A template of a site has a name that no generator asks for.
    #[error("no template is called `{name}`; templates are: {known}")]
    UnknownTemplate {
        /// The name given.
        name: String,
        /// The names that exist.
        known: String,
    },
}
