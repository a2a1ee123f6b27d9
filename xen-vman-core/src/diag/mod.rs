//! Problems in a definition: [`Diagnostic`]s, collected in a [`Report`].
//!
//! Every stage adds the problems that it finds and continues, so that a user sees all of them at
//! once. A diagnostic has a [`FieldPath`] and, if the input is text, a [`Span`]. [`text`], [`short`],
//! [`json`] and [`sarif`] are formats for people and programs. An [`Error`](crate::Error) in contrast
//! means that an operation failed.

mod fix;
mod id;
pub mod json;
mod levels;
mod path;
mod place;
pub mod sarif;
pub mod secret;
pub mod short;
pub mod text;

pub use fix::Fix;
pub(crate) use fix::{did_you_mean, is_mistyped, suggestion};
pub use id::{DiagnosticId, Severity};
pub use levels::Levels;
pub use path::{FieldPath, Segment};
pub use place::{Excerpt, FileId, Places, Position, Span};

use serde::Serialize;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The kind of problem.
    pub id: DiagnosticId,
    /// The severity: that of the id, unless [`Levels`] change it.
    pub severity: Severity,
    /// The path, with the keys of the schema.
    pub path: FieldPath,
    /// The position in the text, if the input is text and the path exists in it.
    pub span: Option<Span>,
    /// The problem and the requirement: in lower case, with values in backticks and no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Related positions.
    pub related: Vec<Related>,
    /// A mechanical change that removes the problem.
    pub fix: Option<Fix>,
}

/// A related position of a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// The path, with the keys of the schema.
    pub path: FieldPath,
    /// The position in the text.
    pub span: Option<Span>,
    /// What is at that position.
    pub message: String,
}

impl Diagnostic {
    /// A diagnostic without a position, help or related positions.
    pub fn new(id: DiagnosticId, path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            id,
            severity: id.severity(),
            path,
            span: None,
            message: message.into(),
            help: None,
            related: Vec::new(),
            fix: None,
        }
    }

    /// Adds help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a mechanical change.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Suggests a word for a similar one that is written. If that is only mistyped, it is a mechanical
    /// change.
    #[must_use]
    pub fn did_you_mean(self, written: &str, near: &str) -> Self {
        self.suggest(written, near, Fix::word(written, near))
    }

    /// Suggests a key for a similar one that is written.
    #[must_use]
    pub fn did_you_mean_key(self, written: &str, near: &str) -> Self {
        self.suggest(written, near, Fix::key(written, near))
    }

    fn suggest(mut self, written: &str, near: &str, fix: Fix) -> Self {
        let (help, fix) = suggestion(written, near, fix);
        self.fix = fix;
        self.help(help)
    }

    /// Sets the position in the text.
    #[must_use]
    pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
        self.span = span.into();
        self
    }

    /// Shortens texts that are too long.
    fn shorten(&mut self) {
        let related = self.related.iter_mut().map(|related| &mut related.message);
        let texts = related.chain(&mut self.help).chain([&mut self.message]);
        for text in texts.filter(|text| text.len() > LONGEST) {
            *text = shortened(text);
        }
    }

    /// Adds a related position.
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

/// The maximum length of a message in bytes; of a longer one, the beginning and the end are kept.
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
/// It holds up to a thousand diagnostics of each id, and notes if there are more; messages that quote
/// huge values are shortened. This bounds the cost of hostile input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    /// The number of diagnostics that were added, by id.
    added: BTreeMap<DiagnosticId, usize>,
    full_of_errors: bool,
}

/// The maximum number of diagnostics of one id in a report.
const MOST: usize = 1000;

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a diagnostic, unless there are too many of its kind. Passwords in quoted values are removed.
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
                let message = format!("more than {MOST} of these; the rest are not shown");
                self.diagnostics.push(Diagnostic {
                    severity: diagnostic.severity,
                    ..Diagnostic::new(diagnostic.id, FieldPath::root(), message)
                });
            }
            Ordering::Greater => {}
        }
    }

    /// Whether there are so many errors of a kind that no more are needed.
    pub const fn is_full_of_errors(&self) -> bool {
        self.full_of_errors
    }

    /// Adds the diagnostics of another report, which is about the definition of one host.
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

    /// Sets the severity that the user chose for each diagnostic, or removes it.
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

    /// Removes duplicates: a file that several hosts share is read once for each of them.
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

    /// Keeps the diagnostics that fit.
    pub(crate) fn retain(&mut self, fits: impl Fn(&Diagnostic) -> bool) {
        self.diagnostics.retain(fits);
    }

    /// Whether the report contains errors.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// The number of diagnostics of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|d| d.severity == severity).count()
    }

    /// Whether the report is empty.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The diagnostics, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.diagnostics.iter()
    }

    /// Sets missing positions from the paths, and sorts by position, path and id, so that the order does
    /// not depend on that of the checks.
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
