//! xl.cfg → the keys of the schema.
//!
//! One file is one VM. xl's defaults are written out, so that no default of the definition changes
//! them; settings without a key of their own become additional options. Every value keeps its
//! position in the xl.cfg file, so that diagnostics refer to that file.

mod boot;
mod identity;
mod ignored;
mod spice;
mod vif;

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Fix, Report, Span};
use crate::document::decode::{Decoder, FromNode};
use crate::document::{Node, TableEntry, Value};
use crate::values::{
    BootOrder, DisplayPassword, GraphicsCard, PciDevice, VcpuCount, VideoMemoryMib, VncDisplay,
    VncHost,
};
use crate::xl_cfg::names::vm_key;
use crate::xl_cfg::{Setting, SettingValue, XlFile, XlNode, XlToken};
use ignored::strtol;
use std::collections::HashMap;
use vif::interface;

/// The organisation of a VM whose name has no dash.
const ORG: &str = "local";
/// The storage type of an imported VM, whose disks are all listed.
const STORAGE: &str = "imported";

/// Deprecated keys, with their replacements.
const REPLACED: &[(&str, &str)] = &[("altp2mhvm", "altp2m")];

/// The VM's key for a key of xl.cfg; it must have one.
fn own(xl: &str) -> &'static str {
    vm_key(xl).unwrap_or_else(|| unreachable!("`{xl}` has a key of its own"))
}

/// The VM of an xl.cfg as a definition of one VM, and the keys whose statements are not part of it.
pub(super) fn to_schema(
    file: &XlFile,
    id: FileId,
    given: &Given<'_>,
    report: &mut Report,
) -> (Node, Vec<Box<str>>) {
    let whole = Span {
        file: id,
        start: 0,
        end: 0,
    };
    let (vm, dropped) = Importer::new(file, whole, given, report).vm();
    let vms = Node {
        span: Some(whole),
        value: Value::List(vec![vm]),
    };
    (table(whole, vec![entry("vms", None, vms)]), dropped)
}

/// What is known of a domain beyond its file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Given<'g> {
    /// Its organisation.
    pub(super) org: Option<&'g str>,
    /// Whether it starts with the host.
    pub(super) starts_with_host: bool,
    /// What it is for.
    pub(super) description: Option<&'g str>,
}

struct Importer<'f, 'r> {
    file: &'f XlFile,
    given: Given<'r>,
    whole: Span,
    report: &'r mut Report,
    /// The settings that are not imported yet, and the index of each key.
    settings: Vec<Option<Setting<'f>>>,
    places: HashMap<&'f str, usize>,
    entries: Vec<TableEntry>,
    /// The keys that xl ignores.
    dropped: Vec<Box<str>>,
}

impl<'f, 'r> Importer<'f, 'r> {
    fn new(file: &'f XlFile, whole: Span, given: &Given<'r>, report: &'r mut Report) -> Self {
        let settings: Vec<_> = file.settings().into_iter().map(Some).collect();
        let places = settings.iter().flatten().enumerate();
        Self {
            places: places.map(|(at, setting)| (setting.key, at)).collect(),
            settings,
            file,
            given: *given,
            whole,
            report,
            entries: Vec::new(),
            dropped: Vec::new(),
        }
    }

    fn vm(mut self) -> (Node, Vec<Box<str>>) {
        self.report_habits();
        self.drop_what_xl_ignores();
        self.name();
        if let Some(words) = self.given.description {
            self.unless_written("description", text(words));
        }
        let guest_type = self.guest_type();
        self.same_text("uuid");
        self.cpus_alone();
        for key in ["memory", "maxmem", "vcpus"] {
            self.same_number(key);
        }
        self.unless_written("memory", Value::Integer(32, None));
        self.unless_written("vcpus", Value::Integer(1, None));
        if self.is_empty("cpus") {
            let message = "`cpus` has no CPU, so xl rejects the domain";
            let help = "remove it, or write `all`";
            let id = DiagnosticId::BadCpuList;
            self.problem(id, "cpus", Some(self.whole), message, help);
        }
        self.same("cpus");
        self.unless_written("cpu_str", text("any"));
        for key in ["on_poweroff", "on_reboot", "on_crash"] {
            self.same(key);
        }
        if guest_type == "pv"
            && let Some(setting) = self.waiting("timer_mode")
        {
            let message = "xl rejects `timer_mode` for a PV domain";
            let span = self.key_span(setting);
            let id = DiagnosticId::RefusedXlWord;
            self.problem(id, "timer_mode", span, message, "remove it");
        }
        self.same_as::<VcpuCount>("maxvcpus");
        self.same_as::<Vec<PciDevice>>("pci");
        if guest_type == "hvm" {
            self.same_as::<BootOrder>("boot");
            self.same_as::<GraphicsCard>("vga");
            self.same_as::<VideoMemoryMib>("videoram");
            self.flag("vnc");
            self.same_as::<VncHost>("vnclisten");
            self.same_as::<VncDisplay>("vncdisplay");
            self.flag("vncunused");
            self.same_as::<DisplayPassword>("vncpasswd");
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
        self.unless_written("auto_boot", Value::Bool(self.given.starts_with_host, None));
        self.options();
        (table(self.whole, self.entries), self.dropped)
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
                        .help(format!("write `{newer}`"))
                        .fix(Fix::key(key, *newer)),
                );
            }
            if key == "device_model" {
                let message = "`device_model` is deprecated, and xl ignores it";
                self.report.push(
                    Diagnostic::new(DiagnosticId::DeprecatedXlKey, root().key(key), message)
                        .at(span)
                        .help("remove it, or write `device_model_override` if that program exists"),
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
            (SettingValue::Text(bytes), Some(statement)) if setting.statements.len() == 1 => {
                match std::str::from_utf8(bytes) {
                    Ok(number) if statement.value.bytes() != Some(bytes) => self::number(number),
                    _ => self.value(&statement.value),
                }
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

    /// A value that is one of ours; any other remains an option.
    fn same_as<T: FromNode>(&mut self, key: &str) {
        let Some(setting) = self.waiting(key).cloned() else {
            return;
        };
        // An empty string is a value for xl.
        if self.is_empty(key) {
            return;
        }
        let node = self.node(&setting);
        let mut found = Report::new();
        if T::from_node(&node, &mut Decoder::new(&mut found)).is_some() && found.is_empty() {
            self.same(key);
        }
    }

    /// A flag that is 0 or 1; any other value remains an option.
    fn flag(&mut self, key: &str) {
        let Some(SettingValue::Text(bytes)) = self.waiting(key).map(|setting| &setting.value)
        else {
            return;
        };
        let value = match bytes.as_slice() {
            b"0" => false,
            b"1" => true,
            _ => return,
        };
        self.same(key);
        if let Some(entry) = self.entries.last_mut() {
            entry.node.value = Value::Bool(value, None);
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

    fn disks(&mut self) {
        match self.take("disk") {
            Some(setting) => {
                self.put(own("disk"), &setting);
                self.without_lists("disk");
            }
            None => self.unless_written("disks", Value::List(Vec::new())),
        }
    }

    /// xl skips lists in a list of strings.
    fn without_lists(&mut self, key: &str) {
        let Some(TableEntry { node, .. }) = self.entries.last_mut() else {
            return;
        };
        let Value::List(items) = &mut node.value else {
            return;
        };
        let is_list = |item: &Node| matches!(item.value, Value::List(_));
        let nested: Vec<_> = items
            .iter()
            .filter(|item| is_list(item))
            .map(|item| item.span)
            .collect();
        items.retain(|item| !is_list(item));
        for span in nested {
            let message = format!("xl ignores a list among the items of `{key}`");
            self.problem(
                DiagnosticId::IgnoredXlValue,
                key,
                span,
                message,
                "write a string",
            );
        }
    }

    fn interfaces(&mut self) {
        let Some(setting) = self.take("vif") else {
            self.unless_written("interfaces", Value::List(Vec::new()));
            return;
        };
        self.put(own("vif"), &setting);
        self.without_lists("vif");
        let mut problems = Vec::new();
        if let Some(TableEntry { node, .. }) = self.entries.last_mut()
            && let Value::List(items) = &mut node.value
        {
            for item in items {
                if let Value::Text(words) = &item.value {
                    item.value = interface(words, item.span, &mut problems);
                }
            }
        }
        for vif::Problem { id, span, message } in problems {
            let help = "remove it, or correct it";
            self.problem(id, "vif", span, message, help);
        }
    }

    /// Reports what is wrong with a key.
    fn problem(
        &mut self,
        id: DiagnosticId,
        key: &str,
        span: Option<Span>,
        message: impl Into<String>,
        help: &str,
    ) {
        let diagnostic = Diagnostic::new(id, root().key(key), message)
            .at(span)
            .help(help);
        self.report.push(diagnostic);
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
    let is_octal = written.len() > 1 && written.starts_with('0') && !written.starts_with("0x");
    match strtol(written.as_bytes()).or_else(|| written.parse().ok()) {
        Some(number) => Value::Integer(number, is_octal.then(|| written.into())),
        None => text(written),
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
