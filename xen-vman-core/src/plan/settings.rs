//! Lines in files that xen-vman does not own.

use super::{Access, Entry, Record};
use crate::render::{HostSetting, Output};
use std::collections::BTreeMap;

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
        let content = with_setting(&text, setting);
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

/// Takes our lines out of a file; each becomes the line that `original` had, if it had one. Returns
/// the new content, and whether all lines that set these keys were ours.
pub(super) fn without(
    text: &[u8],
    ours: &BTreeMap<String, String>,
    original: &[u8],
) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut is_all = true;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let Some((key, own)) = ours.iter().find(|(key, _)| sets(line, key)) else {
            out.extend_from_slice(line);
            continue;
        };
        if line.trim_ascii() != own.as_bytes() {
            out.extend_from_slice(line);
            is_all = false;
            continue;
        }
        let mut lines = original.split_inclusive(|byte| *byte == b'\n');
        if let Some(line) = lines.find(|line| sets(line, key)) {
            out.extend_from_slice(line.trim_ascii_end());
            out.push(b'\n');
        }
    }
    (out, is_all)
}

/// Sets a key in a file of `key=value` lines: the new line replaces the first one that sets the
/// key, or is appended. Other lines that set it are removed; all else stays byte for byte.
fn with_setting(text: &[u8], setting: &HostSetting) -> Vec<u8> {
    let mut line = Some(&setting.line);
    let mut out = Vec::new();
    for old in text.split_inclusive(|byte| *byte == b'\n') {
        if !sets(old, setting.key) {
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
        let setting = HostSetting {
            file: "/etc/xen/xl.conf",
            key: "vif.default.bridge",
            line: line.to_owned(),
        };
        String::from_utf8(with_setting(text.as_bytes(), &setting)).unwrap()
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
        let ours = BTreeMap::from([("key".to_owned(), "key=\"b\"".to_owned())]);
        let without = |text: &str, original: &str| {
            let (text, is_all) = without(text.as_bytes(), &ours, original.as_bytes());
            (String::from_utf8(text).unwrap(), is_all)
        };
        let fine = |text: &str| (text.to_owned(), true);
        assert_eq!(without("a=1\nkey=\"b\"\nz=2\n", ""), fine("a=1\nz=2\n"));
        assert_eq!(without("key=\"b\"\nz=2", " key = 7"), fine(" key = 7\nz=2"));
        assert_eq!(without("keys=1\n", "key=7\n"), fine("keys=1\n"));
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
