//! One text in one place.

use crate::oracle::{Everything, Open, Swap, compare, difference, everything};
use crate::reports::{printed, refused};
use crate::rules::{Form, Rule, Text};
use crate::targets::{Target, What, bases, targets, vm_and_interface};
use crate::texts::Texts;
use serde_json::Value;
use std::fmt;
use std::net::IpAddr;
use xen_vman_core::diag::{DiagnosticId, short};
use xen_vman_core::document::decode::FromText as _;
use xen_vman_core::document::is_expression;
use xen_vman_core::parse::{ConvertTarget, convert};
use xen_vman_core::values::{DiskAccess, DiskSpec};
use xen_vman_core::{Assets, Compiled, Facts, Source, Templates, compile};

/// The form that a definition is written in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dialect {
    Toml,
    /// The role's variables.
    Json,
    /// The role's variables.
    Yaml,
}

/// A text to be tried.
pub(crate) struct Case<'t> {
    pub(crate) target: &'t Target,
    pub(crate) text: String,
    dialect: Dialect,
    /// Whether the name of the file is hostile as well.
    strange_file: bool,
}

impl<'t> Case<'t> {
    /// A text in a place.
    pub(crate) fn of(target: &'t Target, text: &str) -> Self {
        Self {
            target,
            text: text.to_owned(),
            dialect: Dialect::Toml,
            strange_file: false,
        }
    }

    /// Any text in a place.
    pub(crate) fn draw(target: &'t Target, texts: &mut Texts) -> Self {
        let text = texts.text(target.seeds);
        let mut dialect = [Dialect::Json, Dialect::Toml, Dialect::Yaml][texts.below(3)];
        // The keys that YAML writes before a colon have at most 1024 characters.
        if matches!(target.what, What::Key(_)) && text.len() > 1000 {
            dialect = Dialect::Json;
        }
        Self {
            target,
            text,
            dialect,
            strange_file: texts.below(8) == 0,
        }
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text.chars().take(400).collect();
        write!(f, "{} = {text:?} ({:?})", self.target.name(), self.dialect)
    }
}

/// What became of a case.
pub(crate) enum Outcome {
    /// A diagnostic at its place.
    Refused,
    /// Nothing is wrong so far; the readers of these files are still to be asked.
    Accepted(Vec<Open>),
    /// Something else.
    Wrong(String),
}

/// What all cases share.
pub(crate) struct Session {
    pub(crate) targets: Vec<Target>,
    bases: Vec<Value>,
    /// What each base gives.
    rendered: Vec<Everything>,
    templates: Templates,
}

impl Session {
    pub(crate) fn new() -> Self {
        let bases = bases();
        let templates = Templates::embedded();
        let rendered = bases.iter().map(|base| {
            let (compiled, assets) = compiled(base, Dialect::Toml, "host");
            assert!(
                !compiled.report.has_errors(),
                "{}",
                short::render(&compiled.report, &compiled.sources)
            );
            everything(&compiled, &templates, &assets)
        });
        Self {
            rendered: rendered.collect(),
            targets: targets(&bases),
            bases,
            templates,
        }
    }

    /// Compiles a case and looks at all that needs no other program.
    pub(crate) fn run(&self, case: &Case<'_>) -> Outcome {
        let target = case.target;
        if matches!(&target.what, What::Key(known) if known.contains(&&*case.text)) {
            // Another key, and none that is hostile.
            return Outcome::Accepted(Vec::new());
        }
        let definition = target.with_text(&self.bases[target.base], &case.text);
        let file = if case.strange_file {
            "ho\u{1b}[31m\u{202e}\n\"s't"
        } else {
            "host"
        };
        let (compiled, assets) = compiled(&definition, case.dialect, file);
        if let Err(problem) = printed(&compiled) {
            return Outcome::Wrong(problem);
        }
        if compiled.report.has_errors() {
            return match refused(case, &compiled) {
                Ok(()) => Outcome::Refused,
                Err(problem) => Outcome::Wrong(problem),
            };
        }
        let found = everything(&compiled, &self.templates, &assets);
        let rule = match &target.what {
            // No interfaces.
            What::Value(Rule::Refused) if case.text.is_empty() => {
                return Outcome::Accepted(Vec::new());
            }
            // A key of another role has no effect.
            What::Key(_)
                if case.dialect != Dialect::Toml
                    && compiled
                        .report
                        .iter()
                        .any(|one| one.id == DiagnosticId::ForeignKey)
                    && found == self.rendered[target.base] =>
            {
                return Outcome::Accepted(Vec::new());
            }
            What::Key(_) | What::Value(Rule::Refused) => {
                return Outcome::Wrong("it is accepted".into());
            }
            What::Value(rule) => rule,
        };
        let meant = match self.meant(case) {
            Meant::Text(text) => text,
            Meant::Nothing => {
                let same = self.without(target).is_some_and(|without| without == found);
                return Outcome::of(
                    same.then(Vec::new)
                        .ok_or("it is not as if it were not written".into()),
                );
            }
            Meant::Several => return Outcome::Accepted(Vec::new()),
            Meant::Wrong => return Outcome::Wrong("a wrong expression is accepted".into()),
        };
        let base = &self.rendered[target.base];
        Outcome::of(match rule {
            Rule::Text(_) if !arrives(target.key, &meant) => Ok(Vec::new()),
            Rule::Text(_) => compare(base, &found, &self.swap(case)),
            Rule::Value(value) => match value(&meant) {
                None => Err("it is accepted".into()),
                Some(value) => match self.with(target, Some(value.clone())) {
                    Some(expected) if expected == found => Ok(Vec::new()),
                    _ => Err(format!("it is not taken as {value}")),
                },
            },
            Rule::Refused => unreachable!("handled above"),
        })
    }

    /// The marker of a case's place, and what the text of the case means.
    pub(crate) fn swap<'c>(&self, case: &'c Case<'_>) -> Swap<'c> {
        let What::Value(Rule::Text(rule)) = case.target.what else {
            unreachable!("only texts are swapped")
        };
        let Meant::Text(meant) = self.meant(case) else {
            unreachable!("it means a text")
        };
        let vm = &self.bases[case.target.base]["vms"][0];
        let vm = format!(
            "{}-{}",
            vm["org"].as_str().unwrap(),
            vm["name"].as_str().unwrap()
        );
        Swap::new(&case.target.marker, &meant, rule, &vm)
    }

    /// What a text means: it may be an expression, quoted, or empty.
    fn meant(&self, case: &Case<'_>) -> Meant {
        let mut text = case.text.clone();
        let target = case.target;
        if target.evaluates() && is_expression(&text) {
            let base = &self.bases[target.base];
            let definition = target.with_text(base, &text);
            let mut results = Vec::new();
            for (vm, table) in definition["vms"].as_array().unwrap().iter().enumerate() {
                for interface in 0..table["interfaces"].as_array().unwrap().len() {
                    let scene = vm_and_interface(&definition, vm, interface);
                    let context = tera::Context::from_serialize(&scene).unwrap();
                    match tera::Tera::default().render_str(&text, &context, false) {
                        Ok(result) => results.push(result),
                        Err(_) => return Meant::Wrong,
                    }
                }
            }
            results.dedup();
            let [result] = &mut results[..] else {
                return Meant::Several;
            };
            text = std::mem::take(result);
        }
        let What::Value(Rule::Text(Text { form, .. })) = target.what else {
            return if text.is_empty() {
                Meant::Nothing
            } else {
                Meant::Text(text)
            };
        };
        if form == Form::Option && case.dialect != Dialect::Toml {
            for quote in ['"', '\''] {
                let inner = text
                    .strip_prefix(quote)
                    .and_then(|rest| rest.strip_suffix(quote));
                if let Some(inner) = inner.filter(|inner| !inner.contains([quote, '\\'])) {
                    return Meant::Text(inner.to_owned());
                }
            }
        }
        let item = target.place.ends_with(|c: char| c.is_ascii_digit());
        let is_value =
            item || form == Form::Option || matches!(target.key, "description" | "cmdline");
        if text.is_empty() && !is_value {
            Meant::Nothing
        } else {
            Meant::Text(text)
        }
    }

    /// Compares what the reader of a file says with what it says of the base's.
    pub(crate) fn judge(&self, case: &Case<'_>, base: &Value, found: &Value) -> Result<(), String> {
        let swap = self.swap(case);
        let mut found = found.clone();
        for commands in ["ExecStart", "ExecStartEx"] {
            let commands = format!("/systemd/unit/{commands}/0/1");
            if let Some(Value::Array(arguments)) = found.pointer_mut(&commands) {
                for argument in arguments {
                    // systemd makes one of these when it starts the command, as `ran` shows.
                    *argument = argument.as_str().unwrap().replace("$$", "$").into();
                }
            }
        }
        if let What::Value(Rule::Text(Text {
            form: Form::Disk, ..
        })) = case.target.what
        {
            let Meant::Text(disk) = self.meant(case) else {
                unreachable!("it means a text")
            };
            disks(&disk, base, &found)?;
        }
        let mut expected = swap.without_parts(swap.value(base));
        let few_cpus = found["objections"][0] == "vcpu hard affinity map is empty";
        if case.target.key == "cpu_str" && few_cpus {
            // The host that xl is shown has eight.
            (expected, found) = (expected["values"].take(), found["values"].take());
        }
        let mut found = swap.without_parts(found);
        for view in [&mut expected, &mut found] {
            for path in ["/systemd/unit", "/systemd/ran/0"] {
                if let Some(path) = view.pointer_mut(path) {
                    simplified(path);
                }
            }
        }
        // A program of that path could not be made, so there was none to run.
        if found["systemd"]["ran"].is_null()
            && found["systemd"]["unit"].is_object()
            && let Some(Value::Object(systemd)) = expected.get_mut("systemd")
        {
            systemd.remove("ran");
        }
        if expected == found {
            Ok(())
        } else {
            Err(difference(&expected, &found))
        }
    }

    /// Whether the marker of a place is in any file.
    pub(crate) fn seen(&self, target: &Target) -> bool {
        let text = format!("{:?}", self.rendered[target.base]);
        let marker: String = target.marker.split('/').next_back().unwrap().into();
        text.contains(&marker)
    }

    /// Whether a text in a place changes anything.
    pub(crate) fn differs(&self, target: &Target, text: &str) -> bool {
        let found = self.with(target, Some(text.into()));
        found.is_some_and(|found| found != self.rendered[target.base])
    }

    fn with(&self, target: &Target, value: Option<Value>) -> Option<Everything> {
        let definition = target.definition(&self.bases[target.base], value);
        let (compiled, assets) = compiled(&definition, Dialect::Toml, "host");
        let fine = !compiled.report.has_errors();
        fine.then(|| everything(&compiled, &self.templates, &assets))
    }

    fn without(&self, target: &Target) -> Option<Everything> {
        self.with(target, None)
    }
}

impl Outcome {
    fn of(result: Result<Vec<Open>, String>) -> Self {
        result.map_or_else(Self::Wrong, Self::Accepted)
    }
}

/// What a text means.
enum Meant {
    /// A text.
    Text(String),
    /// As if it were not written.
    Nothing,
    /// Another text for each VM.
    Several,
    /// Nothing: the expression is wrong.
    Wrong,
}

/// Whether xl sees the disk that we see, and the others as they were.
fn disks(text: &str, base: &Value, found: &Value) -> Result<(), String> {
    let disk = DiskSpec::from_text(text).unwrap();
    let (base, found) = (&base["config"]["disks"], &found["config"]["disks"]);
    let (Some(base), Some(found)) = (base.as_array(), found.as_array()) else {
        return Err(format!("the disks are {found}"));
    };
    let count = base.len();
    let marked = |disk: &Value| {
        let path = disk["pdev_path"].as_str().unwrap_or_default();
        path.contains("/zqdisk") || path.contains("/zqimage")
    };
    let at = base.iter().position(marked).unwrap();
    let others = |disks: &[Value]| [&disks[..at], &disks[at + 1..]].concat();
    if found.len() != count || others(base) != others(found) {
        return Err(format!("the disks are {found:?}"));
    }
    let path = found[at]["pdev_path"].as_str().unwrap_or_default();
    let writes = found[at]["readwrite"] == 1;
    let same = path == disk.target()
        && found[at]["vdev"] == disk.vdev()
        && writes == (disk.access() == DiskAccess::ReadWrite);
    let seen = &found[at];
    if same {
        Ok(())
    } else {
        Err(format!("xl sees {seen}, we see {disk:?}"))
    }
}

/// Paths as systemd writes them, without what has no meaning.
fn simplified(view: &mut Value) {
    match view {
        Value::String(text) if text.starts_with('/') => {
            while let Some(shorter) = ["//", "/./"].iter().find(|part| text.contains(**part)) {
                *text = text.replace(shorter, "/");
            }
            if let Some(shorter) = text.strip_suffix("/.") {
                *text = shorter.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(simplified),
        Value::Object(table) => table.values_mut().for_each(simplified),
        _ => {}
    }
}

/// Whether an accepted text is one that goes where the marker is; some are another choice.
fn arrives(key: &str, meant: &str) -> bool {
    let lower = meant.to_ascii_lowercase();
    match key {
        "storage_type" => !["nfs", "iscsi"].contains(&meant),
        "guest_user" => meant != "root",
        "reinstall" => !["yes", "true", "on", "no", "false", "off"].contains(&&*lower),
        // An IPv6 address has brackets in some places.
        "iscsi_server" => !meant.starts_with('[') && meant.parse::<IpAddr>().is_err(),
        // The address of a server chooses the guest's addresses; a name does not.
        "nfsroot_base" => {
            let server = meant.split_once(":/").map_or(meant, |(server, _)| server);
            !server.starts_with('[') && server.parse::<IpAddr>().is_err()
        }
        _ => true,
    }
}

fn compiled(definition: &Value, dialect: Dialect, file: &str) -> (Compiled, Assets) {
    let source = |ending, text| Source::new(format!("{file}.{ending}"), text).unwrap();
    let toml = source("toml", toml::to_string(definition).unwrap());
    let source = match dialect {
        Dialect::Toml => toml,
        Dialect::Json => source("json", role_variables(definition).to_string()),
        Dialect::Yaml => {
            let yaml = convert(&toml, ConvertTarget::Yaml);
            assert!(yaml.report.is_empty(), "{}", toml.text);
            source("yml", yaml.text)
        }
    };
    let mut compiled = compile(vec![source], &Facts::default());
    let assets = compiled.load_assets(|_| Ok(b"#!/bin/sh\n".to_vec()));
    (compiled, assets)
}

/// A definition in the words of the role.
fn role_variables(definition: &Value) -> Value {
    let mut variables = serde_json::Map::new();
    for (key, value) in definition.as_object().unwrap() {
        match value {
            Value::Object(defaults) if key == "defaults" => {
                let named = defaults
                    .iter()
                    .map(|(key, value)| (format!("xen_vman_default_{key}"), value.clone()));
                variables.extend(named);
            }
            _ => drop(variables.insert(format!("xen_vman_{key}"), value.clone())),
        }
    }
    variables.into()
}
