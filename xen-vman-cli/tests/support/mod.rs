//! Directories in place of a host, and commands on them.
#![allow(dead_code, reason = "each test file uses some of it")]

#[path = "../../../xen-vman-core/tests/support/skipped.rs"]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
pub(crate) mod skipped;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

/// Makes `plan` exit with 3 if there is something to do.
pub(crate) const DETAILED: [&str; 1] = ["--detailed-exitcode"];

pub(crate) fn example() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("docs/examples/hypervisor.toml")
}

pub(crate) fn command(verb: &str, definition: &Path, root: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.arg(verb);
    if matches!(verb, "status" | "doctor") {
        command.arg("--file");
    }
    command.arg(definition).arg("--root").arg(root);
    command
        .arg("--scripts")
        .arg(example().parent().unwrap().join("files"));
    command.args(more);
    command
}

pub(crate) fn run(verb: &str, definition: &Path, root: &Path, more: &[&str]) -> Output {
    command(verb, definition, root, more).output().unwrap()
}

pub(crate) fn xen_vman(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.args(arguments).output().unwrap()
}

/// Runs a command with this standard input.
pub(crate) fn fed(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that rejects its arguments does not read the input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn code(output: &Output, expected: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(expected), "{said}");
}

/// All paths below a directory. Links are not followed.
pub(crate) fn paths(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    let mut next = 0;
    while next < found.len() {
        if fs::symlink_metadata(&found[next]).unwrap().is_dir() {
            let entries = fs::read_dir(&found[next]).unwrap();
            found.extend(entries.map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

pub(crate) fn times(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let time = |path: PathBuf| {
        let data = fs::symlink_metadata(&path).unwrap();
        (path, (data.ino(), data.modified().unwrap()))
    };
    paths(dir).into_iter().map(time).collect()
}

/// The state of a host: every file with its mode, every link with its target. Kept earlier
/// versions of files are left out.
pub(crate) fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let state = dir.join("var/lib/xen-vman/generations");
    let kept = paths(dir)
        .into_iter()
        .filter(|path| !path.starts_with(&state));
    kept.filter_map(|path| {
        let data = fs::symlink_metadata(&path).unwrap();
        let content = if data.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else if data.is_file() {
            fs::read(&path).unwrap()
        } else {
            return None;
        };
        Some((
            path.strip_prefix(dir).unwrap().to_owned(),
            (data.mode(), content),
        ))
    })
    .collect()
}

/// The commands that `--help` lists.
pub(crate) fn commands() -> Vec<String> {
    let help = stdout(&xen_vman(&["--help"]));
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // Continuation lines are indented further.
    let names = lines.filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Whether a judge can be run; says or fails if not.
pub(crate) fn has_program(name: &str) -> bool {
    let mut command = Command::new(name);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let is_there = command.status().is_ok();
    if !is_there {
        skipped::judge(&format!("there is no {name}"));
    }
    is_there
}
