//! `diagnostics`: the catalogue of what `check` can find.

use crate::args::DiagnosticsArgs;
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
                    summary(*id)
                );
            }
        }
        Some(wanted) => {
            let found = DiagnosticId::ALL.iter().find(|id| id.as_str() == wanted);
            let id = found.ok_or_else(|| {
                Failure::new(format!("no diagnostic is called `{wanted}`"))
                    .help("`xen-vman-cli diagnostics` lists them")
            })?;
            let _ = writeln!(text, "{}[{id}]\n\n{}", id.severity(), summary(*id));
        }
    }
    terminal::data(text.as_bytes())?;
    Ok(Outcome::Fine)
}

fn summary(id: DiagnosticId) -> String {
    id.summary()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
