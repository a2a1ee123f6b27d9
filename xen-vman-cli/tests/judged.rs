//! `apply` before the core's judges: on a host with a real systemd, and with faults injected.
#![allow(clippy::disallowed_methods, reason = "tests run judges")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a skipped judge is reported"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::skipped;

/// Runs one of the core's judges on the command line; it exits with 77 where it cannot run.
fn judge(name: &str, arguments: &[PathBuf]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let judges = here.join("../xen-vman-core/tests/judges");
    let output = Command::new(judges.join(name))
        .arg(env!("CARGO_BIN_EXE_xen-vman-cli"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = said + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) {
        return skipped::judge(said.trim_end());
    }
    println!("{said}");
    assert!(output.status.success(), "{name}:\n{said}");
}

#[test]
fn a_host_with_a_real_systemd_becomes_what_is_defined() {
    judge("host/run.sh", &[]);
}

#[test]
fn a_real_guest_is_installed_through_interruptions_and_failures() {
    if skipped::is_slow_run() {
        // Each needs a fresh host.
        for scenario in ["failing_programs", "failing_calls", "real_debootstrap"] {
            judge("host/run.sh", &[PathBuf::from(scenario)]);
        }
    }
}

#[test]
fn an_apply_survives_kills_and_failing_calls() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut arguments = vec![cases.join("old.toml"), cases.join("new.toml")];
    if std::env::var_os("XEN_VMAN_SLOW").is_none() {
        // Only every tenth point.
        arguments.push("10".into());
    }
    judge("faults/faults.py", &arguments);
}
