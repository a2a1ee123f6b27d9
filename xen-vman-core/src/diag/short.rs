//! A [`Report`] with one line for each diagnostic, like those of compilers and `grep -n`.

use super::text::printable;
use super::{Places, Report};
use std::fmt::Write as _;

/// `FILE:LINE:COLUMN: SEVERITY[ID]: MESSAGE (PATH)`, or only the path if there is no
/// position.
pub fn render(report: &Report, sources: &impl Places) -> String {
    let mut text = String::new();
    for diagnostic in report {
        if let Some(span) = diagnostic.span {
            let at = sources.position(span);
            let _ = write!(text, "{}:{}:{}: ", printable(at.file), at.line, at.column);
        }
        let message = printable(&diagnostic.message);
        let _ = write!(
            text,
            "{}[{}]: {message}",
            diagnostic.severity, diagnostic.id
        );
        let place = printable(&sources.place(&diagnostic.path));
        if !place.is_empty() {
            let _ = write!(text, " ({place})");
        }
        text.push('\n');
    }
    text
}
