//! Inventories of the original role: ours mean to xl what the original's files meant, but
//! for the fixes that are named here and in `docs/migrating-from-the-role.md`.
//!
//! `ORG-NAME.xl.json` is what xl 4.17 made of the original's file. `report.txt` and
//! `differences.txt` are ours to refresh; the JSON never is.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use support::judges::XlVerdict;
use support::{cases, compile_files, expect, finish, inputs, judges, name};
use xen_vman_core::diag::text::{Colour, render as render_text};
use xen_vman_core::diag::{FieldPath, Segment, Severity};
use xen_vman_core::render::render;
use xen_vman_core::{Assets, Compiled, Templates};

/// A difference that is wanted: what it is called in the migration document, and which
/// values it changes.
struct Fix {
    name: &'static str,
    is: fn(path: &str, original: &Value, ours: &Value) -> bool,
}

const FIXES: &[Fix] = &[
    Fix {
        name: "kernel-pair",
        is: |path, original, ours| {
            path == "b_info.kernel"
                && original == "/boot/vmlinuz-6.1.0-test-amd64"
                && ours == "/etc/xen/vmlinuz"
        },
    },
    Fix {
        name: "cmdline-that-dracut-takes",
        is: |path, original, ours| {
            path == "b_info.cmdline"
                && text(original).starts_with("root=/dev/nfs ")
                && text(ours).starts_with("root=nfs:")
        },
    },
    Fix {
        name: "interface-names",
        is: |path, original, ours| {
            path == "b_info.cmdline"
                && text(original).starts_with("root=/dev/xvda rootfstype=")
                && text(ours) == format!("{} net.ifnames=0", text(original))
        },
    },
    Fix {
        name: "iscsi-port",
        is: |path, original, ours| {
            path.starts_with("disks[")
                && path.ends_with(".pdev_path")
                && text(original).replacen("-iscsi-", ":3260-iscsi-", 1) == text(ours)
        },
    },
    Fix {
        name: "mtu-on-the-vif",
        is: |path, original, _| {
            path.starts_with("nics[") && path.ends_with(".mtu") && original.is_null()
        },
    },
    Fix {
        name: "additional-options-of-a-vm",
        is: |path, original, _| {
            matches!(path, "on_crash") && original.is_null()
                || path == "b_info.max_memkb" && original == 1_048_576
        },
    },
    Fix {
        name: "empty-values",
        is: |path, original, ours| {
            path.starts_with("nics[")
                && ours.is_null()
                && (original == "False" && path.ends_with(".ip")
                    || original == "" && path.ends_with(".bridge"))
        },
    },
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn inventories_of_the_original_mean_the_same() {
    let judges = judges::set_up();
    let mut problems = Vec::new();
    let mut compared = 0;
    for case in cases("role") {
        let compiled = compile_files(&inputs(&case));
        let report = render_text(&compiled.report, &compiled.sources, Colour::None);
        expect(&case.join("report.txt"), &report, &mut problems);
        let Some(judges) = &judges else { continue };
        let mut differences = String::new();
        for verdict in verdicts(judges, &compiled) {
            let domain = name(verdict.file.as_ref())
                .trim_end_matches(".cfg")
                .to_owned();
            let Ok(original) = fs::read_to_string(case.join(format!("{domain}.xl.json"))) else {
                continue;
            };
            compared += 1;
            let mut original: Value = serde_json::from_str(&original).unwrap();
            let mut ours = verdict.config;
            remove_uuid(&mut original);
            remove_uuid(&mut ours);
            let mut found = Vec::new();
            compare("", &original, &ours, &mut found);
            for (path, original, ours) in found {
                match FIXES.iter().find(|fix| (fix.is)(&path, &original, &ours)) {
                    Some(fix) => writeln!(
                        differences,
                        "{domain} {path} ({}): {original} -> {ours}",
                        fix.name
                    )
                    .unwrap(),
                    None => problems.push(format!(
                        "{}: {domain}: {path} was {original}, is {ours}",
                        name(&case)
                    )),
                }
            }
        }
        expect(&case.join("differences.txt"), &differences, &mut problems);
    }
    assert!(
        judges.is_none() || compared > 40,
        "only {compared} VMs compared"
    );
    finish(&problems);
}

/// What xl says of the VMs that no error is about.
fn verdicts(judges: &std::path::Path, compiled: &Compiled) -> Vec<XlVerdict> {
    let dir = tempfile::tempdir().unwrap();
    let output = render(
        &compiled.resolved,
        &Templates::embedded(),
        &Assets::default(),
    )
    .unwrap();
    let is_wrong = |number: u32| {
        let path = FieldPath::root().key("vms").index(number as usize);
        compiled.report.iter().any(|d| {
            d.severity == Severity::Error && starts_with(d.path.segments(), path.segments())
        })
    };
    let mut files = Vec::new();
    for vm in compiled
        .resolved
        .vms
        .iter()
        .filter(|vm| !is_wrong(vm.number))
    {
        let file = output
            .host_file(&format!("/etc/xen/vms/{}.cfg", vm.domain))
            .unwrap();
        let path = dir.path().join(format!("{}.cfg", vm.domain));
        fs::write(&path, &file.content).unwrap();
        files.push(path);
    }
    if files.is_empty() {
        return Vec::new();
    }
    let verdicts = judges::xl(judges, &files);
    for verdict in &verdicts {
        assert!(
            verdict.objections.is_empty(),
            "{}: {:?}",
            verdict.file,
            verdict.objections
        );
    }
    verdicts
}

fn starts_with(path: &[Segment], start: &[Segment]) -> bool {
    path.starts_with(start)
}

/// The original has none, so that xl makes up another one at each start; ours are stable.
fn remove_uuid(config: &mut Value) {
    if let Some(info) = config.get_mut("c_info").and_then(Value::as_object_mut) {
        info.remove("uuid");
    }
}

/// Every path at which two values differ; a key that is not there is null.
fn compare(path: &str, original: &Value, ours: &Value, found: &mut Vec<(String, Value, Value)>) {
    match (original, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(
                    &path,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let path = format!("{path}[{index}]");
                compare(
                    &path,
                    a.get(index).unwrap_or(&Value::Null),
                    b.get(index).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        _ if original != ours => found.push((path.to_owned(), original.clone(), ours.clone())),
        _ => {}
    }
}

#[test]
fn every_fix_is_in_the_migration_document() {
    let document =
        fs::read_to_string(support::crate_dir().join("../docs/migrating-from-the-role.md"))
            .unwrap();
    for fix in FIXES {
        assert!(
            document.contains(&format!("`{}`", fix.name)),
            "`{}` is not in the document",
            fix.name
        );
    }
}
