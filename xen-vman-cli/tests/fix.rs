//! `check --fix` and `lint --fix`: what is shown, and what is written.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use support::{code, fed, stderr, stdout, text, xen_vman as run};

const WRONG: &str = "[[vms]]\norg = \"a\"\nname = \"b\"\nos = { type = \"debian\", version = \"12\" }\n\
                     interfaces = []\nstorage_type = \"lvm\"\ncmdline = \"root=/dev/xvda\"\nmemry = 512\n";

#[test]
fn nothing_is_written_without_consent() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("host.toml");
    fs::write(&file, WRONG).unwrap();
    // A pipe is no terminal, where it would ask.
    let output = fed(&["check", "--fix", text(&file)], "fix\n");
    code(&output, 1);
    assert!(stdout(&output).contains("-memry = 512\n+memory = 512\n"));
    assert!(stderr(&output).contains("fixes unknown-key: vms[0].memry\n"));
    assert!(stderr(&output).contains("nothing is written; to write it, add `--yes`"));
    assert_eq!(fs::read_to_string(&file).unwrap(), WRONG);
    let output = run(&["check", text(&file)]);
    assert!(stderr(&output).contains("1 of these can be fixed mechanically"));
}

#[test]
fn only_the_text_of_a_file_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("host.toml"), dir.path().join("link.toml"));
    let marked = format!("\u{feff}{WRONG}");
    fs::write(&file, marked.replace('\n', "\r\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("host.toml", &link).unwrap();
    let output = run(&["check", "--fix", "--yes", text(&link)]);
    code(&output, 0);
    assert!(stderr(&output).contains("1 file changed\n"));
    let fixed = marked.replace("memry", "memory").replace('\n', "\r\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), fixed);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("host.toml"));
    let names = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(names, 2, "nothing else is left there");
    let output = run(&["check", "--fix", "--yes", text(&file)]);
    code(&output, 0);
    assert!(stderr(&output).contains("nothing here can be fixed mechanically"));
}

#[test]
fn what_cannot_be_fixed_is_still_reported() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("host.toml");
    fs::write(&file, format!("{WRONG}vcpus = \"many\"\n")).unwrap();
    let output = run(&["check", "--fix", "--yes", text(&file)]);
    code(&output, 1);
    let messages = stderr(&output);
    assert!(messages.contains("vms[0].vcpus") && !messages.contains("unknown key"));
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .contains("memory = 512\n")
    );
}

#[test]
fn a_file_that_all_hosts_share_is_fixed_once() {
    let dir = tempfile::tempdir().unwrap();
    let [shared, b, c] = ["shared", "b", "c"].map(|name| dir.path().join(format!("{name}.toml")));
    fs::write(&shared, "[defaults]\nmemry = 512\n").unwrap();
    let vm = WRONG.replace("memry", "memory");
    fs::write(&b, &vm).unwrap();
    fs::write(&c, vm.replace("\"b\"", "\"c\"")).unwrap();
    let output = run(&[
        "check",
        "--fix",
        "--yes",
        "--common",
        text(&shared),
        text(&b),
        text(&c),
    ]);
    code(&output, 0);
    assert_eq!(
        fs::read_to_string(&shared).unwrap(),
        "[defaults]\nmemory = 512\n"
    );
    assert_eq!(stderr(&output).matches("fixes").count(), 1);
}

#[test]
fn input_that_has_no_file_is_refused() {
    let output = fed(&["check", "--fix", "--yes", "-"], WRONG);
    code(&output, 2);
    assert!(stderr(&output).contains("standard input and pipes cannot be fixed"));
    code(&run(&["check", "--fix", "--json", "host.toml"]), 2);
    code(&run(&["check", "--yes", "host.toml"]), 2);
}

#[test]
fn lint_fixes_xl_cfg() {
    let dir = tempfile::tempdir().unwrap();
    let [good, latin] = ["good", "latin"].map(|name| dir.path().join(format!("{name}.cfg")));
    fs::write(
        &good,
        "name = \"good\"\nmemry = 512\nkernel = \"/boot/x\"\n",
    )
    .unwrap();
    let bytes = b"name = \"latin\"\nkernel = \"/boot/x\"\nmemry = 512 # f\xfcr\n";
    fs::write(&latin, bytes).unwrap();
    let output = run(&["lint", "--fix", "--yes", text(dir.path())]);
    code(&output, 0);
    assert!(
        fs::read_to_string(&good)
            .unwrap()
            .contains("\nmemory = 512\n")
    );
    assert_eq!(
        fs::read(&latin).unwrap(),
        bytes,
        "not UTF-8, so it is left alone"
    );
}

/// The cases of the core give the same changes.
#[test]
fn bad_cases_change_as_in_the_core() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xen-vman-core/tests/cases/bad");
    let mut seen = 0;
    for case in fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let Ok(expected) = fs::read_to_string(case.join("fixed.diff")) else {
            continue;
        };
        seen += 1;
        let input = fs::read_dir(&case).unwrap();
        let mut input = input.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let input = input.find(|name| name.starts_with("input")).unwrap();
        let command = if input.ends_with(".cfg") {
            "lint"
        } else {
            "check"
        };
        let output = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"))
            .current_dir(&case)
            .args([command, "--fix", &input])
            .output()
            .unwrap();
        assert_eq!(stdout(&output), expected, "{}", case.display());
    }
    assert!(seen > 20);
}
