//! The diagnostics that a user suppresses or treats as errors.

use super::{DiagnosticId, Severity};

/// Changes to the severities of the catalogue. Errors always remain errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    /// Warnings to suppress.
    pub allowed: Vec<DiagnosticId>,
    /// Warnings to treat as errors.
    pub denied: Vec<DiagnosticId>,
    /// Whether to treat all other warnings as errors, too.
    pub strict: bool,
}

impl Levels {
    /// The severity of `id` by the first of several levels that mentions it; `None` if it is suppressed.
    /// If any of them is strict, the remaining warnings are errors.
    pub fn severity(of: &[&Self], id: DiagnosticId) -> Option<Severity> {
        if id.severity() == Severity::Error {
            return Some(Severity::Error);
        }
        for levels in of {
            if levels.denied.contains(&id) {
                return Some(Severity::Error);
            }
            if levels.allowed.contains(&id) {
                return None;
            }
        }
        let strict = of.iter().any(|levels| levels.strict);
        Some(if strict {
            Severity::Error
        } else {
            Severity::Warning
        })
    }
}
