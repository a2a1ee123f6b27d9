//! Shows the Markdown of the catalogue of diagnostics: paragraphs, headings, code, links.

use crate::layout::hang;
use std::fmt::Write as _;

const BOLD: &str = "\x1b[1m";
const CODE: &str = "\x1b[36m";
const OFF: &str = "\x1b[0m";

/// The text as people read it. Code keeps its backticks where there are no colours.
pub(crate) fn shown(markdown: &str, width: Option<usize>, is_coloured: bool) -> String {
    let mut out = String::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            for code in lines.by_ref().take_while(|line| !line.starts_with("```")) {
                let _ = writeln!(out, "{}", format!("    {code}").trim_end());
            }
        } else if let Some(title) = line.strip_prefix("### ") {
            let _ = if is_coloured {
                writeln!(out, "{BOLD}{title}{OFF}")
            } else {
                writeln!(out, "{title}:")
            };
        } else if line.is_empty() {
            out.push('\n');
        } else {
            let mut text = line.to_owned();
            // Without a width, lines stay as they are written.
            while width.is_some()
                && let Some(next) = lines.next_if(|next| is_text(next))
            {
                text.push(' ');
                text.push_str(next);
            }
            let text = without_links(&text);
            let text = hang("", &text, 0, width);
            out.push_str(&if is_coloured { coloured(&text) } else { text });
        }
    }
    out
}

fn is_text(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("```") && !line.starts_with("### ")
}

/// `[text](address)` as `text (address)`.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[')
        && let Some((name, after)) = link.split_once("](")
        && let Some((address, after)) = after.split_once(')')
        && !name.contains('`')
    {
        let _ = write!(out, "{before}{name} ({address})");
        rest = after;
    }
    out + rest
}

/// Code between backticks in a colour, without them; it may span lines.
fn coloured(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let shown = parts.map(|(number, part)| {
        if number % 2 == 0 {
            return part.to_owned();
        }
        let lines: Vec<_> = part
            .split('\n')
            .map(|line| format!("{CODE}{line}{OFF}"))
            .collect();
        lines.join("\n")
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_vman_core::diag::DiagnosticId;

    #[test]
    fn it_is_shown_as_it_is_read() {
        let text =
            "Set `a = 1`. See [the\nmanual](https://x.y/z).\n\n### Right\n\n```toml\na = 1\n```\n";
        let plain = "Set `a = 1`. See the manual (https://x.y/z).\n\nRight:\n\n    a = 1\n";
        assert_eq!(shown(text, Some(80), false), plain);
        let bright = "Set \x1b[36ma = 1\x1b[0m. See the\nmanual (https://x.y/z).\n\n\x1b[1mRight\x1b[0m\n\n    a = 1\n";
        assert_eq!(shown(text, Some(24), true), bright);
    }

    #[test]
    fn no_markup_of_the_catalogue_is_left() {
        for id in DiagnosticId::ALL {
            for (width, is_coloured) in [(None, false), (Some(80), false), (Some(80), true)] {
                let text = shown(id.explanation(), width, is_coloured);
                let prose: Vec<_> = text
                    .lines()
                    .filter(|line| !line.starts_with("    "))
                    .collect();
                for markup in ["```", "###", "](", "**"] {
                    assert!(
                        !prose.iter().any(|line| line.contains(markup)),
                        "{id}: {markup}\n{text}"
                    );
                }
                assert!(
                    !is_coloured || !prose.iter().any(|line| line.contains('`')),
                    "{id}\n{text}"
                );
                if width.is_some() {
                    let is_long =
                        |line: &&&str| line.replace(CODE, "").replace(OFF, "").chars().count() > 80;
                    assert_eq!(prose.iter().find(is_long), None, "{id}");
                }
            }
        }
    }
}
