//! A [`Report`] for programs: a JSON array, one object for each diagnostic.

use super::{Diagnostic, Places, Position, Related, Report};
use serde::Serialize;

#[derive(Serialize)]
struct JsonDiagnostic<'a> {
    id: &'static str,
    severity: String,
    path: String,
    #[serde(flatten)]
    position: Option<Position<'a>>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<JsonRelated<'a>>,
}

#[derive(Serialize)]
struct JsonRelated<'a> {
    path: String,
    #[serde(flatten)]
    position: Option<Position<'a>>,
    message: &'a str,
}

/// The report as JSON: `id`, `severity`, `path` (in the words of the file), `file`,
/// `line`, `column` (from 1, in characters), `message`, `help`, `related`.
pub fn render(report: &Report, sources: &impl Places) -> String {
    let all: Vec<_> = report.iter().map(|d| diagnostic(d, sources)).collect();
    let mut text = serde_json::to_string_pretty(&all)
        .unwrap_or_else(|error| unreachable!("plain strings and numbers are JSON: {error}"));
    text.push('\n');
    text
}

fn diagnostic<'a>(d: &'a Diagnostic, sources: &'a impl Places) -> JsonDiagnostic<'a> {
    JsonDiagnostic {
        id: d.id.as_str(),
        severity: d.severity.to_string(),
        path: sources.place(&d.path),
        position: d.span.map(|span| sources.position(span)),
        message: &d.message,
        help: d.help.as_deref(),
        related: d.related.iter().map(|r| related(r, sources)).collect(),
    }
}

fn related<'a>(r: &'a Related, sources: &'a impl Places) -> JsonRelated<'a> {
    JsonRelated {
        path: sources.place(&r.path),
        position: r.span.map(|span| sources.position(span)),
        message: &r.message,
    }
}
