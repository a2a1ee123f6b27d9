//! Every place of the model that a text can be written in.

use crate::rules::{Form, Known, Rule, known};
use serde_json::{Map, Value};
use xen_vman_core::spec::{DefaultsSpec, HostSpec, InterfaceSpec, Key, OsSpec, VmSpec, VolumeSpec};
use xen_vman_core::storage::StorageKeys;
use xen_vman_core::values::xl_keys;

/// The definitions that texts are put into.
const BASES: &[(&str, &str)] = &[
    ("vms", include_str!("vms.toml")),
    ("defaults-guest", include_str!("defaults-guest.toml")),
    ("defaults-own", include_str!("defaults-own.toml")),
    ("defaults-hvm", include_str!("defaults-hvm.toml")),
    ("expressions", include_str!("expressions.toml")),
];

/// A definition, by number.
pub(crate) fn bases() -> Vec<Value> {
    let read = |(_, text): &(&str, &str)| {
        let table: toml::Table = toml::from_str(text).unwrap();
        serde_json::to_value(table).unwrap()
    };
    BASES.iter().map(read).collect()
}

/// A place for texts.
pub(crate) struct Target {
    /// The number of the definition.
    pub(crate) base: usize,
    /// JSON pointer of the text in it; for keys, of the table.
    pub(crate) place: String,
    /// The key, without its table.
    pub(crate) key: &'static str,
    /// The text that stands there; empty where it is no text.
    pub(crate) marker: String,
    pub(crate) what: What,
    pub(crate) seeds: &'static [&'static str],
}

/// What a text is put in as.
pub(crate) enum What {
    /// The value of a key, or of an item of its list.
    Value(Rule),
    /// A key of a table that has only these, and only those may be accepted.
    Key(Vec<&'static str>),
}

impl Target {
    /// A name for it that is the same in every run.
    pub(crate) fn name(&self) -> String {
        let kind = match self.what {
            What::Value(_) => "",
            What::Key(_) => " (a key)",
        };
        format!("{}{}{kind}", BASES[self.base].0, self.place)
    }

    /// Whether it is under `defaults`.
    pub(crate) fn is_default(&self) -> bool {
        self.place.starts_with("/defaults/")
    }

    /// Whether template expressions are evaluated here.
    pub(crate) fn evaluates(&self) -> bool {
        self.is_default() || self.key == "lazy_default_network_bridge"
    }

    /// The definition with a value here.
    pub(crate) fn definition(&self, base: &Value, value: Option<Value>) -> Value {
        let mut definition = base.clone();
        let (table, last) = self.place.rsplit_once('/').unwrap();
        let text = value.as_ref().and_then(Value::as_str).map(str::to_owned);
        match (definition.pointer_mut(table).unwrap(), value) {
            (Value::Array(items), Some(value)) => items[last.parse::<usize>().unwrap()] = value,
            (Value::Array(items), None) => drop(items.remove(last.parse().unwrap())),
            (Value::Object(table), Some(value)) => drop(table.insert(last.to_owned(), value)),
            (Value::Object(table), None) => drop(table.remove(last)),
            _ => unreachable!("{} is in a table or a list", self.place),
        }
        // Who speaks of a VM does so by its name.
        if let (What::Value(Rule::Text(rule)), Some(text)) = (&self.what, text)
            && rule.form == Form::Name
        {
            for vm in definition["vms"].as_array_mut().unwrap() {
                for after in vm
                    .get_mut("after")
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    *after = after.as_str().unwrap().replace(&self.marker, &text).into();
                }
            }
        }
        definition
    }

    /// The definition with a text here, be it as a value or as a key.
    pub(crate) fn with_text(&self, base: &Value, text: &str) -> Value {
        match self.what {
            What::Value(_) => self.definition(base, Some(text.into())),
            What::Key(_) => {
                let mut definition = base.clone();
                let table = definition.pointer_mut(&self.place).unwrap();
                table[text] = "x".into();
                definition
            }
        }
    }
}

/// All places. Fails for a key that no definition or no rule speaks of.
pub(crate) fn targets(bases: &[Value]) -> Vec<Target> {
    let mut all = Vec::new();
    for (number, base) in bases.iter().enumerate() {
        let mut places = Vec::new();
        tables(base, &mut places);
        for (table, place, keys) in places {
            let found = base.pointer(&place).unwrap();
            for key in keys {
                let value = &found[key.name];
                if !value.is_null() {
                    let known = known(table, key.name).unwrap_or_else(|| {
                        panic!(
                            "rules.rs does not say where `{}` of `{table}` goes",
                            key.name
                        )
                    });
                    let place = format!("{place}/{}", key.name);
                    leaves(number, key.name, value, place, &known, &mut all);
                }
            }
            all.push(keys_of(
                number,
                place.clone(),
                keys.iter().map(|key| key.name).collect(),
            ));
            if found["additional_xen_options"].is_object() {
                all.push(keys_of(
                    number,
                    format!("{place}/additional_xen_options"),
                    xl_keys().collect(),
                ));
            }
        }
    }
    complete(&all);
    all
}

/// The tables of a definition: their kind, their place, and their keys.
fn tables(base: &Value, all: &mut Vec<(&'static str, String, &'static [Key])>) {
    all.push(("host", String::new(), HostSpec::KEYS));
    all.extend(StorageKeys::tables().map(|(_, keys)| ("host", String::new(), keys)));
    if base["defaults"].is_object() {
        all.push(("defaults", "/defaults".into(), DefaultsSpec::KEYS));
        // The VM of such a definition only takes what is there.
        if base["vms"][0]["description"].is_null() {
            return;
        }
    }
    for (number, vm) in base["vms"].as_array().unwrap().iter().enumerate() {
        let place = format!("/vms/{number}");
        all.push(("os", format!("{place}/os"), OsSpec::KEYS));
        for number in 0..vm["interfaces"].as_array().unwrap().len() {
            all.push((
                "interface",
                format!("{place}/interfaces/{number}"),
                InterfaceSpec::KEYS,
            ));
        }
        let volumes = vm["volumes"].as_array().map_or(0, Vec::len);
        for number in 0..volumes {
            all.push((
                "volume",
                format!("{place}/volumes/{number}"),
                VolumeSpec::KEYS,
            ));
        }
        all.push(("vm", place, VmSpec::KEYS));
    }
}

/// The places in a value that its rule speaks of.
fn leaves(
    base: usize,
    key: &'static str,
    value: &Value,
    place: String,
    known: &Known,
    all: &mut Vec<Target>,
) {
    let has_mark =
        |text: &str| text.to_lowercase().contains("zq") || matches!(key, "cpu_str" | "rate");
    match (value, known.rule) {
        (Value::Array(items), Rule::Text(_) | Rule::Value(_)) => {
            for (number, item) in items.iter().enumerate() {
                leaves(base, key, item, format!("{place}/{number}"), known, all);
            }
        }
        (Value::Object(table), Rule::Text(_)) => {
            for (option, value) in table {
                leaves(base, key, value, format!("{place}/{option}"), known, all);
            }
        }
        (value, rule) => {
            let marker = value.as_str().unwrap_or_default().to_owned();
            if matches!(rule, Rule::Text(_)) && !has_mark(&marker) {
                return;
            }
            all.push(Target {
                base,
                place,
                key,
                marker,
                what: What::Value(rule),
                seeds: known.seeds,
            });
        }
    }
}

fn keys_of(base: usize, place: String, keys: Vec<&'static str>) -> Target {
    Target {
        base,
        place,
        key: "",
        marker: String::new(),
        what: What::Key(keys),
        seeds: &["memory", "name", "kernel", "key_of_nobody"],
    }
}

/// The keys of a table, and which places are in it.
type Keys = (&'static [Key], fn(&str) -> bool);

/// Fails if a key of the schema is in no definition, or a marker is part of another.
fn complete(all: &[Target]) {
    let is_of_host: fn(&str) -> bool =
        |place| !place.starts_with("/defaults/") && !place.starts_with("/vms/");
    let storage = StorageKeys::tables().map(|(_, keys)| (keys, is_of_host));
    let tables: [Keys; 6] = [
        (HostSpec::KEYS, is_of_host),
        (DefaultsSpec::KEYS, |place| place.starts_with("/defaults/")),
        (VmSpec::KEYS, |place| place.starts_with("/vms/")),
        (InterfaceSpec::KEYS, |place| place.contains("/interfaces/")),
        (VolumeSpec::KEYS, |place| place.contains("/volumes/")),
        (OsSpec::KEYS, |place| place.contains("/os/")),
    ];
    for (keys, is_in) in tables.into_iter().chain(storage) {
        for key in keys {
            let there = all
                .iter()
                .any(|target| target.key == key.name && is_in(&target.place));
            assert!(there, "no definition in tests/hostile has `{}`", key.name);
        }
    }
    let marked = |target: &&Target| matches!(target.what, What::Value(Rule::Text(_)));
    for one in all.iter().filter(marked) {
        for other in all.iter().filter(marked) {
            let apart = one.base != other.base || one.place == other.place;
            assert!(
                apart || !other.marker.contains(&one.marker),
                "`{}` is in `{}`",
                one.marker,
                other.marker
            );
        }
    }
}

/// What an expression can speak of.
pub(crate) fn vm_and_interface(
    definition: &Value,
    vm: usize,
    interface: usize,
) -> Map<String, Value> {
    let vm = &definition["vms"][vm];
    let mut scene = Map::new();
    scene.insert("vm".into(), vm.clone());
    scene.insert("interface".into(), vm["interfaces"][interface].clone());
    scene
}
