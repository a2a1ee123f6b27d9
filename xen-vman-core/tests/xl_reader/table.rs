//! The table of small texts, `tests/cases/xl-cfg/lexical.txt`.
//!
//! Each line has a text, ` → `, and what is read: the settings, or why it is refused.
//! Headings start with `==`. `␊ ␍ ␉` are LF, CR and tab, `‹NN›` is another byte.

use super::{support, values};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use xen_vman_core::diag::{Report, Severity};
use xen_vman_core::xl_cfg::read;

const ARROW: &str = " → ";

fn path() -> PathBuf {
    support::crate_dir().join("tests/cases/xl-cfg/lexical.txt")
}

/// A text of the table, in bytes.
fn bytes(visible: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = visible.chars();
    while let Some(c) = rest.next() {
        match c {
            '␊' => bytes.push(b'\n'),
            '␍' => bytes.push(b'\r'),
            '␉' => bytes.push(b'\t'),
            '‹' => {
                let digits: String = rest.by_ref().take_while(|c| *c != '›').collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            c => bytes.extend(c.to_string().as_bytes()),
        }
    }
    bytes
}

fn byte(text: &mut String, byte: u32) {
    let _ = write!(text, "‹{byte:02x}›");
}

/// Bytes as the table has them.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push('␊'),
                '\r' => text.push('␍'),
                '\t' => text.push('␉'),
                '\u{f780}'..='\u{f7ff}' => byte(&mut text, c as u32 - 0xf700),
                c if c.is_control() => {
                    for raw in c.to_string().bytes() {
                        byte(&mut text, raw.into());
                    }
                }
                c => text.push(c),
            }
        }
        for &raw in chunk.invalid() {
            byte(&mut text, raw.into());
        }
    }
    text
}

/// What the reader makes of a text.
fn verdict(text: &[u8]) -> String {
    let mut report = Report::new();
    let file = read(text, 0, &mut report);
    let said: String = report
        .iter()
        .map(|d| {
            let kind = match d.severity {
                Severity::Error => "refused",
                Severity::Warning => "warning",
            };
            let help = d.help.as_ref().map(|help| format!("; {help}"));
            format!(" ({kind}: {}{})", d.message, help.unwrap_or_default())
        })
        .collect();
    if report.has_errors() {
        return said.trim_start().to_owned();
    }
    let settings: Vec<_> = values(&file)
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    format!("{{{}}}{said}", settings.join(", "))
}

/// All lines, in two halves; headings have none.
fn rows() -> Vec<(String, Option<String>)> {
    let content = fs::read_to_string(path()).unwrap();
    let row = |line: &str| match line.split_once(ARROW) {
        Some((text, verdict)) => (text.to_owned(), Some(verdict.to_owned())),
        None => (line.to_owned(), None),
    };
    content.lines().map(row).collect()
}

/// The texts.
pub(crate) fn texts() -> Vec<Vec<u8>> {
    let rows = rows().into_iter().filter(|(_, verdict)| verdict.is_some());
    rows.map(|(text, _)| bytes(&text)).collect()
}

/// Compares the table with what the reader makes of it, or regenerates it.
pub(crate) fn check() {
    let mut content = String::new();
    for (text, _) in rows() {
        content.push_str(&text);
        if !text.starts_with("==") {
            content.push_str(ARROW);
            content.push_str(&visible(verdict(&bytes(&text)).as_bytes()));
        }
        content.push('\n');
    }
    let mut problems = Vec::new();
    support::expect(&path(), &content, &mut problems);
    support::finish(&problems);
}
