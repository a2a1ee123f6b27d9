//! What a new storage backend costs: its own file and those in `new_backend/changes.toml`, in a
//! copy of the workspace. Leaving any of them out must not go unnoticed.
#![allow(
    clippy::disallowed_methods,
    reason = "tests copy sources and run cargo"
)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by a panic and says what it skips"
)]

mod support;

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The most files that a new backend may change besides its own, generated ones included.
const FILES_MAX: usize = 6;
/// Files that a test generates (`UPDATE_DOCS=1`) and compares.
const GENERATED: &[&str] = &["docs/variables.md"];
const OWN_FILE: &str = "xen-vman-core/src/storage/drbd.rs";

#[derive(Deserialize)]
struct Changes {
    files: Vec<ChangedFile>,
}

#[derive(Deserialize)]
struct ChangedFile {
    path: String,
    changes: Vec<[String; 2]>,
}

fn changes() -> Vec<ChangedFile> {
    let text = fs::read_to_string(support::crate_dir().join("tests/new_backend/changes.toml"));
    toml::from_str::<Changes>(&text.unwrap()).unwrap().files
}

fn workspace() -> &'static Path {
    support::crate_dir().parent().unwrap()
}

/// A copy of what the library is built from, with its tests but without their cases.
fn copy_of_the_library(into: &Path) {
    let copy = |path: &Path| {
        let to = into.join(path.strip_prefix(workspace()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(path, to).unwrap();
    };
    for folder in ["xen-vman-core/src", "templates", "docs"] {
        for file in support::files_below(&workspace().join(folder)) {
            copy(&file);
        }
    }
    for file in [
        "Cargo.lock",
        "xen-vman-core/Cargo.toml",
        "xen-vman-core/README.md",
        "xen-vman-core/examples/one_vm.rs",
        "xen-vman-core/benches/stages.rs",
        "xen-vman-core/tests/docs.rs",
    ] {
        copy(&workspace().join(file));
    }
    let tests = workspace().join("xen-vman-core/tests/support");
    for file in support::files_below(&tests) {
        copy(&file);
    }
    std::os::unix::fs::symlink("../templates", into.join("xen-vman-core/templates")).unwrap();
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let manifest = manifest.lines().map(|line| match line.split_once(" = ") {
        Some((key @ ("members" | "default-members"), _)) => {
            format!("{key} = [\"xen-vman-core\"]\n")
        }
        _ => format!("{line}\n"),
    });
    fs::write(into.join("Cargo.toml"), manifest.collect::<String>()).unwrap();
}

fn apply(copy: &Path, file: &ChangedFile) {
    let path = copy.join(&file.path);
    let mut text = fs::read_to_string(&path).unwrap();
    for [before, after] in &file.changes {
        assert_eq!(
            text.matches(before.as_str()).count(),
            1,
            "tests/new_backend/changes.toml: `{before}` must be in {} once",
            file.path
        );
        text = text.replacen(before, after, 1);
    }
    fs::write(path, text).unwrap();
}

fn cargo(copy: &Path, arguments: &[&str]) -> Output {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--quiet"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("UPDATE_DOCS")
        .output()
        .unwrap()
}

fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn a_new_backend_is_its_file_and_few_touches_none_of_which_can_be_forgotten() {
    let files = changes();
    assert!(files.len() + GENERATED.len() <= FILES_MAX);
    let temporary = tempfile::tempdir().unwrap();
    let copy: PathBuf = temporary.path().join("workspace");
    copy_of_the_library(&copy);
    fs::copy(
        support::crate_dir().join("tests/new_backend/drbd.rs"),
        copy.join(OWN_FILE),
    )
    .unwrap();
    let before: Vec<_> = files
        .iter()
        .map(|file| fs::read(copy.join(&file.path)).unwrap())
        .collect();
    for file in &files {
        apply(&copy, file);
    }
    let check = ["check", "-p", "xen-vman-core", "--all-features"];
    let checked = cargo(&copy, &check);
    assert!(checked.status.success(), "{}", log(&checked));

    for (file, before) in files.iter().zip(before) {
        let path = copy.join(&file.path);
        let changed = fs::read(&path).unwrap();
        fs::write(&path, before).unwrap();
        let checked = cargo(&copy, &check);
        assert!(!checked.status.success(), "{} can be forgotten", file.path);
        let log = log(&checked);
        assert!(
            log.contains("error[E"),
            "cargo failed for another reason:\n{log}"
        );
        fs::write(&path, changed).unwrap();
    }

    if std::env::var_os("XEN_VMAN_SLOW").is_none() {
        eprintln!("skipped: the tests of the new backend (XEN_VMAN_SLOW=1 runs them)");
        return;
    }
    let tested = cargo(&copy, &["test", "-p", "xen-vman-core", "--lib", "drbd"]);
    assert!(tested.status.success(), "{}", log(&tested));
    let documented = cargo(
        &copy,
        &["test", "-p", "xen-vman-core", "--test", "docs", "variables"],
    );
    let log = log(&documented);
    assert!(
        !documented.status.success(),
        "docs/variables.md can be forgotten"
    );
    assert!(log.contains("UPDATE_DOCS=1"), "{log}");
}
