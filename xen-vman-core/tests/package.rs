//! What is published: the packages of the library and of the command line.
#![allow(clippy::disallowed_methods, reason = "tests run cargo")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::process::Command;

/// The most files that a package may have.
const FILES_MAX: usize = 400;

fn files(package: &str) -> Vec<String> {
    let listed = Command::new(env!("CARGO"))
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "-p",
            package,
        ])
        .current_dir(support::crate_dir().parent().unwrap())
        .output()
        .unwrap();
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn packages_hold_their_licences_and_no_tests() {
    for package in ["xen-vman-core", "xen-vman-cli"] {
        let files = files(package);
        assert!(
            files.len() < FILES_MAX,
            "{package} has {} files",
            files.len()
        );
        for needed in ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "Cargo.toml"] {
            assert!(
                files.iter().any(|file| file == needed),
                "{package} lacks {needed}"
            );
        }
        let test = files.iter().find(|file| file.starts_with("tests/"));
        assert_eq!(test, None, "{package} holds a test");
    }
}

/// Templates and catalogue are read at compile time, so they must be part of it.
#[test]
fn the_library_holds_what_it_embeds() {
    let files = files("xen-vman-core");
    for embedded in ["templates/xl/vm.cfg.tera", "src/diag/catalogue/bad-mac.md"] {
        assert!(
            files.iter().any(|file| file == embedded),
            "xen-vman-core lacks {embedded}"
        );
    }
}
