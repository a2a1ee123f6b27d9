//! Lines in files that xen-vman does not own.

use super::{Access, Entry};
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
    fn setting_twice_is_setting_once() {
        let new = "vif.default.bridge=\"b\"";
        let once = set("vif.default.bridge=1\nvif.default.bridge=2", new);
        assert_eq!(set(&once, new), once);
    }
}
