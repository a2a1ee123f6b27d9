//! `graph` prints what the cases of the core expect.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{code, example, fed, has_program, stderr, stdout, text, xen_vman};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xen-vman-core/tests/cases/graph");
    let entries = fs::read_dir(root).unwrap();
    let found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!found.is_empty());
    found
}

/// `graph` on the hosts of a case.
fn graph(case: &Path, more: &[&str]) -> String {
    let entries = fs::read_dir(case).unwrap();
    let mut hosts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    hosts.retain(|path| text(path.file_name().unwrap().as_ref()).starts_with("input"));
    hosts.sort();
    let scripts = example().parent().unwrap().join("files");
    let mut arguments = vec!["graph", "--scripts", text(&scripts)];
    arguments.extend(hosts.iter().map(|path| text(path)));
    arguments.extend(more);
    let output = xen_vman(&arguments);
    code(&output, 0);
    stdout(&output)
}

#[test]
fn graphs_are_those_of_the_cases() {
    for case in cases() {
        for (file, more) in [
            ("expect.dot", &[][..]),
            ("expect.dot", &["--to", "dot"]),
            ("expect.mmd", &["--to", "mermaid"]),
            ("expect.json", &["--json"]),
        ] {
            let expected = fs::read_to_string(case.join(file)).unwrap();
            assert_eq!(graph(&case, more), expected, "{}", case.display());
        }
    }
}

#[test]
fn an_image_is_drawn_by_graphviz() {
    if !has_program("dot") {
        return;
    }
    for case in cases() {
        let svg = graph(&case, &["--to", "svg"]);
        assert!(
            svg.contains("<svg") && svg.trim_end().ends_with("</svg>"),
            "{svg}"
        );
    }
}

#[test]
fn without_graphviz_there_is_advice() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.args(["graph", "--to", "svg"]).arg(example());
    let output = command.env("PATH", "/nonexistent").output().unwrap();
    code(&output, 2);
    let said = stderr(&output);
    assert!(
        said.contains("cannot run `dot`") && said.contains("apt install graphviz"),
        "{said}"
    );
}

#[test]
fn hosts_are_called_after_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("common.yml", "xen_vman_nfsroot_base: 10.0.0.5:/tank\n");
    for path in [
        "hosts/a.yml",
        "hosts/b/one.yml",
        "hosts/b/two.yml",
        "more/a.yml",
    ] {
        write(path, "xen_vman_header: x\n");
    }
    let clusters = |arguments: &[&str]| -> Vec<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
        command.arg("graph").args(arguments).current_dir(dir.path());
        let output = command.output().unwrap();
        code(&output, 0);
        let lines = stdout(&output);
        let labels = lines
            .lines()
            .filter_map(|line| line.trim().strip_prefix("label="));
        labels
            .map(|label| label.trim_matches(['"', ';']).to_owned())
            .collect()
    };
    assert_eq!(clusters(&["hosts/a.yml"]), ["a"]);
    assert_eq!(clusters(&["--common", "common.yml", "hosts"]), ["a", "b"]);
    assert_eq!(
        clusters(&["hosts/a.yml", "more/a.yml"]),
        ["hosts/a", "more/a"]
    );
    let output = fed(&["graph", "-"], "nfsroot_base = \"10.0.0.5:/tank\"\n");
    code(&output, 0);
    assert!(stdout(&output).contains("label=\"stdin\""));
}
