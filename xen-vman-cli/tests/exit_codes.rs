//! Every exit code that docs/command-line.md documents can occur, and no other is tested for.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};
use support::{code, example};

/// The commands and their exit codes, from the table in the docs.
fn documented() -> BTreeSet<(String, i32)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/command-line.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let codes = rows.flat_map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let command = cells[0].trim().trim_matches('`').to_owned();
        let digits = cells.last().unwrap().chars().filter(char::is_ascii_digit);
        let codes: Vec<_> = digits.map(|digit| i32::from(digit as u8 - b'0')).collect();
        codes.into_iter().map(move |code| (command.clone(), code))
    });
    codes.collect()
}

/// Exit codes, and a command that yields each in the directory made by [`prepare`].
const CASES: &[(i32, &str)] = &[
    (0, "render good.toml --out out"),
    (1, "render wrong.toml --out out"),
    (2, "render missing.toml --out out"),
    (2, "render good.toml"),
    (0, "plan good.toml --root empty"),
    (0, "plan good.toml --root full"),
    (1, "plan wrong.toml --root empty"),
    (1, "plan wrong.toml --root empty --detailed-exitcode"),
    (1, "plan good.toml --root empty --facts wrong-facts.toml"),
    (2, "plan good.toml --root missing"),
    (3, "plan good.toml --root empty --detailed-exitcode"),
    (0, "plan good.toml --root full --detailed-exitcode"),
    (0, "apply good.toml --root full"),
    (1, "apply wrong.toml --root empty"),
    (2, "apply missing.toml --root empty"),
    (0, "uninstall-host --plan --root full"),
    (2, "uninstall-host --root full"),
    (0, "rollback --root full"),
    (2, "rollback --root empty"),
    (0, "status --file good.toml --root full"),
    (1, "status --file wrong.toml --root full"),
    (2, "status nonesuch --file good.toml --root full"),
    (0, "volumes --file good.toml --root full"),
    (1, "volumes --file wrong.toml --root full"),
    (2, "volumes --file missing.toml --root full"),
    (1, "remove-volume /dev/vg0/x --file wrong.toml --root full"),
    (2, "remove-volume /dev/vg0/x --file good.toml --root full"),
    (1, "restore-volume /dev/vg0/x --file wrong.toml --root full"),
    (2, "restore-volume /dev/vg0/x --file good.toml --root full"),
    (0, "doctor --file nothing.toml --root ready"),
    (1, "doctor --file wrong.toml --root ready"),
    (2, "doctor --file missing.toml --root ready"),
    (3, "doctor --file nothing.toml --root empty"),
    (0, "facts --root empty"),
    (2, "facts --root missing"),
    (0, "check good.toml"),
    (1, "check wrong.toml"),
    (1, "check good.toml --facts wrong-facts.toml"),
    (2, "check missing.toml"),
    (2, "check good.toml --allow nonesuch"),
    (0, "lint good.cfg"),
    (1, "lint wrong.cfg"),
    (2, "lint missing.cfg"),
    (2, "lint"),
    (0, "import good.cfg"),
    (1, "import wrong.cfg"),
    (2, "import missing.cfg"),
    (0, "explain --file good.toml"),
    (1, "explain --file wrong.toml"),
    (2, "explain --file good.toml --key nonesuch"),
    (0, "graph good.toml"),
    (1, "graph wrong.toml"),
    (2, "graph missing.toml"),
    (0, "diagnostics"),
    (2, "diagnostics nonesuch"),
    (0, "convert good.toml"),
    (1, "convert broken.toml"),
    (2, "convert missing.toml"),
    (0, "schema facts"),
    (2, "schema nonesuch"),
    (0, "vif-p2p --main-ip 10.0.0.1 --dev vif1.0 10.0.0.2"),
    (2, "vif-p2p --main-ip 10.0.0.1 --dev vif/1 10.0.0.2"),
    (0, "vifname --prefix web --domain a-web"),
    (2, "vifname --prefix web"),
    (0, "completions bash"),
    (2, "completions nonesuch"),
    (0, "man plan"),
    (2, "man nonesuch"),
];

fn prepare(dir: &Path) {
    for (name, content) in [
        ("nothing.toml", "vms = []\n"),
        ("wrong.toml", "gatway = 1\n"),
        ("wrong-facts.toml", "xl_path = 1\n"),
        ("broken.toml", "= 1\n"),
        ("good.cfg", "name = \"web\"\nbootloader = \"pygrub\"\n"),
        ("wrong.cfg", "name = \"web\"\nmemory = \"much\"\n"),
    ] {
        fs::write(dir.join(name), content).unwrap();
    }
    fs::copy(example(), dir.join("good.toml")).unwrap();
    let scripts = example().parent().unwrap().join("files");
    symlink(scripts, dir.join("files")).unwrap();
    fs::create_dir(dir.join("empty")).unwrap();
    fs::create_dir(dir.join("full")).unwrap();
    code(&in_dir(dir, "apply good.toml --root full"), 0);
    // What `doctor` requires of a host without VMs.
    for program in ["usr/sbin/xl", "usr/bin/dracut"] {
        let program = dir.join("ready").join(program);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn in_dir(dir: &Path, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    let command = command.args(words.split(' ')).current_dir(dir);
    command.output().unwrap()
}

#[test]
fn each_exit_code_of_the_docs_happens_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let mut happened = BTreeSet::new();
    for (expected, words) in CASES {
        let output = in_dir(dir.path(), words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*expected), "{words}: {said}");
        let command = words.split(' ').next().unwrap_or_default();
        happened.insert((command.to_owned(), *expected));
    }
    // There is nothing to remove or to go back to but on a hypervisor: the laboratory has one.
    for command in ["remove-volume", "restore-volume"] {
        happened.insert((command.to_owned(), 0));
    }
    assert_eq!(happened, documented());
}
