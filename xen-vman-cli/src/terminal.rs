//! Output: data goes to standard output, messages go to standard error.

use crate::Failure;
use crate::args::{Color, Format};
use crate::layout::hang;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use xen_vman_core::diag::text::Colour;
use xen_vman_core::diag::{Places, Report, json, sarif, short, text};

/// Sets for the rest of the run whether messages are coloured.
pub(crate) fn set_colour(color: Color) {
    match color {
        // anstream checks the terminal, NO_COLOR and CLICOLOR.
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// Reports problems: for people on standard error, for programs on standard output.
pub(crate) fn report(
    report: &Report,
    sources: &impl Places,
    format: Format,
) -> Result<(), Failure> {
    match format {
        Format::Json => data(json::render(report, sources).as_bytes()),
        Format::Sarif => data(sarif::render(report, sources).as_bytes()),
        Format::Event => {
            let found = json::render(report, sources);
            let found: serde_json::Value = serde_json::from_str(&found).unwrap_or_default();
            let event = serde_json::json!({ "event": "diagnostics", "diagnostics": found });
            data(format!("{event}\n").as_bytes())
        }
        Format::Short => {
            message(&short::render(report, sources));
            Ok(())
        }
        Format::Text => {
            message(&text::render(report, sources, Colour::Ansi));
            Ok(())
        }
    }
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure) {
    note(&format!("error: {}", failure.message));
    if let Some(help) = &failure.help {
        note(&format!("help: {help}"));
    }
}

/// Prints a message. On a terminal, its lines break between words; those that are indented, such as
/// commands to copy, are left to the terminal.
pub(crate) fn note(text: &str) {
    let width = message_width();
    let lines = text.split('\n').map(|line| match width {
        Some(_) if !line.starts_with(' ') => hang("", line, 2, width),
        _ => format!("{line}\n"),
    });
    message(&lines.collect::<String>());
}

/// Prints a message as it is.
pub(crate) fn note_unbroken(text: &str) {
    message(&format!("{text}\n"));
}

/// Writes to standard error. Work goes on even if that is a file on a full disk.
fn message(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Reads a line from standard input.
pub(crate) fn answer() -> Option<String> {
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim().to_owned())
}

/// `1 VM`, `2 VMs`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Prints data. A closed pipe is not a failure: its reader has seen enough.
pub(crate) fn data(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// A line of progress on standard error, which is redrawn in place on a terminal and printed
/// line by line elsewhere.
#[derive(Debug)]
pub(crate) struct Line {
    width: Option<usize>,
    is_drawn: bool,
}

impl Line {
    pub(crate) fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            width: is_terminal.then(columns),
            is_drawn: false,
        }
    }

    /// Replaces the current line.
    pub(crate) fn redraw(&mut self, text: &str) {
        let Some(width) = self.width else {
            return note_unbroken(text);
        };
        let text: String = text.chars().take(width.saturating_sub(1)).collect();
        message(&format!("\r\x1b[K{text}"));
        self.is_drawn = true;
    }

    /// Prints a line that stays.
    pub(crate) fn say(&mut self, text: &str) {
        self.end();
        note(text);
    }

    /// Erases the current line.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            message("\r\x1b[K");
        }
    }
}

fn columns() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}

/// The width of standard error; `None` if it is not a terminal.
pub(crate) fn message_width() -> Option<usize> {
    std::io::stderr().is_terminal().then(columns)
}

/// The width of standard output; `None` if it is not a terminal.
pub(crate) fn width() -> Option<usize> {
    std::io::stdout().is_terminal().then(columns)
}

/// Whether data is coloured on standard output.
pub(crate) fn is_coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}
