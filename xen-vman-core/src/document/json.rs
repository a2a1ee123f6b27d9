//! JSON text → [`Node`].

use super::{Entry, Node, Value, file::floor, limits, toml::too_deep};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use jiter::{Jiter, JiterError, Peek};

/// Reads a JSON document. Reading ends at the first syntax error; what came before it
/// is given in any case.
pub fn read(text: &str, file: FileId, report: &mut Report) -> Node {
    let mut reader = Reader {
        jiter: Jiter::new(text.as_bytes()),
        text,
        file,
        report,
    };
    let result = reader.jiter.peek().and_then(|peek| {
        let node = reader.node(peek, 1)?;
        reader.jiter.finish()?;
        Ok(node)
    });
    result.unwrap_or_else(|error| {
        let at = floor(text, error.index);
        let character = text[at..].chars().next().map_or(0, char::len_utf8);
        let span = reader.span(at, at + character);
        let message = error.error_type.to_string();
        reader
            .report
            .push(Diagnostic::new(DiagnosticId::Syntax, FieldPath::root(), message).at(span));
        Node {
            span: Some(span),
            value: Value::Table(Vec::new()),
        }
    })
}

struct Reader<'t, 'r> {
    jiter: Jiter<'t>,
    text: &'t str,
    file: FileId,
    report: &'r mut Report,
}

impl Reader<'_, '_> {
    fn node(&mut self, peek: Peek, depth: usize) -> Result<Node, JiterError> {
        let start = self.jiter.current_index();
        if depth > limits::DEPTH {
            let span = self.span(start, start + 1);
            self.report.push(too_deep(span));
            self.jiter.known_skip(peek)?;
            return Ok(Node {
                span: Some(span),
                value: Value::Null,
            });
        }
        let value = match peek {
            Peek::Null => self.jiter.known_null().map(|()| Value::Null)?,
            Peek::True | Peek::False => Value::Bool(self.jiter.known_bool(peek)?, None),
            Peek::String => Value::Text(self.jiter.known_str()?.into()),
            Peek::Array => Value::List(self.list(depth)?),
            Peek::Object => Value::Table(self.table(depth)?),
            _ => {
                let raw = self.jiter.known_number_bytes(peek)?;
                number(&String::from_utf8_lossy(raw))
            }
        };
        let end = self.jiter.current_index();
        Ok(Node {
            span: Some(self.span(start, end)),
            value,
        })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, JiterError> {
        let mut items = Vec::new();
        let mut next = self.jiter.known_array()?;
        while let Some(peek) = next {
            items.push(self.node(peek, depth + 1)?);
            next = self.jiter.array_step()?;
        }
        Ok(items)
    }

    fn table(&mut self, depth: usize) -> Result<Vec<Entry>, JiterError> {
        let mut entries = super::yaml::Entries::default();
        let mut next = self.jiter.known_object()?.map(Box::<str>::from);
        while let Some(key) = next {
            // The key's closing quote is the last one before the colon just read.
            let after = self.jiter.current_index();
            let end = self.text[..after]
                .rfind('"')
                .map_or(after, |quote| quote + 1);
            let start = end.saturating_sub(key.len() + 2);
            let key_span = self.span(start, end);
            let peek = self.jiter.peek()?;
            let node = self.node(peek, depth + 1)?;
            let entry = Entry {
                key,
                key_span: Some(key_span),
                node,
            };
            entries.add(entry, self.report);
            next = self.jiter.next_key()?.map(Box::<str>::from);
        }
        Ok(entries.finish())
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span {
            file: self.file,
            start: byte(start),
            end: byte(end.min(self.text.len())),
        }
    }
}

fn number(raw: &str) -> Value {
    raw.parse().map_or_else(
        |_| Value::Float(raw.into()),
        |value| Value::Integer(value, None),
    )
}
