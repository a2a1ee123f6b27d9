//! An input file: its text, and how excerpts of it are shown.

use super::Dialect;
use crate::diag::secret::{is_password, password_places};
use crate::diag::{Excerpt, Position, Span};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

/// One input file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name as shown to the user.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// Why the text cannot be read.
    pub unreadable: Option<Unreadable>,
    /// The bytes, if the text is not the same: xl.cfg files need not be UTF-8.
    pub bytes: Option<Vec<u8>>,
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Its size in bytes, which exceeds [`Source::BYTES_MAX`].
    TooLarge(u64),
    /// The offset of the first byte that is not valid UTF-8.
    NotUtf8(u32),
}

impl Source {
    /// The maximum size of a file in bytes; 100,000 VMs need about half of it.
    pub const BYTES_MAX: u64 = super::limits::FILE_BYTES as u64;

    /// A file whose name determines its format; `None` if the name does not end in `.toml`, `.yml`,
    /// `.yaml` or `.json`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let dialect = Dialect::of_file_name(&name)?;
        Some(Self {
            name,
            text: text.into(),
            dialect,
            unreadable: None,
            bytes: None,
        })
    }

    /// The output of a program: JSON with the keys of the schema or of the role.
    pub fn json(name: impl Into<String>, text: impl Into<String>, is_role: bool) -> Self {
        let dialect = if is_role {
            Dialect::RoleJson
        } else {
            Dialect::SchemaJson
        };
        Self {
            name: name.into(),
            text: text.into(),
            dialect,
            unreadable: None,
            bytes: None,
        }
    }

    /// A file from its bytes on disk. A byte order mark is removed; invalid UTF-8 is reported when the
    /// file is parsed.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Option<Self> {
        let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => rest.to_vec(),
            None => bytes,
        };
        let (text, unreadable) = readable(bytes);
        Some(Self {
            unreadable,
            ..Self::new(name, text)?
        })
    }

    /// The configuration of a domain: XML of libvirt if it begins with `<`, which no xl.cfg does.
    pub fn domain(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let source = Self::xl_cfg(name, bytes);
        if source
            .text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('<')
        {
            Self {
                dialect: Dialect::LibvirtXml,
                ..source
            }
        } else {
            source
        }
    }

    /// An xl.cfg file, regardless of its name.
    pub fn xl_cfg(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (text, unreadable) = readable(bytes.clone());
        Self {
            name: name.into(),
            text,
            dialect: Dialect::XlCfg,
            unreadable: (size > Self::BYTES_MAX).then_some(Unreadable::TooLarge(size)),
            bytes: unreadable.map(|_| bytes),
        }
    }

    /// A file that is too large, of which only the size is known.
    pub fn too_large(name: impl Into<String>, bytes: u64) -> Option<Self> {
        Some(Self {
            unreadable: Some(Unreadable::TooLarge(bytes)),
            ..Self::new(name, "")?
        })
    }
}

/// Bytes as text. If they are not UTF-8, each byte that is not ASCII becomes a `?`, so that positions
/// stay the same.
pub(crate) fn readable(bytes: Vec<u8>) -> (String, Option<Unreadable>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = u32::try_from(error.utf8_error().valid_up_to()).unwrap_or(u32::MAX);
            let shown = |byte: &u8| char::from(if byte.is_ascii() { *byte } else { b'?' });
            let text = error.as_bytes().iter().map(shown).collect();
            (text, Some(Unreadable::NotUtf8(at)))
        }
    }
}

/// The text of a file, for showing excerpts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    name: String,
    text: String,
    /// The start of each line; computed when the first excerpt is shown.
    line_starts: OnceLock<Box<[u32]>>,
    /// The number of characters before each block of bytes; computed at the same time.
    characters: OnceLock<Box<[u32]>>,
    /// Passwords, which are never shown; sorted.
    secrets: Vec<Range<usize>>,
}

/// The size of such a block in bytes.
const BLOCK: usize = 4096;

/// The number of characters shown on either side of a position in its line.
const AROUND: usize = 200;

impl Shown {
    pub(crate) fn new(name: String, text: String) -> Self {
        Self {
            name,
            text,
            ..Self::default()
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn text_without_secrets(&self) -> Cow<'_, str> {
        self.without_secrets(0..self.text.len())
    }

    /// Hides a range of the text.
    pub(crate) fn hide(&mut self, spans: Vec<Span>) {
        self.secrets.extend(spans.into_iter().map(Span::range));
        self.settle();
    }

    /// Sorts the hidden ranges, and joins those that overlap.
    fn settle(&mut self) {
        let mut secrets = std::mem::take(&mut self.secrets);
        secrets.sort_unstable_by_key(|secret| (secret.start, secret.end));
        for secret in secrets {
            match self.secrets.last_mut() {
                Some(last) if secret.start < last.end => last.end = last.end.max(secret.end),
                _ => self.secrets.push(secret),
            }
        }
    }

    /// Hides everything after the name of a password on its line, for files that could not be read to
    /// their end.
    pub(crate) fn hide_password_lines(&mut self) {
        let lower = self.text.to_ascii_lowercase();
        let mut from = 0;
        while let Some(at) = lower[from..].find("passw").map(|at| from + at) {
            let end = lower[at..].find('\n').map_or(lower.len(), |end| at + end);
            if let Some(sign) = lower[at..end].find(['=', ':', '"']) {
                self.secrets.push(at + sign + 1..end);
            }
            from = end;
        }
        self.settle();
    }

    /// Hides the values of lines whose keys denote a password, for files whose tree does not have all
    /// lines.
    pub(crate) fn hide_password_assignments(&mut self) {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            if let Some((key, _)) = line.split_once('=')
                && is_password(key.trim().trim_end_matches('+'))
            {
                let value = &line[key.len() + 1..];
                let blanks = value.len() - value.trim_start().len();
                let end = start + line.trim_end().len();
                self.secrets
                    .push((start + key.len() + 1 + blanks).min(end)..end);
            }
            start += line.len();
        }
        self.settle();
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = self.text.bytes().enumerate();
            let after = ends
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at + 1);
            let starts = std::iter::once(0).chain(after);
            starts.filter_map(|at| u32::try_from(at).ok()).collect()
        })
    }

    /// The line that contains a byte, counted from 0, and where it begins.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start as usize <= at) - 1;
        (line, starts[line] as usize)
    }

    /// The end of a line, without its line break.
    fn end_of_line(&self, line: usize) -> usize {
        let next = self.line_starts().get(line + 1);
        next.map_or(self.text.len(), |start| *start as usize - 1)
    }

    /// The number of characters before a byte. Lines may be as long as the file.
    fn characters_before(&self, at: usize) -> usize {
        let blocks = self.characters.get_or_init(|| {
            let mut count = 0;
            let mut before = vec![0];
            for block in self.text.as_bytes().chunks(BLOCK) {
                count += u32::try_from(characters(block)).unwrap_or(u32::MAX);
                before.push(count);
            }
            before.into()
        });
        let block = at / BLOCK;
        blocks[block] as usize + characters(&self.text.as_bytes()[block * BLOCK..at])
    }

    pub(crate) fn position(&self, span: Span) -> Position<'_> {
        let at = floor(&self.text, span.start as usize);
        let (line, start) = self.line_of(at);
        Position {
            file: &self.name,
            line: line + 1,
            column: self.characters_before(at) - self.characters_before(start) + 1,
        }
    }

    pub(crate) fn excerpt(&self, span: Span) -> Excerpt<'_> {
        let text = &self.text;
        let start = floor(text, span.start as usize);
        let end = floor(text, (span.end as usize).max(start));
        let (line, line_start) = self.line_of(start);
        let from = line_start.max(floor(text, start.saturating_sub(AROUND)));
        let mut to = self.end_of_line(line);
        for next in line + 1..(line + 3).min(self.line_starts().len()) {
            if to < end {
                to = self.end_of_line(next);
            }
        }
        let to = to.min(floor(text, end.min(start + 2 * AROUND) + AROUND));
        Excerpt {
            text: self.without_secrets(from..to),
            first_line: line + 1,
            range: start - from..end.min(to) - from,
        }
    }

    fn without_secrets(&self, shown: Range<usize>) -> Cow<'_, str> {
        let text = &self.text[shown.clone()];
        // They are strings and numbers, which do not overlap.
        let from = self
            .secrets
            .partition_point(|secret| secret.end <= shown.start);
        let to = self
            .secrets
            .partition_point(|secret| secret.start < shown.end);
        let secrets = self.secrets.get(from..to).unwrap_or_default();
        if secrets.is_empty() {
            return starred(text);
        }
        let mut bytes = text.as_bytes().to_vec();
        for secret in secrets {
            let from = secret.start.max(shown.start) - shown.start;
            let to = secret.end.min(shown.end) - shown.start;
            for byte in &mut bytes[from..to] {
                if *byte != b'\n' {
                    *byte = b'*';
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        Cow::Owned(starred(&text).into_owned())
    }
}

/// Replaces each byte of the passwords in the text by a star, so that positions stay the same.
fn starred(text: &str) -> Cow<'_, str> {
    let places = password_places(text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for place in places {
        bytes[place].fill(b'*');
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The number of characters that begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// The nearest character boundary at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
