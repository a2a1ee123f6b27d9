//! Messages about mistakes in xl.cfg files, and their limits.

use crate::diag::secret::is_password;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use std::ops::Range;

/// The maximum number of errors, and of warnings, for one file.
const MOST: usize = 100;

/// The report of one file, with at most one error for each line.
pub(super) struct Problems<'r> {
    file: FileId,
    report: &'r mut Report,
    /// The key of the statement being read.
    key: Option<String>,
    /// The line being read.
    line: usize,
    /// The line of the last error.
    wrong_line: Option<usize>,
    errors: usize,
    warnings: usize,
}

impl<'r> Problems<'r> {
    pub(super) fn new(file: FileId, report: &'r mut Report) -> Self {
        Self {
            file,
            report,
            key: None,
            line: 0,
            wrong_line: None,
            errors: 0,
            warnings: 0,
        }
    }

    pub(super) fn next_line(&mut self) {
        self.line += 1;
    }

    /// Sets the key whose value is read next; `None` between statements.
    pub(super) fn about(&mut self, key: Option<&[u8]>) {
        self.key = key.map(shown);
    }

    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        Span::new(self.file, range.clone())
    }

    /// An error of syntax, unless the line has an error.
    pub(super) fn error(&mut self, range: &Range<usize>, advice: Advice) {
        self.error_of(DiagnosticId::Syntax, range, advice);
    }

    /// An error, unless the line has one.
    pub(super) fn error_of(&mut self, id: DiagnosticId, range: &Range<usize>, advice: Advice) {
        if self.wrong_line == Some(self.line) {
            return;
        }
        self.wrong_line = Some(self.line);
        self.errors += 1;
        if self.errors <= MOST {
            self.push(id, range, advice);
        }
    }

    /// A warning about something that xl accepts but misreads.
    pub(super) fn warning(&mut self, range: &Range<usize>, advice: Advice) {
        self.warnings += 1;
        if self.warnings <= MOST {
            self.push(DiagnosticId::MisreadXlText, range, advice);
        }
    }

    fn push(&mut self, id: DiagnosticId, range: &Range<usize>, advice: Advice) {
        let path = match &self.key {
            Some(key) => FieldPath::root().key(key),
            None => FieldPath::root(),
        };
        let mut diagnostic = Diagnostic::new(id, path, advice.message).at(self.span(range));
        diagnostic.help = advice.help;
        self.report.push(diagnostic);
    }

    /// The message about a word that is not a value. Passwords are not repeated.
    pub(super) fn no_value(&self, word: &[u8]) -> Advice {
        if self.key.as_ref().is_some_and(|key| is_password(key)) {
            return Advice::new("a string must be in quotes").help("write `\"…\"`");
        }
        no_value(word)
    }
}

/// The message and the help.
pub(super) struct Advice {
    message: String,
    help: Option<String>,
}

impl Advice {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A word of the file, as it is displayed.
fn shown(word: &[u8]) -> String {
    const LONGEST: usize = 40;
    let start = &word[..word.len().min(4 * LONGEST)];
    let text = String::from_utf8_lossy(start);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

fn no_value(word: &[u8]) -> Advice {
    let text = shown(word);
    let digit = u8::is_ascii_digit;
    let unsigned = word.strip_prefix(b"-").or(word.strip_prefix(b"+"));
    let number = unsigned.unwrap_or(word);
    let digits = number.iter().take_while(|b| digit(b)).count();
    if word.eq_ignore_ascii_case(b"none") {
        return Advice::new(format!("`{text}` is not a value of xl.cfg"))
            .help("remove the line, or write `\"none\"`");
    }
    for (words, number) in [(["true", "yes", "on"], 1), (["false", "no", "off"], 0)] {
        if words
            .iter()
            .any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
        {
            return Advice::new(format!("`{text}` is not a value of xl.cfg")).help(format!(
                "write `{number}`, or `\"{text}\"` if xl expects a word"
            ));
        }
    }
    if matches!(word.first(), Some(b'(' | b'{')) {
        return Advice::new(format!(
            "`{text}` is not a value of xl.cfg, which is not Python"
        ))
        .help("write a number, a string in quotes, or a list in square brackets");
    }
    let tail = number[digits..].strip_prefix(b".");
    let fraction = tail.is_some_and(|tail| !tail.is_empty() && tail.iter().all(digit));
    if (unsigned.is_some() && digits > 0 && digits == number.len()) || fraction {
        return Advice::new(format!(
            "`{text}` is not a number of xl.cfg: signs and fractions are not allowed"
        ))
        .help(format!("write `\"{text}\"` if xl accepts such a value"));
    }
    let hex = number.strip_prefix(b"0x").or(number.strip_prefix(b"0X"));
    if hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
        return Advice::new(format!(
            "`{text}` is not a number of xl.cfg: hexadecimal digits and `x` must be lower case"
        ))
        .help(format!("write `{}`", text.to_ascii_lowercase()));
    }
    if digits > 0 && unsigned.is_none() && word[digits..].iter().all(u8::is_ascii_alphabetic) {
        return Advice::new(format!(
            "`{text}` is not a number of xl.cfg: units are not allowed"
        ))
        .help(format!(
            "write only the digits, or `\"{text}\"` if xl expects a string"
        ));
    }
    let bare = |b: &u8| b.is_ascii_graphic() && *b != b'\\';
    let advice = Advice::new(format!(
        "`{text}` is not a value of xl.cfg: a string must be in quotes"
    ));
    if word.iter().all(bare) {
        advice.help(format!("write `\"{text}\"`"))
    } else {
        advice.help("write a number, a string in quotes, or a list in square brackets")
    }
}

/// The message about a word in place of a key.
pub(super) fn no_key(word: &[u8]) -> Advice {
    let text = shown(word);
    let message = format!(
        "`{text}` is not a key of xl.cfg: a key begins with a letter and consists of lower-case letters, digits, `_` and `.`"
    );
    let fixed = text.to_ascii_lowercase().replace('-', "_");
    let is_key = super::lexer::is_key(fixed.as_bytes());
    let advice = Advice::new(message);
    if is_key && !text.ends_with('…') {
        advice.help(format!("write `{fixed}`"))
    } else {
        advice.help("write `key = value`, or `#` before a comment")
    }
}
