//! `uninstall-host` on directories in place of a host.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::Path;
use support::{code, example, run, stderr, stdout, text, times, tree, xen_vman};

fn uninstall(root: &Path, more: &[&str]) -> std::process::Output {
    xen_vman(&[&["uninstall-host", "--root", text(root)], more].concat())
}

#[test]
fn all_that_apply_brought_goes_and_what_stays_is_named() {
    let root = tempfile::tempdir().unwrap();
    let definition = root.path().join("etc/xen-vman/hypervisor.toml");
    fs::create_dir_all(definition.parent().unwrap()).unwrap();
    fs::copy(example(), &definition).unwrap();
    let mut before = tree(root.path());
    code(&run("apply", &example(), root.path(), &[]), 0);
    let applied = times(root.path());
    // Showing it changes nothing, and neither does a run without consent.
    let planned = uninstall(root.path(), &["--plan"]);
    code(&planned, 0);
    assert!(stdout(&planned).contains("remove /etc/systemd/system/vm@.service"));
    let refused = uninstall(root.path(), &[]);
    code(&refused, 2);
    assert!(stderr(&refused).contains("use `--yes` to confirm"));
    assert_eq!(times(root.path()), applied);
    let done = uninstall(root.path(), &["--yes"]);
    code(&done, 0);
    let said = stderr(&done);
    for stays in [
        format!("{}: your definition", text(&definition)),
        format!("`rm -r {}`", text(&root.path().join("var/lib/xen-vman"))),
        "10.0.0.5:/tank/vms/stuvus/web01-root: the root of stuvus-web01".to_owned(),
        "lun-0: the root of stuvus-db01".to_owned(),
    ] {
        assert!(said.contains(&stays), "{stays}: {said}");
    }
    let mut after = tree(root.path());
    for tree in [&mut before, &mut after] {
        tree.retain(|path, _| !path.starts_with("var/lib/xen-vman") && !path.starts_with("run"));
    }
    assert_eq!(after, before);
    let again = uninstall(root.path(), &["--yes"]);
    code(&again, 0);
    assert!(stderr(&again).starts_with("nothing to do\n"));
    let list = stdout(&xen_vman(&[
        "rollback",
        "--list",
        "--root",
        text(root.path()),
    ]));
    assert!(list.contains("uninstalled: "), "{list}");
    code(&xen_vman(&["rollback", "--root", text(root.path())]), 0);
    assert!(root.path().join("etc/xen/vms/stuvus-web01.cfg").exists());
}

#[test]
fn programs_read_it_as_json() {
    let root = tempfile::tempdir().unwrap();
    code(&run("apply", &example(), root.path(), &[]), 0);
    let planned = uninstall(root.path(), &["--plan", "--json"]);
    let planned: serde_json::Value = serde_json::from_str(&stdout(&planned)).unwrap();
    let roots = &planned["left"]["roots"];
    assert_eq!(
        roots["stuvus-web01"][0],
        "10.0.0.5:/tank/vms/stuvus/web01-root"
    );
    let done = uninstall(root.path(), &["--yes", "--json"]);
    code(&done, 0);
    let events = stdout(&done);
    let events: Vec<serde_json::Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("plan", "left"));
    assert_eq!(events.last().unwrap()["left"], planned["left"]);
    assert_eq!(events[0]["actions"], planned["actions"]);
}
