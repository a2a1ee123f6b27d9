//! xl.cfg files → a definition in TOML, with their comments.

use super::convert::toml_value;
use super::from_xl;
use crate::diag::text::printable;
use crate::diag::{FileId, Report, Severity, Span};
use crate::document::{Node, Source, TableEntry, Value};
use crate::values::{DiskSpec, VifParameters, XenVersion, xl_key_info};
use crate::xl_cfg::{self, XlFile};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Generates a definition from xl.cfg files, with one VM for each, and reports errors in their
/// syntax. Other problems are found when the definition is checked.
///
/// Comments stay with their keys; those before the first key, and those of keys that are dropped,
/// are placed before the VM.
pub fn import(files: &[Source]) -> (String, Report) {
    let mut report = Report::new();
    let mut text = String::new();
    let mut newest = None;
    for (source, id) in files.iter().zip(0..) {
        if !text.is_empty() {
            text.push('\n');
        }
        newest = newest.max(one(source, id, &mut text, &mut report));
    }
    if let Some(version) = newest {
        let head = format!(
            "# Some of the files use what xl reads since this version.\nxen_version = \"{version}\"\n\n"
        );
        text.insert_str(0, &head);
    }
    (text, report)
}

/// Writes the VM of a file. Returns the version of Xen that it needs, if that is newer than the
/// oldest one.
fn one(source: &Source, id: FileId, text: &mut String, report: &mut Report) -> Option<XenVersion> {
    let bytes = source.bytes.as_deref().unwrap_or(source.text.as_bytes());
    let before = report.count(Severity::Error);
    let file = xl_cfg::read(bytes, id, report);
    if report.count(Severity::Error) > before {
        let line = format!("{} is not valid, for xl either; it is skipped", source.name);
        let _ = writeln!(text, "# {}", printable(&line));
        return None;
    }
    let (tree, dropped) = from_xl::to_schema(&file, id, report);
    let vm = tree.get("vms").and_then(|vms| vms.items().first())?;
    let mut comments = Comments::new(&file);
    let options = vm
        .get("additional_xen_options")
        .map_or(&[][..], Node::entries);
    let plain = || {
        vm.entries()
            .iter()
            .filter(|entry| &*entry.key != "additional_xen_options")
    };
    // Comments of keys that have no entry must not be lost.
    let mut body = String::new();
    let mut ignored = String::new();
    for entry in plain() {
        assignment(entry, &mut comments, &mut body);
    }
    if !options.is_empty() {
        body.push_str("\n[vms.additional_xen_options]\n");
        for entry in options {
            assignment(entry, &mut comments, &mut body);
        }
    }
    for statement in &file.statements {
        if dropped.contains(&statement.key) {
            for comment in comments.of_key(&statement.key) {
                comment_line(&comment, &mut ignored);
            }
            let whole = statement.key_span.start as usize..statement.value.span.end as usize;
            let written = decoded(bytes.get(whole).unwrap_or_default());
            let _ = writeln!(ignored, "# Ignored by xl:");
            for line in written.lines() {
                comment_line(&format!(" {line}"), &mut ignored);
            }
        }
    }
    let _ = writeln!(text, "# {}", printable(&format!("from {}", source.name)));
    for comment in comments.rest() {
        comment_line(&comment, text);
    }
    text.push_str(&ignored);
    text.push_str("[[vms]]\n");
    text.push_str(&body);
    needs(vm)
}

/// The version of Xen that a VM needs, if that is newer than the oldest one.
fn needs(vm: &Node) -> Option<XenVersion> {
    let texts = |key: &'static str| {
        let list = vm.get(key).map_or(&[][..], Node::items);
        list.iter().filter_map(text_of)
    };
    let options = vm
        .get("additional_xen_options")
        .map_or(&[][..], Node::entries);
    let options = options
        .iter()
        .filter_map(|option| xl_key_info(&option.key)?.since);
    let disks = texts("disks").filter_map(|disk| Some(disk.parse::<DiskSpec>().ok()?.needs()?.1));
    let interfaces = vm.get("interfaces").map_or(&[][..], Node::items);
    let interfaces = interfaces.iter().filter_map(|one| {
        let words = text_of(one.get("xen_str")?)?;
        Some(words.parse::<VifParameters>().ok()?.needs()?.1)
    });
    options.chain(disks).chain(interfaces).max()
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn assignment(entry: &TableEntry, comments: &mut Comments<'_>, text: &mut String) {
    for comment in comments.of(entry) {
        comment_line(&comment, text);
    }
    let key = toml::Value::from(&*entry.key);
    let is_bare = entry
        .key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if is_bare {
        entry.key.to_string()
    } else {
        key.to_string()
    };
    match &entry.node.value {
        Value::List(items)
            if items.len() > 1 || items.iter().any(|item| !item.entries().is_empty()) =>
        {
            let _ = writeln!(text, "{key} = [");
            for item in items.iter().filter_map(toml_value) {
                let _ = writeln!(text, "  {item},");
            }
            text.push_str("]\n");
        }
        _ => {
            if let Some(value) = toml_value(&entry.node) {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
    }
}

fn comment_line(comment: &str, text: &mut String) {
    let _ = writeln!(text, "#{}", printable(comment).trim_end());
}

/// Comments by the statement they belong to.
struct Comments<'f> {
    /// The key of each statement, by the place where it stands.
    keys: HashMap<Span, &'f str>,
    /// The texts, with their number, by the key they stood at; none at the head of the file.
    all: HashMap<Option<&'f str>, Vec<(usize, String)>>,
}

impl<'f> Comments<'f> {
    fn new(file: &'f XlFile) -> Self {
        let statements = &file.statements;
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (number, comment) in file.comments.iter().enumerate() {
            let next = statements.partition_point(|one| one.key_span.start < comment.span.start);
            let before = next.checked_sub(1).map(|at| &statements[at]);
            let inside =
                before.filter(|one| !comment.own_line || comment.span.start < one.value.span.end);
            let after = statements.get(next).filter(|_| next > 0);
            let key = inside.or(after).map(|one| &*one.key);
            all.entry(key)
                .or_default()
                .push((number, decoded(&comment.text)));
        }
        let keys = statements.iter().map(|one| (one.key_span, &*one.key));
        Self {
            keys: keys.collect(),
            all,
        }
    }

    /// Takes the comments of an entry.
    fn of(&mut self, entry: &TableEntry) -> Vec<String> {
        let key = entry.key_span.and_then(|span| self.keys.get(&span));
        let taken = key.and_then(|key| self.all.remove(&Some(*key)));
        let taken = taken.unwrap_or_default().into_iter();
        taken.map(|(_, comment)| comment).collect()
    }

    /// Takes the comments of a key.
    fn of_key(&mut self, key: &'f str) -> Vec<String> {
        let taken = self.all.remove(&Some(key)).unwrap_or_default().into_iter();
        taken.map(|(_, comment)| comment).collect()
    }

    /// What nobody took.
    fn rest(self) -> Vec<String> {
        let mut rest: Vec<_> = self.all.into_values().flatten().collect();
        rest.sort_unstable();
        rest.into_iter().map(|(_, comment)| comment).collect()
    }
}

/// A comment's text; one that is not UTF-8 is most likely in Latin-1.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
