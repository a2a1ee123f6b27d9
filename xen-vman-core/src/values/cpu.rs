//! The CPUs that a domU may run on.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};

text_type!(
    /// A list of CPUs in the grammar of `cpus` in xl.cfg(5): items `all`, `N`, `N-M` and
    /// `node:N[-M]`, each of the numbered ones with or without a `^` that takes them out
    /// again, read from left to right.
    CpuList
);

impl FromText for CpuList {
    const ID: DiagnosticId = DiagnosticId::BadCpuList;
    const EXPECTED: &'static str = "a list of CPUs";
    const NUMBERS_ARE_TEXT: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let help = "as `all`, `0-3`, `all,^1` or `nodes:0,^2`; items that begin with `^` take CPUs \
                    out and come after those that put them in";
        let mut any = false;
        for item in text.split(',') {
            let (excludes, body) = match item.strip_prefix('^') {
                Some(body) => (true, body),
                None => (false, item),
            };
            let numbered = body
                .strip_prefix("nodes:")
                .or_else(|| body.strip_prefix("node:"))
                .map_or_else(|| range(body), |nodes| nodes == "all" || range(nodes));
            if !(numbered || body == "all" && !excludes) {
                return Err(
                    Invalid::new(format!("must be a list of CPUs; `{item}` is none")).help(help),
                );
            }
            if excludes && !any {
                return Err(Invalid::new("must name CPUs before it takes some out").help(help));
            }
            any = true;
        }
        Ok(Self(text.into()))
    }
}

/// `N` or `N-M` in decimal digits, not descending.
fn range(text: &str) -> bool {
    let number = |text: &str| {
        let decimal =
            !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>()
            .ok()
            .filter(|_| decimal && (text.len() == 1 || !text.starts_with('0')))
    };
    match text.split_once('-') {
        None => number(text).is_some(),
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) => first <= last,
            _ => false,
        },
    }
}
