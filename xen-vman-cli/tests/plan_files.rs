//! Plan files, JSON events and `rollback`.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use support::{DETAILED, code, command, example, run, text, times, tree, xen_vman};

fn rollback(root: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.arg("rollback").arg("--root").arg(root).args(more);
    command.output().unwrap()
}

fn apply_plan(plan: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.arg("apply").arg(plan).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The example with a word replaced.
fn changed(dir: &Path, from: &str, to: &str) -> std::path::PathBuf {
    let text = fs::read_to_string(example()).unwrap();
    assert!(text.contains(from), "{from}");
    let path = dir.join("changed.toml");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path
}

/// The files of a host, without the state of xen-vman.
fn files(root: &Path) -> std::collections::BTreeMap<std::path::PathBuf, (u32, Vec<u8>)> {
    let mut tree = tree(root);
    tree.retain(|path, _| !path.starts_with("var/lib/xen-vman") && !path.starts_with("run"));
    tree
}

/// A file that the plan depends on.
const CONFIG: &str = "etc/xen/vms/stuvus-web01.cfg";

#[test]
fn a_plan_file_is_done_as_it_is_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let definition = changed(dir.path(), "memory", "memory");
    let plan = dir.path().join("tonight.plan");
    let out = ["--out", plan.to_str().unwrap()];
    code(&run("plan", &definition, &root, &DETAILED), 3);
    // As `plan … && apply …` needs it.
    code(&run("plan", &definition, &root, &out), 0);
    assert_eq!(files(&root), BTreeMap::default());

    // The definition changes.
    let text = fs::read_to_string(&definition).unwrap();
    fs::write(&definition, format!("{text}\n# another comment\n")).unwrap();
    let refused = apply_plan(&plan);
    code(&refused, 2);
    assert!(
        said(&refused).contains("changed.toml has changed\n"),
        "{}",
        said(&refused)
    );
    assert_eq!(files(&root), BTreeMap::default());
    fs::write(&definition, &text).unwrap();

    // The host changes.
    fs::create_dir_all(root.join("etc/xen/vms")).unwrap();
    fs::write(root.join(CONFIG), "memory = 1\n").unwrap();
    let before = times(&root);
    let refused = apply_plan(&plan);
    code(&refused, 2);
    assert!(
        said(&refused).contains("has changed since the plan was made"),
        "{}",
        said(&refused)
    );
    let mut after = times(&root);
    after.retain(|path, _| !path.starts_with(root.join("run")) && *path != root);
    let mut before = before;
    before.retain(|path, _| *path != root);
    assert_eq!(after, before, "nothing is touched but the lock");
    fs::remove_file(root.join(CONFIG)).unwrap();

    code(&apply_plan(&plan), 0);
    code(&run("plan", &definition, &root, &DETAILED), 0);
    let again = apply_plan(&plan);
    code(&again, 0);
    assert!(
        said(&again).ends_with("nothing to do\n"),
        "{}",
        said(&again)
    );
}

#[test]
fn a_plan_file_brings_its_options_along() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let plan = dir.path().join("tonight.plan");
    let plan = plan.to_str().unwrap();
    code(&run("plan", &example(), &root, &["--out", plan]), 0);
    let more = ["--prune", "--root", "/srv", "--allow", "shared-disk"];
    let refused = xen_vman(&[&["apply", plan], &more[..]].concat());
    code(&refused, 2);
    let said = said(&refused);
    assert!(said.contains("--allow, --root, --prune"), "{said}");
    assert_eq!(files(&root), BTreeMap::default());
}

/// Configuration management often links definitions into place, with `files` beside the link.
#[test]
fn a_plan_file_of_a_linked_definition_can_be_applied() {
    let dir = tempfile::tempdir().unwrap();
    let folder = example().parent().unwrap().to_owned();
    let (link, root) = (dir.path().join("linked.toml"), dir.path().join("root"));
    let stored = dir.path().join("store");
    fs::create_dir(&root).unwrap();
    fs::create_dir(&stored).unwrap();
    fs::copy(example(), stored.join("a.toml")).unwrap();
    symlink(stored.join("a.toml"), &link).unwrap();
    symlink(folder.join("files"), dir.path().join("files")).unwrap();
    let plan = dir.path().join("tonight.plan");
    let arguments = [
        "plan",
        text(&link),
        "--root",
        text(&root),
        "--out",
        text(&plan),
    ];
    code(&xen_vman(&arguments), 0);

    // The link counts, not what it pointed to.
    let changed = changed(dir.path(), "memory = ", "memory = 1");
    fs::remove_file(&link).unwrap();
    symlink(changed, &link).unwrap();
    let refused = apply_plan(&plan);
    code(&refused, 2);
    let message = "linked.toml has changed\n";
    assert!(said(&refused).contains(message), "{}", said(&refused));

    fs::remove_file(&link).unwrap();
    symlink(stored.join("a.toml"), &link).unwrap();
    code(&apply_plan(&plan), 0);
}

/// `-` is standard input wherever a file is read, so that a plan file of that name could not
/// be applied.
#[test]
fn a_plan_file_cannot_be_called_like_standard_input() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command("plan", &example(), dir.path(), &["--out", "-"]);
    let output = command.current_dir(dir.path()).output().unwrap();
    code(&output, 2);
    assert!(
        said(&output).contains("write `--out ./-`"),
        "{}",
        said(&output)
    );
    assert!(output.stdout.is_empty());
    assert!(!dir.path().join("-").exists());
}

/// Reading it twice would wait for ever, or find nothing the second time.
#[test]
fn a_definition_from_a_pipe_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let (pipe, root) = (dir.path().join("pipe.toml"), dir.path().join("root"));
    fs::create_dir(&root).unwrap();
    code(&Command::new("mkfifo").arg(&pipe).output().unwrap(), 0);
    let plan = dir.path().join("tonight.plan");
    let output = run("plan", &pipe, &root, &["--out", text(&plan)]);
    code(&output, 2);
    let message = "a plan file cannot refer to";
    assert!(said(&output).contains(message), "{}", said(&output));

    let writer = {
        let (pipe, content) = (pipe.clone(), fs::read(example()).unwrap());
        std::thread::spawn(move || fs::write(pipe, content))
    };
    let limited = Command::new("timeout")
        .args(["20", env!("CARGO_BIN_EXE_xen-vman-cli"), "apply"])
        .args([text(&pipe), "--root", text(&root), "--scripts"])
        .arg(example().parent().unwrap().join("files"))
        .output()
        .unwrap();
    code(&limited, 0);
    writer.join().unwrap().unwrap();
    assert!(root.join("etc/xen/vms/stuvus-web01.cfg").exists());
}

#[test]
fn rollbacks_go_back_one_apply_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let nothing = rollback(&root, &[]);
    code(&nothing, 2);
    assert!(said(&nothing).contains("nothing to roll back"));
    let empty = dir.path().join("empty.toml");
    fs::write(&empty, "vms = []\n").unwrap();

    let mut trees = vec![files(&root)];
    let applies: [(&Path, &[&str]); 3] = [
        (&example(), &[]),
        (&changed(dir.path(), "memory = ", "memory = 1"), &[]),
        (&empty, &["--prune", "--yes", "--remove-all"]),
    ];
    for (definition, more) in applies {
        code(&run("apply", definition, &root, more), 0);
        trees.push(files(&root));
        assert_ne!(trees[trees.len() - 1], trees[trees.len() - 2]);
    }
    while let Some(_now) = trees.pop() {
        let Some(before) = trees.last() else { break };
        code(&rollback(&root, &[]), 0);
        assert_eq!(&files(&root), before);
    }
    code(&rollback(&root, &[]), 2);
    // The definition can be applied again.
    code(&run("apply", &example(), &root, &[]), 0);
    code(&run("plan", &example(), &root, &DETAILED), 0);
}

#[test]
fn a_rollback_leaves_what_somebody_has_changed_since() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    code(&run("apply", &example(), &root, &[]), 0);
    let unit = root.join("etc/systemd/system/vm@.service");
    fs::write(&unit, "by hand").unwrap();
    fs::remove_file(root.join("etc/systemd/system/vm_mount@.service")).unwrap();
    let before = files(&root);
    let refused = rollback(&root, &[]);
    code(&refused, 2);
    let said = said(&refused);
    // A file that did not exist before may be missing.
    assert!(
        said.contains("vm@.service") && !said.contains("vm_mount@"),
        "{said}"
    );
    assert_eq!(files(&root), before);
}

#[test]
fn programs_are_told_each_event() {
    let dir = tempfile::tempdir().unwrap();
    let output = run("apply", &example(), dir.path(), &["--json"]);
    code(&output, 0);
    let lines = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kind = |event: &Value| event["event"].as_str().unwrap().to_owned();
    assert_eq!(kind(&events[0]), "plan");
    let planned = events[0]["actions"].as_array().unwrap();
    assert!(planned.len() > 10);
    for (number, (action, event)) in planned.iter().zip(&events[1..]).enumerate() {
        assert_eq!(kind(event), "begins");
        assert_eq!(event["number"], number + 1);
        assert_eq!(event["sentence"], action["sentence"]);
    }
    let last = events.last().unwrap();
    assert_eq!(kind(last), "ends");
    assert_eq!(last["done"], planned.len());
    // The journal has the same actions.
    let place = last["generation"].as_str().unwrap();
    let journal = dir
        .path()
        .join(place.trim_start_matches('/'))
        .join("journal.jsonl");
    let journal = fs::read_to_string(journal).unwrap();
    assert_eq!(journal.lines().count(), planned.len() + 1);
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["at_secs"].as_u64().unwrap() > 1_700_000_000);
    }
}

#[test]
fn generations_are_listed_and_a_rollback_can_be_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let list = || String::from_utf8(rollback(&root, &["--list"]).stdout).unwrap();
    assert_eq!(list(), "");
    code(&run("apply", &example(), &root, &[]), 0);
    let first = files(&root);
    let changed = changed(dir.path(), "memory = ", "memory = 1");
    code(&run("apply", &changed, &root, &[]), 0);
    let second = files(&root);

    let listed = list();
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].contains("hypervisor.toml: ") && !lines[0].contains("current"));
    assert!(
        lines[1].starts_with("   2  20") && lines[1].ends_with("(current)"),
        "{listed}"
    );

    let planned = rollback(&root, &["--plan", "--diff"]);
    code(&planned, 0);
    let text = String::from_utf8(planned.stdout.clone()).unwrap();
    assert!(text.contains("\n-memory = 1"), "{text}");
    assert!(said(&planned).contains("this goes back to generation 1"));
    assert_eq!(files(&root), second);
    let planned = rollback(&root, &["--plan", "--json", "--to", "0"]);
    code(&planned, 0);
    let planned: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!(planned["to"], 0);

    code(&rollback(&root, &["--to", "0"]), 0);
    assert_eq!(files(&root), BTreeMap::default());
    // Forward again, which is a rollback of the rollback.
    code(&rollback(&root, &["--to", "1"]), 0);
    assert_eq!(files(&root), first);
    let unknown = rollback(&root, &["--to", "9"]);
    code(&unknown, 2);
    assert!(
        said(&unknown).contains("no generation 9"),
        "{}",
        said(&unknown)
    );
    let listed = rollback(&root, &["--list", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["generations"][3]["rolled_back_to"], 1);
}
