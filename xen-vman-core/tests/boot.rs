//! Whether guests reach the server of their root: dracut's own ifup and then the guest's ifupdown
//! set their interfaces up, with real routes, in a world that each case describes.
#![allow(clippy::disallowed_methods, reason = "tests run judges")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use support::{cases, compile_files, inputs, judges, name, skipped};
use xen_vman_core::diag::{Diagnostic, DiagnosticId};
use xen_vman_core::storage::{NfsVolume, RootVolume, Volume};
use xen_vman_core::{Assets, Templates};

/// A guest reaches its server exactly if nothing is reported.
#[test]
fn guests_reach_the_server_of_their_root_or_a_diagnostic_says_that_they_do_not() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let all = cases("boot");
    let verdicts: Vec<_> = std::thread::scope(|scope| {
        let (judges, all) = (&judges, &all);
        let tried: Vec<_> = all
            .iter()
            .map(|case| scope.spawn(|| boot(case, judges)))
            .collect();
        tried.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut problems = Vec::new();
    let mut reached = 0;
    for (case, verdict) in all.iter().zip(verdicts) {
        match (verdict.status, verdict.is_reported) {
            (Some(0), false) => reached += 1,
            (Some(1), true) => {}
            (Some(77), _) => {
                let why = verdict.said.lines().last();
                skipped::judge(why.unwrap_or("it cannot run here"));
                return;
            }
            (_, reported) => {
                let said = &verdict.said;
                problems.push(format!("{}: reported: {reported}\n{said}", name(case)));
            }
        }
    }
    support::finish(&problems);
    assert!(reached > 10, "only {reached} guests reach their server");
}

struct Verdict {
    /// 0 if the server was reached, 1 if not.
    status: Option<i32>,
    said: String,
    /// Whether the definition is said not to reach it.
    is_reported: bool,
}

fn boot(case: &Path, judges: &Path) -> Verdict {
    let compiled = compile_files(&inputs(case));
    let is_reported = |one: &Diagnostic| one.id == DiagnosticId::NfsServerUnreachable;
    let vm = &compiled.resolved.vms[0];
    let RootVolume::Managed(Volume::Nfs(NfsVolume { export, .. })) = &vm.root else {
        panic!("{}: the root is not on NFS", case.display());
    };
    let boot = vm.direct_boot.as_ref().unwrap();
    let output = compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap();
    let mut files = output.guests[0].files.iter();
    let interfaces = files
        .find(|file| file.path == "/etc/network/interfaces")
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("interfaces"), &interfaces.content).unwrap();
    let run = Command::new(support::crate_dir().join("tests/judges/dracut/route.sh"))
        .args([judges, &case.join("world")])
        .arg(export.server_address().unwrap().to_string())
        .arg(boot.cmdline.as_ref().unwrap().as_str())
        .arg(dir.path().join("interfaces"))
        .output()
        .unwrap();
    Verdict {
        status: run.status.code(),
        said: judges::said(&run),
        is_reported: compiled.report.iter().any(is_reported),
    }
}
