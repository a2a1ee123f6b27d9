//! Lines in files that xen-vman does not own.

use super::{Access, Entry, Record};
use crate::render::Output;
use std::collections::{BTreeMap, BTreeSet};

/// The files with the desired settings. Where the path is not a file, the plan reports a
/// conflict.
pub(super) fn files(output: &Output, found: &BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
    let mut files = BTreeMap::new();
    for setting in &output.settings {
        let before = files.get(setting.file).or_else(|| found.get(setting.file));
        let (access, text) = match before {
            Some(Entry::File { access, content }) => (access.clone(), content.clone()),
            _ => (Access::of_root(0o644), Vec::new()),
        };
        let content = with_line(&text, setting.key, &setting.line);
        if before.is_some() || !content.is_empty() {
            files.insert(setting.file.to_owned(), Entry::File { access, content });
        }
    }
    files
}

/// The lines that are ours after an apply, by file and key. One that is no longer defined stays.
pub(super) fn recorded(
    output: &Output,
    record: &Record,
) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = record.settings.clone();
    for setting in &output.settings {
        let lines = all.entry(setting.file.to_owned()).or_default();
        lines.insert(setting.key.to_owned(), setting.line.clone());
    }
    all
}

/// Our lines in a file, by key. If a run was interrupted, an earlier one may still be there.
pub(super) type Lines<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The lines of a file that are ours.
pub(super) fn lines<'a>(path: &str, records: impl IntoIterator<Item = &'a Record>) -> Lines<'a> {
    let mut all = Lines::new();
    for (key, line) in records
        .into_iter()
        .filter_map(|record| record.settings.get(path))
        .flatten()
    {
        all.entry(key).or_default().insert(line);
    }
    all
}

/// What becomes of a file once our lines are taken out of it; the lines of `original` come back.
/// All else stays, as somebody may have edited the file at any time. Also returns whether all lines
/// that set these keys were ours.
pub(super) fn taken_out(
    ours: &Lines<'_>,
    original: Option<&Entry>,
    found: &Entry,
) -> (Option<Entry>, bool) {
    let Entry::File { access, content } = found else {
        return (Some(found.clone()), false);
    };
    let before = match original {
        Some(Entry::File { content, .. }) => &content[..],
        _ => b"",
    };
    let (content, is_all) = without(content, ours, before);
    let is_left = !content.is_empty() || original.is_some();
    let access = access.clone();
    (is_left.then_some(Entry::File { access, content }), is_all)
}

/// Takes our lines out of a file; each becomes the lines that `original` had, if it had any. Returns
/// the new content, and whether all lines that set these keys were ours.
fn without(text: &[u8], ours: &Lines<'_>, original: &[u8]) -> (Vec<u8>, bool) {
    // Nothing else was edited: it becomes the same, byte for byte.
    let mut again = original.to_vec();
    let text_lines = || text.split_inclusive(|byte| *byte == b'\n');
    for line in text_lines().map(<[u8]>::trim_ascii) {
        let own = ours.iter().find_map(|(key, own)| {
            let own = own.iter().find(|own| line == own.as_bytes())?;
            Some((key, own))
        });
        if let Some((key, own)) = own {
            again = with_line(&again, key, own);
        }
    }
    if again == text {
        return (original.to_vec(), true);
    }
    let mut out = Vec::new();
    let mut is_all = true;
    for line in text_lines() {
        let Some((key, own)) = ours.iter().find(|(key, _)| sets(line, key)) else {
            out.extend_from_slice(line);
            continue;
        };
        if !own.iter().any(|own| line.trim_ascii() == own.as_bytes()) {
            out.extend_from_slice(line);
            is_all = false;
            continue;
        }
        let lines = original.split_inclusive(|byte| *byte == b'\n');
        for line in lines.filter(|line| sets(line, key)) {
            out.extend_from_slice(line.trim_ascii_end());
            out.push(b'\n');
        }
    }
    (out, is_all)
}

/// Whether a file has any of our lines.
pub(super) fn has_any(found: &Entry, ours: &Lines<'_>) -> bool {
    let Entry::File { content, .. } = found else {
        return false;
    };
    let mut lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| ours.values().flatten().any(|own| line == own.as_bytes()))
}

/// Sets a key in a file of `key=value` lines: the new line replaces the first one that sets the
/// key, or is appended. Other lines that set it are removed; all else stays byte for byte.
fn with_line(text: &[u8], key: &str, line: &str) -> Vec<u8> {
    let mut line = Some(line);
    let mut out = Vec::new();
    for old in text.split_inclusive(|byte| *byte == b'\n') {
        if !sets(old, key) {
            out.extend_from_slice(old);
        } else if let Some(new) = line.take() {
            out.extend_from_slice(new.as_bytes());
            out.push(b'\n');
        }
    }
    if let Some(new) = line {
        if !out.is_empty() && !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        out.extend_from_slice(new.as_bytes());
        out.push(b'\n');
    }
    out
}

fn sets(line: &[u8], key: &str) -> bool {
    let line = line.trim_ascii();
    line.strip_prefix(key.as_bytes())
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, line: &str) -> String {
        String::from_utf8(with_line(text.as_bytes(), "vif.default.bridge", line)).unwrap()
    }

    #[test]
    fn a_setting_takes_the_place_of_all_that_set_it() {
        let new = "vif.default.bridge=\"b\"";
        let wanted = "vif.default.bridge=\"b\"\n";
        assert_eq!(set("", new), wanted);
        assert_eq!(set("a=1", new), format!("a=1\n{wanted}"));
        assert_eq!(
            set(
                "#vif.default.bridge=x\n vif.default.bridge = \"a\"\nz=1\nvif.default.bridge=c\n",
                new
            ),
            format!("#vif.default.bridge=x\n{wanted}z=1\n")
        );
        assert_eq!(
            set("vif.default.bridges=\"a\"\n", new),
            format!("vif.default.bridges=\"a\"\n{wanted}")
        );
    }

    #[test]
    fn only_our_own_line_is_taken_out() {
        let ours = Lines::from([("key", BTreeSet::from(["key=\"b\"", "key=\"earlier\""]))]);
        let without = |text: &str, original: &str| {
            let (text, is_all) = without(text.as_bytes(), &ours, original.as_bytes());
            (String::from_utf8(text).unwrap(), is_all)
        };
        let fine = |text: &str| (text.to_owned(), true);
        assert_eq!(without("a=1\nkey=\"b\"\nz=2\n", ""), fine("a=1\nz=2\n"));
        assert_eq!(without("key=\"b\"\nz=2", " key = 7"), fine(" key = 7\nz=2"));
        assert_eq!(without("keys=1\n", "key=7\n"), fine("keys=1\n"));
        assert_eq!(without("key=\"b\"\n", "key=7"), fine("key=7"));
        assert_eq!(
            without("a=1\nkey=\"earlier\"\n", "key=7\nkey=8\n"),
            fine("a=1\nkey=7\nkey=8\n")
        );
        let edited = "key=\"c\"\n";
        assert_eq!(without(edited, "key=7\n"), (edited.to_owned(), false));
    }

    #[test]
    fn setting_twice_is_setting_once() {
        let new = "vif.default.bridge=\"b\"";
        let once = set("vif.default.bridge=1\nvif.default.bridge=2", new);
        assert_eq!(set(&once, new), once);
    }
}
