//! What systemd makes of units, with the judge `units/read.sh`.

use crate::oracle::Kind;
use crate::support::judges;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// The instance that templates are looked at as.
const INSTANCE: &str = "instance";
/// The template whose command is carried out.
const STARTED: &str = "vm@.service";
/// What the names of the units of one file begin with. It is taken out of what systemd says.
fn mark(number: usize) -> String {
    format!("qz{number}qz")
}

/// The view of each file; null for all if systemd cannot be asked here. `programs` are there
/// to be started.
pub(crate) fn views(files: &[(Kind, String)], programs: &BTreeSet<String>) -> Vec<Value> {
    let nothing = || vec![Value::Null; files.len()];
    if files.is_empty() {
        return nothing();
    }
    let dir = tempfile::tempdir().unwrap();
    let mut work = Work {
        tree: dir.path().join("tree"),
        load: String::new(),
        start: String::new(),
    };
    for (number, (kind, text)) in files.iter().enumerate() {
        work.add(&mark(number), *kind, text);
    }
    fs::create_dir_all(work.tree.join("judge/ran")).unwrap();
    let programs: String = programs.iter().map(|path| format!("{path}\n")).collect();
    fs::write(work.tree.join("judge/programs"), programs).unwrap();
    fs::write(work.tree.join("judge/load"), &work.load).unwrap();
    fs::write(work.tree.join("judge/start"), &work.start).unwrap();
    let out = dir.path().join("out");
    if !judges::script("units/read.sh", &[&work.tree, &out]) {
        return nothing();
    }
    let loaded = fs::read_to_string(out.join("loaded")).unwrap();
    let mut loaded = loaded.lines();
    let views = files.iter().enumerate().map(|(number, (kind, _))| {
        let mut view = json!({});
        if *kind != Kind::Environment {
            let line = loaded
                .next()
                .unwrap_or_else(|| panic!("unit {number} is not loaded"));
            view["unit"] = properties(&line.replace(&mark(number), ""));
        }
        let ran = fs::read(out.join("ran").join(mark(number)));
        if let Ok(ran) = ran {
            let ran = String::from_utf8_lossy(&ran);
            let items = ran.split_terminator('\0');
            view["ran"] = match kind {
                Kind::Environment => environment(items),
                _ => items.collect(),
            };
        }
        view
    });
    let views: Vec<_> = views.collect();
    let asked = files
        .iter()
        .filter(|(kind, _)| *kind == Kind::Unit(STARTED))
        .count();
    let ran = views.iter().filter(|view| view["ran"].is_array()).count();
    println!(
        "systemd started {ran} of {asked} commands; of the others, no such program could be made"
    );
    assert!(asked == 0 || 2 * ran > asked, "systemd starts too few");
    views
}

/// What is laid over the root of the container.
struct Work {
    tree: PathBuf,
    load: String,
    start: String,
}

impl Work {
    fn add(&mut self, mark: &str, kind: Kind, text: &str) {
        match kind {
            Kind::Unit(name) => {
                self.unit(&format!("{mark}{name}"), text);
                let instance = name.replace('@', &format!("@{INSTANCE}"));
                writeln!(self.load, "{mark}{instance}").unwrap();
                if name == STARTED {
                    self.start(mark, text);
                }
            }
            Kind::DropIn => {
                let instance = format!("{mark}vm@{INSTANCE}.service");
                self.unit(&format!("{instance}.d/after.conf"), text);
                self.unit(
                    &format!("{mark}vm@.service"),
                    "[Service]\nExecStart=/bin/true\n",
                );
                writeln!(self.load, "{instance}").unwrap();
            }
            Kind::Environment => {
                self.file(&format!("judge/env/{mark}"), text);
                let unit = format!(
                    "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nEnvironmentFile=/judge/env/{mark}\n\
                     ExecStart=/usr/bin/env -0\nStandardOutput=file:/judge/ran/{mark}\n"
                );
                self.unit(&format!("{mark}.service"), &unit);
                writeln!(self.start, "{mark}.service").unwrap();
            }
            _ => unreachable!("systemd does not read {kind:?}"),
        }
    }

    /// Runs the command of a unit for a VM, with a program in the place of xl.
    fn start(&mut self, mark: &str, text: &str) {
        let command = text
            .lines()
            .find(|line| line.starts_with("ExecStart="))
            .unwrap();
        let unit = format!(
            "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nEnvironment=RAN=/judge/ran/{mark}\n{command}\n"
        );
        self.unit(&format!("{mark}@.service"), &unit);
        writeln!(self.start, "{mark}@{INSTANCE}.service").unwrap();
    }

    fn unit(&self, name: &str, text: &str) {
        self.file(&format!("etc/systemd/system/{name}"), text);
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The properties of a unit that follow from its file.
fn properties(line: &str) -> Value {
    let all: Value = serde_json::from_str(line).unwrap();
    let all = all["data"][0]
        .as_object()
        .unwrap_or_else(|| panic!("{line}"));
    let moves = [
        "Timestamp",
        "Available",
        "Usage",
        "Current",
        "InvocationID",
        "FragmentPath",
        "DropInPaths",
    ];
    let kept = all
        .iter()
        .filter(|(name, _)| !moves.iter().any(|part| name.contains(part)));
    let kept = kept.map(|(name, property)| {
        let mut value = property["data"].clone();
        // Sets of units, in no order.
        if let (Some("as"), Value::Array(items)) = (property["type"].as_str(), &mut value) {
            items.sort_by_key(ToString::to_string);
        }
        (name.clone(), value)
    });
    Value::Object(kept.collect())
}

/// Variables, without those that systemd adds.
fn environment<'v>(items: impl Iterator<Item = &'v str>) -> Value {
    let own = [
        "LANG",
        "PATH",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "SYSTEMD_EXEC_PID",
    ];
    let pairs = items.filter_map(|item| item.split_once('='));
    let pairs = pairs.filter(|(name, _)| !own.contains(name));
    Value::Object(
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}
