//! JSON text → [`Node`].

use super::entries::{Entries, many_values, too_deep};
use super::{Node, TableEntry, Value, file::floor, limits};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use jiter::{Jiter, JiterError, Peek};

/// Reads a JSON document. At the first syntax error, reading stops and an empty table is returned.
pub(crate) fn read(text: &str, file: FileId, report: &mut Report) -> Node {
    let mut reader = Reader {
        jiter: Jiter::new(text.as_bytes()),
        text,
        file,
        values: 0,
        report,
    };
    let result = reader.document();
    result.unwrap_or_else(|problem| {
        let problem = match problem {
            Problem::Said(diagnostic) => *diagnostic,
            Problem::Syntax(error) => {
                let at = floor(text, error.index);
                let character = text[at..].chars().next().map_or(0, char::len_utf8);
                let span = reader.span(at, at + character);
                let message = error.error_type.to_string();
                Diagnostic::new(DiagnosticId::Syntax, FieldPath::root(), message).at(span)
            }
        };
        let span = problem.span;
        reader.report.push(problem);
        Node {
            span,
            value: Value::Table(Vec::new()),
        }
    })
}

/// Why reading stopped.
enum Problem {
    Syntax(JiterError),
    Said(Box<Diagnostic>),
}

impl From<JiterError> for Problem {
    fn from(error: JiterError) -> Self {
        Self::Syntax(error)
    }
}

impl From<Box<Diagnostic>> for Problem {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Said(diagnostic)
    }
}

struct Reader<'t, 'r> {
    jiter: Jiter<'t>,
    text: &'t str,
    file: FileId,
    /// The number of values read so far.
    values: usize,
    report: &'r mut Report,
}

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let peek = self.jiter.peek()?;
        let node = self.node(peek, 1)?;
        self.jiter.finish()?;
        Ok(node)
    }

    fn node(&mut self, peek: Peek, depth: usize) -> Result<Node, Problem> {
        let start = self.jiter.current_index();
        self.values += 1;
        if self.values > limits::VALUES {
            return Err(Problem::Said(Box::new(many_values(Some(
                self.span(start, start + 1),
            )))));
        }
        if depth > limits::DEPTH {
            let span = self.span(start, start + 1);
            self.report.push(too_deep(Some(span)));
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

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        let mut next = self.jiter.known_array()?;
        while let Some(peek) = next {
            items.push(self.node(peek, depth + 1)?);
            next = self.jiter.array_step()?;
        }
        Ok(items)
    }

    fn table(&mut self, depth: usize) -> Result<Vec<TableEntry>, Problem> {
        let mut entries = Entries::default();
        let mut before = self.jiter.current_index();
        let mut next = self.jiter.known_object()?.map(Box::<str>::from);
        while let Some(key) = next {
            let key_span = self.key_span(before);
            let peek = self.jiter.peek()?;
            let node = self.node(peek, depth + 1)?;
            let entry = TableEntry {
                key,
                key_span: Some(key_span),
                node,
            };
            entries.add(entry, self.report)?;
            before = self.jiter.current_index();
            next = self.jiter.next_key()?.map(Box::<str>::from);
        }
        Ok(entries.finish())
    }

    /// The position of the key just read: from the first quote after `before` to the last one before
    /// the colon.
    fn key_span(&self, before: usize) -> Span {
        let read = &self.text[before..self.jiter.current_index()];
        let start = read.find('"').unwrap_or_default();
        let end = read.rfind('"').map_or(read.len(), |quote| quote + 1);
        self.span(before + start, before + end)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start..end.min(self.text.len()))
    }
}

fn number(raw: &str) -> Value {
    raw.parse().map_or_else(
        |_| Value::Float(raw.into()),
        |value| Value::Integer(value, None),
    )
}
