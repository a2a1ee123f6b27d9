//! On a terminal of 80 columns, no word is broken by the terminal; elsewhere, a record is a line.
#![allow(clippy::disallowed_methods, reason = "tests run programs")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use support::{code, commands, example, has_program, run, stdout, text, xen_vman};

const CLI: &str = env!("CARGO_BIN_EXE_xen-vman-cli");

/// What a command shows on a terminal of this width: standard output and standard error.
fn shown(arguments: &str, columns: usize) -> String {
    let line = format!("stty columns {columns} rows 24; exec '{CLI}' {arguments}");
    let mut command = Command::new("script");
    command.args(["--quiet", "--command", &line, "/dev/null"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace('\r', "")
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    first
        + &parts
            .map(|part| part.split_once('m').unwrap().1)
            .collect::<String>()
}

/// Everything that is shown on terminals, of a definition that was applied to a directory.
fn examples(root: &Path) -> Vec<String> {
    let (root, definition) = (text(root), example());
    let definition = text(&definition);
    let mut all: Vec<_> = [
        format!("explain --file {definition}"),
        format!("explain stuvus-db01 verw-win --file {definition}"),
        format!("explain --diff stuvus-db01 verw-win --file {definition}"),
        "diagnostics".to_owned(),
        "diagnostics shared-disk".to_owned(),
        "diagnostics start-order-cycle".to_owned(),
        format!("doctor --file {definition} --root {root}"),
        format!("plan {definition} --root {root}"),
        format!("uninstall-host --plan --root {root}"),
        format!("rollback --list --root {root}"),
        format!("plan {definition} --root {root}/etc --steps"),
        "--help".to_owned(),
    ]
    .into();
    all.extend(commands().iter().map(|command| format!("{command} --help")));
    all
}

#[test]
fn lines_break_between_words() {
    if !has_program("script") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    code(&run("apply", &example(), root.path(), &[]), 0);
    for arguments in examples(root.path()) {
        let text = plain(&shown(&arguments, 80));
        for line in text.lines() {
            // What has no blank cannot be broken.
            let has_words = line.trim().contains(' ') && !line.starts_with("    ");
            assert!(
                line.chars().count() <= 80 || !has_words,
                "{arguments}: {line}"
            );
            assert!(
                !line.ends_with(' ') || arguments.contains("--help"),
                "{arguments}: `{line}`"
            );
        }
        // What is shown is the same, but for line breaks and the code's backticks.
        if !arguments.contains("--help") {
            let words: Vec<_> = arguments.split(' ').collect();
            let output = xen_vman(&words);
            let whole = stdout(&output) + &support::stderr(&output);
            let words = |text: &str| -> Vec<String> {
                let text = text.replace(['`', ':'], "");
                text.split_whitespace().map(str::to_owned).collect()
            };
            assert_eq!(words(&text), words(&whole), "{arguments}");
        }
    }
}

#[test]
fn the_status_of_a_vm_is_one_line_or_two() {
    if !has_program("script") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    code(&run("apply", &example(), root.path(), &[]), 0);
    let arguments = format!(
        "status --file {} --root {}",
        text(&example()),
        text(root.path())
    );
    let narrow = shown(&arguments, 80);
    let expected = "\
VM             DEFINED  AT BOOT  RUNNING  INSTALLED  STORAGE
physik-legacy  yes      no       -        -          -
physik-sim     yes      yes      -        no
    10.0.0.5:/tank/vms/physik/sim-root
stuvus-db01    yes      yes      -        no
    /dev/disk/by-path/ip-10.0.0.6:3260-is…017-01.de.example.hv:stuvus-db01-lun-0
stuvus-web01   yes      yes      -        no
    10.0.0.5:/tank/vms/stuvus/web01-root
verw-mail      yes      yes      -        no         10.0.0.5:/tank/vms/verw/mail-root
verw-win       yes      yes      -        -          -
";
    let too_long = |line: &&str| line.chars().count() > 80;
    assert_eq!(narrow.lines().find(too_long), None, "{narrow}");
    let mail =
        "verw-mail      yes      yes      -        no\n    10.0.0.5:/tank/vms/verw/mail-root\n";
    let expected = expected.replace(expected.lines().nth(8).unwrap(), mail.trim_end());
    assert_eq!(narrow, expected);
    // With more room, and elsewhere, it is one line.
    let wide = shown(&arguments, 200);
    let words: Vec<_> = arguments.split(' ').collect();
    assert_eq!(wide, stdout(&xen_vman(&words)));
    assert_eq!(wide.lines().count(), 7);
}

#[test]
fn without_a_terminal_a_record_is_a_line() {
    let listed = stdout(&xen_vman(&["diagnostics"]));
    let ids = xen_vman_core::diag::DiagnosticId::ALL;
    assert_eq!(listed.lines().count(), ids.len());
    // Severities are a column, too.
    assert!(
        listed
            .lines()
            .all(|line| line.as_bytes()[8] == b' ' && line.as_bytes()[9] != b' ')
    );
    let explained = stdout(&xen_vman(&["diagnostics", "shared-disk"]));
    assert!(!explained.contains('\x1b') && explained.contains("\nWrong:\n\n    nfsroot_base ="));
    assert!(explained.contains("`/dev/vg0/data`"));
    let bright = stdout(&xen_vman(&[
        "--color",
        "always",
        "diagnostics",
        "shared-disk",
    ]));
    assert!(
        bright.contains("\x1b[1mWrong\x1b[0m") && !bright.contains('`'),
        "{bright}"
    );
}
