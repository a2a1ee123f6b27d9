//! What the readers of the files make of them, as JSON.

use crate::oracle::Kind;
use crate::support::judges;
use crate::systemd;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the readers of files say of each text.
#[derive(Default)]
pub(crate) struct Views {
    views: BTreeMap<(Kind, String), Value>,
}

impl Views {
    /// Asks every reader that is there. `programs` are what units start.
    pub(crate) fn of(files: BTreeSet<(Kind, String)>, programs: &BTreeSet<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut views = Self::default();
        let (xl, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(kind, _)| *kind == Kind::Xl);
        views.xl(&xl, dir.path());
        views.sh(&others, dir.path());
        views.systemd(&others, programs);
        views
    }

    /// The view of a file; none if its reader is missing.
    pub(crate) fn get(&self, kind: Kind, text: &str) -> Option<&Value> {
        self.views.get(&(kind, text.to_owned()))
    }

    fn xl(&mut self, files: &[(Kind, String)], dir: &Path) {
        let Some(judges) = judges::set_up() else {
            return;
        };
        let paths = written(files, dir, "cfg");
        for (files, paths) in files.chunks(500).zip(paths.chunks(500)) {
            let dumped = Command::new(judges.join("bin/xlu-dump"))
                .args(paths)
                .output()
                .unwrap();
            let dumped = String::from_utf8(dumped.stdout).unwrap();
            let verdicts = judges::xl(&judges, paths);
            assert_eq!(dumped.lines().count(), verdicts.len());
            for ((file, verdict), values) in files.iter().zip(verdicts).zip(dumped.lines()) {
                let values: Value = serde_json::from_str(values).unwrap();
                let view = json!({
                    "objections": verdict.objections,
                    "config": verdict.config,
                    "values": values["values"],
                });
                self.views.insert(file.clone(), view);
            }
        }
    }

    fn sh(&mut self, files: &[(Kind, String)], dir: &Path) {
        let paths = written(files, dir, "sh");
        let stand_ins = stand_ins(dir);
        let out = dir.join("out");
        for (file, path) in files.iter().zip(&paths) {
            let run = |script: String| said(&script, path, &stand_ins, &out);
            let view = match file.0 {
                Kind::Environment => {
                    json!({ "sh": run(ENVIRONMENT.into()).as_deref().map(variables) })
                }
                Kind::Script => json!({
                    "sh": run(SCRIPT.into()).as_deref().map(variables),
                    "parsed": run("sh=/bin/sh; \"$sh\" -n \"$0\"".into()).is_some(),
                }),
                Kind::Preparations => {
                    json!({ "calls": run(tail(PREPARATIONS, &file.1, "number=0\n")).map(calls) })
                }
                Kind::Hook => {
                    json!({ "calls": run(tail(HOOK, &file.1, "nfs_roots=yes\n")).map(calls) })
                }
                Kind::Unit(_) | Kind::DropIn | Kind::Xl | Kind::Plain => continue,
            };
            self.views.insert(file.clone(), view);
        }
    }

    fn systemd(&mut self, files: &[(Kind, String)], programs: &BTreeSet<String>) {
        let read = |(kind, _): &&(Kind, String)| {
            matches!(kind, Kind::Environment | Kind::Unit(_) | Kind::DropIn)
        };
        let files: Vec<_> = files.iter().filter(read).cloned().collect();
        for (file, view) in files.iter().zip(systemd::views(&files, programs)) {
            let all = self.views.entry(file.clone()).or_insert_with(|| json!({}));
            all["systemd"] = view;
        }
    }
}

/// The files, one for each text.
fn written(files: &[(Kind, String)], dir: &Path, ending: &str) -> Vec<PathBuf> {
    let paths = (0..files.len()).map(|number| dir.join(format!("{number}.{ending}")));
    paths
        .zip(files)
        .map(|(path, (_, text))| {
            fs::write(&path, text).unwrap();
            path
        })
        .collect()
}

const ENVIRONMENT: &str = "set -a; . \"$0\"; exec /usr/bin/env -0 >\"$OUT\"";
/// Up to its end, which is when it has told its usage.
const SCRIPT: &str =
    "set -a; trap '/usr/bin/env -0 >\"$OUT\"' EXIT; PATH=/usr/bin; . \"$0\" >/dev/null";
const PREPARATIONS: &str = "set -eu; die() { exit 1; }\n";
const HOOK: &str = r#"set -eu
record() { printf '%s\0' $# "$@" >>"$OUT"; }
choose_modules() { record choose_modules "$@"; modules=MODULES; }
known_drivers() { echo DRIVERS; }
say() { :; }
die() { exit 1; }
mv() { :; }
version=VERSION target=TARGET work=.
"#;

/// The end of a script, after what it needs.
fn tail(prelude: &str, text: &str, from: &str) -> String {
    let at = text
        .find(from)
        .unwrap_or_else(|| panic!("no {from:?} in {text}"));
    format!("{prelude}{}", &text[at..])
}

/// Programs that write down what they are told.
fn stand_ins(dir: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let stand_ins = dir.join("stand-ins");
    fs::create_dir(&stand_ins).unwrap();
    for program in ["sh", "dracut"] {
        let path = stand_ins.join(program);
        let script = format!(
            "#!/bin/sh\nprintf '%s\\0' $(($# + 1)) {program} \"$@\" >>\"$OUT\"\nfor last; do :; done\n\
             [ {program} = sh ] || echo >\"$last\"\n"
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    stand_ins
}

/// What a script writes to `$OUT`; none if it fails.
fn said(script: &str, path: &Path, stand_ins: &Path, out: &Path) -> Option<Vec<String>> {
    fs::write(out, "").unwrap();
    let status = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(path)
        .arg("--help")
        .current_dir(stand_ins)
        .env_clear()
        .env("PATH", stand_ins)
        .env("OUT", out)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let said = String::from_utf8_lossy(&fs::read(out).unwrap()).into_owned();
    let items = said.split_terminator('\0').map(str::to_owned);
    status.success().then(|| items.collect())
}

/// `NAME=value` items, without those of the shell.
fn variables(items: &[String]) -> Value {
    let own = ["PWD", "OLDPWD", "SHLVL", "_", "OUT", "PATH"];
    let pairs = items.iter().filter_map(|item| item.split_once('='));
    let pairs = pairs.filter(|(name, _)| !own.contains(name));
    Value::Object(
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}

/// Items in groups, each with its length before it.
fn calls(items: Vec<String>) -> Value {
    let mut items = items.into_iter();
    let mut calls = Vec::new();
    while let Some(length) = items.next() {
        let arguments = items.by_ref().take(length.parse().unwrap());
        calls.push(arguments.collect::<Value>());
    }
    calls.into()
}
