//! What files of a host set for its VMs: `xl.conf` and `xen-tools.conf`.

use crate::diag::Report;
use crate::diag::secret::without_passwords;
use crate::document::decode::{Decoder, FromNode as _};
use crate::document::{Node, Source, TableEntry, Value};
use crate::spec::DefaultsSpec;
use crate::xl_cfg::{self, SettingValue};

/// The defaults that `xl.conf` sets (xl.conf(5)).
pub(super) fn xl_conf(source: &Source) -> Vec<TableEntry> {
    let bytes = source.bytes.as_deref().unwrap_or(source.text.as_bytes());
    // Its problems are xl's.
    let file = xl_cfg::read(bytes, 0, &mut Report::new());
    let keys = [
        ("vif.default.script", "network_script"),
        ("vif.default.bridge", "network_bridge"),
    ];
    let settings = file.settings();
    let found = keys.into_iter().filter_map(|(xl, own)| {
        let setting = settings.iter().find(|setting| setting.key == xl)?;
        match &setting.value {
            SettingValue::Text(text) if !text.is_empty() => {
                Some(entry(own, &String::from_utf8_lossy(text)))
            }
            _ => None,
        }
    });
    found.collect()
}

/// Settings of xen-tools and our keys, but for those that would change the VMs that are imported (the comments of its own file, and xen-create-image(8)).
const XEN_TOOLS: &[(&str, &str)] = &[
    ("bridge", "network_bridge"),
    ("fs", "filesystem"),
    ("gateway", "gateway"),
    ("memory", "memory"),
    ("mirror", "debootstrap_mirror"),
    ("nameserver", "nameserver"),
    ("size", "size"),
    ("vcpus", "vcpus"),
];

/// The defaults that `xen-tools.conf` sets for new VMs. Lines that have no key here, or whose value is
/// not one of ours, are added to `unknown`.
pub(super) fn xen_tools_conf(source: &Source, unknown: &mut Vec<String>) -> Vec<TableEntry> {
    let mut found: Vec<TableEntry> = Vec::new();
    for line in source.text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let known = line.split_once('=').and_then(|(key, value)| {
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.trim().trim_matches(['"', '\'']);
            let own = XEN_TOOLS.iter().find(|(theirs, _)| *theirs == key.trim())?;
            let entry = entry(own.1, value);
            found.retain(|one| one.key != entry.key);
            // xen-tools runs what is between these.
            (!value.contains('`') && is_default(&entry)).then_some(entry)
        });
        match known {
            // The last one counts.
            Some(entry) => found.push(entry),
            None => unknown.push(without_passwords(line).into_owned()),
        }
    }
    found
}

/// Whether a value is valid under `defaults`.
fn is_default(entry: &TableEntry) -> bool {
    let mut report = Report::new();
    let table = Node::bare(Value::Table(vec![entry.clone()]));
    DefaultsSpec::from_node(&table, &mut Decoder::new(&mut report)).is_some() && report.is_empty()
}

fn entry(key: &str, text: &str) -> TableEntry {
    TableEntry {
        key: key.into(),
        key_span: None,
        node: Node::bare(match text.parse() {
            Ok(number) => Value::Integer(number, None),
            Err(_) => Value::Text(text.into()),
        }),
    }
}
