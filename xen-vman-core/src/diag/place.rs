//! Places in the input: what a diagnostic points at, and how it is named.
//!
//! Diagnostics know nothing of files and formats. What does implements [`Places`].

use super::FieldPath;
use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;

/// Which of the input files.
pub type FileId = u16;

/// A range of bytes in one of the input files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// Which file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A place in a file as people count: from 1, columns in characters.
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
    /// Whole lines of the file, or the part of a very long one; passwords are starred out.
    pub text: Cow<'a, str>,
    /// The number of the first of them, from 1.
    pub first_line: usize,
    /// The span within `text`.
    pub range: Range<usize>,
}

/// What knows the texts of the input.
pub trait Places {
    /// A path as the user's own file names it (`xen_vman_vms[0].memory`).
    fn place(&self, path: &FieldPath) -> String;

    /// Line and column of a span's start.
    fn position(&self, span: Span) -> Position<'_>;

    /// The whole lines that hold a span; at most three of a longer one.
    fn excerpt(&self, span: Span) -> Excerpt<'_>;
}
