//! Text → tokens, like the scanner of libxlutil.

use super::Comment;
use super::advice::{Advice, Problems};
use std::ops::Range;

/// A token of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word that may be a key.
    Key,
    /// A number.
    Number,
    /// The content of quotes, with escapes resolved.
    Text(Box<[u8]>),
    /// `=`, or `+=` if true.
    Equals(bool),
    /// `[`
    Open,
    /// `]`
    Close,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A line break, or a comment with its line break.
    LineEnd,
    /// The end of the file.
    End,
    /// A word that is neither key nor number.
    Junk,
    /// An invalid token that was reported.
    Broken,
}

/// Splits a file into tokens.
pub(super) struct Lexer<'t, 'r> {
    text: &'t [u8],
    at: usize,
    /// Whether the last token was a line break.
    line_ended: bool,
    /// Whether only blanks precede the token on its line.
    first: bool,
    /// Whether CRLF line breaks were already reported.
    crlf: bool,
    pub(super) comments: Vec<Comment>,
    pub(super) problems: Problems<'r>,
}

/// Whether a word is a key.
pub(super) fn is_key(word: &[u8]) -> bool {
    let goes_on = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
    word.first().is_some_and(u8::is_ascii_lowercase) && word.iter().all(goes_on)
}

/// Whether libxlutil reads a word as a number; it does for `0xx`.
pub(super) fn is_number(word: &[u8]) -> bool {
    let goes_on = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'x');
    word.first().is_some_and(u8::is_ascii_digit) && word.iter().all(goes_on)
}

/// Whether a byte ends a word.
fn ends_word(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b'\r' | b',' | b'[' | b']' | b'=' | b';' | b'"' | b'\'' | b'#'
    )
}

impl<'t, 'r> Lexer<'t, 'r> {
    pub(super) fn new(text: &'t [u8], problems: Problems<'r>) -> Self {
        Self {
            text,
            at: 0,
            line_ended: false,
            first: true,
            crlf: false,
            comments: Vec::new(),
            problems,
        }
    }

    /// The bytes of a token.
    pub(super) fn word(&self, range: &Range<usize>) -> &'t [u8] {
        &self.text[range.clone()]
    }

    /// Whether `=` or `+=` comes next.
    pub(super) fn before_equals(&self) -> bool {
        let rest = &self.text[self.at..];
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t'));
        let rest = &rest[blanks.count()..];
        rest.starts_with(b"=") || rest.starts_with(b"+=")
    }

    /// Skips to the end of the line, which is the next token.
    pub(super) fn skip_line(&mut self) {
        self.at = if self.line_ended {
            // The line break was already read; it is returned again.
            self.line_ended = false;
            self.at - 1
        } else {
            self.line_end()
        };
    }

    /// Returns a token at the start of a line, to be read again.
    pub(super) fn unread(&mut self, start: usize) {
        if self.at < self.text.len() {
            self.at = start;
            self.first = true;
        }
    }

    /// The position of the next line break.
    fn line_end(&self) -> usize {
        let rest = self.text[self.at..].iter();
        rest.take_while(|b| **b != b'\n').count() + self.at
    }

    /// The next token, its position, and whether it is the first of its line.
    pub(super) fn next(&mut self) -> (Token, Range<usize>, bool) {
        if self.line_ended {
            self.problems.next_line();
            self.line_ended = false;
            self.first = true;
        }
        if self.at == 0 && self.text.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
            let advice = Advice::new("the file must not begin with a byte order mark");
            self.problems
                .error(&(0..3), advice.help("save it as UTF-8 without a BOM"));
        }
        while let Some(b' ' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        let token = self.token();
        let first = std::mem::replace(&mut self.first, false);
        self.line_ended = token == Token::LineEnd;
        (token, start..self.at, first)
    }

    fn token(&mut self) -> Token {
        let Some(&byte) = self.text.get(self.at) else {
            return Token::End;
        };
        let next = self.text.get(self.at + 1);
        let (length, token) = match (byte, next) {
            (b'\n', _) => (1, Token::LineEnd),
            (b'\r', Some(b'\n')) => {
                self.crlf();
                (2, Token::LineEnd)
            }
            (b'#', _) => return self.comment(),
            (b'"' | b'\'', _) => return self.text(),
            (b'+', Some(b'=')) => (2, Token::Equals(true)),
            (b'=', _) => (1, Token::Equals(false)),
            (b',', _) => (1, Token::Comma),
            (b';', _) => (1, Token::Semicolon),
            (b'[', _) => (1, Token::Open),
            (b']', _) => (1, Token::Close),
            _ => return self.bare(),
        };
        self.at += length;
        token
    }

    fn crlf(&mut self) {
        if !self.crlf {
            self.crlf = true;
            let advice = Advice::new("lines must end with LF, not CRLF");
            let advice =
                advice.help("save the file with Unix line breaks (`sed -i 's/\\r$//' FILE`)");
            self.problems.error(&(self.at..self.at + 1), advice);
        }
    }

    /// A comment, which the parser treats as a line break.
    fn comment(&mut self) -> Token {
        let start = self.at;
        self.at = self.line_end();
        let mut end = self.at;
        if self.at < self.text.len() {
            self.at += 1;
            if self.text[end - 1] == b'\r' {
                end -= 1;
            }
        } else if end > start + 1 {
            let advice = Advice::new(
                "a comment on the last line must end with a newline, or xl rejects the whole file",
            );
            let advice = advice.help("add a newline at the end of the file");
            self.problems.error(&(start..end), advice);
        }
        let range = start..end;
        self.comments.push(Comment {
            span: self.problems.span(&range),
            text: self.text[start + 1..end].into(),
            own_line: self.first,
        });
        match self.text.get(self.at - 1) {
            Some(b'\n') => Token::LineEnd,
            _ => Token::End,
        }
    }

    /// A key, a number, or neither.
    fn bare(&mut self) -> Token {
        let start = self.at;
        let rest = &self.text[start..];
        let ends = |at: usize| ends_word(rest[at]) || rest[at..].starts_with(b"+=");
        let length = (1..rest.len()).find(|&at| ends(at)).unwrap_or(rest.len());
        let (word, last) = (&rest[..length], &rest[..length - 1]);
        self.at += length;
        match word {
            word if is_key(word) => Token::Key,
            word if is_number(word) => Token::Number,
            _ if self.at < self.text.len() => Token::Junk,
            _ if last.is_empty() || is_key(last) || is_number(last) => {
                let stray = self.at - 1..self.at;
                if self.text[stray.start].is_ascii_lowercase() {
                    // `512g`: libxlutil reads the `g` as a key.
                    Token::Junk
                } else if last.is_empty() {
                    self.stray(&stray);
                    Token::End
                } else {
                    self.at = stray.start;
                    if is_key(last) {
                        Token::Key
                    } else {
                        Token::Number
                    }
                }
            }
            _ => Token::Junk,
        }
    }

    /// The last byte of the file, which libxlutil ignores if it does not start a token.
    fn stray(&mut self, range: &Range<usize>) {
        let advice = Advice::new("the file must not end with a stray byte, which xl ignores");
        self.problems.warning(range, advice.help("remove it"));
    }

    /// The content of quotes.
    fn text(&mut self) -> Token {
        let start = self.at;
        let quote = self.text[start];
        let mut at = start + 1;
        let end = loop {
            match self.text.get(at) {
                Some(b'\\') if self.text.get(at + 1).is_some_and(|b| *b != b'\n') => at += 2,
                Some(byte) if *byte == quote => break at,
                None if at == start + 1 => {
                    self.at = at;
                    self.stray(&(start..at));
                    return Token::End;
                }
                None | Some(b'\\' | b'\n') => {
                    self.at = self.line_end();
                    let advice = Advice::new("a string must end with its quote on the same line");
                    let advice = advice.help("write a newline as `\\n`, and a backslash as `\\\\`");
                    self.problems.error(&(start..self.at), advice);
                    return Token::Broken;
                }
                Some(_) => at += 1,
            }
        };
        self.at = end + 1;
        let inner = &self.text[start + 1..end];
        if inner.contains(&0) {
            let advice = Advice::new("a string must not contain a NUL byte, at which xl aborts");
            self.problems.error(&(start..self.at), advice);
            return Token::Broken;
        }
        match self.unescape(inner, start + 1) {
            Some(text) => Token::Text(text),
            None => Token::Broken,
        }
    }

    /// The text between quotes, with escapes resolved; `start` is its position in the file.
    fn unescape(&mut self, inner: &[u8], start: usize) -> Option<Box<[u8]>> {
        let mut text = Vec::with_capacity(inner.len());
        let mut at = 0;
        while let Some(&byte) = inner.get(at) {
            if byte != b'\\' {
                text.push(byte);
                at += 1;
                continue;
            }
            let escape = inner.get(at + 1).copied().unwrap_or_default();
            let mut length = 2;
            match escape {
                b'\\' | b'"' | b'\'' => text.push(escape),
                b'a' => text.push(0x07),
                b'b' => text.push(0x08),
                b'f' => text.push(0x0c),
                b'n' => text.push(b'\n'),
                b'r' => text.push(b'\r'),
                b't' => text.push(b'\t'),
                b'v' => text.push(0x0b),
                b'0'..=b'7' => match decimal(&inner[at + 2..]) {
                    Some(digits) => {
                        length += digits;
                        let advice = Advice::new("xl drops numeric escapes");
                        let range = start + at..start + at + length;
                        self.problems
                            .warning(&range, advice.help("write the character itself"));
                    }
                    None => return self.bad_escape(inner, start, at, true),
                },
                b'x' => return self.bad_escape(inner, start, at, true),
                _ => return self.bad_escape(inner, start, at, false),
            }
            at += length;
        }
        Some(text.into())
    }

    fn bad_escape(
        &mut self,
        inner: &[u8],
        start: usize,
        at: usize,
        numeric: bool,
    ) -> Option<Box<[u8]>> {
        let advice = if numeric {
            Advice::new("numeric escapes are not allowed: xl cannot read them")
                .help("write the character itself")
        } else {
            Advice::new("a backslash must be followed by one of `\\ \" ' a b f n r t v`")
                .help("write a backslash itself as `\\\\`")
        };
        // The whole character after the backslash.
        let more = inner[at + 2..].iter().take_while(|b| **b & 0xc0 == 0x80);
        let end = (at + 2 + more.count().min(3)).min(inner.len());
        self.problems.error(&(start + at..start + end), advice);
        None
    }
}

/// The number of bytes that libxlutil consumes for the number after `\0` to `\7`, whose first digit
/// it has skipped: up to three, read by strtoul in base 10.
fn decimal(rest: &[u8]) -> Option<usize> {
    let rest = &rest[..rest.len().min(3)];
    let space = |b: &&u8| matches!(b, b' ' | 0x09..=0x0d);
    let mut at = rest.iter().take_while(space).count();
    if let Some(b'+' | b'-') = rest.get(at) {
        at += 1;
    }
    let digits = rest[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0 && at + digits > 1).then_some(at + digits)
}
