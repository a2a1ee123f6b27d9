//! A [`Report`] for programs: a JSON array with an object for each diagnostic.

use super::text::is_unprintable;
use super::{Diagnostic, Places, Position, Related, Report};
use serde::Serialize;
use std::fmt::Write as _;

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

/// The report as JSON: `id`, `severity`, `path` (with the file's own keys), `file`, `line`, `column`
/// (from 1, in characters), `message`, `help`, `related`.
pub fn render(report: &Report, sources: &impl Places) -> String {
    let all: Vec<_> = report.iter().map(|d| diagnostic(d, sources)).collect();
    let mut text = serde_json::to_string_pretty(&all)
        .unwrap_or_else(|error| unreachable!("plain strings and numbers are JSON: {error}"));
    text.push('\n');
    escaped(&text)
}

/// Escapes control characters that are not ASCII, which JSON does not require, but terminals
/// interpret. They only occur in strings.
pub(super) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unprintable(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_read_back() {
        let text = "\u{1b}\u{9b}31m\u{202e}ä";
        let json = escaped(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"\\u001b\\u009b31m\\u202eä\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
