//! Data disks on a host in memory.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/memory.rs"]
mod memory;

use memory::{applied, done, rendered, stop};
use xen_vman_core::Output;
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::plan;
use xen_vman_core::plan::Entry;

const DATA: &str = "/dev/vg0/org-web-data";
const SWAP: &str = "/srv/xen/org-web-swap.img";
const ZFS: &str = "/dev/zvol/tank/vms/org-web-zfs";
const DISK: &str =
    "/dev/disk/by-path/ip-10.0.0.6:3260-iscsi-iqn.2017-01.de.example:org-web-disk-lun-0";
const CONFIG: &str = "/etc/xen/vms/org-web.cfg";

const VOLUMES: &str = "\
    [[vms.volumes]]\nname = \"data\"\nsize = \"5G\"\nfilesystem = \"xfs\"\nmount = \"/srv\"\n\
    [[vms.volumes]]\nname = \"swap\"\nstorage_type = \"file\"\nsize = \"1G\"\nfilesystem = \"swap\"\n";
const ON_ZFS: &str =
    "[[vms.volumes]]\nname = \"zfs\"\nstorage_type = \"zfs\"\nsize = \"3G\"\nmount = \"/zfs\"\n";
const ISCSI: &str =
    "[[vms.volumes]]\nname = \"disk\"\nstorage_type = \"iscsi\"\nmount = \"/disk\"\n";

fn web(keys: &str, volumes: &str) -> Output {
    web_with("", keys, volumes)
}

fn web_with(settings: &str, keys: &str, volumes: &str) -> Output {
    let text = format!(
        "{settings}lvm_vg = \"vg0\"\nfile_dir = \"/srv/xen\"\nzfs_dataset = \"tank/vms\"\niscsi_server = \"10.0.0.6\"\niscsi_base_wwn = \"iqn.2017-01.de.example\"\n\
         guest_user = \"root\"\n[[vms]]\norg = \"org\"\nname = \"web\"\nstorage_type = \"lvm\"\nsize = \"20G\"\n\
         os = {{ type = \"debian\", version = \"12\" }}\ninterfaces = []\n{keys}\n{volumes}"
    );
    rendered(&text)
}

/// What a plan does with volumes.
fn actions(host: &MemoryHost, output: &Output) -> Vec<String> {
    let plan = plan(host, output, false).unwrap();
    let all = plan.actions.iter().map(ToString::to_string);
    let files = [
        "write ", "change /", "link ", "remove /", "reload ", "build ",
    ];
    all.filter(|line| !files.iter().any(|start| line.starts_with(start)))
        .collect()
}

fn fstab(host: &MemoryHost) -> String {
    let state = host.state();
    match state.volumes["/dev/vg0/org-web"].files.get("/etc/fstab") {
        Some(Entry::File { content, .. }) => String::from_utf8(content.clone()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_disks_are_made_before_the_system_is_installed() {
    let host = MemoryHost::dom0();
    host.state().volumes.insert(DISK.into(), Content::default());
    let output = web("", &format!("{VOLUMES}{ISCSI}"));
    assert_eq!(
        actions(&host, &output),
        [
            "make /dev/vg0/org-web for org-web with 20 GiB",
            "make /dev/vg0/org-web-data for org-web@data with 5 GiB",
            "make /srv/xen/org-web-swap.img for org-web@swap with 1 GiB",
            "create xfs for org-web@data on /dev/vg0/org-web-data if it is empty",
            "create swap for org-web@swap on /srv/xen/org-web-swap.img if it is empty",
            &format!("create ext4 for org-web@disk on {DISK} if it is empty"),
            "install org-web on /dev/vg0/org-web if it is empty [install]",
            "start org-web",
        ]
    );
    done(&host, &output);
    let kinds = [(DATA, "xfs"), (SWAP, "swap"), (DISK, "ext4")];
    for (location, kind) in kinds {
        let content = &host.state().volumes[location];
        assert!(
            content.kind == kind && content.filesystem.is_some(),
            "{content:?}"
        );
    }
    let text = fstab(&host);
    let uuid = host.state().volumes[DATA].filesystem.clone().unwrap();
    assert!(
        text.contains(&format!("UUID={uuid} /srv xfs defaults 0 0\n")),
        "{text}"
    );
    assert!(plan(&host, &output, false).unwrap().is_empty());
    let mut erased = host.state().erased.clone().into_iter();
    assert!(erased.all(|(_, content)| content.filesystem.is_none()));
}

/// Whatever call fails, the next apply does the rest.
#[test]
fn data_disks_are_made_after_any_interruption() {
    let output = web("", &format!("{VOLUMES}{ISCSI}{ON_ZFS}"));
    let mut failed = 0;
    for calls in 0.. {
        let host = MemoryHost::dom0();
        host.state().volumes.insert(DISK.into(), Content::default());
        host.state().calls_left = Some(calls);
        let first = applied(&host, &output);
        host.state().calls_left = None;
        let is_done = first.is_ok_and(|applied| applied.failures.is_empty());
        failed += u32::from(!is_done);
        done(&host, &output);
        assert_eq!(actions(&host, &output), [""; 0], "{calls}");
        let state = host.state();
        for location in [DATA, SWAP, DISK, ZFS] {
            assert!(
                state.volumes[location].filesystem.is_some(),
                "{calls}: {location}"
            );
        }
        assert_eq!(
            state.volumes.len(),
            5,
            "{calls}: {:?}",
            state.volumes.keys()
        );
        if is_done {
            break;
        }
    }
    assert!(failed > 50, "{failed}");
}

#[test]
fn what_a_data_disk_holds_is_never_erased() {
    let theirs = Content {
        filesystem: Some("1b4e28ba-2fa1-11d2-883f-0016d3cca427".into()),
        kind: "ext4".into(),
        size_bytes: 5 << 30,
        files: [("/data".to_owned(), Entry::file(0o644, "precious"))].into(),
        ..Content::default()
    };
    let raw = Content {
        is_raw: true,
        ..Content::default()
    };
    for content in [theirs.clone(), raw] {
        let host = MemoryHost::dom0();
        host.state().volumes.insert(DISK.into(), content.clone());
        let output = web("reinstall = \"once\"", ISCSI);
        for _ in 0..2 {
            let applied = applied(&host, &output).unwrap();
            let failures: Vec<_> = applied
                .failures
                .iter()
                .map(|(_, error)| error.to_string())
                .collect();
            let [refused, not_started, ..] = &failures[..] else {
                panic!("{failures:?}");
            };
            assert!(
                refused.contains("`org-web@disk` was not prepared"),
                "{refused}"
            );
            assert!(refused.contains("nothing was changed"), "{refused}");
            assert!(not_started.contains("not started"), "{not_started}");
            assert_eq!(host.state().volumes[DISK], content);
        }
        // By hand, it does not start either.
        let refusal = "/var/lib/xen-vman/guests/org-web@disk.refused";
        assert!(host.state().entries.contains_key(refusal));
        // Without the disk, it does.
        done(&host, &web("", ""));
        assert!(!host.state().entries.contains_key(refusal));
        assert_eq!(host.state().volumes[DISK], content);
    }
    // With its UUID, it is kept.
    let host = MemoryHost::dom0();
    host.state().volumes.insert(DISK.into(), theirs.clone());
    let uuid = "uuid = \"1b4e28ba-2fa1-11d2-883f-0016d3cca427\"\n";
    let output = web("", &format!("{ISCSI}{uuid}"));
    done(&host, &output);
    assert_eq!(host.state().volumes[DISK], theirs);
    assert!(fstab(&host).contains("UUID=1b4e28ba-2fa1-11d2-883f-0016d3cca427 /disk ext4"));
    assert!(plan(&host, &output, false).unwrap().is_empty());
}

#[test]
fn a_guest_that_runs_gets_a_line_to_add_and_one_that_does_not_has_it() {
    let host = MemoryHost::dom0();
    done(&host, &web("", ""));
    let output = web("", VOLUMES);
    done(&host, &output);
    let still = plan(&host, &output, false).unwrap();
    assert!(still.is_empty());
    let [pending] = &still.pending_mounts[..] else {
        panic!("{:?}", still.pending_mounts);
    };
    let said = pending.to_string();
    assert!(
        said.starts_with("add `UUID=") && said.ends_with("in /etc/fstab of org-web"),
        "{said}"
    );
    assert!(!fstab(&host).contains("UUID="));
    stop(&host);
    assert!(actions(&host, &output)[0].starts_with("add `UUID="));
    done(&host, &output);
    assert_eq!(fstab(&host).matches("UUID=").count(), 2);
    assert!(plan(&host, &output, false).unwrap().is_empty());
    // And without them, it has none.
    let without = web("", "");
    done(&host, &without);
    assert!(!fstab(&host).contains("UUID="));
    assert!(plan(&host, &without, false).unwrap().is_empty());
    assert!(
        host.state().volumes.contains_key(DATA),
        "the volume itself stays"
    );
}

#[test]
fn a_line_of_somebody_else_is_kept() {
    let host = MemoryHost::dom0();
    done(&host, &web("", ""));
    stop(&host);
    let by_hand = "/dev/xvda / ext4 defaults 0 1\n/dev/xvdq /srv ext4 defaults 0 2";
    let root = "/dev/vg0/org-web";
    let put = |host: &MemoryHost| {
        let mut state = host.state();
        let files = &mut state.volumes.get_mut(root).unwrap().files;
        files.insert("/etc/fstab".into(), Entry::file(0o644, by_hand));
    };
    put(&host);
    let applied = applied(&host, &web("", VOLUMES)).unwrap();
    let [(_, error)] = &applied.failures[..] else {
        panic!("{:?}", applied.failures);
    };
    assert!(
        error.to_string().contains("another line for /srv"),
        "{error}"
    );
    assert_eq!(fstab(&host), by_hand);
}

#[test]
fn a_disk_does_not_move_because_another_has_gone() {
    let host = MemoryHost::dom0();
    done(&host, &web("", VOLUMES));
    let (data, swap) = VOLUMES.split_at(VOLUMES.rfind("[[").unwrap());
    let error = plan(&host, &web("", swap), false).unwrap_err().to_string();
    assert!(
        error.contains("swap of org-web is xvdc in its guest, and would be xvdb"),
        "{error}"
    );
    assert!(error.contains("Write `vdev = \"xvdc\"`"), "{error}");
    for vdev in ["xvdc", "xvdb"] {
        let output = web("", &format!("{swap}vdev = \"{vdev}\"\n"));
        done(&host, &output);
        let Entry::File { content, .. } = &host.state().entries[CONFIG] else {
            panic!("it is a file");
        };
        assert!(String::from_utf8_lossy(content).contains(&format!("{SWAP},{vdev},w")));
    }
    // It has moved: that is where it stays now.
    let error = plan(&host, &web("", &format!("{data}{swap}")), false).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is xvdb in its guest, and would be xvdc"),
        "{error}"
    );
}

#[test]
fn a_disk_that_is_gone_is_not_made_again() {
    let host = MemoryHost::dom0();
    let output = web("", VOLUMES);
    done(&host, &output);
    let data = host.state().volumes.remove(DATA).unwrap();
    let error = plan(&host, &output, false).unwrap_err().to_string();
    assert!(error.contains("is not there, though it was"), "{error}");
    let record = "/var/lib/xen-vman/guests/org-web@data.installed";
    assert!(error.contains(record), "{error}");
    host.state().volumes.insert(DATA.into(), data);
    assert!(plan(&host, &output, false).unwrap().is_empty());
    stop(&host);
    host.state().volumes.remove(DATA);
    host.state().entries.remove(record);
    done(&host, &output);
    assert!(host.state().volumes.contains_key(DATA));
}

#[test]
fn data_disks_grow() {
    let host = MemoryHost::dom0();
    done(&host, &web("", VOLUMES));
    let larger = VOLUMES.replace("5G", "6G").replace("1G", "2G");
    let output = web("", &larger);
    let swap = actions(&host, &output)[1].clone();
    assert_eq!(
        actions(&host, &output)[0],
        "let /dev/vg0/org-web-data grow from 5 GiB to 6 GiB; then run `xfs_growfs /srv` in org-web"
    );
    assert!(
        swap.contains("then run `swapoff /dev/xvdc && mkswap -U "),
        "{swap}"
    );
    stop(&host);
    assert!(actions(&host, &output)[1].ends_with("from 1 GiB to 2 GiB with its content"));
    done(&host, &output);
    let state = host.state();
    assert_eq!(state.volumes[DATA].size_bytes, 6 << 30);
    assert_eq!(state.volumes[SWAP].size_bytes, 2 << 30);
    drop(state);
    let smaller = plan(&host, &web("", VOLUMES), false)
        .unwrap_err()
        .to_string();
    assert!(
        smaller.contains("the volume data of org-web, has 6144 MiB, and `size` is 5 GiB"),
        "{smaller}"
    );
}

#[test]
fn a_data_disk_on_zfs_is_made_for_its_vm_and_grows() {
    let host = MemoryHost::dom0();
    let output = web("", ON_ZFS);
    let first = format!("make {ZFS} for org-web@zfs with 3 GiB");
    assert!(actions(&host, &output).contains(&first));
    done(&host, &output);
    let made = host.state().volumes[ZFS].clone();
    assert_eq!(made.tags, ["xen-vman:made-for=org-web@zfs"]);
    assert!(made.filesystem.is_some() && made.size_bytes == 3 << 30);
    done(&host, &web("", &ON_ZFS.replace("3G", "4G")));
    let grown = host.state().volumes[ZFS].clone();
    assert_eq!(
        (grown.size_bytes, grown.filesystem),
        (4 << 30, made.filesystem)
    );
}

#[test]
fn a_reinstallation_leaves_data_disks_alone() {
    let host = MemoryHost::dom0();
    done(&host, &web("", VOLUMES));
    let precious = ("/data".to_owned(), Entry::file(0o600, "precious"));
    host.state()
        .volumes
        .get_mut(DATA)
        .unwrap()
        .files
        .extend([precious]);
    let before = host.state().volumes[DATA].clone();
    done(&host, &web("reinstall = \"again\"", VOLUMES));
    let state = host.state();
    assert_eq!(state.volumes[DATA], before);
    assert!(state.erased.iter().all(|(location, _)| location != DATA));
    assert!(
        state
            .erased
            .iter()
            .any(|(location, _)| location == "/dev/vg0/org-web")
    );
}

#[test]
fn a_disk_that_is_to_hold_something_else_is_looked_at_again() {
    let host = MemoryHost::dom0();
    done(&host, &web("", VOLUMES));
    let precious = ("/data".to_owned(), Entry::file(0o600, "precious"));
    host.state()
        .volumes
        .get_mut(DATA)
        .unwrap()
        .files
        .extend([precious]);
    stop(&host);
    let before = host.state().volumes[DATA].clone();
    let with_mount = "filesystem = \"xfs\"\nmount = \"/srv\"";
    for (content, larger) in [("swap", "5G"), ("swap", "6G"), ("ext4", "6G")] {
        let keys = format!("filesystem = \"{content}\"");
        let volumes = VOLUMES.replace(with_mount, &keys).replace("5G", larger);
        let applied = applied(&host, &web("", &volumes)).unwrap();
        let said = format!("{:?}", applied.failures);
        assert!(
            said.contains("xfs") || said.contains("not hold the swap"),
            "{content}: {said}"
        );
        let now = host.state().volumes[DATA].clone();
        assert_eq!(
            (&now.files, &now.kind),
            (&before.files, &before.kind),
            "{content}"
        );
    }
    assert!(
        fstab(&host).contains("/srv xfs"),
        "no line for what is not there"
    );
}

#[test]
fn a_disk_that_its_running_vm_has_does_not_keep_it_from_starting() {
    let host = MemoryHost::dom0();
    done(&host, &web("", VOLUMES));
    host.state()
        .entries
        .remove("/var/lib/xen-vman/guests/org-web@data.installed");
    let failed = applied(&host, &web("", VOLUMES)).unwrap();
    assert_eq!(failed.failures.len(), 1, "{:?}", failed.failures);
    let refusal = "/var/lib/xen-vman/guests/org-web@data.refused";
    assert!(!host.state().entries.contains_key(refusal));
    stop(&host);
    done(&host, &web("", VOLUMES));
}

#[test]
fn a_raw_disk_shows_nothing_of_others() {
    let host = MemoryHost::dom0();
    let wiped = "lvm_wipe = \"discard\"\n";
    let raw = "[[vms.volumes]]\nname = \"data\"\nsize = \"5G\"\nfilesystem = \"none\"\n";
    let output = web_with(wiped, "", raw);
    let applied = applied(&host, &output).unwrap();
    let said = format!("{:?}", applied.failures);
    assert!(said.contains("shows what others have left"), "{said}");
}
