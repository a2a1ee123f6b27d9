//! What a definition gives with a text put in, against what it gave with the base's own.

use crate::rules::{Form, Text};
use serde_json::Value;
use std::collections::BTreeMap;
use xen_vman_core::diag::text::printable;
use xen_vman_core::render::manifest;
use xen_vman_core::{Assets, Compiled, Templates};

/// A file by what reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Xen's xl.
    Xl,
    /// sh and systemd, as assignments.
    Environment,
    /// systemd, with the name of the unit.
    Unit(&'static str),
    /// systemd, added to `vm@.service`.
    DropIn,
    /// sh, which sets variables before all else.
    Script,
    /// sh, which runs preparations.
    Preparations,
    /// sh, which runs dracut.
    Hook,
    /// Nothing with quotes.
    Plain,
}

/// A file of a definition.
#[derive(Debug, PartialEq)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    mode: u32,
    owner: String,
}

/// All that a definition gives.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    /// Files by their place in an output directory.
    pub(crate) files: BTreeMap<String, File>,
    manifest: Value,
}

/// Renders a definition without errors.
pub(crate) fn everything(
    compiled: &Compiled,
    templates: &Templates,
    assets: &Assets,
) -> Everything {
    let output = compiled.render(templates, assets).unwrap();
    let host = output.host.iter().map(|file| (None, file));
    let guests = output.guests.iter();
    let guests = guests.flat_map(|guest| {
        guest
            .files
            .iter()
            .map(|file| (Some(guest.domain.as_str()), file))
    });
    let files = host.chain(guests).map(|(guest, file)| {
        let place = file.output_path();
        let kind = guest.map_or_else(|| kind(&place), |_| Kind::Plain);
        let text = String::from_utf8(file.content.clone()).unwrap();
        (
            place,
            File {
                kind,
                text,
                mode: file.mode,
                owner: file.owner.clone(),
            },
        )
    });
    let mut manifest = serde_json::to_value(manifest(&compiled.resolved, &output)).unwrap();
    for file in manifest["files"].as_array_mut().unwrap() {
        file["sha256"].take();
    }
    Everything {
        files: files.collect(),
        manifest,
    }
}

fn kind(place: &str) -> Kind {
    let units = [
        "vm@.service",
        "vm_iscsi@.service",
        "vm_iscsi_session@.service",
        "vm_mount@.service",
    ];
    let unit = place.strip_prefix("host/etc/systemd/system/");
    if let Some(name) = unit.and_then(|name| units.into_iter().find(|unit| *unit == name)) {
        return Kind::Unit(name);
    }
    match place.rsplit('/').next().unwrap() {
        "after.conf" => Kind::DropIn,
        "vm-domain" | "vm-root" => Kind::Script,
        "global-preparation" => Kind::Preparations,
        "xen-dracut" if place.contains("postinst.d") => Kind::Hook,
        name if name.ends_with(".cfg") => Kind::Xl,
        name if name.ends_with(".nfs") || name.ends_with(".iscsi") => Kind::Environment,
        _ => Kind::Plain,
    }
}

/// The base's own text, and what stands in its place.
pub(crate) struct Swap<'t> {
    marker: &'t str,
    rule: Text,
    /// Texts and what they become.
    pairs: Vec<(String, String)>,
    /// What the text becomes in a comment.
    comment: String,
    /// What it becomes among the arguments of a program.
    words: Vec<String>,
}

impl<'t> Swap<'t> {
    /// A text in the place of `marker`; `vm` is the first one's domain.
    pub(crate) fn new(marker: &'t str, text: &str, rule: Text, vm: &str) -> Self {
        let meant = (rule.normal)(text);
        let mut pairs = vec![((rule.normal)(marker), meant.clone())];
        match rule.form {
            Form::Name => {
                let host_name = |name: &str| name.to_ascii_lowercase().replace('_', "-");
                pairs.push((host_name(marker), host_name(text)));
            }
            Form::Prefix => {
                pairs = (0..2)
                    .map(|devid| vif_names(marker, text, vm, devid))
                    .collect();
            }
            _ => {}
        }
        if meant.is_empty() {
            // As an item of a list it takes the comma along.
            let item = format!(",{}", pairs[0].0);
            pairs.insert(0, (item, meant.clone()));
        }
        let lines: Vec<_> = text
            .lines()
            .map(|line| format!("# {}\n", printable(line)))
            .collect();
        let words = match rule.form {
            Form::Words => shlex::split(text).unwrap(),
            _ => vec![meant],
        };
        Self {
            marker,
            rule,
            pairs,
            comment: lines.concat(),
            words,
        }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let swap = |text: String, (from, to): &(String, String)| text.replace(from, to);
        self.pairs.iter().fold(text.to_owned(), swap)
    }

    /// The same in every text of a value.
    pub(crate) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().flat_map(|item| self.item(item)).collect(),
            Value::Object(table) => {
                let entries = table
                    .iter()
                    .map(|(key, value)| (key.clone(), self.value(value)));
                Value::Object(entries.collect())
            }
            other => other.clone(),
        }
    }

    fn item(&self, item: &Value) -> Vec<Value> {
        if self.rule.form == Form::Words && item == self.marker {
            return self.words.iter().map(|word| word.as_str().into()).collect();
        }
        vec![self.value(item)]
    }

    fn is_in(&self, text: &str) -> bool {
        self.pairs.iter().any(|(from, _)| text.contains(from))
    }

    /// Drops what xl makes of the text itself from its view.
    pub(crate) fn without_parts(&self, mut view: Value) -> Value {
        for pointer in self.rule.taken_apart {
            let (table, key) = pointer.rsplit_once('/').unwrap();
            if let Some(Value::Object(table)) = view.pointer_mut(&format!("/config{table}")) {
                table.remove(key);
            }
        }
        view
    }
}

/// The name of the first vif, made from either prefix.
fn vif_names(marker: &str, text: &str, vm: &str, devid: u32) -> (String, String) {
    use xen_vman_core::document::decode::FromText as _;
    use xen_vman_core::values::{DomainName, GuestType, VifNamePrefix};
    let domain = DomainName::from_text(vm).unwrap();
    let name = |prefix| {
        let prefix = VifNamePrefix::from_text(prefix).unwrap();
        xen_vman_core::resolve::vif_name(&prefix, &domain, devid, GuestType::Pv, |_| false)
    };
    (name(marker).to_string(), name(text).to_string())
}

/// A file whose reader must say whether it holds the text and nothing else.
pub(crate) struct Open {
    pub(crate) kind: Kind,
    pub(crate) base: String,
    pub(crate) text: String,
}

/// Compares all that can be compared without the readers of the files; gives those files
/// that only they understand.
pub(crate) fn compare(
    base: &Everything,
    found: &Everything,
    swap: &Swap<'_>,
) -> Result<Vec<Open>, String> {
    let expected = swap.value(&base.manifest);
    if found.manifest != expected {
        return Err(format!(
            "manifest: {}",
            difference(&expected, &found.manifest)
        ));
    }
    let places: Vec<_> = base.files.keys().map(|place| swap.text(place)).collect();
    let mut sorted = places.clone();
    sorted.sort();
    if !sorted.iter().eq(found.files.keys()) {
        return Err(format!(
            "files are {:?}, not {sorted:?}",
            found.files.keys()
        ));
    }
    let mut open = Vec::new();
    for (place, file) in places.iter().zip(base.files.values()) {
        let depth = |place: &str| place.matches('/').count();
        let up = place.split('/').any(|part| part == "..");
        if up || depth(place) < depth("host/etc/file") {
            return Err(format!("{place} leaves its folder"));
        }
        let other = &found.files[place];
        if (other.mode, &*other.owner) != (file.mode, &*swap.text(&file.owner)) {
            return Err(format!(
                "{place} has mode {:o} and owner {}",
                other.mode, other.owner
            ));
        }
        lines(file, &other.text, swap).map_err(|problem| format!("{place}: {problem}"))?;
        let quoted = file.kind != Kind::Plain && swap.is_in(&file.text);
        if quoted {
            open.push(Open {
                kind: file.kind,
                base: file.text.clone(),
                text: other.text.clone(),
            });
        }
    }
    Ok(open)
}

/// Goes through two files line by line: only lines with the text may differ, and nothing may
/// be added to them. Where nothing is quoted, they must be just what is expected.
fn lines(base: &File, text: &str, swap: &Swap<'_>) -> Result<(), String> {
    let mut rest = text;
    let mut next = || {
        let (line, after) = rest.split_once('\n')?;
        rest = after;
        Some(line)
    };
    for line in base.text.lines() {
        if !swap.is_in(line) {
            let found = next();
            if found != Some(line) {
                return Err(format!("expected the line {line:?}, found {found:?}"));
            }
        } else if swap.rule.form == Form::Comment && line.starts_with('#') {
            let comment = swap.comment.lines().collect::<Vec<_>>();
            for line in comment {
                let found = next();
                if found != Some(line) {
                    return Err(format!("expected the comment {line:?}, found {found:?}"));
                }
            }
        } else if base.kind == Kind::Plain || line.starts_with('#') {
            let expected = swap.text(line);
            if expected.starts_with('#') != line.starts_with('#') {
                return Err(format!("{expected:?} is a comment"));
            }
            let found = next();
            if found != Some(&expected) {
                return Err(format!("expected the line {expected:?}, found {found:?}"));
            }
        } else {
            // As many lines as the text has; what is in them is for their reader to say.
            for _ in swap.text(line).split('\n') {
                next().ok_or("it ends early")?;
            }
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(format!("added at the end: {rest:?}"))
    }
}

/// The first place where two values differ.
pub(crate) fn difference(expected: &Value, found: &Value) -> String {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            for (key, value) in one {
                match other.get(key) {
                    Some(found) if found == value => {}
                    Some(found) => return format!("{key}/{}", difference(value, found)),
                    None => return format!("{key} is missing"),
                }
            }
            let added = other.keys().find(|key| !one.contains_key(*key));
            format!("{} is added", added.map_or("nothing", String::as_str))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let differs = one.iter().zip(other).position(|(one, other)| one != other);
            let at = differs.unwrap_or_default();
            format!("{at}/{}", difference(&one[at], &other[at]))
        }
        _ => format!(" is {}, not {}", short(found), short(expected)),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(600).collect()
}
