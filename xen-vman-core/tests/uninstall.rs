//! An uninstallation leaves a host as it was before the first apply, but for what is documented.
#![cfg(feature = "host")]
#![allow(clippy::disallowed_methods, reason = "tests look at directories")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use support::files_below;
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::{
    Event, Files, HostDir, Options, Watcher, apply, generations, plan_uninstall, rollback,
    uninstall,
};
use xen_vman_core::plan::{Entry, Plan};
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

struct Silent;

impl Watcher for Silent {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

fn rendered(text: &str) -> Output {
    let source = Source::new("host.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
    let (templates, assets) = (Templates::embedded(), Assets::default());
    compiled.render(&templates, &assets).unwrap()
}

fn applied(host: &dyn xen_vman_core::host::Host, text: &str) {
    let options = Options {
        prune: true,
        definition: "host.toml".to_owned(),
        preflight: None,
    };
    let applied = apply(host, &rendered(text), &options, &mut Silent).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
}

const XL_CONF: &str = "/etc/xen/xl.conf";

/// A host with VMs on both backends, and a bridge.
fn definition(bridge: &str) -> String {
    let mut text = format!(
        "nfsroot_base = \"10.0.0.5:/tank\"\niscsi_server = \"10.0.0.6\"\n\
         iscsi_base_wwn = \"iqn.2017-01.de.example\"\n[defaults]\nnetwork_bridge = \"{bridge}\"\n"
    );
    for (name, storage, ip) in [("web", "nfs", 9), ("db", "iscsi", 10)] {
        let _ = write!(
            text,
            "[[vms]]\norg = \"a\"\nname = \"{name}\"\nstorage_type = \"{storage}\"\nafter = {}\n\
             os = {{ type = \"debian\", version = \"12\" }}\ninterfaces = [{{ ip = \"10.0.0.{ip}/24\" }}]\n",
            if name == "web" { "[\"a-db\"]" } else { "[]" }
        );
    }
    text
}

/// Everything below a directory but what is documented to stay: files with content and mode, links,
/// directories.
fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            let what = if data.is_dir() {
                dirs.push(path.clone());
                "a directory".to_owned()
            } else if data.is_symlink() {
                format!("a link to {}", fs::read_link(&path).unwrap().display())
            } else {
                format!(
                    "{:o} {:?}",
                    data.mode(),
                    String::from_utf8_lossy(&fs::read(&path).unwrap())
                )
            };
            found.insert(path.strip_prefix(root).unwrap().to_owned(), what);
        }
    }
    let stays = |path: &Path| path.starts_with("var/lib/xen-vman") || path.starts_with("run");
    found.retain(|path, _| !stays(path));
    found
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A directory that stands for a host on which others have files, too.
fn host() -> (tempfile::TempDir, HostDir) {
    let root = tempfile::tempdir().unwrap();
    for dir in [
        "var/lib",
        "etc/systemd/system/multi-user.target.wants",
        "etc/kernel/postinst.d",
        "etc/kernel/postrm.d",
        "usr/local/lib",
        "etc/xen/scripts",
    ] {
        fs::create_dir_all(root.path().join(dir)).unwrap();
    }
    write(
        root.path(),
        XL_CONF,
        "# by hand\nvif.default.bridge = \"old\"\nautoballoon=\"off\"\n",
    );
    write(
        root.path(),
        "/etc/systemd/system/vm@.service",
        "# of the Ansible role\n",
    );
    write(
        root.path(),
        "/etc/systemd/system/other.service",
        "# of somebody\n",
    );
    let dir = HostDir::open(root.path()).unwrap();
    (root, dir)
}

#[test]
fn a_host_is_as_before() {
    let (root, dir) = host();
    let before = tree(root.path());
    // Several generations: files are written, changed and removed.
    applied(&dir, &definition("br0"));
    applied(&dir, &definition("br1"));
    applied(
        &dir,
        &definition("br1")
            .replace("\"db\"", "\"mail\"")
            .replace("a-db", "a-mail"),
    );
    assert_ne!(tree(root.path()), before);
    let planned = plan_uninstall(&dir).unwrap();
    let done = uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(planned.plan.to_json(), done.applied.plan.to_json());
    assert_eq!(tree(root.path()), before);
    assert!(done.left.changed_files.is_empty());
    let roots: BTreeSet<_> = done
        .left
        .roots
        .values()
        .flatten()
        .map(String::as_str)
        .collect();
    assert!(roots.contains("10.0.0.5:/tank/a/web-root"), "{roots:?}");
    // Also that of a VM that left the definition.
    assert!(
        roots.iter().any(|root| root.contains("a-db-lun-0")),
        "{roots:?}"
    );
    // Whatever others do now, it has nothing to do with it.
    write(root.path(), XL_CONF, "autoballoon=\"on\"\n");
    let again = uninstall(&dir, &mut Silent).unwrap();
    assert!(again.applied.plan.is_empty() && again.applied.generation.is_none());
    assert_eq!(again.left, done.left);
}

#[test]
fn an_uninstallation_can_be_rolled_back() {
    let (root, dir) = host();
    applied(&dir, &definition("br0"));
    let managed = tree(root.path());
    uninstall(&dir, &mut Silent).unwrap();
    assert_ne!(tree(root.path()), managed);
    assert!(generations(&dir).unwrap().last().unwrap().is_uninstall);
    rollback(&dir, None, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), managed);
    let before = {
        uninstall(&dir, &mut Silent).unwrap();
        tree(root.path())
    };
    // And the host can be managed again, and be uninstalled again.
    applied(&dir, &definition("br2"));
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
}

#[test]
fn what_changed_between_two_uses_of_the_host_is_what_was_before() {
    let (root, dir) = host();
    applied(&dir, &definition("br0"));
    uninstall(&dir, &mut Silent).unwrap();
    write(
        root.path(),
        "/etc/systemd/system/vm@.service",
        "# edited meanwhile\n",
    );
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
}

#[test]
fn only_our_lines_leave_a_file_that_was_edited() {
    let (root, dir) = host();
    applied(&dir, &definition("br0"));
    let conf = |text: &str| write(root.path(), XL_CONF, text);
    conf("# by hand\nvif.default.bridge=\"br0\"\nautoballoon=\"on\"\n");
    let done = uninstall(&dir, &mut Silent).unwrap();
    assert!(done.left.changed_files.is_empty());
    let found = fs::read_to_string(root.path().join("etc/xen/xl.conf")).unwrap();
    assert_eq!(
        found,
        "# by hand\nvif.default.bridge = \"old\"\nautoballoon=\"on\"\n"
    );
    // Our line was edited, too: it is somebody's now.
    applied(&dir, &definition("br0"));
    let edited = "vif.default.bridge=\"mine\"\n";
    conf(edited);
    let done = uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(
        done.left.changed_files,
        BTreeSet::from([XL_CONF.to_owned()])
    );
    let found = fs::read_to_string(root.path().join("etc/xen/xl.conf")).unwrap();
    assert_eq!(found, edited);
}

/// Copies what an apply writes to a host, if its path has one of these in it.
fn brought_before(root: &Path, parts: &[&str]) {
    let (other, dir) = host();
    applied(&dir, &definition("br0"));
    for path in tree(other.path()).into_keys() {
        let (from, to) = (other.path().join(&path), root.join(&path));
        if from.is_dir() || !parts.iter().any(|part| text_of(&path).contains(part)) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&to);
        if from.is_symlink() {
            symlink(fs::read_link(&from).unwrap(), &to).unwrap();
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_was_already_there_before_the_first_apply_stays() {
    for parts in [
        // As the Ansible role leaves it: VMs start with the host.
        &["vm@", "wants/vm", "xl.conf"][..],
        &["usr/local/lib"],
        &["xl.conf"],
        // Nothing is left to do.
        &[""],
    ] {
        let (root, dir) = host();
        brought_before(root.path(), parts);
        let before = tree(root.path());
        applied(&dir, &definition("br0"));
        if parts == [""] {
            assert_eq!(tree(root.path()), before);
            let all = generations(&dir).unwrap();
            assert!(all.iter().all(|one| one.is_done && one.paths.is_empty()));
            assert!(rollback(&dir, None, &mut Silent).is_err());
        } else {
            assert_ne!(tree(root.path()), before);
        }
        applied(&dir, &definition("br1"));
        uninstall(&dir, &mut Silent).unwrap();
        assert_eq!(tree(root.path()), before, "{parts:?}");
    }
}

const RECORD: &str = "var/lib/xen-vman/record.json";

#[test]
fn what_was_before_is_known_even_if_the_record_was_lost() {
    let (root, dir) = host();
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    fs::remove_file(root.path().join(RECORD)).unwrap();
    applied(&dir, &definition("br0"));
    fs::remove_file(root.path().join(RECORD)).unwrap();
    applied(&dir, &definition("br1"));
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
    // A rollback leaves directories.
    let files = || {
        let mut all = tree(root.path());
        all.retain(|_, what| what != "a directory");
        all
    };
    // Rolled back to before the first one: whatever changes then is what was before.
    applied(&dir, &definition("br0"));
    rollback(&dir, Some(0), &mut Silent).unwrap();
    write(root.path(), "/etc/systemd/system/vm@.service", "# mine\n");
    let before = files();
    applied(&dir, &definition("br0"));
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(files(), before);
}

#[test]
fn a_file_stays_if_it_is_not_known_what_was_there_before() {
    type Loss = fn(&Path);
    let unit = "/etc/systemd/system/vm@.service";
    let first = "var/lib/xen-vman/generations/1";
    // Whether all of the generation is lost.
    let losses: [(bool, Loss); 4] = [
        (true, |dir| {
            fs::write(dir.join("manifest.json"), "{").unwrap();
        }),
        (true, |dir| {
            fs::remove_file(dir.join("manifest.json")).unwrap();
        }),
        (false, |dir| fs::remove_dir_all(dir.join("files")).unwrap()),
        (true, |dir| {
            fs::remove_dir_all(dir.join("files")).unwrap();
            fs::write(dir.join("manifest.json"), "").unwrap();
        }),
    ];
    for (is_all, lose) in losses {
        for is_changed_later in [false, true] {
            let (root, dir) = host();
            let others = tree(root.path());
            applied(&dir, &definition("br0"));
            lose(&root.path().join(first));
            if is_changed_later {
                write(root.path(), unit, "# edited\n");
                applied(&dir, &definition("br1"));
            }
            let before = tree(root.path());
            let planned = plan_uninstall(&dir).unwrap();
            let done = uninstall(&dir, &mut Silent).unwrap();
            assert_eq!(planned.left, done.left);
            let after = tree(root.path());
            let unknown = &done.left.unknown_originals;
            assert!(
                unknown.contains(unit) && unknown.contains(XL_CONF),
                "{unknown:?}"
            );
            for path in unknown {
                let path = Path::new(path.trim_start_matches('/'));
                assert_eq!(after.get(path), before.get(path), "{}", path.display());
            }
            if is_all {
                assert_eq!(
                    after.keys().collect::<Vec<_>>(),
                    before.keys().collect::<Vec<_>>()
                );
            } else {
                // What was not there before is known.
                assert_eq!(unknown.len(), 2);
                assert_eq!(
                    after.keys().collect::<Vec<_>>(),
                    others.keys().collect::<Vec<_>>()
                );
            }
        }
    }
}

#[test]
fn a_later_generation_that_is_lost_hides_nothing_that_an_earlier_one_knows() {
    let (root, dir) = host();
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    applied(&dir, &definition("br1"));
    fs::write(
        root.path()
            .join("var/lib/xen-vman/generations/2/manifest.json"),
        "{",
    )
    .unwrap();
    applied(&dir, &definition("br2"));
    let done = uninstall(&dir, &mut Silent).unwrap();
    assert!(done.left.unknown_originals.is_empty(), "{:?}", done.left);
    assert_eq!(tree(root.path()), before);
}

fn edited(root: &Path, edit: impl Fn(&str) -> String) {
    let path = root.join(XL_CONF.trim_start_matches('/'));
    fs::write(&path, edit(&fs::read_to_string(&path).unwrap())).unwrap();
}

#[test]
fn what_was_edited_between_two_applies_stays() {
    type Undo = fn(&HostDir);
    let original = "# by hand\nvif.default.bridge = \"old\"\nautoballoon=\"off\"\n";
    for (before, after) in [
        (Some(original), Some(format!("{original}q=1\n"))),
        (None, Some("q=1\n".to_owned())),
    ] {
        let undos: [Undo; 2] = [
            |dir| {
                let done = uninstall(dir, &mut Silent).unwrap();
                assert!(done.left.changed_files.is_empty());
            },
            |dir| drop(rollback(dir, Some(0), &mut Silent).unwrap()),
        ];
        for undo in undos {
            let (root, dir) = host();
            let conf = root.path().join("etc/xen/xl.conf");
            fs::remove_file(&conf).unwrap();
            if let Some(before) = before {
                write(root.path(), XL_CONF, before);
            }
            applied(&dir, &definition("br0"));
            edited(root.path(), |text| format!("{text}q=1\n"));
            applied(&dir, &definition("br1"));
            undo(&dir);
            assert_eq!(fs::read_to_string(&conf).ok(), after);
        }
    }
}

#[test]
fn a_file_of_settings_goes_if_only_our_lines_are_left() {
    let (root, dir) = host();
    fs::remove_file(root.path().join("etc/xen/xl.conf")).unwrap();
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    edited(root.path(), |text| format!("{text}q=1\n"));
    applied(&dir, &definition("br1"));
    edited(root.path(), |text| text.replace("q=1\n", ""));
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
}

/// Ends a run at its first action that changes a path.
struct EndsAt(&'static str);

impl Watcher for EndsAt {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        Ok(())
    }

    fn tell(&mut self, event: Event<'_>) {
        if let Event::Begins { action, .. } = event
            && action.to_string().contains(self.0)
        {
            resume_unwind(Box::new(()));
        }
    }
}

#[test]
fn an_uninstallation_that_was_interrupted_leaves_no_directory() {
    // The last of what was in a directory goes before the end.
    for at in [XL_CONF, "vm@.service", "xen-vman/vm"] {
        let (root, dir) = host();
        let before = tree(root.path());
        applied(&dir, &definition("br0"));
        let run = || uninstall(&dir, &mut EndsAt(at)).map(drop);
        catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        uninstall(&dir, &mut Silent).unwrap();
        assert_eq!(tree(root.path()), before, "{at}");
    }
}

#[test]
fn an_apply_that_was_interrupted_leaves_no_line() {
    let (root, dir) = host();
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    let output = rendered(&definition("br1"));
    let options = Options::default();
    let run = || apply(&dir, &output, &options, &mut EndsAt(XL_CONF)).map(drop);
    catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    edited(root.path(), |text| {
        assert!(text.contains("br0"));
        text.to_owned()
    });
    let done = uninstall(&dir, &mut Silent).unwrap();
    assert!(done.left.changed_files.is_empty());
    assert_eq!(tree(root.path()), before);
}

#[test]
fn a_file_of_ours_goes_even_if_it_was_edited_and_a_copy_is_kept() {
    let (root, dir) = host();
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    let path = "/etc/xen/vms/a-web.cfg";
    write(root.path(), path, "# edited\n");
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
    let kept = files_below(&root.path().join("var/lib/xen-vman/generations"));
    let mut kept = kept
        .iter()
        .filter(|file| file.ends_with(path.trim_start_matches('/')));
    assert!(kept.any(|file| fs::read_to_string(file).unwrap() == "# edited\n"));
}

#[test]
fn directories_of_others_stay() {
    let (root, dir) = host();
    write(root.path(), "/etc/xen-vman/hypervisor.toml", "vms = []\n");
    write(
        root.path(),
        "/usr/local/lib/xen-vman/notes",
        "of somebody\n",
    );
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
}

#[test]
fn only_files_are_initrds() {
    let (root, dir) = host();
    write(
        root.path(),
        "/etc/xen/initrd.img-old/notes",
        "of somebody\n",
    );
    symlink("/srv/initrd", root.path().join("etc/xen/initrd.img-mine")).unwrap();
    let before = tree(root.path());
    applied(&dir, &definition("br0"));
    write(root.path(), "/etc/xen/initrd.img-6.1.0-37-amd64", "built");
    uninstall(&dir, &mut Silent).unwrap();
    assert_eq!(tree(root.path()), before);
}

fn running() -> MemoryHost {
    let host = MemoryHost::dom0();
    let output = rendered(&definition("br0"));
    for install in &output.installs {
        let location = install.root.volume.location().to_string();
        host.state().volumes.insert(location, Content::default());
    }
    applied(&host, &definition("br0"));
    assert_eq!(host.state().domains.len(), 2);
    host
}

fn stop_all(host: &MemoryHost) {
    let mut state = host.state();
    state.domains.clear();
    state.active_units.clear();
    state.entries.retain(|path, _| !path.starts_with("/run/"));
}

#[test]
fn nothing_is_removed_while_it_is_used() {
    let host = running();
    let before = host.state().clone();
    let refused = uninstall(&host, &mut Silent).unwrap_err().to_string();
    for line in [
        "\n  systemctl stop vm@a-db    # a-db runs",
        "\n  systemctl stop vm@a-web    # a-web runs",
    ] {
        assert!(refused.contains(line), "{refused}");
    }
    assert_eq!(host.state().entries, before.entries);
    // Started by hand; mounted; connected; a session that nothing needs any more.
    stop_all(&host);
    {
        let mut state = host.state();
        state
            .domains
            .extend(["a-web", "of-somebody"].map(str::to_owned));
        let units = [
            "vm_mount@a-db.service",
            "vm_iscsi_session@a-db.service",
            "vm_iscsi@a-db.service",
            "vm_iscsi_session@a-old.service",
            "vm_other@x.service",
        ];
        state.active_units.extend(units.map(str::to_owned));
    }
    let refused = uninstall(&host, &mut Silent).unwrap_err().to_string();
    let commands: Vec<_> = refused
        .lines()
        .skip(1)
        .map(|line| line.split("    ").next().unwrap().trim())
        .collect();
    assert_eq!(
        commands,
        [
            "xl shutdown -w a-web",
            "systemctl stop vm_iscsi@a-db",
            "systemctl stop vm_mount@a-db",
            "systemctl stop vm_iscsi_session@a-old",
        ]
    );
}

#[test]
fn an_interrupted_uninstallation_is_resumed_and_says_the_same_of_the_roots() {
    let host = running();
    stop_all(&host);
    let bare = MemoryHost::dom0().state().entries.clone();
    let before = host.state().clone();
    let mut interrupted = 0;
    for calls in 0.. {
        *host.state() = before.clone();
        host.state().calls_left = Some(calls);
        let first = uninstall(&host, &mut Silent);
        host.state().calls_left = None;
        let is_done = first.is_ok();
        let done = if is_done {
            first
        } else {
            uninstall(&host, &mut Silent)
        }
        .unwrap();
        assert_eq!(
            done.left.roots.len(),
            2,
            "after {calls} calls: {:?}",
            done.left
        );
        let state = host.state();
        assert_eq!(state.volumes, before.volumes);
        let rest: BTreeMap<_, _> = state
            .entries
            .iter()
            .filter(|(path, _)| !path.starts_with("/var/lib/xen-vman/generations/"))
            .filter(|(path, _)| !path.starts_with("/var/lib/xen-vman/logs/"))
            .filter(|(path, _)| *path != "/var/lib/xen-vman/record.json")
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect();
        assert_eq!(rest, bare, "after {calls} calls");
        if is_done {
            break;
        }
        interrupted += 1;
    }
    assert!(interrupted > 20, "{interrupted}");
}

#[test]
fn the_links_to_the_kernel_go_and_those_of_others_stay() {
    let host = running();
    stop_all(&host);
    let link = |target: &str| Entry::Link(target.to_owned());
    host.put("/etc/xen/vmlinuz", &link("/boot/vmlinuz-6.1.0-37-amd64"))
        .unwrap();
    host.put("/etc/xen/initrd.img", &link("/srv/my-initrd"))
        .unwrap();
    uninstall(&host, &mut Silent).unwrap();
    let state = host.state();
    assert!(!state.entries.contains_key("/etc/xen/vmlinuz"));
    assert!(state.entries.contains_key("/etc/xen/initrd.img"));
    assert!(
        !state
            .entries
            .contains_key("/etc/xen/initrd.img-6.1.0-37-amd64")
    );
    let last = state.commands.last().unwrap();
    assert_eq!(last, "systemctl daemon-reload");
}
