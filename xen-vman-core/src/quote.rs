//! Quoting, with one function for each language; nothing else quotes.
//!
//! Each function takes a plain value and returns the token that its language parses as exactly
//! that value. What a language cannot represent at all (a line break in xl.cfg, a NUL anywhere)
//! is rejected when values are read.

use std::fmt::Write as _;

/// A string of xl.cfg. Xen's lexer (`libxlu_cfg_l.l`) knows `\\`, `\"` and the letters
/// below; its numeric escapes are broken, so they are never used.
pub fn xl_string(text: &str) -> String {
    in_quotes(text, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        '\t' => Some("\\t"),
        _ => None,
    })
}

/// A string in double quotes, with escapes in place of some characters.
fn in_quotes(text: &str, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    push_escaped(&mut out, text, escape);
    out.push('"');
    out
}

fn push_escaped(out: &mut String, text: &str, escape: impl Fn(char) -> Option<&'static str>) {
    for c in text.chars() {
        match escape(c) {
            Some(escape) => out.push_str(escape),
            None => out.push(c),
        }
    }
}

/// Lines of a comment, each without the leading `#`. Control characters are shown as
/// escapes, so that nothing can end the comment.
pub fn comment_lines(text: &str) -> Vec<String> {
    text.lines().map(crate::diag::text::printable).collect()
}

/// A word in POSIX sh and bash, in single quotes if it needs any.
pub fn sh_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with(['=', '~']) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The value of an assignment that both sh and `EnvironmentFile=` of systemd.exec(5) read:
/// in single quotes, which neither interprets.
///
/// Values never contain a single quote: paths, names and addresses are checked.
pub fn env_value(text: &str) -> String {
    debug_assert!(!text.contains('\''), "`{text}`");
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A word of a command line in a unit (systemd.service(5)): `%` and `$` doubled, quotes and
/// backslashes escaped, in double quotes where it must be.
pub fn systemd_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", systemd_in_quotes(text))
}

/// A word of a command line that ends in the name of the instance (`%i`) and `ending`.
pub fn systemd_word_of_instance(text: &str, ending: &str) -> String {
    format!(
        "\"{}%i{}\"",
        systemd_in_quotes(text),
        systemd_in_quotes(ending)
    )
}

/// The path of a setting outside of command lines, such as `ConditionPathExists=`: only
/// specifiers have a meaning there.
pub fn systemd_path(text: &str) -> String {
    text.replace('%', "%%")
}

/// A label of Graphviz' DOT, whose lines are those of the text. Graphviz reads escapes and HTML
/// entities in it.
pub fn dot_string(text: &str) -> String {
    in_quotes(text, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '&' => Some("&amp;"),
        '\n' => Some("\\n"),
        _ => None,
    })
}

/// A label of Mermaid, whose lines are those of the text. Everything is an entity but what neither
/// Mermaid, Markdown nor HTML reads as more than itself.
pub fn mermaid_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // A dash or a number with a point begins a list if a blank follows.
        let begins_list = rest.peek().is_none_or(|next| next.is_whitespace());
        match c {
            '\n' => out.push_str("<br>"),
            c if c.is_alphanumeric() || " /,".contains(c) => out.push(c),
            '-' | '.' if !begins_list => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

fn systemd_in_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text, |c| match c {
        '%' => Some("%%"),
        '$' => Some("$$"),
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        _ => None,
    });
    out
}
