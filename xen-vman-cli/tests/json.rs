//! `--json`: standard output is always JSON.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;
use support::{code, example, stderr, stdout, text, xen_vman as run};

/// A definition with a problem.
fn case(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let case = root.join("xen-vman-core/tests/cases/bad").join(name);
    text(&case.join("input.toml")).to_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn whatever_is_shown_is_shown_as_json_too() {
    let dir = tempfile::tempdir().unwrap();
    let (root, out) = (text(dir.path()), dir.path().join("out"));
    let cfg = dir.path().join("web.cfg");
    fs::write(&cfg, "name = \"web\"\nbootloader = \"pygrub\"\n").unwrap();
    let file = example();
    let file = text(&file);
    for (arguments, pointer) in [
        (&["render", file, "--out", text(&out)][..], "/written"),
        (&["check", file], ""),
        (&["lint", text(&cfg)], ""),
        (&["plan", file, "--root", root], "/actions/0/sentence"),
        (&["explain", "stuvus-web01", "--file", file], "/0/key"),
        (
            &["explain", "stuvus-web01", "verw-win", "--diff", "-f", file],
            "/0/stuvus-web01",
        ),
        (&["status", "--file", file, "--root", root], "/vms/0/domain"),
        (
            &["doctor", "--file", file, "--root", root],
            "/findings/0/state",
        ),
        (&["facts", "--root", root], ""),
        (&["diagnostics"], "/0/summary"),
        (&["diagnostics", "duplicate-mac"], "/0/explanation"),
    ] {
        let output = run(&[arguments, &["--json"]].concat());
        let shown = json(&output);
        assert!(shown.pointer(pointer).is_some(), "{arguments:?}: {shown:#}");
    }
    for arguments in [
        &["apply", file, "--root", root][..],
        &["rollback", "--root", root],
    ] {
        let output = run(&[arguments, &["--json"]].concat());
        code(&output, 0);
        for line in stdout(&output).lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert!(event["event"].is_string(), "{line}");
        }
    }
}

#[test]
fn the_summary_of_a_render_counts_files() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (example(), dir.path().join("out"));
    let render = || {
        json(&run(&[
            "render",
            text(&file),
            "--json",
            "--out",
            text(&out),
        ]))
    };
    let (first, second) = (render(), render());
    assert_eq!(first["directory"], text(&out));
    assert!(first["written"].as_u64().unwrap() > 50);
    assert_eq!(
        (&first["unchanged"], &first["removed"]),
        (&0.into(), &0.into())
    );
    assert_eq!(
        (&second["unchanged"], &second["written"]),
        (&first["written"], &0.into())
    );
}

#[test]
fn errors_take_the_place_of_the_result() {
    let (dir, wrong) = (tempfile::tempdir().unwrap(), case("duplicate-mac"));
    let (root, out) = (text(dir.path()), dir.path().join("out"));
    for arguments in [
        &["render", &wrong, "--out", text(&out)][..],
        &["check", &wrong],
        &["plan", &wrong, "--root", root],
        &["status", "--file", &wrong, "--root", root],
        &["doctor", "--file", &wrong, "--root", root],
    ] {
        let output = run(&[arguments, &["--json"]].concat());
        code(&output, 1);
        assert_eq!(json(&output)[0]["id"], "duplicate-mac", "{arguments:?}");
        assert!(output.stderr.is_empty());
    }
    // `explain` shows values in spite of errors.
    let output = run(&["explain", "--json", "--file", &wrong]);
    code(&output, 1);
    assert!(json(&output)[0]["key"].is_string());
    assert!(stderr(&output).contains("error[duplicate-mac]"));

    let output = run(&["apply", &wrong, "--root", root, "--json"]);
    code(&output, 1);
    let event = stdout(&output);
    assert_eq!(event.lines().count(), 1);
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(event["event"], "diagnostics");
    assert_eq!(event["diagnostics"][0]["id"], "duplicate-mac");
}

#[test]
fn warnings_do_not_mix_with_the_result() {
    let (dir, risky) = (tempfile::tempdir().unwrap(), case("address-without-prefix"));
    let facts = dir.path().join("facts.toml");
    fs::write(&facts, "").unwrap();
    let out = dir.path().join("out");
    for form in [
        &["--json"][..],
        &["--format", "json"],
        &["--format", "sarif"],
    ] {
        let output = run(&[&["render", &risky, "--out", text(&out)], form].concat());
        code(&output, 0);
        assert!(
            stderr(&output).contains("warning[address-without-prefix]"),
            "{form:?}"
        );
        assert_eq!(output.stdout.is_empty(), form[0] != "--json");
    }
    let output = run(&["plan", &risky, "--root", text(dir.path()), "--json"]);
    code(&output, 0);
    assert!(json(&output)["actions"].is_array());
    assert!(stderr(&output).contains("warning[address-without-prefix]"));
    // The result of `check` and `lint` is the problems themselves.
    let output = run(&["check", &risky, "--json"]);
    assert_eq!(json(&output)[0]["severity"], "warning");
    assert!(output.stderr.is_empty());
}

#[test]
fn two_formats_at_once_are_refused() {
    let file = example();
    for command in ["check", "plan", "apply", "render"] {
        let output = run(&[command, text(&file), "--json", "--format", "short"]);
        code(&output, 2);
        assert!(stderr(&output).contains("cannot be used with"), "{command}");
    }
}
