//! Snapshots, the way back to them, and the removal of volumes, on a host in memory.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/memory.rs"]
mod memory;

use memory::{done, rendered, stop};
use xen_vman_core::Output;
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::{HostError, Listed, plan, remove_volumes, restore_volume, volumes};
use xen_vman_core::plan::Entry;
use xen_vman_core::storage::Location;

const ZFS: &str = "/dev/zvol/tank/vms/org-web";
const BACKENDS: [(&str, &str); 3] = [
    ("lvm", "/dev/vg0/org-web"),
    ("file", "/srv/xen/org-web.img"),
    ("zfs", ZFS),
];

fn vm(name: &str, backend: &str, keys: &str) -> String {
    format!(
        "[[vms]]\norg = \"org\"\nname = \"{name}\"\nstorage_type = \"{backend}\"\nsnapshot_before = [\"reinstall\", \"growth\"]\n\
         os = {{ type = \"debian\", version = \"12\" }}\ninterfaces = []\n{keys}\n"
    )
}

fn host_with(vms: &str) -> Output {
    let text = format!(
        "lvm_vg = \"vg0\"\nlvm_thin_pool = \"pool\"\nfile_dir = \"/srv/xen\"\nzfs_dataset = \"tank/vms\"\n\
         guest_user = \"root\"\n{vms}"
    );
    rendered(&text)
}

fn web(backend: &str, keys: &str) -> Output {
    host_with(&vm("web", backend, keys))
}

fn thin_host() -> MemoryHost {
    let host = MemoryHost::dom0();
    host.state().is_thin = true;
    host
}

fn snapshots(host: &MemoryHost, output: &Output) -> Vec<Listed> {
    let all = volumes(host, output).unwrap().into_iter();
    all.filter(|one| one.snapshot_of.is_some()).collect()
}

fn removed(
    host: &MemoryHost,
    output: &Output,
    locations: &[&str],
) -> Result<Vec<Listed>, HostError> {
    let locations: Vec<_> = locations
        .iter()
        .map(|one| Location::from((*one).to_owned()))
        .collect();
    remove_volumes(host, output, &locations, &mut |_| Ok(()))
}

#[test]
fn a_reinstallation_can_be_taken_back() {
    for (backend, location) in BACKENDS {
        let host = thin_host();
        done(&host, &web(backend, "size = \"20G\""));
        let precious = ("/precious".to_owned(), Entry::file(0o600, "data"));
        host.state()
            .volumes
            .get_mut(location)
            .unwrap()
            .files
            .extend([precious]);
        let before = host.state().volumes[location].clone();
        let again = web(backend, "size = \"20G\"\nreinstall = \"once\"");
        let planned = plan(&host, &again, false).unwrap();
        assert!(planned.actions.iter().any(|action| action.to_string()
            == format!("take a snapshot of {location}, then erase {location} and reinstall org-web [DESTROYS DATA]")));
        done(&host, &again);
        assert!(
            !host.state().volumes[location]
                .files
                .contains_key("/precious")
        );
        let [snapshot] = &snapshots(&host, &again)[..] else {
            panic!("one");
        };
        assert_eq!(snapshot.made_for.to_string(), "org-web");
        let back =
            |host: &MemoryHost| restore_volume(host, &again, &snapshot.location, &mut |_| Ok(()));
        // It runs.
        let refused = back(&host).unwrap_err().to_string();
        assert!(refused.contains("the VM is running"), "{refused}");
        stop(&host);
        let refused = restore_volume(&host, &again, &snapshot.location, &mut |_| Err("no".into()));
        assert!(matches!(refused, Err(HostError::NotApproved(_))));
        assert!(
            !host.state().volumes[location]
                .files
                .contains_key("/precious")
        );
        back(&host).unwrap();
        assert_eq!(host.state().volumes[location].files, before.files);
        assert!(
            !host
                .state()
                .entries
                .contains_key("/run/xen-vman/resizing/org-web")
        );
        // It is not installed once more, and grows as before.
        assert!(
            plan(&host, &again, false)
                .unwrap()
                .destroyed()
                .next()
                .is_none()
        );
        done(&host, &web(backend, "size = \"30G\"\nreinstall = \"once\""));
        assert_eq!(host.state().volumes[location].size_bytes, 30 << 30);
        assert_eq!(snapshots(&host, &again).len(), 2);
    }
}

/// Whatever call fails on the way back, the next one goes the rest of it, and the snapshot stays.
#[test]
fn the_way_back_can_be_interrupted() {
    for (backend, location) in BACKENDS {
        let output = web(backend, "size = \"30G\"");
        let mut failed = 0;
        for calls in 0.. {
            let host = thin_host();
            done(&host, &web(backend, "size = \"20G\""));
            let before = host.state().volumes[location].clone();
            done(&host, &output);
            stop(&host);
            let snapshot = snapshots(&host, &output)[0].location.clone();
            let back =
                |host: &MemoryHost| restore_volume(host, &output, &snapshot, &mut |_| Ok(()));
            host.state().calls_left = Some(calls);
            let is_done = back(&host).is_ok();
            host.state().calls_left = None;
            failed += u32::from(!is_done);
            if !is_done {
                back(&host).unwrap();
            }
            let state = host.state();
            assert_eq!(
                state.volumes[location].size_bytes, before.size_bytes,
                "{calls}"
            );
            assert_eq!(state.volumes[location].files, before.files, "{calls}");
            assert!(state.volumes.contains_key(snapshot.as_str()), "{calls}");
            assert_eq!(
                state.volumes.len(),
                2,
                "{calls}: {:?}",
                state.volumes.keys()
            );
            drop(state);
            if is_done {
                break;
            }
        }
        // ZFS goes back in one call.
        assert!(failed > 4, "{failed}");
    }
}

/// ZFS would destroy the snapshots in between.
#[test]
fn zfs_goes_back_to_the_newest_snapshot_alone() {
    let host = thin_host();
    done(&host, &web("zfs", "size = \"20G\""));
    done(&host, &web("zfs", "size = \"30G\""));
    let output = web("zfs", "size = \"40G\"");
    done(&host, &output);
    stop(&host);
    let taken = snapshots(&host, &output);
    let [first, second] = &taken[..] else {
        panic!("{taken:?}");
    };
    // One that somebody else took is in between, too.
    let theirs = Content {
        inode: 4000,
        tags: Vec::new(),
        ..host.state().volumes[ZFS].clone()
    };
    host.state()
        .volumes
        .insert(format!("{ZFS}@theirs"), theirs.clone());
    let back = |one: &Listed| {
        let mut asked = false;
        let done = restore_volume(&host, &output, &one.location, &mut |_| {
            asked = true;
            Ok(())
        });
        done.map_err(|error| (error.to_string(), asked))
    };
    let before = host.state().clone();
    let (refused, asked) = back(first).unwrap_err();
    let newer = format!("removed first: {}, {ZFS}@theirs", second.location);
    assert!(refused.contains(&newer) && !asked, "{refused}");
    assert_eq!(host.state().volumes, before.volumes);
    assert_eq!(host.state().entries, before.entries);
    let (refused, _) = back(second).unwrap_err();
    assert!(
        refused.ends_with(&format!("removed first: {ZFS}@theirs")),
        "{refused}"
    );
    host.state().volumes.remove(&format!("{ZFS}@theirs"));
    removed(&host, &output, &[second.location.as_str()]).unwrap();
    back(first).unwrap();
    assert_eq!(host.state().volumes[ZFS].size_bytes, 20 << 30);
}

/// One that is taken while the question is open stays, and the VM may start.
#[test]
fn a_snapshot_that_is_taken_meanwhile_is_not_destroyed() {
    let host = thin_host();
    done(&host, &web("zfs", "size = \"20G\""));
    let output = web("zfs", "size = \"30G\"");
    done(&host, &output);
    stop(&host);
    let first = &snapshots(&host, &output)[0].location;
    let newer = format!("{ZFS}@theirs");
    let refused = restore_volume(&host, &output, first, &mut |_| {
        let mut state = host.state();
        let theirs = Content {
            inode: 4000,
            tags: Vec::new(),
            ..state.volumes[ZFS].clone()
        };
        state.volumes.insert(newer.clone(), theirs);
        Ok(())
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains(&newer), "{refused}");
    let state = host.state();
    assert_eq!(state.volumes[ZFS].size_bytes, 30 << 30);
    assert!(state.volumes.contains_key(&newer));
    let hold = "/run/xen-vman/resizing/org-web";
    assert!(!state.entries.contains_key(hold));
}

#[test]
fn a_zfs_volume_goes_after_its_snapshots() {
    let host = thin_host();
    done(&host, &web("zfs", "size = \"20G\""));
    done(&host, &web("zfs", "size = \"30G\""));
    stop(&host);
    let without = host_with(&vm("db", "zfs", "size = \"20G\""));
    let snapshot = snapshots(&host, &without)[0].location.clone();
    let refused = removed(&host, &without, &[ZFS]).unwrap_err().to_string();
    assert!(
        refused.contains(&format!(
            "it has snapshots, which would go with it, such as {snapshot}"
        )),
        "{refused}"
    );
    removed(&host, &without, &[snapshot.as_str()]).unwrap();
    removed(&host, &without, &[ZFS]).unwrap();
    assert!(host.state().volumes.is_empty());
}

#[test]
fn without_snapshots_nothing_that_needs_one_is_done() {
    let host = thin_host();
    done(&host, &web("file", "size = \"20G\""));
    host.state().is_thin = false;
    for keys in ["size = \"30G\"", "size = \"20G\"\nreinstall = \"once\""] {
        let refused = plan(&host, &web("file", keys), false)
            .unwrap_err()
            .to_string();
        let why = "no snapshot of the root of org-web can be taken: its file system is ext2/ext3";
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn only_unused_volumes_of_ours_are_removed() {
    for (backend, location) in BACKENDS {
        let host = thin_host();
        let two = host_with(
            &[
                vm("web", backend, "size = \"20G\""),
                vm("db", backend, "size = \"20G\""),
            ]
            .concat(),
        );
        done(&host, &two);
        let theirs = location.replace("org-web", "theirs");
        let content = Content {
            is_raw: true,
            inode: 4000,
            ..Content::default()
        };
        host.state().volumes.insert(theirs.clone(), content);
        let one = host_with(&vm("db", backend, "size = \"20G\""));
        let db = location.replace("org-web", "org-db");
        let listed = volumes(&host, &one).unwrap();
        let shown: Vec<_> = listed
            .iter()
            .map(|one| (one.location.as_str(), one.used_for.is_some()))
            .collect();
        assert_eq!(shown, [(db.as_str(), true), (location, false)]);
        for (names, why) in [
            (vec![db.as_str()], "org-db has it"),
            (vec![theirs.as_str()], "was not made here"),
            (vec![location], "in use by the domain org-web"),
            (vec![location, db.as_str()], "org-db has it"),
        ] {
            let refused = removed(&host, &one, &names).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
        stop(&host);
        let locations = [Location::from(location.to_owned())];
        let refused = remove_volumes(&host, &one, &locations, &mut |_| Err("no".into()));
        assert!(matches!(refused, Err(HostError::NotApproved(_))));
        assert_eq!(host.state().volumes.len(), 3);
        // A file that took its place is somebody else's.
        if backend == "file" {
            let mut state = host.state();
            let ours = state.volumes.get_mut(location).unwrap();
            let inode = std::mem::replace(&mut ours.inode, 4001);
            drop(state);
            let refused = removed(&host, &one, &[location]).unwrap_err().to_string();
            assert!(refused.contains("was not made here"), "{refused}");
            host.state().volumes.get_mut(location).unwrap().inode = inode;
        }
        removed(&host, &one, &[location]).unwrap();
        assert!(!host.state().volumes.contains_key(location));
        assert!(host.state().volumes.contains_key(&theirs));
        assert_eq!(volumes(&host, &one).unwrap().len(), 1);
    }
}

#[test]
fn what_a_vm_has_that_is_not_installed_is_not_removed() {
    let host = thin_host();
    done(&host, &web("lvm", "size = \"20G\""));
    stop(&host);
    for keys in [
        "size = \"20G\"\ntype = \"hvm\"",
        "type = \"hvm\"\nmanual_root_disk = true\ndisks = [\"phy:/dev/vg0/org-web,hda,w\"]",
    ] {
        let other = vm("db", "lvm", "size = \"20G\"");
        let web =
            vm("web", "lvm", keys).replace("snapshot_before = [\"reinstall\", \"growth\"]\n", "");
        let output = host_with(&format!("{web}{other}"));
        let refused = removed(&host, &output, &["/dev/vg0/org-web"])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("org-web has it"), "{refused}");
    }
}

#[test]
fn a_snapshot_of_another_vm_is_not_put_in_the_place_of_a_volume() {
    let host = thin_host();
    done(&host, &web("lvm", "size = \"20G\""));
    let output = web("lvm", "size = \"30G\"");
    done(&host, &output);
    stop(&host);
    let snapshot = snapshots(&host, &output)[0].location.clone();
    let mut state = host.state();
    let taken = state.volumes.get_mut(snapshot.as_str()).unwrap();
    taken.tags[1] = "xen-vman/org-other".to_owned();
    drop(state);
    let refused = restore_volume(&host, &output, &snapshot, &mut |_| Ok(()));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("taken of what org-other had"), "{refused}");
}
