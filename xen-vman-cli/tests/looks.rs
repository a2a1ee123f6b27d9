//! `status`, `doctor` and `facts` on directories in place of a host.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use support::{code, example, run, times};

fn program(root: &Path, path: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn status_shows_what_is_defined_and_what_was() {
    let root = tempfile::tempdir().unwrap();
    let gone = root.path().join("gone.toml");
    fs::write(
        &gone,
        "[[vms]]\norg = \"a\"\nname = \"gone\"\nstorage_type = \"lvm\"\ndisks = [\"phy:/dev/vg/a,xvda,w\"]\n\
         cmdline = \"root=/dev/xvda\"\nos = { type = \"debian\", version = \"12\" }\n\
         interfaces = [{ ip = \"10.0.0.9/24\" }]\n",
    )
    .unwrap();
    code(&run("apply", &gone, root.path(), &[]), 0);
    code(&run("apply", &example(), root.path(), &[]), 0);
    let before = times(root.path());
    let shown = run("status", &example(), root.path(), &["--json"]);
    code(&shown, 0);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let vms = shown["vms"].as_array().unwrap();
    let of = |name: &str| vms.iter().find(|vm| vm["domain"] == name).unwrap();
    assert_eq!(of("a-gone")["is_defined"], false);
    assert_eq!(of("a-gone")["installed"], "foreign");
    let web = of("stuvus-web01");
    assert_eq!(web["is_enabled"], true);
    assert_eq!(web["is_running"], serde_json::Value::Null);
    assert_eq!(web["installed"], "no");
    let table = run("status", &example(), root.path(), &[]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.lines().count(), vms.len() + 1);
    assert!(table.lines().all(|line| !line.ends_with(' ')), "{table}");
    assert_eq!(times(root.path()), before, "looking touches nothing");
}

#[test]
fn doctor_says_what_is_missing_and_what_is_risky() {
    let root = tempfile::tempdir().unwrap();
    let said = run("doctor", &example(), root.path(), &[]);
    code(&said, 3);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains(
            "MISSING  programs: /usr/sbin/xl is not installed\n         → apt-get install"
        ),
        "{said}"
    );
    for path in [
        "usr/sbin/xl",
        "usr/sbin/iscsiadm",
        "usr/bin/dracut",
        "usr/sbin/debootstrap",
        "usr/bin/bwrap",
        "sbin/mount.nfs",
        "usr/sbin/mkfs.ext4",
        "sbin/mkfs.xfs",
        "sbin/mkfs.btrfs",
    ] {
        program(root.path(), path);
    }
    for name in ["vif-bridge", "vif-route", "vif-nat", "vif-openvswitch"] {
        program(root.path(), &format!("etc/xen/scripts/{name}"));
    }
    program(
        root.path(),
        "etc/systemd/system/multi-user.target.wants/xendomains.service",
    );
    program(root.path(), "etc/default/xendomains");
    fs::write(
        root.path().join("etc/default/xendomains"),
        "XENDOMAINS_SAVE=/var/lib/xen/save\n",
    )
    .unwrap();
    let said = run("doctor", &example(), root.path(), &["--json"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(0), "{text}");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let found = found["findings"].as_array().unwrap();
    assert!(
        found
            .iter()
            .any(|one| one["about"] == "xendomains" && one["state"] == "risky")
    );
}

#[test]
fn facts_are_those_that_check_takes() {
    let root = tempfile::tempdir().unwrap();
    program(root.path(), "usr/local/sbin/xl");
    let facts = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
        let output = command
            .arg("facts")
            .arg("--root")
            .arg(root.path())
            .args(more)
            .output()
            .unwrap();
        code(&output, 0);
        String::from_utf8(output.stdout).unwrap()
    };
    let text = facts(&[]);
    assert_eq!(text, "xl_path = \"/usr/local/sbin/xl\"\n");
    assert_eq!(
        facts(&["--json"]),
        "{\n  \"xl_path\": \"/usr/local/sbin/xl\"\n}\n"
    );
    let file = root.path().join("facts.toml");
    fs::write(&file, text).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    let checked = check.arg("check").arg(example()).arg("--facts").arg(&file);
    let checked = checked
        .arg("--scripts")
        .arg(example().parent().unwrap().join("files"));
    code(&checked.output().unwrap(), 0);
}
