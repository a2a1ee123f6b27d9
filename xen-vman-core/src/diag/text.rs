//! A [`Report`] for people: source lines with carets, followed by help.

use super::{Diagnostic, Places, Report, Severity, Span};
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use similar::TextDiff;
use std::fmt::Write as _;
use std::ops::Range;

/// Whether the text may contain ANSI colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// ANSI escapes for a terminal.
    Ansi,
    /// Plain text.
    None,
}

/// The report as text, with a paragraph for each diagnostic and a summary line. Control characters of
/// the input are escaped.
pub fn render(report: &Report, sources: &impl Places, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Ansi => Renderer::styled(),
        Colour::None => Renderer::plain(),
    };
    let mut text = String::new();
    for diagnostic in report {
        text.push_str(&paragraph(diagnostic, sources, &renderer));
        text.push_str("\n\n");
    }
    text.push_str(&summary(report));
    text
}

/// `2 errors, 1 warning`, with a newline; empty for an empty report.
pub fn summary(report: &Report) -> String {
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning] {
        match report.count(severity) {
            0 => {}
            1 => parts.push(format!("1 {severity}")),
            n => parts.push(format!("{n} {severity}s")),
        }
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("{}\n", parts.join(", "))
    }
}

fn paragraph(diagnostic: &Diagnostic, sources: &impl Places, renderer: &Renderer) -> String {
    let place = sources.place(&diagnostic.path);
    let mut group = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
    .primary_title(printable(&diagnostic.message))
    .id(diagnostic.id.as_str())
    .elements(Vec::<Origin<'_>>::new());
    let shown = |span: Span, kind: AnnotationKind, label: String| {
        let excerpt = sources.excerpt(span);
        let (text, range) = printable_source(&excerpt.text, &excerpt.range);
        Snippet::source(text)
            .line_start(excerpt.first_line)
            .path(printable(sources.position(span).file))
            .annotation(kind.span(range).label(label))
    };
    match diagnostic.span {
        Some(span) => {
            group = group.element(shown(span, AnnotationKind::Primary, printable(&place)));
        }
        None if !place.is_empty() => group = group.element(Origin::path(printable(&place))),
        None => {}
    }
    for related in &diagnostic.related {
        let label = printable(&related.message);
        if let Some(span) = related.span {
            group = group.element(shown(span, AnnotationKind::Context, label));
        } else {
            let place = printable(&sources.place(&related.path));
            group = group.element(Level::NOTE.message(format!("{label} ({place})")));
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    renderer.render(&[group])
}

/// Source text with control characters escaped that the renderer would pass on, and the new position of
/// `range`. The renderer shows ASCII control characters itself.
fn printable_source(text: &str, range: &Range<usize>) -> (String, Range<usize>) {
    let shown = |c: char| !c.is_ascii() && is_unprintable(c);
    let escaped = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if shown(c) {
                    c.escape_unicode().to_string()
                } else {
                    c.to_string()
                }
            })
            .collect()
    };
    if !text.contains(shown) {
        return (text.to_owned(), range.clone());
    }
    let start = escaped(&text[..range.start]).len();
    let end = start + escaped(&text[range.clone()]).len();
    (escaped(text), start..end)
}

/// `text` with control characters, including line breaks, escaped.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unprintable(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// The change of a file as a unified diff, with control characters escaped.
pub fn unified_diff(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let diff = diff.unified_diff().header(name, name).to_string();
    let lines = diff.lines().map(|line| {
        let mut line = printable(line);
        line.push('\n');
        line
    });
    lines.collect()
}

/// Control characters, those that change the order of displayed text, and code points that are no
/// characters, which XML forbids.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noncharacters_are_escaped() {
        assert_eq!(
            printable("a\u{fffe}\u{1ffff}\u{fffd}"),
            "a\\u{fffe}\\u{1ffff}\u{fffd}"
        );
    }

    #[test]
    fn source_is_shown_without_what_a_terminal_acts_on() {
        let text = "a\u{9b}b\u{61c}c";
        let (shown, range) = printable_source(text, &(3..6));
        assert_eq!(shown, "a\\u{9b}b\\u{61c}c");
        assert_eq!(&shown[range], "b\\u{61c}");
        assert_eq!(printable_source("äb", &(2..3)), ("äb".to_owned(), 2..3));
    }
}
