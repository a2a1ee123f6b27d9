//! xl.cfg files → a definition in TOML, with their comments.

use super::comments::{Comments, ItemComment, comment_line, decoded};
use super::convert::toml_value;
use super::from_xl::{self, Given};
use super::host_defaults::{xen_tools_conf, xl_conf};
use super::libvirt::{self, LibvirtDomain};
use crate::diag::text::printable;
use crate::diag::{FileId, Report, Severity};
use crate::document::{Dialect, Node, Source, TableEntry, Value};
use crate::values::{DiskSpec, NamePart, VifParameters, XenVersion, xl_key_info};
use crate::xl_cfg;
use std::collections::HashSet;
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
        for entry in xen_tools_conf(source, &mut unknown) {
            // What xl itself does comes first.
            match common
                .iter()
                .find(|known: &&TableEntry| known.key == entry.key)
            {
                None => common.push(entry),
                Some(known) if known.node == entry.node => {}
                Some(_) => unknown.extend(
                    toml_value(&entry.node).map(|value| format!("{} = {value}", entry.key)),
                ),
            }
        }
    }
    let mut common: Vec<_> = common.into_iter().map(Assignment::from).collect();
    let of_host: Vec<_> = common
        .iter()
        .map(|one: &Assignment| one.entry.key.clone())
        .collect();
    let may_move =
        |key: &str| COMMON.contains(&key) && !of_host.iter().any(|known| &**known == key);
    common.extend(take_common(&mut vms, |vm| &mut vm.entries, may_move));
    // New VMs boot a kernel of the host, unless they say otherwise.
    let of_any = |key: &str| !key.starts_with("bootloader") && key != "firmware";
    let common_options = take_common(&mut vms, |vm| &mut vm.options, of_any);

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
    entries: Vec<Assignment>,
    options: Vec<Assignment>,
    /// The version of Xen that it needs, if that is newer than the oldest one.
    needs: Option<XenVersion>,
}

/// A key with its comments.
struct Assignment {
    entry: TableEntry,
    comments: Vec<String>,
    /// Comments of items of a list: each belongs to the first item that ends behind it.
    of_items: Vec<ItemComment>,
}

impl From<TableEntry> for Assignment {
    fn from(entry: TableEntry) -> Self {
        Self {
            entry,
            comments: Vec::new(),
            of_items: Vec::new(),
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

/// Takes the keys away that all VMs have with the same value and comments.
fn take_common(
    vms: &mut [&mut Vm],
    of: fn(&mut Vm) -> &mut Vec<Assignment>,
    may_move: impl Fn(&str) -> bool,
) -> Vec<Assignment> {
    let [first, others @ ..] = vms else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let same = |one: &Assignment, other: &Assignment| {
        one.entry.key == other.entry.key
            && one.comments == other.comments
            && toml_value(&one.entry.node) == toml_value(&other.entry.node)
    };
    let is_common = |one: &Assignment, others: &mut [&mut Vm]| {
        may_move(&one.entry.key)
            && !one.entry.node.has_expression()
            && others
                .iter_mut()
                .all(|vm| of(vm).iter().any(|other| same(one, other)))
    };
    let (common, own) = std::mem::take(of(first))
        .into_iter()
        .partition(|one| is_common(one, others));
    *of(first) = own;
    let common: Vec<Assignment> = common;
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
    let mut with_comments = |entries: &[TableEntry]| -> Vec<Assignment> {
        let entries = entries
            .iter()
            .filter(|entry| &*entry.key != "additional_xen_options");
        let entries = entries.map(|entry| {
            let (comments, of_items) = comments.of(entry);
            Assignment {
                comments,
                of_items,
                entry: entry.clone(),
            }
        });
        // What xl does anyway says nothing.
        let is_default = |one: &Assignment| one.comments.is_empty() && is_xl_default(&one.entry);
        entries.filter(|one| !is_default(one)).collect()
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

/// Whether a key has the value that it has in xl.cfg(5) if it is missing.
fn is_xl_default(entry: &TableEntry) -> bool {
    let default = match &*entry.key {
        "on_poweroff" | "on_crash" => "destroy",
        "on_reboot" => "restart",
        _ => return false,
    };
    text_of(&entry.node) == Some(default)
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

fn assignment(
    Assignment {
        entry,
        comments,
        of_items,
    }: &Assignment,
    text: &mut String,
) {
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
            if items.len() > 1
                || !of_items.is_empty()
                || items.iter().any(|item| !item.entries().is_empty()) =>
        {
            let _ = writeln!(text, "{key} = [");
            let mut waiting = of_items.iter().peekable();
            for item in items {
                let end = item.span.map_or(0, |span| span.end);
                while let Some(comment) = waiting.next_if(|comment| comment.at < end) {
                    text.push_str("  ");
                    comment_line(&comment.text, text);
                }
                if let Some(value) = toml_value(item) {
                    let _ = writeln!(text, "  {value},");
                }
            }
            for comment in waiting {
                text.push_str("  ");
                comment_line(&comment.text, text);
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
