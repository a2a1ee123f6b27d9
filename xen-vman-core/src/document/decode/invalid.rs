//! Why a string is not a value of its type.

use crate::diag::{DiagnosticId, Fix, suggestion};

/// Why a string is not valid, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The problem: the end of a sentence that begins with the value.
    pub why: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The mechanical change to that.
    pub fix: Option<Fix>,
    /// A more specific diagnostic than the type's own.
    pub id: Option<DiagnosticId>,
}

impl Invalid {
    /// A reason without advice.
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            help: None,
            fix: None,
            id: None,
        }
    }

    /// Sets a more specific diagnostic than the type's own.
    #[must_use]
    pub const fn id(mut self, id: DiagnosticId) -> Self {
        self.id = Some(id);
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a mechanical change.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Suggests a word for a similar one that is written. If that is only mistyped, it is a mechanical
    /// change.
    #[must_use]
    pub fn did_you_mean(mut self, written: &str, near: &str) -> Self {
        let (help, fix) = suggestion(written, near, Fix::word(written, near));
        self.fix = fix;
        self.help(help)
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Invalid {}
