//! What is wrong with a definition: [`Diagnostic`]s, collected in a [`Report`].
//!
//! Every stage adds what it finds and goes on, so that a user sees all problems at
//! once. A diagnostic knows its [`FieldPath`]; where the input is text, it also knows
//! the [`Span`] it stands at. Formats for people and for programs are in [`text`],
//! [`short`], [`json`] and [`sarif`]. A *wrong definition* is never an [`Error`](crate::Error), which says that
//! the program could not do its work.

mod id;
pub mod json;
mod levels;
mod path;
mod place;
pub mod sarif;
pub mod secret;
pub mod short;
pub mod text;

pub use id::{DiagnosticId, Severity};
pub use levels::Levels;
pub use path::{FieldPath, Segment};
pub use place::{Excerpt, FileId, Places, Position, Span};

use serde::Serialize;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What kind of problem.
    pub id: DiagnosticId,
    /// How bad; the id's own severity, unless [`Levels`] say otherwise.
    pub severity: Severity,
    /// Where, in the words of the schema.
    pub path: FieldPath,
    /// Where in the text, if the input is text and the place exists in it.
    pub span: Option<Span>,
    /// What is wrong and what must hold: lower case, values in backticks, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
}

/// A second place that a diagnostic speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where, in the words of the schema.
    pub path: FieldPath,
    /// Where in the text.
    pub span: Option<Span>,
    /// What is there.
    pub message: String,
}

impl Diagnostic {
    /// A diagnostic without position, help or related places.
    pub fn new(id: DiagnosticId, path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            id,
            severity: id.severity(),
            path,
            span: None,
            message: message.into(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says where in the text.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
        self.span = span.into();
        self
    }

    /// Cuts texts that are too long to be read.
    fn shorten(&mut self) {
        let related = self.related.iter_mut().map(|related| &mut related.message);
        let texts = related.chain(&mut self.help).chain([&mut self.message]);
        for text in texts.filter(|text| text.len() > LONGEST) {
            *text = shortened(text);
        }
    }

    /// Adds a second place.
    #[must_use]
    pub fn related(mut self, path: FieldPath, message: impl Into<String>) -> Self {
        self.related.push(Related {
            path,
            span: None,
            message: message.into(),
        });
        self
    }
}

/// Bytes of a message; of a longer one the beginning and the end are kept.
const LONGEST: usize = 2000;

fn shortened(text: &str) -> String {
    let mut start = LONGEST / 2;
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = text.len() - LONGEST / 4;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    format!("{}…{}", &text[..start], &text[end..])
}

/// All problems found so far.
///
/// It takes a thousand of each id, and says that there are more; a message that quotes a huge
/// value is cut. So a hostile input costs no more than an honest one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    /// How many of each id were added.
    added: BTreeMap<DiagnosticId, usize>,
    full_of_errors: bool,
}

/// Diagnostics of one id in a report.
const MOST: usize = 1000;

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, if there are not too many of its kind. No password in a value that it quotes
    /// is kept.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        let hide = |text: &mut String| {
            if let Cow::Owned(hidden) = secret::without_passwords(text) {
                *text = hidden;
            }
        };
        let added = self.added.entry(diagnostic.id).or_default();
        *added += 1;
        match (*added).cmp(&(MOST + 1)) {
            Ordering::Less => {
                hide(&mut diagnostic.message);
                diagnostic.help.iter_mut().for_each(hide);
                diagnostic.shorten();
                self.diagnostics.push(diagnostic);
            }
            Ordering::Equal => {
                self.full_of_errors |= diagnostic.severity == Severity::Error;
                let message = format!("there are more than {MOST} of these; no more are shown");
                self.diagnostics.push(Diagnostic {
                    severity: diagnostic.severity,
                    ..Diagnostic::new(diagnostic.id, FieldPath::root(), message)
                });
            }
            Ordering::Greater => {}
        }
    }

    /// Whether there are so many errors of a kind that looking for more helps nobody.
    pub const fn is_full_of_errors(&self) -> bool {
        self.full_of_errors
    }

    /// Adds all of another report, as found in the definition of one host.
    pub(crate) fn append(&mut self, other: Self, host: u16) {
        let moved = other.diagnostics.into_iter().map(|mut diagnostic| {
            diagnostic.path = diagnostic.path.on_host(host);
            for related in &mut diagnostic.related {
                related.path = std::mem::take(&mut related.path).on_host(host);
            }
            diagnostic
        });
        self.diagnostics.extend(moved);
    }

    /// Gives each diagnostic the severity that the user chose, or takes it out.
    pub(crate) fn apply<'l>(&mut self, levels_of: impl Fn(&FieldPath) -> [&'l Levels; 2]) {
        self.diagnostics.retain_mut(|diagnostic| {
            let levels = levels_of(&diagnostic.path);
            match Levels::severity(&levels, diagnostic.id) {
                Some(severity) => {
                    diagnostic.severity = severity;
                    true
                }
                None => false,
            }
        });
    }

    /// Keeps the first of those that say the same of the same place in files of one name:
    /// settings that several hosts share are read once for each.
    pub(crate) fn say_once(&mut self, sources: &impl Places) {
        let mut said = HashSet::new();
        self.diagnostics.retain(|diagnostic| {
            let Some(span) = diagnostic.span else {
                return true;
            };
            let file = sources.position(span).file.to_owned();
            said.insert((diagnostic.id, diagnostic.message.clone(), file, span.start))
        });
    }

    /// Whether any of them forbids to go on.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many there are of one severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|d| d.severity == severity).count()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The diagnostics, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.diagnostics.iter()
    }

    /// Gives each diagnostic the position of its path (where it has none) and sorts them
    /// by position, then path and id, so that the order does not depend on the order of
    /// the checks.
    pub(crate) fn locate(&mut self, span_of: impl Fn(&FieldPath) -> Option<Span>) {
        for diagnostic in &mut self.diagnostics {
            diagnostic.span = diagnostic.span.or_else(|| span_of(&diagnostic.path));
            for related in &mut diagnostic.related {
                related.span = related.span.or_else(|| span_of(&related.path));
            }
        }
        self.diagnostics.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.span.is_none(), d.span.map(|s| (s.file, s.start)));
            (key(a), &a.path, a.id, &a.message).cmp(&(key(b), &b.path, b.id, &b.message))
        });
        self.diagnostics.dedup();
    }
}

impl<'a> IntoIterator for &'a Report {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
