//! Volumes that xen-vman makes: on a host in memory, and with LVM's own programs.
#![cfg(feature = "host")]
#![allow(clippy::disallowed_methods, reason = "tests run judges")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by a panic and says why it is skipped"
)]

#[path = "support/memory.rs"]
mod memory;
mod support;

use memory::{applied, done, rendered};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use support::judges::{has_program, present};
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::{Event, Host as _, HostDir, Options, Watcher, apply, plan};
use xen_vman_core::plan::Plan;
use xen_vman_core::storage::{PoolState, Volume};
use xen_vman_core::values::VolumeName;
use xen_vman_core::{Facts, Output, Source, compile};

const LVM: &str = "/dev/vg0/org-web";
const FILE: &str = "/srv/xen/org-web.img";
const ZFS: &str = "/dev/zvol/tank/vms/org-web";
const BACKENDS: [(&str, &str); 3] = [("lvm", LVM), ("file", FILE), ("zfs", ZFS)];
/// Volumes of somebody else.
const THEIRS: [&str; 3] = [
    "/dev/vg0/theirs",
    "/srv/xen/theirs.img",
    "/dev/zvol/tank/vms/theirs",
];

fn web(backend: &str, size: &str, more: &str) -> Output {
    let text = format!(
        "lvm_vg = \"vg0\"\nfile_dir = \"/srv/xen\"\nzfs_dataset = \"tank/vms\"\nguest_user = \"root\"\n\
         [[vms]]\norg = \"org\"\nname = \"web\"\nstorage_type = \"{backend}\"\nsize = \"{size}\"\nos = {{ type = \"debian\", version = \"12\" }}\n\
         interfaces = []\n{more}"
    );
    rendered(&text)
}

/// What a plan does, but for files.
fn actions(plan: &Plan) -> Vec<String> {
    let all = plan.actions.iter().map(ToString::to_string);
    all.filter(|line| line.contains("org-web") && !line.contains("/etc/"))
        .collect()
}

#[test]
fn a_volume_is_made_wiped_and_installed_on() {
    for (backend, location) in BACKENDS {
        let host = MemoryHost::dom0();
        let output = web(backend, "20G", "");
        assert_eq!(
            actions(&plan(&host, &output, false).unwrap()),
            [
                format!("make {location} for org-web with 20 GiB"),
                format!("install org-web on {location} if it is empty [install]"),
                "start org-web".to_owned(),
            ]
        );
        done(&host, &output);
        let state = host.state();
        let volume = &state.volumes[location];
        assert_eq!(volume.size_bytes, 20 << 30);
        assert!(volume.filesystem.is_some() && state.domains.contains("org-web"));
        assert_eq!(state.volumes.len(), 1, "{:?}", state.volumes.keys());
        drop(state);
        assert!(plan(&host, &output, false).unwrap().is_empty());
    }
}

/// Whatever call fails, the next apply does the rest, and nothing is erased that was not made here.
#[test]
fn a_volume_is_made_after_any_interruption() {
    for (backend, location) in BACKENDS {
        let output = web(backend, "20G", "");
        let mut failed = 0;
        for calls in 0.. {
            let host = MemoryHost::dom0();
            let theirs = Content {
                is_raw: true,
                ..Content::default()
            };
            for path in THEIRS {
                host.state().volumes.insert(path.to_owned(), theirs.clone());
            }
            host.state().calls_left = Some(calls);
            let first = applied(&host, &output);
            host.state().calls_left = None;
            let is_done = first.is_ok_and(|applied| applied.failures.is_empty());
            // One that was cut off while it got its file system is not told from other data.
            let second = applied(&host, &output).unwrap();
            let state = host.state();
            if second.failures.is_empty() {
                assert!(
                    state.volumes[location].filesystem.is_some(),
                    "{backend}, {calls} calls"
                );
                let count = 1 + THEIRS.len();
                assert_eq!(state.volumes.len(), count, "{:?}", state.volumes.keys());
            }
            for path in THEIRS {
                assert_eq!(state.volumes[path], theirs);
            }
            if is_done {
                break;
            }
            failed += 1;
        }
        assert!(failed > 10, "{backend}: only {failed} calls failed");
    }
}

#[test]
fn a_volume_that_is_there_is_looked_at_before_it_is_used() {
    for (backend, location) in BACKENDS {
        let host = MemoryHost::dom0();
        let theirs = Content {
            size_bytes: 20 << 30,
            is_raw: true,
            ..Content::default()
        };
        host.state()
            .volumes
            .insert(location.to_owned(), theirs.clone());
        let applied = applied(&host, &web(backend, "20G", "")).unwrap();
        assert!(!applied.failures.is_empty());
        assert_eq!(host.state().volumes[location], theirs);
        assert!(!host.state().domains.contains("org-web"));
    }
}

#[test]
fn a_larger_size_lets_a_running_vm_grow() {
    for (backend, location) in BACKENDS {
        let host = MemoryHost::dom0();
        done(&host, &web(backend, "20G", ""));
        let before = host.state().volumes[location].clone();
        let output = web(backend, "30G", "");
        let grow = format!(
            "let {location} grow from 20 GiB to 30 GiB; then run `resize2fs /dev/xvda` in org-web"
        );
        assert_eq!(actions(&plan(&host, &output, false).unwrap()), [grow]);
        done(&host, &output);
        let grown = Content {
            size_bytes: 30 << 30,
            ..before
        };
        assert_eq!(host.state().volumes[location], grown);
        assert!(plan(&host, &output, false).unwrap().is_empty());
        let commands = host.state().commands.join("\n");
        assert!(
            !commands.contains("resize2fs"),
            "its file system is mounted"
        );

        host.state().domains.clear();
        let output = web(backend, "40G", "");
        let grow = format!("let {location} grow from 30 GiB to 40 GiB with its content");
        assert!(actions(&plan(&host, &output, false).unwrap()).contains(&grow));
        done(&host, &output);
        let commands = host.state().commands.join("\n");
        assert!(
            commands.contains(&format!("resize2fs {location}")),
            "{commands}"
        );
    }
}

#[test]
fn a_smaller_size_is_refused() {
    for (backend, location) in BACKENDS {
        let host = MemoryHost::dom0();
        done(&host, &web(backend, "20G", ""));
        let refused = plan(&host, &web(backend, "19G", ""), false).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains(location) && said.contains("cut off is lost"),
            "{said}"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_changed() {
    for (backend, size, pool, why) in [
        ("lvm", "2T", "volume group vg0", "2 TiB are needed"),
        ("file", "2T", "directory /srv/xen", "2 TiB are needed"),
        ("zfs", "11T", "ZFS dataset tank/vms", "11 TiB are promised"),
    ] {
        let host = MemoryHost::dom0();
        let refused = applied(&host, &web(backend, size, "")).unwrap_err();
        let said = refused.to_string();
        let expected = format!("the {pool} has no room for the root of org-web: {why}");
        assert!(said.contains(&expected), "{said}");
        assert!(host.state().volumes.is_empty());
    }
}

/// What an interrupted run has left is no space that is gone.
#[test]
fn what_is_made_again_fits_where_it_was() {
    let output = web("lvm", "600G", "");
    for calls in 0.. {
        let host = MemoryHost::dom0();
        host.state().calls_left = Some(calls);
        let _ = applied(&host, &output);
        host.state().calls_left = None;
        if !host.state().volumes.contains_key("/dev/vg0/org-web+new") {
            continue;
        }
        let again = plan(&host, &output, false).unwrap();
        assert!(actions(&again)[0].starts_with("make /dev/vg0/org-web "));
        done(&host, &output);
        assert_eq!(host.state().volumes.len(), 1);
        break;
    }
}

/// Volumes whose space is reserved take it, and some for ZFS itself; sparse ones need a part of it.
#[test]
fn zfs_volumes_fit_or_are_refused() {
    let none = MemoryHost::dom0();
    assert!(plan(&none, &web("zfs", "10T", ""), false).is_ok());
    let sparse = web("zfs", "10G", "").installs[0].root.volume.clone();
    let text = "zfs_dataset = \"tank/vms\"\nzfs_sparse = false\n[[vms]]\norg = \"org\"\nname = \"web\"\n\
                storage_type = \"zfs\"\nsize = \"10G\"\nos = { type = \"debian\", version = \"12\" }\ninterfaces = []\n";
    let compiled = compile(
        vec![Source::new("host.toml", text).unwrap()],
        &Facts::default(),
    );
    let reserved = compiled.resolved.vms[0].root.managed().unwrap();
    let mut state = PoolState::default();
    let blocks = (10 << 30) / 32 + (64 << 20);
    for (volume, needed) in [(&sparse, 1 << 30), (reserved, (10 << 30) + blocks)] {
        state.free_bytes = needed;
        assert_eq!(volume.no_room(&state, 10 << 30), None);
        state.free_bytes = needed - 1;
        assert!(volume.no_room(&state, 10 << 30).is_some());
        state.free_bytes = 0;
        assert_eq!(volume.no_room(&state, 0), None);
    }
    let shown = |volume: &Volume| {
        let all = volume.make(&state);
        all.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let sparse = shown(&sparse);
    assert_eq!(
        sparse[0],
        "zfs create -s -o volmode=dev -o xen-vman:made-for=org-web -V 10737418240 tank/vms/org-web:new"
    );
    assert_eq!(shown(reserved)[0], sparse[0].replace(" -s", ""));
}

/// `zfs set volsize` cuts off what is beyond it without a question.
#[test]
fn a_zfs_volume_is_never_made_smaller() {
    let output = web("zfs", "20G", "");
    let volume = &output.installs[0].root.volume;
    for bytes in [20 << 30, (20 << 30) + 1, 40 << 30] {
        assert_eq!(volume.grow(bytes), []);
    }
    let [grow] = &volume.grow(19 << 30)[..] else {
        panic!("one command");
    };
    assert_eq!(
        grow.to_string(),
        "zfs set volsize=21474836480 tank/vms/org-web"
    );
}

/// Of what is left under the name of an unfinished volume, only our own is destroyed.
#[test]
fn an_unfinished_zfs_volume_of_somebody_else_stays() {
    let host = MemoryHost::dom0();
    let unfinished = format!("{ZFS}:new");
    let theirs = Content {
        is_raw: true,
        tags: vec!["xen-vman:made-for=org-other".to_owned()],
        ..Content::default()
    };
    host.state()
        .volumes
        .insert(unfinished.clone(), theirs.clone());
    let output = web("zfs", "20G", "");
    assert!(!applied(&host, &output).unwrap().failures.is_empty());
    assert_eq!(host.state().volumes[&unfinished], theirs);
    let ours = vec!["xen-vman:made-for=org-web".to_owned()];
    host.state().volumes.get_mut(&unfinished).unwrap().tags = ours;
    done(&host, &output);
    let state = host.state();
    assert_eq!(state.volumes.keys().collect::<Vec<_>>(), [ZFS]);
}

/// A name of a root is never one that a volume has while it is made.
#[test]
fn roots_are_not_called_like_what_is_being_made() {
    for name in [
        "web+new",
        "web:new",
        ".org-web.img.xen-vman-new",
        "a/b",
        "-a",
        "",
    ] {
        assert!(name.parse::<VolumeName>().is_err(), "{name}");
    }
    assert!("snapshot-web.img".parse::<VolumeName>().is_ok());
}

/// Somebody who lets a root grow by hand while a plan waits does not lose what is beyond its size.
#[test]
fn a_volume_that_has_grown_meanwhile_is_left_alone() {
    struct Meanwhile(MemoryHost, &'static str);
    impl Watcher for Meanwhile {
        fn approve(&mut self, _: &Plan) -> Result<(), String> {
            self.0.state().volumes.get_mut(self.1).unwrap().size_bytes = 40 << 30;
            Ok(())
        }

        fn tell(&mut self, _: Event<'_>) {}
    }
    for (backend, location) in BACKENDS {
        let host = MemoryHost::dom0();
        done(&host, &web(backend, "20G", ""));
        let output = web(backend, "30G", "");
        let mut watcher = Meanwhile(host.clone(), location);
        let applied = apply(&host, &output, &Options::default(), &mut watcher).unwrap();
        assert!(applied.failures.is_empty(), "{:?}", applied.failures);
        assert_eq!(host.state().volumes[location].size_bytes, 40 << 30);
    }
}

/// A file system that did not become larger with its volume does so later.
#[test]
fn a_file_system_grows_when_nothing_uses_it_any_more() {
    for (backend, location) in BACKENDS {
        let host = MemoryHost::dom0();
        done(&host, &web(backend, "20G", ""));
        host.state().domains.clear();
        host.state().volumes.get_mut(location).unwrap().users = vec!["somebody".to_owned()];
        let output = web(backend, "30G", "");
        let applied = applied(&host, &output).unwrap();
        assert!(!applied.failures.is_empty());
        assert!(!host.state().commands.join("\n").contains("resize2fs"));
        let hold = "/run/xen-vman/resizing/org-web";
        assert!(!host.state().entries.contains_key(hold));
        let rest = plan(&host, &output, false).unwrap();
        let grow = format!("let the file system on {location} grow to 30 GiB");
        assert_eq!(actions(&rest), [grow]);

        host.state()
            .volumes
            .get_mut(location)
            .unwrap()
            .users
            .clear();
        done(&host, &output);
        assert!(host.state().commands.join("\n").contains("resize2fs"));
        assert!(plan(&host, &output, false).unwrap().is_empty());
    }
}

/// The record of a root that a VM runs from stays, and so does the other root.
#[test]
fn a_vm_that_runs_gets_no_other_root() {
    let host = MemoryHost::dom0();
    done(&host, &web("file", "20G", ""));
    let before = host.state().entries["/var/lib/xen-vman/guests/org-web.installed"].clone();
    let applied = applied(&host, &web("lvm", "20G", "")).unwrap();
    assert!(applied.failures[0].1.to_string().contains("is running"));
    let state = host.state();
    assert_eq!(state.volumes.keys().collect::<Vec<_>>(), [FILE]);
    assert_eq!(
        state.entries["/var/lib/xen-vman/guests/org-web.installed"],
        before
    );
    let unfinished = "/var/lib/xen-vman/guests/org-web.unfinished";
    assert!(!state.entries.contains_key(unfinished));
}

/// Another volume with the name of one that is recorded is not erased by `reinstall = true`.
#[test]
fn a_volume_that_took_the_place_of_a_recorded_one_is_somebody_elses() {
    let host = MemoryHost::dom0();
    done(&host, &web("lvm", "20G", ""));
    let theirs = Content {
        unique_id: "another".to_owned(),
        is_raw: true,
        filesystem: None,
        files: BTreeMap::new(),
        ..host.state().volumes[LVM].clone()
    };
    host.state().volumes.insert(LVM.to_owned(), theirs.clone());
    host.state().domains.clear();
    let applied = applied(&host, &web("lvm", "20G", "reinstall = true\n")).unwrap();
    assert!(!applied.failures.is_empty());
    assert_eq!(host.state().volumes[LVM], theirs);
}

/// How many groups the tests have made.
static GROUPS: AtomicU32 = AtomicU32::new(0);

/// A volume group on a file, of which LVM's programs keep the metadata without the device mapper.
struct Group {
    name: String,
    device: String,
    _image: tempfile::NamedTempFile,
}

impl Group {
    /// Skips the test where there are no loop devices, or no LVM.
    fn new() -> Option<Self> {
        if !has_program("lvm") {
            return None;
        }
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(1 << 30).unwrap();
        let attached = run(Command::new("losetup")
            .args(["--find", "--show"])
            .arg(image.path()));
        if !present(attached.is_some(), "loop devices cannot be made here") {
            return None;
        }
        let device = attached?.trim().to_owned();
        let number = GROUPS.fetch_add(1, Ordering::Relaxed);
        let name = format!("xen-vman-test-{}-{number}", std::process::id());
        let group = Self {
            name,
            device,
            _image: image,
        };
        lvm(&["vgcreate", "--yes", &group.name, &group.device]).unwrap();
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = lvm(&["vgremove", "--yes", &self.name]);
        let _ = run(Command::new("losetup").args(["--detach", &self.device]));
    }
}

/// What a program of LVM prints.
fn lvm(words: &[&str]) -> Option<String> {
    let [program, arguments @ ..] = words else {
        return None;
    };
    let mut command = Command::new("lvm");
    command.arg(program).args(["--driverloaded", "n"]);
    run(command.args(arguments))
}

/// What a program prints, if it succeeds.
fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    if !output.status.success() {
        println!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Runs what is run on a host, but for what needs the device.
fn carry_out(commands: &[xen_vman_core::command::Command]) {
    for command in commands {
        let words: Vec<_> = command.argv.iter().map(String::as_str).collect();
        if words[0] != "blkdiscard" {
            assert!(lvm(&words).is_some(), "{command}");
        }
    }
}

fn state(volume: &Volume) -> PoolState {
    let pool = volume.pool().unwrap();
    let words: Vec<_> = pool.ask[0].argv[1..].iter().map(String::as_str).collect();
    let said = lvm(&words).unwrap();
    volume.read_pool(&[said.into_bytes()]).unwrap()
}

fn volume_in(group: &str, size: &str, more: &str) -> Volume {
    let text = format!(
        "lvm_vg = \"{group}\"\n{more}[[vms]]\norg = \"org\"\nname = \"web-1\"\nstorage_type = \"lvm\"\n\
         size = \"{size}\"\nos = {{ type = \"debian\", version = \"12\" }}\ninterfaces = []\n"
    );
    let compiled = compile(
        vec![Source::new("host.toml", &text).unwrap()],
        &Facts::default(),
    );
    assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
    compiled.resolved.vms[0].root.managed().unwrap().clone()
}

#[test]
fn lvm_does_what_its_commands_are_meant_to_do() {
    let Some(group) = Group::new() else { return };
    let volume = volume_in(&group.name, "50M", "");
    let location = volume.location();
    let before = state(&volume);
    assert!(before.volumes.is_empty());
    assert_eq!(before.extent_bytes, 4 << 20);
    carry_out(&volume.make(&before));

    let made = state(&volume);
    let first = &made.volumes[&location];
    assert_eq!(first.size_bytes, made.rounded(50 << 20));
    assert_eq!(first.made_for, "org-web-1".parse().ok());
    assert_eq!(before.free_bytes - made.free_bytes, first.size_bytes);

    let larger = volume_in(&group.name, "101M", "");
    carry_out(&larger.grow(made.rounded(50 << 20)));
    let grown = state(&larger);
    assert_eq!(grown.volumes[&location].size_bytes, 104 << 20);
    assert_eq!(grown.volumes[&location].unique_id, first.unique_id);
    assert!(larger.no_room(&grown, grown.free_bytes).is_none());
    assert!(larger.no_room(&grown, grown.free_bytes + 1).is_some());
}

/// One that an interrupted run has left is removed; one that somebody else made stays.
#[test]
fn an_unfinished_volume_is_made_again() {
    let Some(group) = Group::new() else { return };
    let volume = volume_in(&group.name, "48M", "");
    let all = volume.make(&state(&volume));
    carry_out(&all[..1]);
    let left = state(&volume);
    assert!(!left.volumes.contains_key(&volume.location()));
    assert_eq!(left.volumes.len(), 1);
    carry_out(&volume.make(&left));
    let made = state(&volume);
    assert_eq!(
        made.volumes.keys().collect::<Vec<_>>(),
        [&volume.location()]
    );

    let unfinished = format!("{}+new", volume.location());
    let unfinished = unfinished.trim_start_matches("/dev/");
    let (_, name) = unfinished.split_once('/').unwrap();
    lvm(&[
        "lvcreate",
        "--yes",
        "-Zn",
        "-Wn",
        "--size",
        "8M",
        "--name",
        name,
        &group.name,
    ])
    .unwrap();
    let theirs = state(&volume);
    let first = &volume.make(&theirs)[0];
    assert_eq!(first.argv[0], "lvcreate", "{first}");
}

#[test]
fn a_group_or_a_pool_that_is_missing_has_no_state() {
    let Some(group) = Group::new() else { return };
    let thin = volume_in(&group.name, "48M", "lvm_thin_pool = \"pool\"\n");
    let plain = volume_in(&group.name, "48M", "");
    let words: Vec<_> = plain.pool().unwrap().ask[0].argv[1..].to_vec();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let said = lvm(&words).unwrap().into_bytes();
    let why = thin.read_pool(&[said]).unwrap_err();
    assert!(why.contains("has no thin pool pool"), "{why}");
    let why = plain
        .read_pool(&[b"{\"report\": []}".to_vec()])
        .unwrap_err();
    assert!(why.contains("there is no volume group"), "{why}");
}

/// The programs of a host do with images what they are meant to do, also where the directory is a link.
#[test]
fn images_are_made_and_grow() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real");
    let link = directory.path().join("link");
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    for allocation in ["sparse", "full"] {
        let volume = |size: &str| {
            let text = format!(
                "file_dir = \"{}\"\nfile_allocation = \"{allocation}\"\n[[vms]]\norg = \"org\"\n\
                 name = \"{allocation}\"\nstorage_type = \"file\"\nsize = \"{size}\"\ninterfaces = []\n\
                 os = {{ type = \"debian\", version = \"12\" }}\n",
                link.display()
            );
            let source = Source::new("host.toml", &text).unwrap();
            let compiled = compile(vec![source], &Facts::default());
            compiled.resolved.vms[0].root.managed().unwrap().clone()
        };
        let run_all = |commands: &[xen_vman_core::command::Command]| {
            for command in commands {
                let mut program = Command::new(&command.argv[0]);
                assert!(run(program.args(&command.argv[1..])).is_some(), "{command}");
            }
        };
        let state = |volume: &Volume| {
            let asked = volume.pool().unwrap().ask.into_iter();
            let said: Vec<_> = asked
                .map(|one| {
                    run(Command::new(&one.argv[0]).args(&one.argv[1..]))
                        .unwrap()
                        .into_bytes()
                })
                .collect();
            volume.read_pool(&said).unwrap()
        };
        let small = volume("4M");
        let path = small.location().to_string();
        run_all(&small.make(&state(&small)));
        let meta = std::fs::metadata(&path).unwrap();
        assert_eq!((meta.len(), meta.mode() & 0o7777), (4 << 20, 0o600));
        assert_eq!(meta.blocks() > 0, allocation == "full");
        assert_eq!(state(&small).volumes[&small.location()].size_bytes, 4 << 20);
        // Nothing replaces one that is there.
        std::fs::write(&path, "theirs").unwrap();
        run_all(&small.make(&state(&small)));
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(6 << 20)
            .unwrap();
        run_all(&volume("8M").grow(6 << 20)[..2]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 8 << 20);
        if allocation == "sparse" {
            run_all(&volume("5M").grow(8 << 20)[..1]);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 8 << 20);
        assert!(std::fs::read(&path).unwrap().starts_with(b"theirs"));
        std::fs::remove_file(&path).unwrap();
    }
}

/// An image is in use as long as a loop device of it is there, or a program has it open.
#[test]
fn what_uses_an_image_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("org-web.img");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 20)
        .unwrap();
    let host = HostDir::open(Path::new("/")).unwrap();
    let text = format!(
        "file_dir = \"{}\"\n[[vms]]\norg = \"org\"\nname = \"web\"\nstorage_type = \"file\"\nsize = 1\n\
         os = {{ type = \"debian\", version = \"12\" }}\ninterfaces = []\n",
        directory.path().display()
    );
    let compiled = compile(
        vec![Source::new("host.toml", &text).unwrap()],
        &Facts::default(),
    );
    let medium = compiled.resolved.vms[0].root.managed().unwrap().medium();
    assert_eq!(host.users(&medium).unwrap(), [""; 0]);
    let open = std::fs::File::open(&path).unwrap();
    let users = host.users(&medium).unwrap();
    let own = format!("process {} ", std::process::id());
    assert!(users.len() == 1 && users[0].starts_with(&own), "{users:?}");
    drop(open);
    let attached = run(Command::new("losetup")
        .args(["--find", "--show"])
        .arg(&path));
    if !present(attached.is_some(), "loop devices cannot be made here") {
        return;
    }
    let device = attached.unwrap().trim().to_owned();
    let users = host.users(&medium);
    run(Command::new("losetup").args(["--detach", &device])).unwrap();
    assert!(
        users
            .unwrap()
            .contains(&format!("the loop device {device}"))
    );
}
