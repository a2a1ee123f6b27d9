//! `plan` and `apply` on directories in place of a host.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use nix::fcntl::{Flock, FlockArg};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use support::{DETAILED, code, command, example, paths, run, times, tree};

const PASSWORD: &str = "correct horse";
/// Removes all that is no longer defined, without asking.
const ALL: [&str; 3] = ["--prune", "--yes", "--remove-all"];

#[test]
fn a_second_apply_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let before = times(root.path());
    code(&run("plan", &example(), root.path(), &DETAILED), 3);
    assert_eq!(times(root.path()), before, "a plan touches nothing");
    code(&run("apply", &example(), root.path(), &[]), 0);
    let after = times(root.path());
    assert!(after.len() > 40);
    let second = run("apply", &example(), root.path(), &[]);
    code(&second, 0);
    assert!(String::from_utf8_lossy(&second.stderr).ends_with("nothing to do\n"));
    assert_eq!(times(root.path()), after);
    code(&run("plan", &example(), root.path(), &DETAILED), 0);
    assert_eq!(times(root.path()), after);
    let link = root
        .path()
        .join("etc/systemd/system/multi-user.target.wants");
    let link = link.join("xen_vman_global_preparation.service");
    let target = "/etc/systemd/system/xen_vman_global_preparation.service";
    assert_eq!(fs::read_link(link).unwrap(), Path::new(target));
}

#[test]
fn an_apply_that_is_killed_is_taken_up_by_the_next() {
    let whole = tempfile::tempdir().unwrap();
    code(&run("apply", &example(), whole.path(), &[]), 0);
    let wanted = tree(whole.path());
    let (mut cut_off, mut partly) = (0, 0);
    for step in 0..60_u64 {
        let root = tempfile::tempdir().unwrap();
        let mut child = command("apply", &example(), root.path(), &[])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(step * 1500));
        // SIGKILL.
        child.kill().unwrap();
        let killed = child.wait().unwrap().code().is_none();
        cut_off += u32::from(killed);
        let found = tree(root.path());
        partly += u32::from(killed && !found.is_empty());
        for (path, entry) in &found {
            // Nothing reads new files before they are renamed.
            let is_new = path.to_string_lossy().ends_with(".xen-vman-new");
            let is_record = path.ends_with("record.json");
            assert!(
                is_new || is_record || wanted.get(path) == Some(entry),
                "{}",
                path.display()
            );
        }
        code(&run("apply", &example(), root.path(), &[]), 0);
        let now = tree(root.path());
        assert_eq!(
            now.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>()
        );
        assert!(now == wanted);
    }
    assert!(cut_off > 5, "{cut_off} of 60 runs were killed in time");
    assert!(partly > 0, "none was killed at work");
}

#[test]
fn two_applies_at_once_name_each_other() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("run/xen-vman")).unwrap();
    let lock = fs::File::create(root.path().join("run/xen-vman/lock")).unwrap();
    let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    let before = times(root.path());
    let refused = run("apply", &example(), root.path(), &[]);
    code(&refused, 2);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let holder = format!(
        "another xen-vman run holds the lock (pid {}:",
        std::process::id()
    );
    assert!(said.contains(&holder), "{said}");
    assert_eq!(times(root.path()), before);
    drop(lock);
    code(&run("apply", &example(), root.path(), &[]), 0);
}

#[test]
fn no_link_leads_out_of_the_root() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(root.path().join("elsewhere/xen")).unwrap();
    symlink(outside.path(), root.path().join("run")).unwrap();
    symlink("/elsewhere", root.path().join("etc")).unwrap();
    let before = times(outside.path());
    // `run` is a link to a path that does not exist below the root.
    code(&run("apply", &example(), root.path(), &[]), 2);
    assert_eq!(times(outside.path()), before);
    fs::remove_file(root.path().join("run")).unwrap();
    code(&run("apply", &example(), root.path(), &[]), 0);
    assert_eq!(times(outside.path()), before);
    assert!(
        root.path()
            .join("elsewhere/xen/vms/stuvus-web01.cfg")
            .is_file()
    );
}

#[test]
fn all_conflicting_paths_are_reported_at_once_and_left() {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("etc/systemd/system");
    fs::create_dir_all(units.join("vm@.service")).unwrap();
    symlink("/dev/null", units.join("vm_mount@.service")).unwrap();
    let before = times(&root.path().join("etc"));
    for verb in ["plan", "apply"] {
        let refused = run(verb, &example(), root.path(), &[]);
        code(&refused, 2);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            said.contains("cannot apply: 2 existing paths conflict"),
            "{said}"
        );
        assert!(
            said.contains("/etc/systemd/system/vm_mount@.service (a symbolic link to /dev/null)")
        );
        assert_eq!(times(&root.path().join("etc")), before);
    }
}

#[test]
fn what_is_no_longer_defined_goes_with_prune_alone() {
    let root = tempfile::tempdir().unwrap();
    code(&run("apply", &example(), root.path(), &[]), 0);
    let all = tree(root.path());
    let empty = root.path().join("empty.toml");
    fs::write(&empty, "vms = []\n").unwrap();
    let kept = run("apply", &empty, root.path(), &[]);
    code(&kept, 0);
    assert!(String::from_utf8_lossy(&kept.stderr).contains("no longer needed"));
    assert!(
        all.keys()
            .all(|path| root.path().join(path).symlink_metadata().is_ok())
    );
    // Neither is done without being told, and all VMs are more than some.
    for (more, said) in [
        (&["--prune", "--yes"][..], "use `--remove-all`"),
        (&["--prune", "--remove-all"], "would stop and remove"),
    ] {
        let before = tree(root.path());
        let refused = run("apply", &empty, root.path(), more);
        code(&refused, 2);
        assert!(String::from_utf8_lossy(&refused.stderr).contains(said));
        assert!(tree(root.path()) == before, "nothing was changed");
    }
    code(&run("apply", &empty, root.path(), &ALL), 0);
    let left = tree(root.path());
    assert!(!left.keys().any(|path| path.ends_with(".cfg")));
    let kept = root.path().join("var/lib/xen-vman/generations");
    let configs = paths(&kept)
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "cfg"))
        .count();
    assert!(configs >= 3, "what is removed is kept");
    let more = [&DETAILED[..], &["--prune"]].concat();
    code(&run("plan", &empty, root.path(), &more), 0);
}

#[test]
fn a_password_is_shown_to_nobody() {
    let root = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    let mut keep = |output: Output| {
        said.extend(output.stdout);
        said.extend(output.stderr);
    };
    keep(run("plan", &example(), root.path(), &["--diff"]));
    keep(run("plan", &example(), root.path(), &["--json"]));
    keep(run("apply", &example(), root.path(), &[]));
    let empty = root.path().join("empty.toml");
    fs::write(&empty, "vms = []\n").unwrap();
    keep(run("plan", &empty, root.path(), &["--prune", "--diff"]));
    keep(run("apply", &empty, root.path(), &ALL));
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("spicepasswd"), "the diff shows the line");
    assert!(!said.contains(PASSWORD));
    let mut private = 0;
    for path in paths(root.path()).iter().filter(|path| path.is_file()) {
        let holds = String::from_utf8_lossy(&fs::read(path).unwrap()).contains(PASSWORD);
        let mode = path.metadata().unwrap().permissions().mode();
        assert!(!holds || mode & 0o7777 == 0o600, "{}", path.display());
        private += usize::from(holds);
    }
    assert_eq!(private, 1, "the one that is kept");
}

#[test]
fn a_vm_that_must_not_start_with_the_host_is_disabled() {
    let root = tempfile::tempdir().unwrap();
    let wants = root
        .path()
        .join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    let enable = |unit: &str| {
        symlink("/etc/systemd/system/vm@.service", wants.join(unit)).unwrap();
    };
    let definition = root.path().join("host.toml");
    let text = fs::read_to_string(example()).unwrap();
    let without = text.replacen("[[vms]]\n", "[[vms]]\nauto_boot = false\n", 1);
    fs::write(&definition, &without).unwrap();
    code(&run("apply", &definition, root.path(), &[]), 0);
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let config = paths(root.path()).into_iter().map(name);
    let units =
        config.filter_map(|name| Some(format!("vm@{}.service", name.strip_suffix(".cfg")?)));
    let disabled: Vec<_> = units
        .filter(|unit| wants.join(unit).symlink_metadata().is_err())
        .collect();
    assert!(!disabled.is_empty());
    enable(&disabled[0]);
    enable("vm@of-somebody.service");
    code(&run("apply", &definition, root.path(), &[]), 0);
    assert!(wants.join(&disabled[0]).symlink_metadata().is_err());
    assert!(
        wants
            .join("vm@of-somebody.service")
            .symlink_metadata()
            .is_ok()
    );
}
