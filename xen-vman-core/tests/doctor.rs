//! What is said of hosts, ready or not.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use serde_json::json;
use std::collections::BTreeSet;
use xen_vman_core::doctor::{Questions, Readiness, Seen, examine, questions};
use xen_vman_core::plan::Kernels;
use xen_vman_core::{Assets, Compiled, Facts, Output, Source, Templates, compile};

fn host() -> (Compiled, Output) {
    let text = r#"
        nfsroot_base = "10.0.0.5:/tank"
        iscsi_server = "10.0.0.6"
        iscsi_base_wwn = "iqn.2017-01.de.example"
        lazy_default_network_bridge = "br-lan"
        [[vms]]
        org = "a"
        name = "web"
        os = { type = "debian", version = "12" }
        interfaces = [{ ip = "10.0.0.15/24" }]
        [[vms]]
        org = "a"
        name = "db"
        os = { type = "debian", version = "12" }
        storage_type = "iscsi"
        filesystem = "xfs"
        interfaces = [{ ip = "10.0.0.16/24", bridge = "br-db.5", script = "vif-openvswitch" }]
    "#;
    let source = Source::new("host.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
    let output = compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap();
    (compiled, output)
}

/// A host that has everything its VMs need.
fn ready(asked: &Questions) -> Seen {
    let mut seen = Seen::default();
    seen.is_running = true;
    seen.is_xen = true;
    seen.is_dom0 = true;
    seen.programs = asked.programs.keys().cloned().collect();
    seen.scripts.clone_from(&asked.scripts);
    seen.bridges.clone_from(&asked.bridges);
    seen.xendomains_is_enabled = true;
    seen.xendomains = "XENDOMAINS_SAVE=\"/x\"\n# XENDOMAINS_SAVE=/y\nXENDOMAINS_SAVE=\"\"\n".into();
    seen.iscsid = "# node.startup = automatic\nnode.startup = manual\n".into();
    seen.kernels = Kernels {
        running: Some("6.1".into()),
        installed: BTreeSet::from(["6.1".into()]),
        with_initrd: BTreeSet::from(["6.1".into()]),
    };
    seen.kernel_links =
        ["/boot/vmlinuz-6.1", "/etc/xen/initrd.img-6.1"].map(|link| Some(link.into()));
    seen
}

/// What is not fine after a change to a host that was ready.
fn complaints(change: impl FnOnce(&mut Seen)) -> Vec<(Readiness, String)> {
    let (compiled, output) = host();
    let asked = questions(&compiled.resolved, &output);
    let mut seen = ready(&asked);
    change(&mut seen);
    let found = examine(&compiled.resolved, &output, &seen).into_iter();
    let found = found.filter(|finding| finding.state != Readiness::Fine);
    found
        .map(|finding| {
            assert!(!finding.help.is_empty(), "{finding:?}");
            (
                finding.state,
                format!("{}: {}", finding.about, finding.says),
            )
        })
        .collect()
}

#[test]
fn a_host_is_asked_for_what_its_vms_need() {
    let (compiled, output) = host();
    let asked = questions(&compiled.resolved, &output);
    let programs: Vec<_> = asked
        .programs
        .iter()
        .map(|(name, package)| format!("{name} {package}"))
        .collect();
    assert_eq!(
        programs,
        [
            "/usr/sbin/iscsiadm open-iscsi",
            "/usr/sbin/xl xen-utils-common",
            "bwrap bubblewrap",
            "debootstrap debootstrap",
            "dracut dracut-core",
            "mkfs.xfs xfsprogs",
            "mount.nfs nfs-common",
        ]
    );
    let set = |items: &[&str]| {
        items
            .iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(asked.bridges, set(&["br-db", "br-lan"]));
    assert_eq!(
        asked.scripts,
        set(&[
            "/etc/xen/scripts/vif-bridge",
            "/etc/xen/scripts/vif-openvswitch"
        ])
    );
    assert_eq!(asked.targets, set(&["iqn.2017-01.de.example:a-db"]));
}

#[test]
fn a_host_that_is_ready_has_nothing_to_complain_of() {
    assert_eq!(complaints(|_| ()), []);
}

#[test]
fn each_thing_that_is_missing_is_told() {
    use Readiness::{Missing, Risky};
    let one = |change: fn(&mut Seen), state: Readiness, says: &str| {
        let found = complaints(change);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, state, "{found:?}");
        assert!(found[0].1.starts_with(says), "{found:?}");
    };
    one(
        |seen| seen.is_xen = false,
        Missing,
        "xen: this machine is not running under Xen",
    );
    one(
        |seen| seen.is_dom0 = false,
        Missing,
        "xen: this machine is a Xen guest",
    );
    one(
        |seen| assert!(seen.programs.remove("dracut")),
        Missing,
        "programs: dracut is not installed",
    );
    one(
        |seen| assert!(seen.bridges.remove("br-db")),
        Missing,
        "bridges: br-db does not exist",
    );
    one(
        |seen| seen.scripts.retain(|path| !path.ends_with("bridge")),
        Missing,
        "scripts: /etc",
    );
    one(
        |seen| seen.xendomains = "XENDOMAINS_SAVE=/var/lib/xen/save".into(),
        Risky,
        "xendomains: whenever",
    );
    one(
        |seen| assert!(seen.auto.insert("a-web.cfg".into())),
        Risky,
        "xendomains: /etc/xen/auto/a-web.cfg",
    );
    one(
        |seen| seen.iscsid = "node.startup = automatic".into(),
        Risky,
        "open-iscsi: this host logs in to every",
    );
    one(
        |seen| {
            assert!(
                seen.automatic_targets
                    .insert("iqn.2017-01.de.example:a-db".into()),
            );
        },
        Risky,
        "open-iscsi: this host logs in to iqn",
    );
    one(
        |seen| seen.kernels.with_initrd.clear(),
        Missing,
        "kernel: there is no guest initrd",
    );
    one(
        |seen| seen.kernel_links[1] = None,
        Missing,
        "kernel: /etc/xen/vmlinuz",
    );
    one(
        |seen| seen.dracut_modules = BTreeSet::from(["base".into()]),
        Risky,
        "dracut: modules that this version does not have",
    );
}

#[test]
fn an_image_is_not_asked_what_only_a_running_host_has() {
    let found = complaints(|seen| {
        seen.is_running = false;
        seen.is_xen = false;
        seen.bridges.clear();
        seen.kernels.running = None;
    });
    assert_eq!(found, []);
}

/// What is not fine about a thin pool, as LVM reports it, beside a volume that a VM has left.
fn complaints_of_pool(
    zero: &str,
    data_percent: &str,
    metadata_percent: &str,
    lvm_conf: &str,
) -> Vec<(Readiness, String)> {
    let text = "lvm_vg = \"vg0\"\nlvm_thin_pool = \"pool\"\n[[vms]]\norg = \"a\"\nname = \"web\"\n\
                storage_type = \"lvm\"\nsize = \"8G\"\nos = { type = \"debian\", version = \"12\" }\n\
                interfaces = []\n";
    let source = Source::new("host.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    let output = compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap();
    let mut seen = ready(&questions(&compiled.resolved, &output));
    lvm_conf.clone_into(&mut seen.lvm);
    let volume = |name: &str, pool: &str, data: &str, metadata: &str| {
        let tags = if name == "left" {
            "xen-vman,xen-vman/a-old"
        } else {
            ""
        };
        json!({
            "lv_name": name, "lv_uuid": name, "lv_size": "10737418240", "lv_tags": tags, "pool_lv": pool,
            "data_percent": data, "metadata_percent": metadata,
        })
    };
    let said = json!({ "report": [{
        "vg": [{ "vg_free": "1048576", "vg_extent_size": "4194304" }],
        "lv": [volume("pool", "", data_percent, metadata_percent), volume("one", "pool", "9.00", ""),
               volume("two", "pool", "9.00", ""), volume("left", "", "", "")],
        "seg": [{ "lv_name": "pool", "segtype": "thin-pool", "zero": zero }],
    }] });
    let root = &output.installs[0].root.volume;
    let state = root.read_pool(&[said.to_string().into_bytes()]);
    seen.pools.insert(root.pool().unwrap().name, state);
    let found = examine(&compiled.resolved, &output, &seen).into_iter();
    let found =
        found.filter(|finding| finding.about == "volumes" && finding.state != Readiness::Fine);
    found.map(|finding| (finding.state, finding.says)).collect()
}

#[test]
fn pools_that_run_full_and_what_is_left_there_are_told() {
    let extends = "# thin_pool_autoextend_threshold = 100\n\tthin_pool_autoextend_threshold = 80\n";
    let left = "/dev/vg0/left (10 GiB) was made for a-old, and no VM has it";
    let complaints = |zero: &str, data: &str, metadata: &str, lvm_conf: &str| {
        let mut found = complaints_of_pool(zero, data, metadata, lvm_conf);
        let all = found.len();
        found.retain(|(_, says)| says != left);
        assert_eq!(found.len(), all - 1, "{found:?}");
        found
    };
    let of = |data: &str, metadata: &str| complaints("zero", data, metadata, extends);
    assert_eq!(of("80.00", "12.00"), []);
    let said = "thin pool vg0/pool: 81 % of 10 GiB and 12 % of its metadata used, 20 GiB promised";
    assert_eq!(of("80.01", "12.00"), [(Readiness::Risky, said.to_owned())]);
    for (data, metadata, limit) in [
        ("90.01", "12.00", "`lvm_thin_data_limit` is 90"),
        ("12.00", "80.5", "`lvm_thin_metadata_limit` is 80"),
        ("", "", "it is not active"),
    ] {
        let found = of(data, metadata);
        let [(Readiness::Missing, said)] = &found[..] else {
            panic!("{found:?}")
        };
        assert!(said.contains(limit), "{said}");
    }
    let found = complaints("", "1.00", "1.00", extends);
    let [(Readiness::Missing, said)] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(said.contains("lvchange --zero y vg0/pool"), "{said}");
    let found = complaints("zero", "1.00", "1.00", "\tscan_lvs = 1\n");
    let [(Readiness::Risky, extending), (Readiness::Risky, scanning)] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(extending.contains("do not extend themselves") && scanning.contains("disks of guests"));
}
