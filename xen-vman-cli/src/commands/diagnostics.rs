//! `diagnostics`: the catalogue of what `check` can find.

use crate::args::DiagnosticsArgs;
use crate::definition::unknown_diagnostic;
use crate::{Failure, Outcome, terminal};
use std::fmt::Write as _;
use xen_vman_core::diag::DiagnosticId;

pub(crate) fn run(args: &DiagnosticsArgs) -> Result<Outcome, Failure> {
    let mut text = String::new();
    match &args.id {
        None => {
            for id in DiagnosticId::ALL {
                let _ = writeln!(
                    text,
                    "{:8} {:28} {}",
                    id.severity(),
                    id.as_str(),
                    id.summary()
                );
            }
        }
        Some(wanted) => {
            let id = DiagnosticId::of_name(wanted).ok_or_else(|| unknown_diagnostic(wanted))?;
            let _ = writeln!(text, "{}[{id}]: {}\n", id.severity(), id.summary());
            text.push_str(id.explanation());
        }
    }
    terminal::data(text.as_bytes())?;
    Ok(Outcome::Fine)
}
