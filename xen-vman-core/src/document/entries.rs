//! Tables of JSON and YAML while they are read, and the limits of all readers.

use super::{TableEntry, limits};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report, Span};
use std::collections::HashSet;

/// The entries of a table that is being read.
#[derive(Default)]
pub(super) struct Entries {
    entries: Vec<TableEntry>,
    /// The keys, if there are many.
    keys: HashSet<Box<str>>,
}

/// Up to this many keys are compared one by one.
const FEW: usize = 16;

impl Entries {
    /// Adds an entry. A duplicate key is reported, and the first entry is kept.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn add(
        &mut self,
        entry: TableEntry,
        report: &mut Report,
    ) -> Result<(), Box<Diagnostic>> {
        if entry.key.len() > limits::KEY_BYTES {
            report.push(long_key(entry.key_span));
        } else if self.is_new(&entry.key) {
            self.push(entry)?;
        } else {
            let message = format!("duplicate key `{}` in a table", entry.key);
            report.push(problem(DiagnosticId::DuplicateKey, message, entry.key_span));
        }
        Ok(())
    }

    /// Adds entries whose keys do not exist yet.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn merge(&mut self, entries: Vec<TableEntry>) -> Result<(), Box<Diagnostic>> {
        for entry in entries {
            if self.is_new(&entry.key) {
                self.push(entry)?;
            }
        }
        Ok(())
    }

    fn is_new(&self, key: &str) -> bool {
        if self.entries.len() < FEW {
            self.entries.iter().all(|entry| &*entry.key != key)
        } else {
            !self.keys.contains(key)
        }
    }

    fn push(&mut self, entry: TableEntry) -> Result<(), Box<Diagnostic>> {
        if self.entries.len() >= limits::KEYS {
            return Err(Box::new(many_keys(entry.key_span)));
        }
        self.entries.push(entry);
        if self.entries.len() >= FEW {
            let fresh = self.entries.iter().skip(self.keys.len());
            self.keys.extend(fresh.map(|entry| entry.key.clone()));
        }
        Ok(())
    }

    /// All of them.
    pub(super) fn finish(self) -> Vec<TableEntry> {
        self.entries
    }
}

fn problem(id: DiagnosticId, message: impl Into<String>, span: Option<Span>) -> Diagnostic {
    Diagnostic::new(id, FieldPath::root(), message).at(span)
}

pub(super) fn long_key(span: Option<Span>) -> Diagnostic {
    let message = format!("a key must be at most {} bytes long", limits::KEY_BYTES);
    problem(DiagnosticId::TooLarge, message, span)
}

pub(super) fn many_keys(span: Option<Span>) -> Diagnostic {
    let message = format!("a table must have at most {} keys", limits::KEYS);
    problem(DiagnosticId::TooLarge, message, span)
}

pub(super) fn too_deep(span: Option<Span>) -> Diagnostic {
    let message = format!(
        "tables and lists must not be nested more than {} levels deep",
        limits::DEPTH
    );
    problem(DiagnosticId::TooLarge, message, span)
}

pub(super) fn many_values(span: Option<Span>) -> Diagnostic {
    let message = format!("a file must have at most {} values", limits::VALUES);
    problem(DiagnosticId::TooLarge, message, span).help("split it by host")
}
