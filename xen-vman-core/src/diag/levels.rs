//! What a user says of diagnostics: which to leave out, and which to take for errors.

use super::{DiagnosticId, Severity};

/// Severities other than the catalogue's. An error stays one, whatever is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    /// Warnings that are left out.
    pub allowed: Vec<DiagnosticId>,
    /// Warnings that are errors.
    pub denied: Vec<DiagnosticId>,
    /// Whether all other warnings are errors, too.
    pub strict: bool,
}

impl Levels {
    /// What `id` counts as, by the first of some levels that speaks of it; none if it is left
    /// out. All of them being strict about the rest is up to any of them.
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
