//! A [`Report`] as SARIF 2.1.0, which code hosts display in reviews.

use super::{DiagnosticId, FieldPath, Places, Report, Severity, Span};
use serde_json::{Value, json};

/// The report as a SARIF log with one run.
pub fn render(report: &Report, sources: &impl Places) -> String {
    let rules: Vec<Value> = DiagnosticId::ALL
        .iter()
        .map(|id| {
            json!({
                "id": id.as_str(),
                "shortDescription": { "text": id.summary() },
                "defaultConfiguration": { "level": level(id.severity()) },
            })
        })
        .collect();
    let results: Vec<Value> = report
        .iter()
        .map(|diagnostic| {
            let text = match &diagnostic.help {
                Some(help) => format!("{}; {help}", diagnostic.message),
                None => diagnostic.message.clone(),
            };
            let related: Vec<Value> = diagnostic
                .related
                .iter()
                .map(|related| {
                    let mut location = location(&related.path, related.span, sources);
                    location["message"] = json!({ "text": related.message });
                    location
                })
                .collect();
            json!({
                "ruleId": diagnostic.id.as_str(),
                "level": level(diagnostic.severity),
                "message": { "text": text },
                "locations": [location(&diagnostic.path, diagnostic.span, sources)],
                "relatedLocations": related,
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "xen-vman", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    super::json::escaped(&format!("{log:#}\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn location(path: &FieldPath, span: Option<Span>, sources: &impl Places) -> Value {
    let mut location = json!({
        "logicalLocations": [{ "fullyQualifiedName": sources.place(path) }],
    });
    if let Some(span) = span {
        let at = sources.position(span);
        location["physicalLocation"] = json!({
            "artifactLocation": { "uri": at.file },
            "region": { "startLine": at.line, "startColumn": at.column },
        });
    }
    location
}
