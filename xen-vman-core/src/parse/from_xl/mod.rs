//! xl.cfg → the keys of the schema.
//!
//! One file is one VM. xl's defaults are written out, so that no default of the definition changes
//! them; settings without a key of their own become additional options. Every value keeps its
//! position in the xl.cfg file, so that diagnostics refer to that file.

mod boot;
mod spice;
mod vif;

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use crate::document::{Node, TableEntry, Value};
use crate::xl_cfg::names::vm_key;
use crate::xl_cfg::{Setting, SettingValue, XlFile, XlNode, XlToken};
use std::collections::HashMap;
use vif::interface;

/// The organisation of a VM whose name has no dash.
const ORG: &str = "local";
/// The storage type of an imported VM, whose disks are all listed.
const STORAGE: &str = "imported";

/// Deprecated keys, with their replacements.
const REPLACED: &[(&str, &str)] = &[
    ("builder", "type"),
    ("altp2mhvm", "altp2m"),
    ("device_model", "device_model_override"),
];

/// The VM's key for a key of xl.cfg; it must have one.
fn own(xl: &str) -> &'static str {
    vm_key(xl).unwrap_or_else(|| unreachable!("`{xl}` has a key of its own"))
}

/// The VM of an xl.cfg as a definition of one VM.
pub(super) fn to_schema(file: &XlFile, id: FileId, report: &mut Report) -> Node {
    let whole = Span {
        file: id,
        start: 0,
        end: 0,
    };
    let vm = Importer::new(file, whole, report).vm();
    let vms = Node {
        span: Some(whole),
        value: Value::List(vec![vm]),
    };
    table(whole, vec![entry("vms", None, vms)])
}

struct Importer<'f, 'r> {
    file: &'f XlFile,
    whole: Span,
    report: &'r mut Report,
    /// The settings that are not imported yet, and the index of each key.
    settings: Vec<Option<Setting<'f>>>,
    places: HashMap<&'f str, usize>,
    entries: Vec<TableEntry>,
}

impl<'f, 'r> Importer<'f, 'r> {
    fn new(file: &'f XlFile, whole: Span, report: &'r mut Report) -> Self {
        let settings: Vec<_> = file.settings().into_iter().map(Some).collect();
        let places = settings.iter().flatten().enumerate();
        Self {
            places: places.map(|(at, setting)| (setting.key, at)).collect(),
            settings,
            file,
            whole,
            report,
            entries: Vec::new(),
        }
    }

    fn vm(mut self) -> Node {
        self.report_habits();
        self.name();
        let guest_type = self.guest_type();
        self.same_text("uuid");
        self.cpus_alone();
        for key in ["memory", "maxmem", "vcpus"] {
            self.same_number(key);
        }
        self.unless_written("memory", Value::Integer(32, None));
        self.unless_written("vcpus", Value::Integer(1, None));
        self.same("cpus");
        self.unless_written("cpu_str", text("any"));
        if guest_type == "pv"
            && let Some(setting) = self.waiting("timer_mode")
        {
            let message = "xl rejects `timer_mode` for a PV domain";
            let diagnostic = Diagnostic::new(
                DiagnosticId::RefusedXlWord,
                root().key("timer_mode"),
                message,
            )
            .at(self.key_span(setting))
            .help("remove it");
            self.report.push(diagnostic);
        }
        if guest_type == "hvm" {
            self.spice();
        } else {
            self.direct_boot();
        }
        self.unless_written("storage_type", text(STORAGE));
        self.disks();
        self.interfaces();
        let words = [("type", text("unknown")), ("version", text("unknown"))];
        let os = words.map(|(key, value)| entry(key, None, Node::bare(value)));
        self.unless_written("os", Value::Table(os.into()));
        self.unless_written("auto_boot", Value::Bool(false, None));
        self.options();
        table(self.whole, self.entries)
    }

    /// Reports what xl silently accepts.
    fn report_habits(&mut self) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for statement in &self.file.statements {
            let (key, span) = (&*statement.key, statement.key_span);
            let first = seen.insert(key, span);
            if let Some(first) = first.filter(|_| !statement.appends) {
                let message = format!("`{key}` is assigned twice; this value is used");
                let mut diagnostic =
                    Diagnostic::new(DiagnosticId::RepeatedXlKey, root().key(key), message)
                        .at(span)
                        .help("remove one of them, or use `+=` to append")
                        .related(root().key(key), "first assigned here");
                diagnostic.related[0].span = Some(first);
                self.report.push(diagnostic);
            }
            if let Some((_, newer)) = REPLACED.iter().find(|(old, _)| *old == key) {
                let message = format!("`{key}` is deprecated: `{newer}` replaces it");
                self.report.push(
                    Diagnostic::new(DiagnosticId::DeprecatedXlKey, root().key(key), message)
                        .at(span)
                        .help(format!("write `{newer}`")),
                );
            }
        }
    }

    fn take(&mut self, key: &str) -> Option<Setting<'f>> {
        let at = *self.places.get(key)?;
        self.settings[at].take()
    }

    /// A setting that is not imported yet.
    fn waiting(&self, key: &str) -> Option<&Setting<'f>> {
        self.settings[*self.places.get(key)?].as_ref()
    }

    /// Whether a setting is an empty string.
    fn is_empty(&self, key: &str) -> bool {
        let empty = SettingValue::Text(Vec::new());
        self.waiting(key)
            .is_some_and(|setting| setting.value == empty)
    }

    /// A setting as a value, with its position.
    fn node(&mut self, setting: &Setting<'_>) -> Node {
        let last = setting
            .statements
            .last()
            .map(|at| &self.file.statements[*at]);
        let span = last.map_or(self.whole, |statement| statement.value.span);
        let value = match (&setting.value, last) {
            (SettingValue::Text(_), Some(statement)) if setting.statements.len() == 1 => {
                self.value(&statement.value)
            }
            (SettingValue::Text(bytes), _) => self.text(bytes, span),
            (SettingValue::List(items), _) => {
                Value::List(items.iter().map(|item| self.item(item)).collect())
            }
        };
        Node {
            span: Some(span),
            value,
        }
    }

    fn item(&mut self, node: &XlNode) -> Node {
        Node {
            span: Some(node.span),
            value: self.value(node),
        }
    }

    fn value(&mut self, node: &XlNode) -> Value {
        match &node.value {
            XlToken::Number(number) => self::number(number),
            XlToken::Text(bytes) => self.text(bytes, node.span),
            XlToken::List(items) => Value::List(items.iter().map(|item| self.item(item)).collect()),
        }
    }

    fn text(&mut self, bytes: &[u8], span: Span) -> Value {
        match std::str::from_utf8(bytes) {
            Ok(plain) => text(plain),
            Err(_) => {
                let message = "a string in a definition must be valid UTF-8";
                self.report.push(
                    Diagnostic::new(DiagnosticId::NotUtf8, root(), message)
                        .at(span)
                        .help("save the file as UTF-8"),
                );
                Value::Text(String::from_utf8_lossy(bytes).into())
            }
        }
    }

    fn put(&mut self, own: &str, setting: &Setting<'_>) {
        let node = self.node(setting);
        let key_span = self.key_span(setting);
        self.entries.push(entry(own, key_span, node));
    }

    fn key_span(&self, setting: &Setting<'_>) -> Option<Span> {
        let last = setting.statements.last();
        last.map(|at| self.file.statements[*at].key_span)
    }

    fn same(&mut self, key: &str) {
        if let Some(setting) = self.take(key) {
            self.put(own(key), &setting);
        }
    }

    /// xl also accepts a number as a string.
    fn same_text(&mut self, key: &str) {
        if let Some(setting) = self.take(key) {
            self.put(own(key), &setting);
            if let (SettingValue::Text(bytes), Some(entry)) =
                (&setting.value, self.entries.last_mut())
                && let (Value::Integer(..), Ok(plain)) =
                    (&entry.node.value, std::str::from_utf8(bytes))
            {
                entry.node.value = text(plain);
            }
        }
    }

    /// xl also accepts a string as a number, read by strtol(3).
    fn same_number(&mut self, xl: &str) {
        self.same(xl);
        if let Some(TableEntry { key, node, .. }) = self.entries.last_mut()
            && &**key == own(xl)
            && let Value::Text(written) = &node.value
        {
            let digits = written.trim_start();
            if digits.starts_with(|c: char| c.is_ascii_digit()) {
                node.value = self::number(digits);
            }
        }
    }

    fn is_written(&self, own: &str) -> bool {
        self.entries.iter().any(|entry| &*entry.key == own)
    }

    fn unless_written(&mut self, own: &str, value: Value) {
        if !self.is_written(own) {
            self.entries.push(entry(own, None, Node::bare(value)));
        }
    }

    /// `ORG-NAME` sets both; any other name becomes the VM's `domain`.
    fn name(&mut self) {
        let Some(setting) = self.take("name") else {
            let message = "`name` is missing; xl does not create a domain without it";
            let diagnostic = Diagnostic::new(DiagnosticId::MissingKey, root().key("name"), message)
                .at(self.whole)
                .help("write `name = \"web01\"`");
            self.report.push(diagnostic);
            // So that everything else is checked.
            self.unless_written("org", text(ORG));
            self.unless_written("name", text("unnamed"));
            return;
        };
        let node = self.node(&setting);
        let whole = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number, _) => number.to_string().into(),
            _ => "".into(),
        };
        let name_part = |part: &str| {
            let outer = |c: char| c.is_ascii_alphanumeric();
            part.starts_with(outer) && part.ends_with(outer)
        };
        let split = whole.split_once('-');
        let parts = split.filter(|(org, name)| name_part(org) && name_part(name));
        let of = |value: Value| Node {
            span: node.span,
            value,
        };
        let key_span = self.key_span(&setting);
        match parts {
            Some((org, name)) => {
                self.entries.push(entry("org", key_span, of(text(org))));
                self.entries.push(entry("name", key_span, of(text(name))));
            }
            None => {
                self.entries.push(entry("org", key_span, of(text(ORG))));
                self.entries
                    .push(entry("name", key_span, of(Value::Text(whole.clone()))));
                self.entries
                    .push(entry("domain", key_span, of(Value::Text(whole))));
            }
        }
    }

    /// `type`, or the type for `builder`, or xl's default.
    fn guest_type(&mut self) -> &'static str {
        let builder = self.take("builder");
        if let Some(setting) = self.take("type") {
            self.put(own("type"), &setting);
        } else if let Some(setting) = builder {
            let mut node = self.node(&setting);
            if matches!(&node.value, Value::Text(word) if &**word == "generic" || &**word == "hvm")
            {
                let is_hvm = matches!(&node.value, Value::Text(word) if &**word == "hvm");
                node.value = text(if is_hvm { "hvm" } else { "pv" });
            }
            let key_span = self.key_span(&setting);
            self.entries.push(entry("type", key_span, node));
        } else {
            self.unless_written("type", text("pv"));
        }
        let written = self.entries.iter().find(|entry| &*entry.key == "type");
        match written.map(|entry| &entry.node.value) {
            Some(Value::Text(word)) if &**word == "hvm" => "hvm",
            Some(Value::Text(word)) if &**word == "pvh" => "pvh",
            _ => "pv",
        }
    }

    fn disks(&mut self) {
        match self.take("disk") {
            Some(setting) => {
                self.put(own("disk"), &setting);
                self.not_a_list("disks", "disk", "VM has no disks");
            }
            None => self.unless_written("disks", Value::List(Vec::new())),
        }
    }

    /// If xl expects a list and finds a string, it only warns and ignores it.
    fn not_a_list(&mut self, own: &str, key: &str, what: &str) {
        let Some(at) = self.entries.iter().position(|entry| &*entry.key == own) else {
            return;
        };
        let node = &self.entries[at].node;
        if !matches!(node.value, Value::List(_)) {
            let message = format!("`{key}` must be a list; otherwise xl ignores it and the {what}");
            let diagnostic = Diagnostic::new(DiagnosticId::WrongXlShape, root().key(key), message)
                .at(node.span)
                .help(format!("put it in brackets: `{key} = [ ... ]`"));
            self.report.push(diagnostic);
            self.entries[at].node.value = Value::List(Vec::new());
        }
    }

    fn interfaces(&mut self) {
        let Some(setting) = self.take("vif") else {
            self.unless_written("interfaces", Value::List(Vec::new()));
            return;
        };
        self.put(own("vif"), &setting);
        self.not_a_list("interfaces", "vif", "VM has no network");
        if let Some(TableEntry { node, .. }) = self.entries.last_mut()
            && let Value::List(items) = &mut node.value
        {
            for item in items {
                if let Value::Text(words) = &item.value {
                    item.value = interface(words, item.span);
                }
            }
        }
    }

    /// All remaining settings.
    fn options(&mut self) {
        let rest = std::mem::take(&mut self.settings);
        let mut options = Vec::new();
        for setting in rest.iter().flatten() {
            let node = self.node(setting);
            let key_span = self.key_span(setting);
            options.push(entry(setting.key, key_span, node));
        }
        if !options.is_empty() {
            let node = Node::bare(Value::Table(options));
            self.entries
                .push(entry("additional_xen_options", None, node));
        }
    }
}

/// A number as xl reads it. Octal numbers are probably unintended.
fn number(written: &str) -> Value {
    let hex = written.strip_prefix("0x");
    let value = hex.map_or_else(|| written.parse(), |digits| i64::from_str_radix(digits, 16));
    match value {
        Ok(value) if hex.is_none() && written.len() > 1 && written.starts_with('0') => {
            let octal = i64::from_str_radix(written, 8).unwrap_or(value);
            Value::Integer(octal, Some(written.into()))
        }
        Ok(value) => Value::Integer(value, None),
        Err(_) => text(written),
    }
}

fn root() -> FieldPath {
    FieldPath::root()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn entry(key: &str, key_span: Option<Span>, node: Node) -> TableEntry {
    TableEntry {
        key: key.into(),
        key_span,
        node,
    }
}

fn table(span: Span, entries: Vec<TableEntry>) -> Node {
    Node {
        span: Some(span),
        value: Value::Table(entries),
    }
}
