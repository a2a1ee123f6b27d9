//! YAML text → [`Node`], with plain scalars read as Ansible's PyYAML reads them.
//!
//! Ansible reads YAML 1.1: `no` is a boolean, `010` is eight, `52:54:00` a base-60 number. A
//! definition must mean the same to both, so these rules apply here; the word as written is kept, so
//! that a message can show the difference.

use super::entries::{Entries, many_values, too_deep};
use super::{Node, TableEntry, Value, limits};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads the document of a YAML file. At the first syntax error, reading stops and an empty table is
/// returned.
pub(crate) fn read(text: &str, file: FileId, report: &mut Report) -> Node {
    if let Some(problem) = too_large(text) {
        report.push(problem);
        return Node::bare(Value::Table(Vec::new()));
    }
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        text,
        file,
        landmarks: (!text.is_ascii()).then(|| landmarks(text)),
        anchors: HashMap::new(),
        budget: limits::VALUES,
        report,
    };
    match reader.document() {
        Ok(node) => node,
        Err(problem) => {
            reader.report.push(*problem);
            Node::bare(Value::Table(Vec::new()))
        }
    }
}

/// Checks the limits before the file is parsed.
fn too_large(text: &str) -> Option<Diagnostic> {
    let (message, help) = if text.len() > limits::YAML_BYTES {
        let most = limits::YAML_BYTES >> 20;
        let message = format!("a YAML file must not be larger than {most} MiB");
        (message, "split it by host, or write it as TOML")
    } else {
        let flow = |byte: &u8| matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
        let most = limits::YAML_FLOW;
        if text.bytes().filter(flow).count() <= most {
            return None;
        }
        let message = format!("a YAML file must have at most {most} commas and brackets");
        (
            message,
            "write each item on its own line, or convert the file to `.json`",
        )
    };
    let problem = Diagnostic::new(DiagnosticId::TooLarge, FieldPath::root(), message);
    Some(problem.help(help))
}

type Problem = Box<Diagnostic>;

struct Reader<'t, 'r> {
    events: Parser<'t, StrInput<'t>>,
    text: &'t str,
    file: FileId,
    /// The byte offset of every so many characters, if some have several bytes.
    landmarks: Option<Vec<usize>>,
    /// The values of anchors, and what a copy of each costs.
    anchors: HashMap<usize, (Node, usize)>,
    /// The number of values that may still be read or copied.
    budget: usize,
    report: &'r mut Report,
}

/// Characters from one landmark to the next.
const APART: usize = 64;
/// The number of bytes of a string that count as one value.
const TEXT_UNIT: usize = 64;

fn landmarks(text: &str) -> Vec<usize> {
    let starts = text.char_indices().step_by(APART);
    starts.map(|(byte, _)| byte).collect()
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                _ if root.is_some() => {
                    let message = "a file must contain a single YAML document";
                    return Err(Box::new(problem(DiagnosticId::Syntax, message, span)));
                }
                event => root = Some(self.node(event, span, 1)?.0),
            }
        }
        Ok(root.unwrap_or(Node::bare(Value::Table(Vec::new()))))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, self.span(span))),
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            None => Ok((Event::StreamEnd, self.span(saphyr_parser::Span::default()))),
        }
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = *error.marker();
        let span = self.span(saphyr_parser::Span::new(at, at));
        let mut diagnostic = problem(DiagnosticId::Syntax, error.info().to_owned(), span);
        if error.info().contains("tab") {
            diagnostic.help = Some("indent with blanks, not with tabs".to_owned());
        }
        diagnostic
    }

    /// The node that begins with `event`, and what a copy of it costs, in values.
    fn node(
        &mut self,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Result<(Node, usize), Problem> {
        if depth > limits::DEPTH {
            return Err(Box::new(too_deep(Some(span))));
        }
        self.spend(1, span)?;
        let (anchor, value, end, size) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let size = 1 + text.len() / TEXT_UNIT;
                let value = self.scalar(text, style, tag.as_deref(), span);
                (anchor, value, span.end, size)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                let (items, end, size) = self.list(depth)?;
                (anchor, Value::List(items), end, size)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span);
                let (entries, end, size) = self.table(depth)?;
                (anchor, Value::Table(entries), end, size)
            }
            Event::Alias(anchor) => {
                let Some(size) = self.anchors.get(&anchor).map(|(_, size)| *size) else {
                    let message = "an alias must refer to an anchor that ends before it";
                    return Err(Box::new(problem(DiagnosticId::Syntax, message, span)));
                };
                // Counted first, so that nothing too large is copied.
                self.spend(size, span)?;
                return Ok((self.anchors[&anchor].0.clone(), size));
            }
            _ => {
                return Err(Box::new(problem(
                    DiagnosticId::Syntax,
                    "a value is missing here",
                    span,
                )));
            }
        };
        let node = Node {
            span: Some(Span {
                end: end.max(span.start),
                ..span
            }),
            value,
        };
        if anchor > 0 {
            if self.anchors.len() >= limits::ANCHORS {
                let message = format!("a file must have at most {} anchors", limits::ANCHORS);
                return Err(Box::new(problem(DiagnosticId::TooLarge, message, span)));
            }
            self.spend(size, span)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, size))
    }

    /// Counts the values that are read and copied: aliases of aliases can expand without bound.
    fn spend(&mut self, size: usize, span: Span) -> Result<(), Problem> {
        let rest = self.budget.checked_sub(size);
        self.budget = rest.ok_or_else(|| Box::new(many_values(Some(span))))?;
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, u32, usize), Problem> {
        let (mut items, mut total) = (Vec::new(), 1);
        loop {
            match self.next()? {
                (Event::SequenceEnd, span) => return Ok((items, span.end, total)),
                (event, span) => {
                    let (node, size) = self.node(event, span, depth + 1)?;
                    items.push(node);
                    total += size;
                }
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<(Vec<TableEntry>, u32, usize), Problem> {
        let (mut entries, mut merged, mut total) = (Entries::default(), Vec::new(), 1);
        loop {
            let (event, key_span) = match self.next()? {
                (Event::MappingEnd, span) => {
                    entries.merge(merged)?;
                    return Ok((entries.finish(), span.end, total));
                }
                other => other,
            };
            let merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let (key, _) = self.node(event, key_span, depth + 1)?;
            let (event, span) = self.next()?;
            let (node, size) = self.node(event, span, depth + 1)?;
            total += size + 1;
            if merge {
                merged.extend(mergeable(node));
            } else if let Some(key) = key_text(&key) {
                let entry = TableEntry {
                    key,
                    key_span: Some(key_span),
                    node,
                };
                entries.add(entry, self.report)?;
            } else {
                let message = format!("a key must be a string, not {}", key.kind());
                self.report
                    .push(problem(DiagnosticId::WrongType, message, key_span));
            }
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Value {
        match tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str())) {
            None if style == ScalarStyle::Plain => plain(&text),
            None | Some((true, "str") | (false, "unsafe")) => Value::Text(text.into()),
            Some((true, _)) => plain(&text),
            Some((false, "vault")) => {
                let message = "a value encrypted with Ansible Vault must be decrypted first";
                let help =
                    "only Ansible can decrypt it; use the collection, or write the plain value";
                self.report
                    .push(problem(DiagnosticId::WrongType, message, span).help(help));
                Value::Null
            }
            Some((false, _)) => {
                self.refuse_tag(tag, span);
                Value::Null
            }
        }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            let message = format!("unknown YAML tag `{}{}`", tag.handle, tag.suffix);
            self.report
                .push(problem(DiagnosticId::Syntax, message, span));
        }
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let byte = |index: usize| {
            let byte = match &self.landmarks {
                Some(landmarks) => landmarks
                    .get(index / APART)
                    .map_or(self.text.len(), |near| {
                        let after = self.text[*near..].char_indices().nth(index % APART);
                        after.map_or(self.text.len(), |(further, _)| near + further)
                    }),
                None => index.min(self.text.len()),
            };
            u32::try_from(byte).unwrap_or(u32::MAX)
        };
        Span {
            file: self.file,
            start: byte(span.start.index()),
            end: byte(span.end.index()),
        }
    }
}

fn problem(id: DiagnosticId, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::new(id, FieldPath::root(), message).at(span)
}

fn key_text(node: &Node) -> Option<Box<str>> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value, raw) => Some(raw.clone().unwrap_or_else(|| value.to_string().into())),
        Value::Integer(value, raw) => Some(raw.clone().unwrap_or_else(|| value.to_string().into())),
        Value::Float(raw) => Some(raw.clone()),
        Value::Null | Value::List(_) | Value::Table(_) => None,
    }
}

/// The entries of a merge key: `<<: *anchor`, or a list of anchors.
fn mergeable(node: Node) -> Vec<TableEntry> {
    match node.value {
        Value::Table(entries) => entries,
        Value::List(items) => items.into_iter().flat_map(mergeable).collect(),
        _ => Vec::new(),
    }
}

/// A plain scalar by the rules of YAML 1.1 (<https://yaml.org/type/>), as in PyYAML.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" => return Value::Bool(true, None),
        "false" => return Value::Bool(false, None),
        "yes" | "Yes" | "YES" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true, Some(text.into()));
        }
        "no" | "No" | "NO" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false, Some(text.into()));
        }
        _ => {}
    }
    if let Some(value) = integer(text) {
        let decimal = value.to_string() == text;
        return Value::Integer(value, (!decimal).then(|| text.into()));
    }
    if is_float(text) {
        Value::Float(text.into())
    } else {
        Value::Text(text.into())
    }
}

fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'b', _, ..] => (2, &digits[2..]),
        [b'0', b'x', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        [b'0'..=b'9', ..] => (10, digits),
        _ => return None,
    };
    let body = body.replace('_', "");
    let value = if radix == 10 && body.contains(':') {
        let mut parts = body.split(':');
        let mut value: i64 = parts.next()?.parse().ok()?;
        for part in parts {
            let small = matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
            let part: i64 = part.parse().ok().filter(|_| small)?;
            value = value.checked_mul(60)?.checked_add(part)?;
        }
        value
    } else if body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        i64::from_str_radix(&body, radix).ok()?
    } else {
        return None;
    };
    Some(if negative { -value } else { value })
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    ) {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let Some((whole, fraction)) = mantissa.split_once('.') else {
        return false;
    };
    let digits = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let rest = exponent.strip_prefix(['-', '+']).unwrap_or("");
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    });
    let starts = whole.bytes().next().or(fraction.bytes().next());
    digits(whole) && digits(fraction) && exponent_fits && starts.is_some_and(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn plain_scalars_are_read_as_pyyaml_reads_them() {
        let boolean = |value, word: &str| Value::Bool(value, Some(word.into()));
        assert_eq!(plain("on"), boolean(true, "on"));
        assert_eq!(plain("No"), boolean(false, "No"));
        assert_eq!(plain("010"), Value::Integer(8, Some("010".into())));
        assert_eq!(plain("0x1F"), Value::Integer(31, Some("0x1F".into())));
        assert_eq!(plain("0o17"), Value::Text("0o17".into()));
        assert_eq!(
            plain("52:54:00:12:34:56"),
            Value::Integer(41_135_085_296, Some("52:54:00:12:34:56".into()))
        );
        assert_eq!(
            plain("00:16:3e:00:00:01"),
            Value::Text("00:16:3e:00:00:01".into())
        );
        assert_eq!(plain("18.04"), Value::Float("18.04".into()));
        assert_eq!(plain("10.0.0.1"), Value::Text("10.0.0.1".into()));
        assert_eq!(plain("1e3"), Value::Text("1e3".into()));
        assert_eq!(plain("-"), Value::Text("-".into()));
        assert_eq!(plain("."), Value::Text(".".into()));
    }

    #[test]
    fn aliases_cannot_blow_a_file_up() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 10].join(", ");
            writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
        }
        let mut report = Report::new();
        read(&text, 0, &mut report);
        assert!(report.iter().any(|d| d.id == DiagnosticId::TooLarge));
    }
}
