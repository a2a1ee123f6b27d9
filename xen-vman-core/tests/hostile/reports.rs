//! What is said of a refused text.

use crate::case::Case;
use crate::rules::{Form, Rule};
use crate::targets::What;
use serde_json::Value;
use xen_vman_core::Compiled;
use xen_vman_core::diag::text::Colour;
use xen_vman_core::diag::{
    Diagnostic, DiagnosticId, FieldPath, Segment, Severity, json, sarif, short, text,
};

/// Whether all that is printed of a report is safe to print.
pub(crate) fn printed(compiled: &Compiled) -> Result<(), String> {
    let (report, sources) = (&compiled.report, &compiled.sources);
    let reports = [
        ("text", text::render(report, sources, Colour::None)),
        ("short", short::render(report, sources)),
        ("json", json::render(report, sources)),
        ("sarif", sarif::render(report, sources)),
    ];
    for (name, text) in reports {
        let bad = |c: &char| {
            let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            c.is_control() && *c != '\n' || reorders
        };
        if let Some(c) = text.chars().find(bad) {
            return Err(format!("the report as {name} holds {c:?}:\n{text:?}"));
        }
        if matches!(name, "json" | "sarif")
            && let Err(error) = serde_json::from_str::<Value>(&text)
        {
            return Err(format!("the report is not valid {name}: {error}:\n{text}"));
        }
        if name == "short" && text.lines().count() != report.iter().count() {
            return Err(format!("the short report has too many lines:\n{text}"));
        }
    }
    Ok(())
}

/// Whether the report says that it is the case's place that is wrong.
pub(crate) fn refused(case: &Case<'_>, compiled: &Compiled) -> Result<(), String> {
    let mut place = FieldPath::root();
    for part in case.target.place.split('/').skip(1) {
        place = match part.parse() {
            Ok(index) => place.index(index),
            Err(_) => place.key(part),
        };
    }
    if matches!(case.target.what, What::Key(_)) {
        place = place.key(&case.text);
    }
    // A list as a whole may be wrong because of an item, a VM because of half of its name, and
    // what is empty is missing elsewhere.
    let mut place = place.segments();
    let form = match case.target.what {
        What::Value(Rule::Text(rule)) => rule.form,
        _ => Form::Plain,
    };
    if let [list @ .., Segment::Index(_)] = place {
        place = list;
    } else if let ([vm @ .., _], Form::Name) = (place, form) {
        place = vm;
    }
    let is_there = |path: &FieldPath| path.segments().starts_with(place);
    let expected = compiled.report.iter().any(|problem| {
        let counts = problem.severity == Severity::Error || case.text.is_empty();
        let there = is_there(&problem.path)
            || problem
                .related
                .iter()
                .any(|related| is_there(&related.path));
        counts && (there || elsewhere(case, problem))
    });
    if expected {
        return Ok(());
    }
    Err(format!(
        "{place:?} is not what is refused:\n{}",
        short::render(&compiled.report, &compiled.sources)
    ))
}

/// Whether an error may be meant for another place.
fn elsewhere(case: &Case<'_>, error: &Diagnostic) -> bool {
    // No key of 10 kB is looked at.
    if error.id == DiagnosticId::TooLarge {
        return matches!(case.target.what, What::Key(_));
    }
    match case.target.key {
        // It may be part of a default.
        "description" => error.path.segments().first() == Some(&Segment::Key("defaults".into())),
        // An empty variable of the role is unset.
        "nfsroot_base" | "iscsi_server" | "iscsi_base_wwn" | "lvm_vg" | "file_dir"
        | "zfs_dataset"
            if case.text.is_empty() =>
        {
            matches!(
                error.id,
                DiagnosticId::MissingNfsrootBase
                    | DiagnosticId::MissingIscsiServer
                    | DiagnosticId::MissingIscsiBaseWwn
                    | DiagnosticId::MissingLvmVg
                    | DiagnosticId::MissingFileDir
                    | DiagnosticId::MissingZfsDataset
            )
        }
        // It is part of the command line that is made up.
        "nfsroot_base" => error.id == DiagnosticId::CmdlineTooLong,
        // A VM of another kind needs other keys.
        "type" | "builder" | "storage_type" | "spice" => matches!(
            error.id,
            DiagnosticId::MissingNfsrootBase
                | DiagnosticId::MissingIscsiServer
                | DiagnosticId::MissingIscsiBaseWwn
                | DiagnosticId::MissingCmdline
                | DiagnosticId::MissingSpicePassword
                | DiagnosticId::UsbBesideRedirection
                | DiagnosticId::BuilderContradictsType
        ),
        _ => false,
    }
}
