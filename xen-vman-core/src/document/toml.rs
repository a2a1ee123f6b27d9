//! TOML text → [`Node`].

use super::decode::boolean_word;
use super::entries::{long_key, many_keys, too_deep};
use super::{Node, TableEntry, Value, limits};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Fix, Report, Span};
use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use std::collections::HashSet;
use std::ops::Range;
use toml_parser::ParseError;
use toml_parser::lexer::{Token, TokenKind};

/// Reads a TOML document as far as possible. Syntax errors are reported up to a limit.
pub(crate) fn read(text: &str, file: FileId, report: &mut Report) -> Node {
    let tokens = match count_tokens(text, file) {
        Ok(tokens) => tokens,
        Err(problem) => {
            report.push(*problem);
            return Node::bare(Value::Table(Vec::new()));
        }
    };
    let text = &text[..end_of_reading(text, tokens)];
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut is_repeated = false;
    let mut advised = HashSet::new();
    for (number, error) in errors.into_iter().enumerate() {
        let place = error.span().map(|range| span(file, &range));
        let id = if error.message().contains("duplicate key") {
            DiagnosticId::DuplicateKey
        } else {
            DiagnosticId::Syntax
        };
        let mut diagnostic = Diagnostic::new(id, FieldPath::root(), error.message()).at(place);
        let written = error.span().and_then(|range| text.get(range));
        if id == DiagnosticId::DuplicateKey && is_repeated {
            // The keys of the second VM, which are read into the first one.
            continue;
        }
        if id == DiagnosticId::DuplicateKey && written == Some("vms") {
            is_repeated = true;
            diagnostic.help = Some("begin each VM with `[[vms]]`, in two brackets".to_owned());
        } else if number == 0 && is_yaml(text) {
            let help = "the file looks like YAML; a definition in YAML has the role's variables, and ends in .yml";
            diagnostic.help = Some(help.to_owned());
        } else if let Some(advice) = error.span().and_then(|range| advice(text, range.start)) {
            // The rest of the line says nothing more.
            if !advised.insert(advice.line) {
                continue;
            }
            diagnostic.help = Some(advice.help);
            if let Some((value, fix)) = advice.fix {
                diagnostic = diagnostic.at(span(file, &value)).fix(fix);
            }
        }
        report.push(diagnostic);
    }
    let range = document.span();
    Node {
        span: Some(span(file, &range)),
        value: table(document.into_inner(), file, report, 1),
    }
}

/// What to write instead of a line that is not valid.
struct Advice {
    /// Where the line begins.
    line: usize,
    help: String,
    /// The value, and what it becomes.
    fix: Option<(Range<usize>, Fix)>,
}

/// What is wrong with the line of a byte, if that is one of the usual slips.
fn advice(text: &str, at: usize) -> Option<Advice> {
    let line = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let whole = text.get(line..)?.lines().next()?;
    let without = |help: &str| {
        Some(Advice {
            line,
            help: help.to_owned(),
            fix: None,
        })
    };
    if whole.contains(['“', '”', '„', '‘', '’']) {
        return without("write straight quotes, as in `\"web01\"`");
    }
    let Some((key, rest)) = whole.split_once('=') else {
        let is_yaml = whole
            .split_once(": ")
            .is_some_and(|(key, _)| is_bare(key.trim()));
        return is_yaml
            .then(|| without("write `key = value`, as in `name = \"web01\"`"))
            .flatten();
    };
    let start = line + key.len() + 1 + rest.len() - rest.trim_start().len();
    if at < start || !is_bare(key.trim()) {
        return None;
    }
    let value = rest.split(" #").next().unwrap_or_default().trim();
    if value.contains("//") && !value.contains("://") {
        return without("a comment begins with `#`");
    }
    if value.ends_with(';') {
        return without("remove the `;`");
    }
    if value.is_empty() || value.contains(['"', '\'', '[', '{', ',']) {
        return None;
    }
    let range = start..start + value.len();
    let (help, fix) = match boolean_word(value) {
        Some(word) => (format!("write `{word}`"), Fix::Boolean(word)),
        None => {
            let quoted = format!("write `\"{value}\"`: a string needs quotes");
            (quoted, Fix::Text(value.into()))
        }
    };
    Some(Advice {
        line,
        help,
        fix: Some((range, fix)),
    })
}

/// Whether a key needs no quotes.
fn is_bare(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !key.is_empty() && key.chars().all(fits)
}

/// Whether the first line that is not a comment is one of YAML.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let key = line.split(':').next().unwrap_or_default();
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        line == "---" || (key.len() < line.len() && key.chars().all(is_word))
    })
}

/// Counts the tokens. Input that exceeds the limits is an error: the parser stores all tokens, and
/// does not limit the nesting of tables.
fn count_tokens(text: &str, file: FileId) -> Result<usize, Box<Diagnostic>> {
    let (mut depth, mut around, mut count) = (1, Vec::new(), 0);
    for token in toml_parser::Source::new(text).lex() {
        let at = || span(file, &range(&token));
        count += 1;
        if count > limits::TOML_TOKENS {
            let message = format!(
                "a file must have at most {} tokens, including blanks and newlines",
                limits::TOML_TOKENS
            );
            let problem = Diagnostic::new(DiagnosticId::TooLarge, FieldPath::root(), message);
            return Err(Box::new(problem.at(at()).help("split it by host")));
        }
        match token.kind() {
            // Each part of a dotted key is a table as well.
            TokenKind::Dot => depth += 1,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                around.push(depth);
                depth += 1;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                around.pop();
                depth = around.last().map_or(1, |outer| outer + 1);
            }
            TokenKind::Comma | TokenKind::Newline => {
                depth = around.last().map_or(1, |outer| outer + 1);
            }
            _ => {}
        }
        if depth > limits::DEPTH + 1 {
            return Err(Box::new(too_deep(Some(at()))));
        }
    }
    Ok(count)
}

/// The maximum number of syntax errors that are reported.
const ERRORS: usize = 100;
/// Fewer tokens than this cannot have too many errors.
const FEW_TOKENS: usize = 10_000;

/// The end of the line with the last error that is reported.
fn end_of_reading(text: &str, tokens: usize) -> usize {
    if tokens < FEW_TOKENS {
        return text.len();
    }
    let tokens = toml_parser::Source::new(text).lex().into_vec();
    let (mut errors, mut last) = (0, None);
    let mut count = |error: ParseError| {
        errors += 1;
        if errors == ERRORS {
            last = error.unexpected().or(error.context());
        }
    };
    toml_parser::parser::parse_document(&tokens, &mut (), &mut count);
    let rest = last.and_then(|span| text.get(span.end()..));
    let line = rest.and_then(|rest| rest.find('\n'));
    line.map_or(text.len(), |end| {
        text.len() - rest.map_or(0, str::len) + end
    })
}

fn range(token: &Token) -> Range<usize> {
    token.span().start()..token.span().end()
}

fn table(table: DeTable<'_>, file: FileId, report: &mut Report, depth: usize) -> Value {
    let mut entries = Vec::new();
    for (key, value) in table {
        let key_span = Some(span(file, &key.span()));
        if entries.len() >= limits::KEYS {
            report.push(many_keys(key_span));
            break;
        }
        let key = key.into_inner();
        if key.len() > limits::KEY_BYTES {
            report.push(long_key(key_span));
            continue;
        }
        entries.push(TableEntry {
            key_span,
            key: key.into(),
            node: node(value, file, report, depth + 1),
        });
    }
    Value::Table(entries)
}

fn node(spanned: Spanned<DeValue<'_>>, file: FileId, report: &mut Report, depth: usize) -> Node {
    let span = span(file, &spanned.span());
    if depth > limits::DEPTH {
        report.push(too_deep(Some(span)));
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
        // A date is read as a string: `reinstall = 2026-11-23` is a token.
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
    Span::new(file, range.clone())
}
