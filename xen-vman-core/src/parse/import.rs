//! xl.cfg files → a definition in TOML, with their comments.

use super::convert::toml_value;
use super::from_xl::{self, Given};
use super::host_defaults::{xen_tools_conf, xl_conf};
use super::libvirt::{self, LibvirtDomain};
use crate::diag::text::printable;
use crate::diag::{FileId, Report, Severity, Span};
use crate::document::{Dialect, Node, Source, TableEntry, Value};
use crate::values::{DiskSpec, NamePart, VifParameters, XenVersion, xl_key_info};
use crate::xl_cfg::{self, XlFile};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// What an import knows beyond the files.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The organisation of the VMs; by default, that in the files' comments, or `local`.
    pub org: Option<NamePart>,
    /// The names of the files whose domains start with the host, as those in `/etc/xen/auto` do.
    pub start_with_host: HashSet<String>,
    /// The host's `xl.conf`, for its default script and bridge.
    pub xl_conf: Option<Source>,
    /// The host's `xen-tools.conf`, for what it sets for new VMs.
    pub xen_tools_conf: Option<Source>,
}

/// Generates a definition from xl.cfg files, with one VM for each, and reports errors in their
/// syntax. Other problems are found when the definition is checked.
///
/// Comments stay with their keys; those before the first key, and those of keys that are dropped,
/// are placed before the VM. What xl ignores is a comment, too. What all VMs have in common is under
/// `defaults`.
pub fn import(files: &[Source]) -> (String, Report) {
    import_with(files, &ImportOptions::default())
}

/// The same, with options.
pub fn import_with(files: &[Source], options: &ImportOptions) -> (String, Report) {
    let mut report = Report::new();
    let mut parts = Vec::new();
    for (source, id) in files.iter().zip(0..) {
        parts.push(one(source, id, options, &mut report));
    }
    let mut vms: Vec<_> = parts
        .iter_mut()
        .filter_map(|part| part.as_mut().ok())
        .collect();
    let newest = vms.iter().filter_map(|vm| vm.needs).max();
    let (mut common, mut unknown) = (Vec::new(), Vec::new());
    if let Some(source) = &options.xl_conf {
        common.extend(xl_conf(source));
    }
    if let Some(source) = &options.xen_tools_conf {
        common.extend(xen_tools_conf(source, &mut unknown));
    }
    let mut common: Vec<_> = common.into_iter().map(Entry::from).collect();
    common.extend(take_common(
        &mut vms,
        |vm| &mut vm.entries,
        |key| COMMON.contains(&key),
    ));
    let common_options = take_common(&mut vms, |vm| &mut vm.options, |_| true);

    let mut text = String::new();
    if !unknown.is_empty() {
        text.push_str("# Settings of xen-tools that have no key here:\n");
        for line in unknown {
            comment_line(&format!(" {line}"), &mut text);
        }
    }
    if let Some(version) = newest {
        text.push_str("# Some of the files use what xl reads since this version.\n");
        let _ = writeln!(text, "xen_version = \"{version}\"");
    }
    let defaults = [
        ("[defaults]", common),
        ("[defaults.additional_xen_options]", common_options),
    ];
    for (head, entries) in defaults
        .into_iter()
        .filter(|(_, entries)| !entries.is_empty())
    {
        separate(&mut text);
        let _ = writeln!(text, "{head}");
        for entry in &entries {
            assignment(entry, &mut text);
        }
    }
    for part in parts {
        separate(&mut text);
        match part {
            Ok(vm) => vm.write(&mut text),
            Err(skipped) => text.push_str(&skipped),
        }
    }
    (text, report)
}

/// The keys that move to `defaults` if all VMs have the same value.
const COMMON: &[&str] = &[
    "auto_boot",
    "boot_order",
    "cmdline",
    "cpu_str",
    "initrd",
    "kernel",
    "maxmem",
    "maxvcpus",
    "memory",
    "on_crash",
    "on_poweroff",
    "on_reboot",
    "storage_type",
    "type",
    "vcpus",
    "vga",
    "videoram",
    "vnc",
    "vnclisten",
    "vncunused",
];

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
}

/// The VM of a file.
struct Vm {
    /// Comments that belong to no key, and what xl ignores.
    head: String,
    entries: Vec<Entry>,
    options: Vec<Entry>,
    /// The version of Xen that it needs, if that is newer than the oldest one.
    needs: Option<XenVersion>,
}

/// A key with its comments.
struct Entry {
    entry: TableEntry,
    comments: Vec<String>,
}

impl From<TableEntry> for Entry {
    fn from(entry: TableEntry) -> Self {
        Self {
            entry,
            comments: Vec::new(),
        }
    }
}

impl Vm {
    fn write(&self, text: &mut String) {
        text.push_str(&self.head);
        text.push_str("[[vms]]\n");
        self.entries
            .iter()
            .for_each(|entry| assignment(entry, text));
        if !self.options.is_empty() {
            text.push_str("\n[vms.additional_xen_options]\n");
            self.options
                .iter()
                .for_each(|entry| assignment(entry, text));
        }
    }
}

/// Takes the keys away that all VMs have with the same value and without a comment.
fn take_common(
    vms: &mut [&mut Vm],
    of: fn(&mut Vm) -> &mut Vec<Entry>,
    may_move: fn(&str) -> bool,
) -> Vec<Entry> {
    let [first, others @ ..] = vms else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let same = |one: &Entry, other: &Entry| {
        one.entry.key == other.entry.key
            && other.comments.is_empty()
            && toml_value(&one.entry.node) == toml_value(&other.entry.node)
    };
    let is_common = |one: &Entry, others: &mut [&mut Vm]| {
        may_move(&one.entry.key)
            && one.comments.is_empty()
            && !one.entry.node.has_expression()
            && others
                .iter_mut()
                .all(|vm| of(vm).iter().any(|other| same(one, other)))
    };
    let (common, own) = std::mem::take(of(first))
        .into_iter()
        .partition(|one| is_common(one, others));
    *of(first) = own;
    let common: Vec<Entry> = common;
    for vm in others {
        of(vm).retain(|entry| {
            !common
                .iter()
                .any(|known| known.entry.key == entry.entry.key)
        });
    }
    common
}

/// The VM of a file, or a comment about a file that is skipped.
fn one(
    source: &Source,
    id: FileId,
    options: &ImportOptions,
    report: &mut Report,
) -> Result<Vm, String> {
    let bytes = source.bytes.as_deref().unwrap_or(source.text.as_bytes());
    let before = report.count(Severity::Error);
    let LibvirtDomain {
        file,
        description,
        rest,
    } = match source.dialect {
        Dialect::LibvirtXml => libvirt::read(&source.text, id, report),
        _ => Some(xl_cfg::read(bytes, id, report).into()),
    }
    .unwrap_or_default();
    let skipped = || {
        let line = format!("{} is not valid, for xl either; it is skipped", source.name);
        format!("# {}\n", printable(&line))
    };
    if report.count(Severity::Error) > before {
        return Err(skipped());
    }
    let given = Given {
        org: options.org.as_ref().map(NamePart::as_str),
        starts_with_host: options.start_with_host.contains(&source.name),
        description: description.as_deref(),
    };
    let (tree, dropped) = from_xl::to_schema(&file, id, &given, report);
    let vm = tree.get("vms").and_then(|vms| vms.items().first());
    let vm = vm.ok_or_else(skipped)?;
    let mut comments = Comments::new(&file);
    let mut with_comments = |entries: &[TableEntry]| -> Vec<Entry> {
        let entries = entries
            .iter()
            .filter(|entry| &*entry.key != "additional_xen_options");
        entries
            .map(|entry| Entry {
                comments: comments.of(entry),
                entry: entry.clone(),
            })
            .collect()
    };
    let entries = with_comments(vm.entries());
    let options = vm
        .get("additional_xen_options")
        .map_or(&[][..], Node::entries);
    let options = with_comments(options);
    let mut ignored = String::new();
    if !rest.is_empty() {
        ignored.push_str("# Not imported:\n");
        for line in rest {
            comment_line(&format!(" {line}"), &mut ignored);
        }
    }
    for statement in &file.statements {
        if dropped.contains(&statement.key) {
            for comment in comments.of_key(&statement.key) {
                comment_line(&comment, &mut ignored);
            }
            let whole = statement.key_span.start as usize..statement.value.span.end as usize;
            let written = decoded(bytes.get(whole).unwrap_or_default());
            ignored.push_str("# Ignored by xl:\n");
            for line in written.lines() {
                comment_line(&format!(" {line}"), &mut ignored);
            }
        }
    }
    let mut head = format!("# {}\n", printable(&format!("from {}", source.name)));
    // Comments of keys that have no entry must not be lost.
    for comment in comments.rest() {
        comment_line(&comment, &mut head);
    }
    head.push_str(&ignored);
    Ok(Vm {
        head,
        entries,
        options,
        needs: needs(vm),
    })
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

fn assignment(Entry { entry, comments }: &Entry, text: &mut String) {
    for comment in comments {
        comment_line(comment, text);
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
        key.copied().map_or_else(Vec::new, |key| self.of_key(key))
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
