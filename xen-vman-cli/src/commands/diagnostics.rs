//! `diagnostics`: lists and explains what `check` can find.

use crate::args::DiagnosticsArgs;
use crate::definition::unknown_diagnostic;
use crate::{Failure, Outcome, layout, markdown, terminal};
use serde_json::{Value, json};
use xen_vman_core::diag::DiagnosticId;

pub(crate) fn run(args: &DiagnosticsArgs) -> Result<Outcome, Failure> {
    let chosen = match &args.id {
        None => DiagnosticId::ALL.to_vec(),
        Some(name) => vec![DiagnosticId::of_name(name).ok_or_else(|| unknown_diagnostic(name))?],
    };
    let text = if args.json {
        let all: Vec<_> = chosen.into_iter().map(to_json).collect();
        format!("{:#}\n", Value::Array(all))
    } else if args.id.is_some() {
        chosen.into_iter().map(explanation).collect()
    } else {
        list(&chosen)
    };
    terminal::data(text.as_bytes())?;
    Ok(Outcome::Fine)
}

fn to_json(id: DiagnosticId) -> Value {
    json!({
        "id": id,
        "severity": id.severity(),
        "summary": id.summary(),
        "explanation": id.explanation(),
    })
}

fn explanation(id: DiagnosticId) -> String {
    let (severity, summary) = (id.severity(), id.summary());
    let width = terminal::width();
    let title = layout::hang("", &format!("{severity}[{id}]: {summary}"), 2, width);
    let text = markdown::shown(id.explanation(), width, terminal::is_coloured());
    format!("{title}\n{text}")
}

fn list(ids: &[DiagnosticId]) -> String {
    let width = terminal::width();
    let mut text = String::new();
    for id in ids {
        let (severity, name) = (id.severity(), id.as_str());
        let prefix = format!("{:8} {name:28} ", severity.to_string());
        text.push_str(&layout::hang(&prefix, id.summary(), 38, width));
    }
    text
}
