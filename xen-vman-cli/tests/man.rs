//! Every command has a manual page that groff formats without a warning.
#![allow(clippy::disallowed_methods, reason = "tests run judges")]
#![allow(clippy::print_stderr, reason = "a skipped judge is reported")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{code, commands, has_program, stderr, stdout, text, xen_vman};

/// All pages by their file names.
fn pages(dir: &Path) -> BTreeMap<String, String> {
    code(&xen_vman(&["man", "--out", text(dir)]), 0);
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let page = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(page).collect()
}

#[test]
fn the_program_and_every_command_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let pages = pages(&dir.path().join("new/man1"));
    let mut names = vec!["xen-vman-cli.1".to_owned()];
    names.extend(
        commands()
            .iter()
            .map(|name| format!("xen-vman-cli-{name}.1")),
    );
    names.sort();
    assert_eq!(pages.keys().cloned().collect::<Vec<_>>(), names);
    for command in commands() {
        let one = stdout(&xen_vman(&["man", &command]));
        assert_eq!(one, pages[&format!("xen-vman-cli-{command}.1")]);
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"] {
            assert!(
                one.contains(&format!("\n.SH {section}\n")),
                "{command}: {section}"
            );
        }
    }
    let program = stdout(&xen_vman(&["man"]));
    assert_eq!(program, pages["xen-vman-cli.1"]);
    let sections: Vec<_> = program
        .lines()
        .filter_map(|line| line.strip_prefix(".SH "))
        .collect();
    let expected = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "COMMANDS",
        "\"EXIT STATUS\"",
        "FILES",
        "ENVIRONMENT",
        "EXAMPLES",
        "\"SEE ALSO\"",
    ];
    assert_eq!(sections, expected);
}

#[test]
fn dashes_stay_dashes() {
    let dir = tempfile::tempdir().unwrap();
    for (name, page) in pages(dir.path()) {
        for line in page.lines().filter(|line| !line.starts_with('.')) {
            assert!(!line.replace("\\-", "").contains('-'), "{name}: {line}");
        }
    }
}

#[test]
fn an_unknown_command_has_no_page() {
    let output = xen_vman(&["man", "nonesuch"]);
    code(&output, 2);
    assert!(stderr(&output).contains("no command is called `nonesuch`"));
}

#[test]
fn groff_formats_every_page_without_a_warning() {
    if !has_program("groff") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for name in pages(dir.path()).keys() {
        let mut groff = Command::new("groff");
        groff.args(["-man", "-Tutf8", "-ww"]);
        let output = groff.arg(dir.path().join(name)).output().unwrap();
        let said = stderr(&output);
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
        let shown = stdout(&output);
        assert!(shown.contains("xen-vman-cli"), "{name}: {shown}");
    }
}
