//! Mechanical changes of the text: [`Fix`] → [`Edit`]s.

use super::{Dialect, Node, Sources, Value};
use crate::diag::{Diagnostic, FieldPath, FileId, Fix, Segment, Span};
use std::ops::Range;

/// A replacement of a range of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The range.
    pub(crate) span: Span,
    /// What it becomes.
    pub(crate) text: String,
}

impl Sources {
    /// The changes that remove the problem; none if there is no mechanical change, or if the text is
    /// not as simple as it must be for one.
    pub(crate) fn edits(&self, diagnostic: &Diagnostic) -> Vec<Edit> {
        let span = diagnostic.span;
        let edits = match &diagnostic.fix {
            None => None,
            Some(Fix::Word { from, to }) => self.word(span, from, to).map(|edit| vec![edit]),
            Some(Fix::Key { from, to }) => self.key(diagnostic, from, to).map(|edit| vec![edit]),
            // A string of JSON is one of TOML and of YAML.
            Some(Fix::Text(text)) => self.value(span, serde_json::json!(text).to_string()),
            Some(Fix::Boolean(value)) => self.value(span, value.to_string()),
            Some(Fix::Items) => span.map(|span| self.items(span.file, &diagnostic.path)),
            Some(Fix::OwnKey(key)) => self.own_key(&diagnostic.path, key),
        };
        edits.unwrap_or_default()
    }

    fn at(&self, span: Span) -> Option<&str> {
        self.text(span.file).get(span.range())
    }

    /// Another word, where it is written once.
    fn word(&self, span: Option<Span>, from: &str, to: &str) -> Option<Edit> {
        let span = span?;
        let start = only_word(self.at(span)?, from)?;
        Some(Edit {
            span: part(span, start..start + from.len()),
            text: to.to_owned(),
        })
    }

    /// Another key, unless that is set as well.
    fn key(&self, diagnostic: &Diagnostic, from: &str, to: &str) -> Option<Edit> {
        let entry = self.entry(&diagnostic.path);
        let is_free = entry.is_none_or(|(_, table)| table.get(to).is_none());
        let key_span = entry.and_then(|(entry, _)| entry.key_span);
        let edit = self.word(key_span.or(diagnostic.span), from, to)?;
        let file = edit.span.file;
        let is_assigned = |line: &str| {
            let rest = line.trim_start().strip_prefix(to);
            rest.is_some_and(|rest| rest.trim_start().starts_with(['=', '+']))
        };
        let is_set =
            self.dialect(file) == Some(Dialect::XlCfg) && self.text(file).lines().any(is_assigned);
        (is_free && !is_set).then_some(edit)
    }

    /// Another value, if it is a scalar on a single line.
    fn value(&self, span: Option<Span>, text: String) -> Option<Vec<Edit>> {
        let span = span?;
        let written = scalar(self.at(span)?)?;
        let before = &self.text(span.file)[..span.start as usize];
        // One in block style: it is a string whatever it is.
        if before[line_start(before, before.len())..].trim().is_empty() && !before.is_empty() {
            return None;
        }
        let is_of_xl = self.dialect(span.file).is_none_or(Dialect::is_of_a_domain);
        let span = part(span, 0..written.len());
        (!is_of_xl).then(|| vec![Edit { span, text }])
    }

    /// Two brackets for one, in the headers of a table.
    fn items(&self, file: FileId, path: &FieldPath) -> Vec<Edit> {
        let text = self.text(file);
        // A line of a string may look like a header.
        let has_long_strings = text.contains("\"\"\"") || text.contains("'''");
        if self.dialect(file) != Some(Dialect::Schema) || has_long_strings {
            return Vec::new();
        }
        let keys = path.segments().iter().filter_map(Segment::key);
        let header = format!("[{}]", keys.collect::<Vec<_>>().join("."));
        let mut edits = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let code = line.split('#').next().unwrap_or_default();
            if code.trim() == header {
                let at = start + code.len() - code.trim_start().len();
                edits.push(Edit {
                    span: Span::new(file, at..at + header.len()),
                    text: format!("[{header}]"),
                });
            }
            start += line.len();
        }
        edits
    }

    /// An additional option as a key of the table around the options, in a line of its own.
    fn own_key(&self, path: &FieldPath, key: &str) -> Option<Vec<Edit>> {
        let (option, options) = self.entry(path)?;
        let mut around = path.clone();
        around.pop();
        let (table, owner) = self.entry(&around)?;
        let (key_span, value_span) = (option.key_span?, option.node.span?);
        let file = key_span.file;
        let dialect = self.dialect(file)?;
        let text = self.text(file);
        let value = scalar(self.at(value_span)?)?;
        let value_span = part(value_span, 0..value.len());
        if line_start(text, value_span.start as usize) != line_start(text, key_span.start as usize)
        {
            return None;
        }
        if owner.get(key).is_some() {
            return None;
        }
        // `xen_vman_default_` in role variables.
        let name = self.at(table.key_span?)?;
        let prefix = name.strip_suffix(&*table.key)?;
        let sign = match dialect {
            Dialect::Schema => " = ",
            Dialect::RoleYaml => ": ",
            _ => return None,
        };
        let line = format!("{prefix}{key}{sign}{value}");
        let table_start = table.key_span?.start as usize;
        // What stands elsewhere, or has an anchor, is of other tables, too.
        let between = text.get(table_start..key_span.start as usize)?;
        if dialect == Dialect::RoleYaml && between.contains(['&', '*', '<']) {
            return None;
        }
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let table_line = line_start(text, table_start);
        let before = &text[table_line..table_start];
        if before.ends_with('[') || before.contains('.') {
            // Under a header: after a key of the table that the header belongs to.
            let near = last_in_a_line(owner, text)?;
            let indent = indentation(text, near.start);
            let insertion = Edit {
                span: Span::new(file, near.end..near.end),
                text: format!("{indent}{line}{newline}"),
            };
            return Some(vec![insertion, whole_line(text, key_span, value_span)?]);
        }
        let insertion = Edit {
            span: Span::new(file, table_start..table_start),
            text: format!("{line}{newline}{}", " ".repeat(before.chars().count())),
        };
        let only = options.entries().len() == 1;
        let removal = match table.node.span {
            Some(whole) if is_in_braces(self.at(whole)?) && only => {
                // The table goes with its only entry.
                return Some(vec![Edit {
                    span: Span::new(file, table_start..whole.end as usize),
                    text: line,
                }]);
            }
            Some(whole) if is_in_braces(self.at(whole)?) => in_braces(text, key_span, value_span),
            _ => whole_line(text, key_span, value_span)?,
        };
        // An empty table of YAML goes, too.
        if only && is_line_between(text, table_start, removal.span) {
            return Some(vec![Edit {
                span: Span::new(file, table_start..removal.span.end as usize),
                text: format!("{line}{newline}"),
            }]);
        }
        Some(vec![insertion, removal])
    }
}

/// Whether nothing but blanks is between the key of a table and its only entry on the next line.
fn is_line_between(text: &str, table_start: usize, entry: Span) -> bool {
    let between = text
        .get(table_start..entry.start as usize)
        .unwrap_or_default();
    let rest = between.split_once(':').map_or("x", |(_, rest)| rest);
    rest.trim().is_empty() && rest.matches('\n').count() == 1
}

/// A value that is a single word or string on one line, without what YAML counts to it: blanks and a
/// comment behind it. `None` for all others.
fn scalar(written: &str) -> Option<&str> {
    let end = match written.chars().next()? {
        quote @ ('"' | '\'') => {
            let mut escaped = false;
            let mut ends = written.char_indices().skip(1);
            let (end, _) = ends.find(|(_, c)| {
                let is_end = *c == quote && !escaped;
                escaped = *c == '\\' && quote == '"' && !escaped;
                is_end
            })?;
            end + 1
        }
        '|' | '>' | '&' | '*' | '!' | '[' | '{' => return None,
        _ => written.trim_end().len(),
    };
    let (value, rest) = written.split_at(end);
    let is_comment = rest.trim_start().is_empty() || rest.trim_start().starts_with('#');
    (is_comment && !value.contains('\n')).then_some(value)
}

fn is_in_braces(table: &str) -> bool {
    table.starts_with('{') && table.ends_with('}')
}

/// Removes an entry of a table in braces, with a comma beside it.
fn in_braces(text: &str, key: Span, value: Span) -> Edit {
    let (mut start, mut end) = (key.start as usize, value.end as usize);
    let rest = &text[end..];
    let after = rest.trim_start_matches([' ', '\t']);
    if let Some(next) = after.strip_prefix(',') {
        let next = next.trim_start_matches([' ', '\t']);
        end = text.len() - next.len();
    } else if let Some(comma) = text[..start].trim_end().strip_suffix(',') {
        start = comma.len();
    }
    Edit {
        span: Span::new(key.file, start..end),
        text: String::new(),
    }
}

/// Removes an entry that has its line for itself.
fn whole_line(text: &str, key: Span, value: Span) -> Option<Edit> {
    let start = line_start(text, key.start as usize);
    let rest = text.get(value.end as usize..)?;
    let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
    let is_alone =
        text[start..key.start as usize].trim().is_empty() && rest[..line].trim().is_empty();
    is_alone.then(|| Edit {
        span: Span::new(key.file, start..value.end as usize + line),
        text: String::new(),
    })
}

/// The line of the last entry of a table that has its line for itself.
fn last_in_a_line(table: &Node, text: &str) -> Option<Range<usize>> {
    let lines = table.entries().iter().filter_map(|entry| {
        let is_scalar = !matches!(entry.node.value, Value::Table(_) | Value::List(_));
        let edit = whole_line(text, entry.key_span?, entry.node.span?)?;
        (is_scalar && text[edit.span.range()].ends_with('\n')).then(|| edit.span.range())
    });
    lines.max_by_key(|line| line.start)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

fn indentation(text: &str, line: usize) -> &str {
    let rest = &text[line..];
    &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()]
}

/// Where a word is, if it is there once. The prefixes of role variables are not a part of it.
fn only_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let mut places = text.match_indices(word).filter(|(start, _)| {
        let (before, after) = (&text[..*start], &text[start + word.len()..]);
        let begins = !before.ends_with(is_part)
            || ["xen_vman_", "xen_vman_default_"]
                .iter()
                .any(|prefix| before.trim_start_matches(['"', '\'']) == *prefix);
        begins && !after.starts_with(is_part)
    });
    let (start, _) = places.next()?;
    places.next().is_none().then_some(start)
}

fn part(whole: Span, part: Range<usize>) -> Span {
    let start = whole.start as usize;
    Span::new(whole.file, start + part.start..start + part.end)
}
