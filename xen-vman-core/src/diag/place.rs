//! Positions in the input, and how they are named.
//!
//! Diagnostics do not depend on files and formats: [`Places`] provides them.

use super::FieldPath;
use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;

/// The number of an input file.
pub type FileId = u16;

/// A range of bytes in an input file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// A range of a file; what is beyond 4 GiB has no position.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            file,
            start: byte(range.start),
            end: byte(range.end),
        }
    }

    /// The range of bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A position in a file, counted from 1, with columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The lines around a span.
#[derive(Debug, Clone)]
pub struct Excerpt<'a> {
    /// Whole lines of the file, or a part of a very long line; passwords are replaced by stars.
    pub text: Cow<'a, str>,
    /// The number of the first line, from 1.
    pub first_line: usize,
    /// The span within `text`.
    pub range: Range<usize>,
}

/// Provides the texts of the input.
pub trait Places {
    /// A path with the keys of the user's file (`xen_vman_vms[0].memory`).
    fn place(&self, path: &FieldPath) -> String;

    /// The line and column of a span's start.
    fn position(&self, span: Span) -> Position<'_>;

    /// The lines that contain a span, at most three.
    fn excerpt(&self, span: Span) -> Excerpt<'_>;
}
