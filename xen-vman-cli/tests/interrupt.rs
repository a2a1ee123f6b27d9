//! A run that is interrupted says what happened, and ends by the signal.
#![allow(clippy::disallowed_methods, reason = "tests run programs")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use support::{code, has_program, run, text, times, tree};

const SIGNALS: [(Signal, &str); 2] = [
    (Signal::SIGINT, "interrupted"),
    (Signal::SIGTERM, "terminated"),
];

/// A definition with so many VMs that what is said of them does not fit into a pipe.
fn definition(dir: &Path) -> PathBuf {
    let mut all = "nfsroot_base = \"10.0.0.5:/tank\"\n".to_owned();
    let padding = "x".repeat(40);
    for number in 0..300 {
        let _ = write!(
            all,
            "[[vms]]\norg = \"a\"\nname = \"v{number}-{padding}\"\nos = {{ type = \"debian\", version = \"12\" }}\n\
             interfaces = [{{}}]\n"
        );
    }
    let path = dir.join("many hosts.toml");
    fs::write(&path, all).unwrap();
    path
}

/// A program that ignores no signal. What a shell starts in the background does, and so would all
/// that is started here.
fn program(name: &str) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,TERM").arg(name);
    command
}

fn start(arguments: &[&str], stdin: Stdio) -> Child {
    let mut command = program(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.args(arguments).stdin(stdin);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Waits until something holds.
fn until(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it never holds");
        sleep(Duration::from_millis(1));
    }
}

/// Whether a process has a handler for a signal.
fn catches(child: &Child, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught & (1 << (signal as i32 - 1)) != 0
}

/// Whether a process is ready for signals and sleeps in a system call.
fn waits(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    catches(child, Signal::SIGTERM) && status.contains("State:\tS")
}

/// What a process says that ends by a signal.
fn ends_by(mut child: Child, signal: Signal) -> String {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let (ended, has_ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        if has_ended.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(
        child.wait().unwrap().signal(),
        Some(signal as i32),
        "{said}"
    );
    drop(ended);
    said
}

#[test]
fn a_command_that_reads_says_that_nothing_was_changed() {
    for (signal, word) in SIGNALS {
        for arguments in [
            &["check", "-"][..],
            &["render", "-", "--stdout"],
            &["explain", "-f", "-"],
        ] {
            let mut child = start(arguments, Stdio::piped());
            let _open = child.stdin.take();
            until(|| waits(&child));
            send(&child, signal);
            assert_eq!(
                ends_by(child, signal),
                format!("{word}; nothing was changed\n")
            );
        }
    }
}

#[test]
fn an_apply_says_where_it_was_and_the_same_command_does_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let definition = definition(dir.path());
    for (signal, word) in SIGNALS {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let arguments = ["apply", text(&definition), "--root", text(root)];
        let child = start(&arguments, Stdio::null());
        // Its lines fill the pipe of standard error, which nobody reads yet.
        until(|| root.join("etc/xen-vman/roots").exists() && waits(&child));
        send(&child, signal);
        let said = ends_by(child, signal);
        let said: Vec<_> = said.lines().rev().take(2).collect();
        let (first, second) = (said[1], said[0]);
        assert!(
            first.starts_with(&format!("{word} in action ")) && first.contains(" of "),
            "{said:?}"
        );
        let again = second.split_once("To do the rest, run: ").unwrap().1;
        let name = format!("'{}'", text(&definition));
        assert!(
            again.contains(" apply ") && again.contains(&name),
            "{said:?}"
        );
        // The command that it says, typed by a shell.
        let output = Command::new("sh").args(["-c", again]).output().unwrap();
        code(&output, 0);
        code(&run("plan", &definition, root, &["--detailed-exitcode"]), 0);
    }
}

#[test]
fn a_rollback_names_the_generation_that_the_rest_goes_back_to() {
    let dir = tempfile::tempdir().unwrap();
    let definition = definition(dir.path());
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    code(&run("apply", &support::example(), root, &[]), 0);
    let before = tree(root);
    // So many files that the lines about them fill the pipe.
    code(&run("apply", &definition, root, &[]), 0);
    let child = start(&["rollback", "--root", text(root)], Stdio::null());
    let third = root.join("var/lib/xen-vman/generations/3/journal.jsonl");
    until(|| fs::metadata(&third).is_ok_and(|data| data.len() > 0) && waits(&child));
    send(&child, Signal::SIGINT);
    let said = ends_by(child, Signal::SIGINT);
    let again = said
        .trim_end()
        .rsplit_once("To do the rest, run: ")
        .unwrap()
        .1;
    assert!(
        again.contains(" rollback ") && again.ends_with(" --to 1"),
        "{said}"
    );
    // Even if all was done before.
    for _ in 0..2 {
        let output = Command::new("sh").args(["-c", again]).output().unwrap();
        code(&output, 0);
    }
    let is_state = |path: &PathBuf| path.starts_with("var/lib/xen-vman") || path.starts_with("run");
    let visible = |mut tree: BTreeMap<PathBuf, _>| {
        tree.retain(|path, _| !is_state(path));
        tree
    };
    assert_eq!(visible(tree(root)), visible(before));
}

#[test]
fn before_the_first_action_only_records_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let definition = definition(dir.path());
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    code(&run("apply", &definition, root, &[]), 0);
    let before = tree(root);
    let child = start(
        &["uninstall-host", "--yes", "--root", text(root)],
        Stdio::null(),
    );
    // What it removes is copied first.
    let second = root.join("var/lib/xen-vman/generations/2");
    until(|| second.exists());
    send(&child, Signal::SIGINT);
    let said = ends_by(child, Signal::SIGINT);
    assert!(!second.join("journal.jsonl").exists(), "{said}");
    let expected =
        "interrupted before the first action; only xen-vman's own records were written\n";
    assert_eq!(said, expected);
    let mut after = tree(root);
    after.retain(|path, _| !path.starts_with("var/lib/xen-vman/generations/2"));
    assert_eq!(after, before);
}

#[test]
fn a_second_signal_ends_it_even_if_nobody_reads_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let definition = definition(dir.path());
    let root = tempfile::tempdir().unwrap();
    // Its lines fill the pipe of standard error.
    let mut child = start(
        &["apply", text(&definition), "--root", text(root.path())],
        Stdio::null(),
    );
    until(|| root.path().join("etc/xen-vman/roots").exists() && waits(&child));
    // It may have slept for another reason.
    sleep(Duration::from_secs(1));
    send(&child, Signal::SIGINT);
    sleep(Duration::from_millis(300));
    assert!(
        child.try_wait().unwrap().is_none(),
        "it cannot say anything yet"
    );
    send(&child, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGINT as i32));
    code(&run("apply", &definition, root.path(), &[]), 0);
}

#[test]
fn a_render_says_which_files_may_be_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    let definition = definition(dir.path());
    let out = dir.path().join("out");
    let arguments = ["render", text(&definition), "--out", text(&out)];
    let child = start(&arguments, Stdio::null());
    until(|| out.join(".manifest.unfinished").exists());
    send(&child, Signal::SIGINT);
    let said = ends_by(child, Signal::SIGINT);
    assert!(
        said.starts_with(&format!(
            "interrupted while files were written to {}",
            text(&out)
        )),
        "{said}"
    );
    assert!(said.contains("To replace them, run: "), "{said}");
    let again = start(&arguments, Stdio::null()).wait_with_output().unwrap();
    code(&again, 0);
    assert!(!out.join(".manifest.unfinished").exists());
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    let mut command = Command::new("sh");
    // As a shell does for jobs in the background of a script.
    command
        .args(["-c", "trap '' INT; exec \"$0\" check -"])
        .arg(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until(|| catches(&child, Signal::SIGTERM));
    assert!(!catches(&child, Signal::SIGINT));
    send(&child, Signal::SIGINT);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"vms = []\n")
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ctrl_c_at_a_question_changes_nothing() {
    if !has_program("script") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    code(&run("apply", &support::example(), root.path(), &[]), 0);
    let before = times(root.path());
    let line = format!(
        "'{}' uninstall-host --root '{}'",
        env!("CARGO_BIN_EXE_xen-vman-cli"),
        text(root.path())
    );
    let mut command = program("script");
    // It gives the command a terminal, and ends as the command does.
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.contains("type `uninstall`:") {
        let mut some = [0; 256];
        let count = stdout.read(&mut some).unwrap();
        assert!(count > 0, "{said}");
        said += &String::from_utf8_lossy(&some[..count]);
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"\x03").unwrap();
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(
        said.contains("\ninterrupted; nothing was changed"),
        "{said}"
    );
    assert_eq!(times(root.path()), before);
}
