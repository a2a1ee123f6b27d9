//! Laws of plans, on directories that stand for hosts, and on a host in memory.
#![cfg(feature = "host")]
#![allow(clippy::disallowed_methods, reason = "tests look at directories")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use support::strategy::definition;
use xen_vman_core::command::Command;
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::{
    Applied, Event, Files, GuestRoot, Host as _, HostDir, HostError, Options, Watcher, apply,
    generations, observe, plan, rollback,
};
use xen_vman_core::install::refusal_path;
use xen_vman_core::plan::{Access, Entry, FileOwner, Installed, Plan, status};
use xen_vman_core::values::DomainName;
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

struct Silent;

impl Watcher for Silent {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

fn options(prune: bool) -> Options<'static> {
    Options {
        prune,
        definition: "host.toml".to_owned(),
        preflight: None,
    }
}

fn rendered(text: &str) -> Option<Output> {
    let source = Source::new("host.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    let fine = !compiled.report.has_errors();
    let (templates, assets) = (Templates::embedded(), Assets::default());
    fine.then(|| compiled.render(&templates, &assets).unwrap())
}

/// What failed, as it is said.
fn failures(applied: &Applied) -> Vec<String> {
    let failures = applied.failures.iter();
    failures.map(|(_, error)| error.to_string()).collect()
}

/// What is to be done, as it is said.
fn sentences(plan: &Plan) -> Vec<String> {
    plan.actions.iter().map(ToString::to_string).collect()
}

/// When everything below a directory was changed, and where it lies on the disk.
fn times(dir: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                left.push(path.clone());
            }
            found.insert(
                path,
                (
                    meta.ino(),
                    meta.mtime(),
                    meta.mtime_nsec(),
                    meta.ctime_nsec(),
                ),
            );
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_an_apply_nothing_is_to_be_done(
        definitions in proptest::collection::vec(definition(), 1..3),
    ) {
        let (root, dir) = directory();
        for table in definitions {
            let Some(output) = rendered(&table.to_string()) else { continue };
            let applied = apply(&dir, &output, &options(true), &mut Silent).unwrap();
            prop_assert!(applied.failures.is_empty());
            let before = times(root.path());
            prop_assert!(plan(&dir, &output, true).unwrap().is_empty());
            let again = apply(&dir, &output, &options(true), &mut Silent).unwrap();
            prop_assert!(again.plan.is_empty() && again.generation.is_none());
            prop_assert_eq!(before, times(root.path()));
        }
    }
}

/// A host without VMs, whose vifs have a bridge.
const BRIDGED: &str = "vms = []\n[defaults]\nnetwork_bridge = \"br0\"\n";
const XL_CONF: &str = "/etc/xen/xl.conf";

/// A host in a directory of its own.
fn directory() -> (tempfile::TempDir, HostDir) {
    let root = tempfile::tempdir().unwrap();
    let dir = HostDir::open(root.path()).unwrap();
    (root, dir)
}

fn read(dir: &HostDir, path: &str) -> Option<Entry> {
    dir.entry(path).unwrap()
}

/// Edits a file while an apply works, which may take minutes between looking and writing.
struct Editor<'d>(&'d HostDir, &'static str);

impl Watcher for Editor<'_> {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        let edited = Entry::file(0o644, "# edited by hand\n");
        self.0
            .put(self.1, &edited)
            .map_err(|error| error.to_string())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

#[test]
fn a_file_that_is_edited_while_apply_works_is_reported_and_kept() {
    let output = rendered(BRIDGED).unwrap();
    for path in [XL_CONF, "/usr/local/lib/xen-vman/vm-root"] {
        let (_root, dir) = directory();
        let applied = apply(&dir, &output, &options(false), &mut Editor(&dir, path));
        let error = applied.unwrap_err();
        assert!(
            matches!(&error, HostError::ChangedMeanwhile { path: found } if found == path),
            "{error}"
        );
        let kept = read(&dir, path);
        assert_eq!(kept, Some(Entry::file(0o644, "# edited by hand\n")));
        apply(&dir, &output, &options(false), &mut Silent).unwrap();
        assert!(plan(&dir, &output, false).unwrap().is_empty());
    }
}

#[test]
fn what_nobody_defined_in_xl_conf_stays() {
    let (_root, dir) = directory();
    let theirs = "vif.default.script=\"vif-openvswitch\"\nvif.default.bridge=\"ovs0\"\n";
    dir.put(XL_CONF, &Entry::file(0o640, theirs)).unwrap();
    apply(
        &dir,
        &rendered("vms = []").unwrap(),
        &options(true),
        &mut Silent,
    )
    .unwrap();
    assert_eq!(read(&dir, XL_CONF), Some(Entry::file(0o640, theirs)));
    apply(
        &dir,
        &rendered(BRIDGED).unwrap(),
        &options(true),
        &mut Silent,
    )
    .unwrap();
    let ours = theirs.replace("ovs0", "br0");
    assert_eq!(read(&dir, XL_CONF), Some(Entry::file(0o640, ours.clone())));
    // Once nobody defines it any more, it is the administrator's again.
    apply(
        &dir,
        &rendered("vms = []").unwrap(),
        &options(true),
        &mut Silent,
    )
    .unwrap();
    assert_eq!(read(&dir, XL_CONF), Some(Entry::file(0o640, ours)));
}

/// An access control list (version 2) that gives user 65534 all rights.
fn acl() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, u32::MAX),
        (0x02, 7, 65534),
        (0x04, 4, u32::MAX),
        (0x10, 7, u32::MAX),
        (0x20, 4, u32::MAX),
    ];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(rights.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

/// Whether this process may give files away, which the tests of owners need.
fn is_root(path: &Path) -> bool {
    let is_root = path.metadata().unwrap().uid() == 0;
    if !is_root {
        println!("skipped: only root can give files away");
    }
    is_root
}

#[test]
fn owners_and_access_lists_of_our_files_are_put_right() {
    let (root, dir) = directory();
    if !is_root(root.path()) {
        return;
    }

    let output = rendered(BRIDGED).unwrap();
    apply(&dir, &output, &options(false), &mut Silent).unwrap();
    let path = "/usr/local/lib/xen-vman/vm-root";
    let Some(Entry::File { access, content }) = read(&dir, path) else {
        panic!("it was written")
    };
    let nobody = FileOwner {
        user: 65534,
        group: 0,
    };
    let given_away = Access {
        owner: nobody,
        ..access.clone()
    };
    let shared = Access {
        acl: Some(acl()),
        mode: 0o674,
        ..access.clone()
    };
    for (wrong, sentence) in [
        (given_away, "set the owner to 0:0"),
        (
            shared,
            "set the permissions to 0755, the access control list",
        ),
    ] {
        let entry = Entry::File {
            access: wrong,
            content: content.clone(),
        };
        dir.put(path, &entry).unwrap();
        assert_eq!(read(&dir, path).as_ref(), Some(&entry));
        let found = plan(&dir, &output, false).unwrap();
        let [action] = found.actions.as_slice() else {
            panic!("{:?}", found.actions)
        };
        assert_eq!(
            action.change.to_string(),
            format!("change {path}: {sentence}")
        );
        apply(&dir, &output, &options(false), &mut Silent).unwrap();
        let right = Entry::File {
            access: access.clone(),
            content: content.clone(),
        };
        assert_eq!(read(&dir, path), Some(right));
        // Rollback gives back what was there, and that includes who owns it.
        rollback(&dir, None, &mut Silent).unwrap();
        assert_eq!(read(&dir, path), Some(entry));
        apply(&dir, &output, &options(false), &mut Silent).unwrap();
    }
}

#[test]
fn the_owner_and_the_access_list_of_xl_conf_are_kept() {
    let (root, dir) = directory();
    if !is_root(root.path()) {
        return;
    }

    let access = Access {
        owner: FileOwner { user: 0, group: 4 },
        mode: 0o674,
        acl: Some(acl()),
    };
    let theirs = Entry::File {
        access: access.clone(),
        content: b"autoballoon=\"off\"\n".to_vec(),
    };
    dir.put(XL_CONF, &theirs).unwrap();
    apply(
        &dir,
        &rendered(BRIDGED).unwrap(),
        &options(false),
        &mut Silent,
    )
    .unwrap();
    let Some(Entry::File { access: found, .. }) = read(&dir, XL_CONF) else {
        panic!("it is there")
    };
    assert_eq!(found, access);
    rollback(&dir, None, &mut Silent).unwrap();
    assert_eq!(read(&dir, XL_CONF), Some(theirs));
}

/// A VM on one root of a host in memory.
fn vm(storage: &str) -> String {
    format!(
        "nfsroot_base = \"10.0.0.5:/tank\"\niscsi_server = \"10.0.0.6\"\n\
         iscsi_base_wwn = \"iqn.2017-01.de.example\"\n[[vms]]\norg = \"a\"\nname = \"web\"\n\
         os = {{ type = \"debian\", version = \"12\" }}\n\
         interfaces = [{{ ip = \"10.0.0.9/24\" }}]\nstorage_type = \"{storage}\"\n"
    )
}

/// A host on which the VM is installed and runs.
fn host_with_vm(storage: &str) -> MemoryHost {
    let host = MemoryHost::dom0();
    for storage in ["nfs", "iscsi"] {
        let location = rendered(&vm(storage)).unwrap().installs[0]
            .root
            .volume
            .location();
        let mut state = host.state();
        state
            .volumes
            .insert(location.to_string(), Content::default());
    }
    let output = rendered(&vm(storage)).unwrap();
    let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert!(host.state().domains.contains("a-web"));
    host
}

#[test]
fn a_running_vm_that_moves_is_not_taken_for_installed_there() {
    let host = host_with_vm("nfs");
    let moved = rendered(&vm("iscsi")).unwrap();
    let found = plan(&host, &moved, false).unwrap();
    let sentences = sentences(&found);
    let says = "; its old root 10.0.0.5:/tank/a/web-root stays as it is, and nothing is copied";
    assert!(
        sentences.iter().any(|one| one.contains(says)),
        "{sentences:?}"
    );
    let applied = apply(&host, &moved, &options(false), &mut Silent).unwrap();
    let failures = failures(&applied);
    assert!(failures[0].contains("the VM is running"), "{failures:?}");
    let observed = observe(&host, &moved).unwrap();
    assert_eq!(status(&moved, &observed)[0].installed, Installed::No);
    // Once it is shut down, the next apply installs it.
    host.state().domains.clear();
    let applied = apply(&host, &moved, &options(false), &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    let observed = observe(&host, &moved).unwrap();
    assert_eq!(status(&moved, &observed)[0].installed, Installed::Yes);
    let old = host.state().volumes["10.0.0.5:/tank/a/web-root"].clone();
    assert!(old.files.contains_key("/etc/os-release"));
}

#[test]
fn a_token_that_was_used_is_no_consent_for_another_root() {
    let with_token = |storage| rendered(&format!("{}reinstall = \"r1\"\n", vm(storage))).unwrap();
    let host = host_with_vm("nfs");
    let consent = apply(&host, &with_token("nfs"), &options(false), &mut Silent).unwrap();
    assert!(consent.failures.is_empty(), "{:?}", consent.failures);
    host.state().domains.clear();
    let moved = with_token("iscsi");
    let location = moved.installs[0].root.volume.location().to_string();
    let theirs = Content {
        is_raw: true,
        ..Content::default()
    };
    host.state()
        .volumes
        .insert(location.clone(), theirs.clone());
    let found = plan(&host, &moved, false).unwrap();
    assert_eq!(found.destroyed().count(), 0);
    let applied = apply(&host, &moved, &options(false), &mut Silent).unwrap();
    assert!(!applied.failures.is_empty());
    assert_eq!(host.state().volumes[&location], theirs);
    host.state().volumes.insert(location, Content::default());
    let applied = apply(&host, &moved, &options(false), &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert!(plan(&host, &moved, false).unwrap().is_empty());
}

#[test]
fn an_export_with_nothing_but_snapshots_of_the_server_is_empty() {
    let host = MemoryHost::dom0();
    let output = rendered(&vm("nfs")).unwrap();
    let location = output.installs[0].root.volume.location().to_string();
    let snapshot = Entry::file(0o644, "of the server");
    let content = Content {
        files: BTreeMap::from([("/.snapshot/daily/file".to_owned(), snapshot)]),
        ..Content::default()
    };
    host.state().volumes.insert(location, content);
    let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
}

#[test]
fn a_root_in_use_is_left_alone_with_consent_too() {
    for definition in [vm("nfs"), format!("{}reinstall = \"r1\"\n", vm("nfs"))] {
        let host = MemoryHost::dom0();
        let output = rendered(&definition).unwrap();
        let location = output.installs[0].root.volume.location().to_string();
        let used = Content {
            users: vec!["process 4711 (bash)".to_owned()],
            ..Content::default()
        };
        host.state().volumes.insert(location.clone(), used.clone());
        let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
        let error = applied.failures[0].1.to_string();
        assert!(
            error.contains("is in use on this host by process 4711 (bash)"),
            "{error}"
        );
        assert_eq!(host.state().volumes[&location], used);
    }
}

#[test]
fn a_rollback_that_was_interrupted_goes_on_in_its_direction() {
    let host = MemoryHost::dom0();
    let outputs = ["one", "two", "three"]
        .map(|header| rendered(&format!("vms = []\nheader = \"{header}\"\n")).unwrap());
    for output in &outputs {
        apply(&host, output, &options(false), &mut Silent).unwrap();
    }
    // It fails at each of its calls, and is called again as its error says.
    let before = host.state().clone();
    let mut interrupted = 0;
    for calls in 0.. {
        *host.state() = before.clone();
        host.state().calls_left = Some(calls);
        let first = rollback(&host, None, &mut Silent);
        host.state().calls_left = None;
        if first.is_ok() {
            break;
        }
        interrupted += 1;
        match rollback(&host, None, &mut Silent) {
            // It had not begun, and nothing says whether that was an apply.
            Err(HostError::ChangedNothing { further, .. }) => {
                rollback(&host, further, &mut Silent).unwrap()
            }
            again => again.unwrap(),
        };
        for file in &outputs[1].host {
            let entry = Entry::file(file.mode, file.content.clone());
            assert_eq!(
                host.state().entries.get(&file.path),
                Some(&entry),
                "after {calls} calls"
            );
        }
    }
    assert!(interrupted > 5, "{interrupted}");
}

#[test]
fn a_vm_that_was_renamed_gets_its_root_once_the_old_one_has_stopped() {
    let host = host_with_vm("nfs");
    let renamed = rendered(&format!("{}domain = \"web\"\n", vm("nfs"))).unwrap();
    let location = renamed.installs[0].root.volume.location().to_string();
    let before = host.state().volumes[&location].clone();
    let found = plan(&host, &renamed, false).unwrap();
    let sentences = sentences(&found);
    let says = "record web on 10.0.0.5:/tank/a/web-root as installed: a-web was, which is no longer defined";
    assert!(
        sentences.iter().any(|one| one.starts_with(says)),
        "{sentences:?}"
    );
    // The old one runs: the new one is neither recorded nor enabled nor started.
    let link = "/etc/systemd/system/multi-user.target.wants/vm@web.service";
    let applied = apply(&host, &renamed, &options(false), &mut Silent).unwrap();
    let failures = failures(&applied);
    assert!(failures[0].contains("which still runs"), "{failures:?}");
    assert_eq!(host.state().domains, BTreeSet::from(["a-web".to_owned()]));
    assert!(!host.state().entries.contains_key(link));
    // With `prune`, it is stopped first.
    let applied = apply(&host, &renamed, &options(true), &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert!(host.state().entries.contains_key(link));
    let observed = observe(&host, &renamed).unwrap();
    assert_eq!(status(&renamed, &observed)[0].installed, Installed::Yes);
    assert_eq!(host.state().volumes[&location], before);
    assert!(host.state().erased.is_empty());
    assert!(plan(&host, &renamed, false).unwrap().is_empty());
}

#[test]
fn a_vm_whose_root_was_refused_is_neither_started_nor_enabled() {
    let host = MemoryHost::dom0();
    let output = rendered(&vm("nfs")).unwrap();
    let location = output.installs[0].root.volume.location().to_string();
    let thesis = Entry::file(0o600, "years of work");
    let content = Content {
        files: BTreeMap::from([("/thesis".to_owned(), thesis)]),
        ..Content::default()
    };
    host.state()
        .volumes
        .insert(location.clone(), content.clone());
    let link = "/etc/systemd/system/multi-user.target.wants/vm@a-web.service";
    let domain = output.installs[0].root.key.clone();
    for _ in 0..2 {
        let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
        assert_eq!(applied.failures.len(), 3, "{:?}", applied.failures);
        assert!(!host.state().entries.contains_key(link));
        assert!(host.state().domains.is_empty());
        assert_eq!(host.state().volumes[&location], content);
        // vm-domain looks at this file before each start.
        assert!(host.state().entries.contains_key(&refusal_path(&domain)));
    }
    let by_hand = rendered(&format!("{}auto_install = false\n", vm("nfs"))).unwrap();
    apply(&host, &by_hand, &options(false), &mut Silent).unwrap();
    assert!(!host.state().entries.contains_key(&refusal_path(&domain)));
    apply(&host, &output, &options(false), &mut Silent).unwrap();
    host.state().volumes.insert(location, Content::default());
    let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert!(host.state().entries.contains_key(link));
    assert!(host.state().domains.contains("a-web"));
    assert!(!host.state().entries.contains_key(&refusal_path(&domain)));
}

#[test]
fn a_rollback_names_the_vms_that_run_with_other_settings() {
    let host = host_with_vm("nfs");
    let more = rendered(&format!("{}memory = 4096\n", vm("nfs"))).unwrap();
    apply(&host, &more, &options(false), &mut Silent).unwrap();
    // It is restarted with the new settings, which are then rolled back.
    let config = host.state().entries["/etc/xen/vms/a-web.cfg"].clone();
    let running = "/run/xen-vman/domains/a-web/config".to_owned();
    host.state().entries.insert(running, config);
    let applied = rollback(&host, None, &mut Silent).unwrap();
    let named: Vec<_> = applied
        .plan
        .pending_restarts
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(named, ["a-web"]);
}

#[test]
fn an_apply_that_changed_nothing_is_not_what_a_rollback_takes_back() {
    let host = MemoryHost::dom0();
    let bridged = rendered(BRIDGED).unwrap();
    apply(
        &host,
        &rendered("vms = []").unwrap(),
        &options(false),
        &mut Silent,
    )
    .unwrap();
    let good = host.state().entries.clone();
    // Its first change fails, after what it is to replace was kept.
    let mut calls = 0;
    while generations(&host).unwrap().len() < 2 {
        host.state().calls_left = Some(calls);
        apply(&host, &bridged, &options(false), &mut Silent).unwrap_err();
        calls += 1;
    }
    host.state().calls_left = None;
    let error = rollback(&host, None, &mut Silent).unwrap_err();
    let HostError::ChangedNothing { number: 2, further } = error else {
        panic!("{error}")
    };
    assert_eq!(further, Some(0));
    assert_eq!(host.state().entries[XL], good[XL]);
    rollback(&host, further, &mut Silent).unwrap();
    assert!(!host.state().entries.contains_key(XL));
}

#[test]
fn a_damaged_record_stops_its_vm_alone() {
    let host = host_with_vm("nfs");
    let record = "/var/lib/xen-vman/guests/a-web.installed".to_owned();
    let damaged = Entry::file(0o600, "{ \"is_finished\": tr");
    host.state().entries.insert(record.clone(), damaged.clone());
    let two = vm("nfs")
        + &vm("nfs")[vm("nfs").find("[[vms]]").unwrap()..]
            .replace("web", "db")
            .replace("0.9", "0.8");
    let output = rendered(&two).unwrap();
    let location = output.installs[1].root.volume.location().to_string();
    host.state().volumes.insert(location, Content::default());
    let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
    let failures = failures(&applied);
    assert!(failures[0].contains(&record), "{failures:?}");
    assert!(
        failures.iter().all(|one| one.contains("a-web")),
        "{failures:?}"
    );
    assert!(host.state().domains.contains("a-db"));
    assert_eq!(host.state().entries[&record], damaged);
}

#[test]
fn what_a_killed_apply_has_not_renamed_goes_with_the_next() {
    let (_root, dir) = directory();
    let output = rendered("vms = []").unwrap();
    apply(&dir, &output, &options(false), &mut Silent).unwrap();
    let left = "/usr/local/lib/xen-vman/.vm-gone.xen-vman-new";
    let other = "/usr/local/lib/xen-vman/.vm-gone";
    for path in [left, other] {
        dir.put(path, &Entry::file(0o600, "")).unwrap();
    }
    apply(
        &dir,
        &rendered(BRIDGED).unwrap(),
        &options(false),
        &mut Silent,
    )
    .unwrap();
    assert_eq!(read(&dir, left), None);
    assert!(read(&dir, other).is_some());
}

#[test]
fn old_generations_go_and_the_rest_can_be_rolled_back_to() {
    let (root, dir) = directory();
    let output = |number| {
        let text = format!(
            "vms = []\ngenerations_kept = 3\n[defaults]\nnetwork_bridge = \"br{number}\"\n"
        );
        rendered(&text).unwrap()
    };
    for number in 1..=5 {
        apply(&dir, &output(number), &options(false), &mut Silent).unwrap();
    }
    let numbers = || -> Vec<_> {
        let all = generations(&dir).unwrap().into_iter();
        all.map(|one| one.number).collect()
    };
    assert_eq!(numbers(), [3, 4, 5]);
    assert!(!root.path().join("var/lib/xen-vman/generations/2").exists());
    // Before the first one that is left is what it replaced, and no earlier.
    for gone in [0, 1] {
        let error = rollback(&dir, Some(gone), &mut Silent).unwrap_err();
        assert!(matches!(error, HostError::NoGeneration(_)), "{error}");
    }
    for expected in [4, 3, 2] {
        rollback(&dir, None, &mut Silent).unwrap();
        let Some(Entry::File { content, .. }) = read(&dir, XL_CONF) else {
            panic!("it is there")
        };
        assert_eq!(
            String::from_utf8(content).unwrap(),
            format!("vif.default.bridge=\"br{expected}\"\n")
        );
    }
    let error = rollback(&dir, None, &mut Silent).unwrap_err();
    assert!(matches!(error, HostError::NothingBefore), "{error}");
}

#[test]
fn generations_that_are_too_old_go_but_the_newest() {
    let host = MemoryHost::dom0();
    let output = |number| {
        let text = format!(
            "vms = []\ngenerations_kept_days = 1\n[defaults]\nnetwork_bridge = \"br{number}\"\n"
        );
        rendered(&text).unwrap()
    };
    for number in 1..=3 {
        apply(&host, &output(number), &options(false), &mut Silent).unwrap();
        host.sleep(std::time::Duration::from_secs(60 * 60 * 24 * 2));
    }
    let all = generations(&host).unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].number, 3);
}

/// The most memory that this process has had (`proc_pid_status(5)`).
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() / 1024
}

#[test]
fn only_plain_files_of_limited_size_are_read_from_a_guest() {
    let (root, dir) = directory();
    let files: &dyn GuestRoot = &dir;
    let at = |name: &str| root.path().join(name);
    std::fs::write(at("plain"), "marker").unwrap();
    std::fs::File::create(at("sparse"))
        .unwrap()
        .set_len(3 << 30)
        .unwrap();
    std::os::unix::fs::symlink("plain", at("link")).unwrap();
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        files.content("/plain", 6).unwrap(),
        Some(b"marker".to_vec())
    );
    for name in [
        "plain",
        "sparse",
        "link",
        "loop",
        "socket",
        "pipe",
        "gone",
        "plain/below",
        "loop/below",
    ] {
        let found = files.content(&format!("/{name}"), 5).unwrap();
        assert_eq!(found, None, "{name}");
    }
    // Not even to find out that it is too large.
    assert!(peak_memory_mib() < 1024, "{} MiB", peak_memory_mib());
    assert!(files.is_there("/loop").unwrap() && !files.is_there("/loop/below").unwrap());
    assert!(files.has_other_names("/", &["plain"]).unwrap());
    assert!(!files.has_other_names("/gone", &[]).unwrap());
}

/// A file that every host has.
const XL: &str = "/usr/local/lib/xen-vman/vm-root";

#[test]
fn an_apply_on_a_host_that_is_not_ready_changes_nothing() {
    let host = MemoryHost::dom0();
    let source = Source::new("host.toml", vm("nfs")).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    let output = compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap();
    host.state().entries.remove("/sys/hypervisor/type");
    let before = host.state().entries.clone();
    let options = Options {
        preflight: Some(&compiled.resolved),
        ..options(false)
    };
    let error = apply(&host, &output, &options, &mut Silent).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, HostError::NotReady(_)), "{said}");
    for word in [
        "not running under Xen",
        "debootstrap is not installed",
        "apt-get install nfs-common",
    ] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(host.state().entries, before);
}

#[test]
fn a_vm_that_does_not_stop_keeps_its_files() {
    let vm = "nfsroot_base = \"10.0.0.5:/tank\"\n[[vms]]\norg = \"a\"\nname = \"web\"\n\
              os = { type = \"debian\", version = \"12\" }\ninterfaces = [{ ip = \"10.0.0.9/24\" }]\n\
              auto_install = false\n";
    let host = MemoryHost::dom0();
    apply(&host, &rendered(vm).unwrap(), &options(false), &mut Silent).unwrap();
    host.state().domains.insert("a-web".to_owned());
    host.state().unstoppable.insert("a-web".to_owned());
    let none = rendered("vms = []").unwrap();
    let error = apply(&host, &none, &options(true), &mut Silent).unwrap_err();
    assert!(matches!(error, HostError::StillRuns(_)), "{error}");
    let config = "/etc/xen/vms/a-web.cfg";
    assert!(host.state().entries.contains_key(config));
    host.state().unstoppable.clear();
    apply(&host, &none, &options(true), &mut Silent).unwrap();
    assert!(host.state().domains.is_empty());
    assert!(!host.state().entries.contains_key(config));
}

const CONFIG: &str = "/etc/xen/vms/a-web.cfg";
const RUNNING: &str = "/run/xen-vman/domains/a-web/config";
const CLAIMED: &str = "/run/xen-vman/domains/a-web/claimed";

/// A host on which the unit of the Ansible role has started a VM, from a configuration with other
/// memory.
fn host_of_the_role() -> MemoryHost {
    let host = host_with_vm("nfs");
    let mut state = host.state();
    state
        .entries
        .retain(|path, _| !path.starts_with("/run/xen-vman/domains/"));
    let Some(Entry::File { content, .. }) = state.entries.get_mut(CONFIG) else {
        panic!("there is no {CONFIG}")
    };
    let text = String::from_utf8(content.clone()).unwrap();
    assert!(text.contains("memory = 1024"), "{text}");
    *content = text.replace("memory = 1024", "memory = 512").into_bytes();
    drop(state);
    host
}

#[test]
fn a_vm_that_a_foreign_unit_started_is_taken_over_once() {
    let host = host_of_the_role();
    let old = host.state().entries[CONFIG].clone();
    let output = rendered(&vm("nfs")).unwrap();
    let found = plan(&host, &output, false).unwrap();
    let sentences = sentences(&found);
    let expected = [
        "take over a-web, which keeps running".to_owned(),
        format!("change {CONFIG} [VM needs restart]"),
    ];
    assert_eq!(sentences, expected);
    assert_eq!(found.pending_restarts.len(), 1);
    apply(&host, &output, &options(false), &mut Silent).unwrap();
    let (Entry::File { content, .. }, Entry::File { content: kept, .. }) =
        (old, host.state().entries[RUNNING].clone())
    else {
        panic!("not files")
    };
    assert_eq!(content, kept);
    assert!(host.state().entries.contains_key(CLAIMED));
    let again = plan(&host, &output, false).unwrap();
    assert!(again.is_empty(), "{:?}", again.actions);
    assert_eq!(again.pending_restarts.len(), 1);
    // With the new settings, it is a VM like any other.
    for verb in ["stop", "start"] {
        let argv = ["systemctl", verb, "vm@a-web.service"];
        host.run(&Command::new(argv, 60)).unwrap();
    }
    assert!(
        plan(&host, &output, false)
            .unwrap()
            .pending_restarts
            .is_empty()
    );
}

#[test]
fn a_domain_that_no_unit_started_is_not_taken_over() {
    let host = host_of_the_role();
    host.state().active_units.clear();
    let output = rendered(&vm("nfs")).unwrap();
    apply(&host, &output, &options(false), &mut Silent).unwrap();
    assert!(!host.state().entries.contains_key(RUNNING));
    assert!(!host.state().entries.contains_key(CLAIMED));
}

#[test]
fn a_vm_that_stops_while_a_plan_is_read_is_not_taken_over() {
    struct Slow(MemoryHost);
    impl Watcher for Slow {
        fn approve(&mut self, _: &Plan) -> Result<(), String> {
            self.0.state().domains.clear();
            self.0.state().active_units.clear();
            Ok(())
        }
        fn tell(&mut self, _: Event<'_>) {}
    }
    let host = host_of_the_role();
    let output = rendered(&vm("nfs")).unwrap();
    apply(&host, &output, &options(false), &mut Slow(host.clone())).unwrap();
    assert!(!host.state().entries.contains_key(CLAIMED));
}

#[test]
fn a_session_that_a_foreign_unit_opened_is_taken_over_once() {
    let host = host_with_vm("iscsi");
    let unit = |template: &str| format!("{template}@a-web.service");
    host.state().active_units.insert(unit("vm_iscsi"));
    let output = rendered(&vm("iscsi")).unwrap();
    let found = plan(&host, &output, false).unwrap();
    let expected_session =
        "take over the session of a-web, iqn.2017-01.de.example:a-web, which stays open".to_owned();
    assert_eq!(sentences(&found), std::slice::from_ref(&expected_session));
    apply(&host, &output, &options(false), &mut Silent).unwrap();
    let expected = BTreeSet::from([unit("vm"), unit("vm_iscsi_session")]);
    assert_eq!(host.state().active_units, expected);
    assert!(plan(&host, &output, false).unwrap().is_empty());
    // Without a VM or a mount, it stays as it was asked for, until somebody stops it.
    host.state().active_units = BTreeSet::from([unit("vm_iscsi")]);
    host.state().domains.clear();
    apply(&host, &output, &options(false), &mut Silent).unwrap();
    let expected = BTreeSet::from([unit("vm_iscsi"), unit("vm_iscsi_session")]);
    assert_eq!(host.state().active_units, expected);
    // Neither does it matter who installs the system.
    let other = vm("iscsi").replace("debian", "freebsd") + "cmdline = \"root=/dev/xvda\"\n";
    host.state().active_units = BTreeSet::from([unit("vm"), unit("vm_iscsi")]);
    let found = plan(&host, &rendered(&other).unwrap(), false).unwrap();
    let sentences = sentences(&found);
    assert!(sentences.contains(&expected_session), "{sentences:?}");
    // What it would take with it is not stopped.
    host.state().active_units = BTreeSet::from([unit("vm"), unit("vm_iscsi")]);
    host.state()
        .required_by
        .insert(unit("vm_iscsi"), unit("vm"));
    let applied = apply(&host, &output, &options(false), &mut Silent).unwrap();
    let failures = failures(&applied);
    assert!(
        failures[0].contains("because vm@a-web.service would stop"),
        "{failures:?}"
    );
    assert!(host.state().active_units.contains(&unit("vm_iscsi")));
}

#[test]
fn vms_that_the_role_left_are_named() {
    let host = host_with_vm("iscsi");
    let link = "/etc/systemd/system/multi-user.target.wants/vm@a-old.service";
    let target = Entry::Link("/etc/systemd/system/vm@.service".to_owned());
    host.state().entries.insert(link.to_owned(), target);
    let output = rendered(&vm("iscsi")).unwrap();
    for prune in [false, true] {
        let found = plan(&host, &output, prune).unwrap();
        assert!(found.is_empty(), "{:?}", found.actions);
        let names: Vec<_> = found.undefined_vms.iter().map(DomainName::as_str).collect();
        assert_eq!(names, ["a-old"]);
    }
    let observed = observe(&host, &output).unwrap();
    let all = status(&output, &observed);
    let old = all.iter().find(|vm| vm.domain == "a-old").unwrap();
    assert!(old.is_enabled && !old.is_defined);
    // One that is defined, and one that was, are not among them.
    let none = rendered("vms = []").unwrap();
    let found = plan(&host, &none, false).unwrap();
    assert_eq!(found.undefined_vms.len(), 1);
    assert_eq!(found.orphaned_vms().count(), 1);
}

#[test]
fn files_that_the_role_left_are_named_and_pruned() {
    let host = host_with_vm("iscsi");
    let output = rendered(&vm("iscsi")).unwrap();
    let left = [
        (
            "/etc/xen/scripts/mount_vm.sh",
            "systemctl start \"vm_iscsi@$vm.service\"\n",
        ),
        (
            "/usr/local/bin/xen_vman_global_preparation.sh",
            "ln -sf /etc/xen/initrd.img-$(uname -r) /etc/xen/initrd.img\n",
        ),
        (
            "/etc/xen/vms/.iscsi/a-web",
            "This file indicates that web@a requires an iscsi device to be functional.\n",
        ),
    ];
    // Somebody's own, of a VM that is not defined.
    let own = ("/etc/xen/vms/.iscsi/b-web", left[2].1);
    for (path, text) in left.into_iter().chain([own]) {
        host.state()
            .entries
            .insert(path.to_owned(), Entry::file(0o644, text));
    }
    let found = plan(&host, &output, false).unwrap();
    assert!(found.is_empty(), "{:?}", found.actions);
    let mut paths: Vec<_> = left.iter().map(|(path, _)| *path).collect();
    paths.sort_unstable();
    assert_eq!(found.orphaned_files.keys().collect::<Vec<_>>(), paths);
    assert!(
        found
            .record
            .objects
            .keys()
            .all(|path| !paths.contains(&path.as_str()))
    );
    apply(&host, &output, &options(true), &mut Silent).unwrap();
    for path in paths {
        assert!(!host.state().entries.contains_key(path), "{path}");
    }
    assert!(host.state().entries.contains_key(own.0));
    // What was removed can be restored.
    rollback(&host, None, &mut Silent).unwrap();
    assert_eq!(
        host.state().entries[left[0].0],
        Entry::file(0o644, left[0].1)
    );
    // A script of the same name that does something else is somebody's.
    let other = Entry::file(0o755, "#!/bin/sh\nmount /srv/vm\n");
    host.state().entries.insert(left[0].0.to_owned(), other);
    let found = plan(&host, &output, true).unwrap();
    assert_eq!(found.actions.len(), 2, "{:?}", found.actions);
}
