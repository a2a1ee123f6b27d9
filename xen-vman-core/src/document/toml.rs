//! TOML text → [`Node`].

use super::{Entry, Node, Value, limits};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use std::ops::Range;

/// Reads a TOML document. All syntax errors are reported; what could be read is given
/// in any case.
pub fn read(text: &str, file: FileId, report: &mut Report) -> Node {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error.span().map(|range| span(file, &range));
        let id = if error.message().contains("duplicate key") {
            DiagnosticId::DuplicateKey
        } else {
            DiagnosticId::Syntax
        };
        report.push(Diagnostic::new(id, FieldPath::root(), error.message()).at(place));
    }
    let range = document.span();
    Node {
        span: Some(span(file, &range)),
        value: table(document.into_inner(), file, report, 1),
    }
}

fn table(table: DeTable<'_>, file: FileId, report: &mut Report, depth: usize) -> Value {
    let entries = table.into_iter().map(|(key, value)| Entry {
        key_span: Some(span(file, &key.span())),
        key: key.into_inner().into(),
        node: node(value, file, report, depth + 1),
    });
    Value::Table(entries.collect())
}

fn node(spanned: Spanned<DeValue<'_>>, file: FileId, report: &mut Report, depth: usize) -> Node {
    let span = span(file, &spanned.span());
    if depth > limits::DEPTH {
        report.push(too_deep(span));
        return Node {
            span: Some(span),
            value: Value::Null,
        };
    }
    let value = match spanned.into_inner() {
        DeValue::String(text) => Value::Text(text.into()),
        DeValue::Boolean(value) => Value::Bool(value, None),
        DeValue::Integer(number) => integer(number.as_str(), number.radix(), span, report),
        DeValue::Float(number) => Value::Float(number.as_str().into()),
        // A date is a text to us: `reinstall = 2026-11-23` is a token.
        DeValue::Datetime(date) => Value::Text(date.to_string().into()),
        DeValue::Array(items) => {
            let items = items.into_iter();
            Value::List(
                items
                    .map(|item| node(item, file, report, depth + 1))
                    .collect(),
            )
        }
        DeValue::Table(inner) => table(inner, file, report, depth),
    };
    Node {
        span: Some(span),
        value,
    }
}

fn integer(digits: &str, radix: u32, span: Span, report: &mut Report) -> Value {
    let plain = digits.replace('_', "");
    match i64::from_str_radix(&plain, radix) {
        Ok(value) => {
            let decimal = radix == 10 && value.to_string() == digits;
            let prefix = match radix {
                16 => "0x",
                8 => "0o",
                2 => "0b",
                _ => "",
            };
            Value::Integer(
                value,
                (!decimal).then(|| format!("{prefix}{digits}").into()),
            )
        }
        Err(_) => {
            let message = format!("number `{digits}` must fit in 64 bits");
            report.push(
                Diagnostic::new(DiagnosticId::OutOfRange, FieldPath::root(), message).at(span),
            );
            Value::Null
        }
    }
}

fn span(file: FileId, range: &Range<usize>) -> Span {
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        file,
        start: byte(range.start),
        end: byte(range.end),
    }
}

pub(super) fn too_deep(span: Span) -> Diagnostic {
    let message = format!(
        "tables and lists must not be nested more than {} deep",
        limits::DEPTH
    );
    Diagnostic::new(DiagnosticId::TooLarge, FieldPath::root(), message).at(span)
}
