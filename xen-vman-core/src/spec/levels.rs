//! Which warnings a definition leaves out, and which it takes for errors.

use crate::diag::{DiagnosticId, Severity};
use crate::document::decode::{FromText, Invalid, closest};

/// A warning that is left out. An error is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct AllowedDiagnostic(pub DiagnosticId);

/// A warning that is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DeniedDiagnostic(pub DiagnosticId);

impl FromText for AllowedDiagnostic {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "the id of a warning";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let id = known(text)?;
        match id.severity() {
            Severity::Warning => Ok(Self(id)),
            Severity::Error => Err(Invalid::new("is an error, which cannot be allowed")
                .help("mend what it reports; only warnings can be left out")),
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
            Some(near) => invalid.help(format!("did you mean `{near}`?")),
            None => invalid.help("the reference of diagnostics lists all ids"),
        }
    })
}
