//! The warnings that a definition suppresses or turns into errors.

use crate::diag::{DiagnosticId, Severity};
use crate::document::decode::{FromText, Invalid, closest};

/// A warning to suppress. Errors cannot be suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct AllowedDiagnostic(pub DiagnosticId);

/// A warning to treat as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DeniedDiagnostic(pub DiagnosticId);

impl FromText for AllowedDiagnostic {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "the id of a warning";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let id = known(text)?;
        match id.severity() {
            Severity::Warning => Ok(Self(id)),
            Severity::Error => Err(Invalid::new("is an error, and errors cannot be suppressed")
                .help("fix what it reports; only warnings can be suppressed")),
        }
    }
}

impl FromText for DeniedDiagnostic {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "the id of a warning";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        known(text).map(Self)
    }
}

fn known(text: &str) -> Result<DiagnosticId, Invalid> {
    DiagnosticId::of_name(text).ok_or_else(|| {
        let names: Vec<_> = DiagnosticId::ALL.iter().map(|id| id.as_str()).collect();
        let invalid = Invalid::new("must be the id of a diagnostic");
        match closest(text, &names) {
            Some(near) => invalid.did_you_mean(text, near),
            None => invalid.help("the reference of diagnostics lists all ids"),
        }
    })
}
