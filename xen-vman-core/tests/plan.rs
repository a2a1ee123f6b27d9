//! Laws of plans, on a host that is kept in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proptest::prelude::*;
use std::collections::BTreeSet;
use support::strategy::definition;
use xen_vman_core::install::GuestRecord;
use xen_vman_core::plan::{
    Action, Change, Domain, Entry, Kept, Kernels, Observed, Plan, Record, digest, paths, plan,
    rollback, status,
};
use xen_vman_core::values::{DomainName, Reinstall, VolumeKey};
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

fn rendered(text: &str) -> Option<Output> {
    let compiled = compile(
        vec![Source::new("host.toml", text).unwrap()],
        &Facts::default(),
    );
    let fine = !compiled.report.has_errors();
    fine.then(|| {
        compiled
            .render(&Templates::embedded(), &Assets::default())
            .unwrap()
    })
}

/// Does the first actions of a plan, and what is done around them.
fn apply(host: &mut Observed, plan: &Plan, count: usize) {
    let record = &mut host.record;
    record.objects.extend(plan.record.objects.clone());
    let stale = plan.record.stale_initrds.iter().cloned();
    record.stale_initrds.extend(stale);
    for action in &plan.actions {
        match &action.change {
            Change::DaemonReload => record.reload_pending = true,
            Change::BuildInitrd { kernel, .. } => {
                record.stale_initrds.insert(kernel.clone());
            }
            Change::Start { domain } => {
                record.starts_pending.insert(domain.clone());
            }
            _ => {}
        }
    }
    for action in &plan.actions[..count] {
        one(host, &action.change);
    }
    if count == plan.actions.len() {
        host.record = plan.record.clone();
    }
}

fn one(host: &mut Observed, change: &Change) {
    match change.clone() {
        Change::Put { path, entry, .. } => {
            host.entries.insert(path, entry);
        }
        Change::Remove { path, .. } => {
            host.entries.remove(&path);
        }
        Change::DaemonReload => {}
        Change::BuildInitrd { kernel, .. } => {
            host.kernels.with_initrd.insert(kernel);
        }
        Change::Adopt { domain, record, .. } => {
            host.guests.insert(VolumeKey::root(domain), record);
        }
        Change::Install {
            domain, location, ..
        } => {
            let record = GuestRecord {
                is_finished: true,
                location,
                ..GuestRecord::default()
            };
            host.guests.insert(VolumeKey::root(domain), record);
        }
        Change::Start { domain } => {
            host.domains.insert(domain.to_string(), Domain::default());
        }
        Change::Stop { domain } => {
            host.domains.remove(domain.as_str());
        }
        change => panic!("this test does not know {change:?}"),
    }
}

fn host() -> Observed {
    let kernels = ["6.1.0-37-amd64", "6.1.0-38-amd64"].map(str::to_owned);
    let mut host = Observed::default();
    host.is_running = true;
    host.kernels = Kernels {
        installed: kernels.clone().into(),
        with_initrd: kernels[..1].iter().cloned().collect(),
        running: Some(kernels[0].clone()),
    };
    host
}

/// The same without guests that are installed at every run.
fn rendered_once(table: &toml::Table) -> Option<Output> {
    let mut output = rendered(&toml::to_string(table).unwrap())?;
    for install in &mut output.installs {
        install.reinstall = Reinstall::No;
    }
    Some(output)
}

fn kept(plan: &Plan) -> Vec<Kept> {
    let changes = plan
        .actions
        .iter()
        .filter_map(|action| match &action.change {
            Change::Put {
                object,
                path,
                entry,
                before,
            } => Some((object, path, before.clone(), Some(digest(entry)))),
            Change::Remove {
                object,
                path,
                before,
            } => Some((object, path, Some(before.clone()), None)),
            _ => None,
        });
    changes
        .map(|(object, path, before, after)| Kept {
            object: object.clone(),
            path: path.clone(),
            left: BTreeSet::from([before.as_ref().map(digest), after]),
            before,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_an_apply_nothing_is_to_be_done(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered_once(&table));
        let mut host = host();
        for output in outputs.iter().flatten() {
            for prune in [false, true] {
                let first = plan(output, &host, prune).unwrap();
                apply(&mut host, &first, first.actions.len());
                prop_assert!(plan(output, &host, prune).unwrap().is_empty());
                for file in &output.host {
                    let entry = Entry::file(file.mode, file.content.clone());
                    prop_assert_eq!(&host.entries[&file.path], &entry);
                }
            }
            // What a prune leaves is what is wanted, and nothing else.
            prop_assert!(host.entries.keys().all(|path| paths(output, &host.record).contains(path)));
            prop_assert_eq!(host.record.objects.len(), output.host.len() + output.enabled_units.len());
        }
    }

    #[test]
    fn an_apply_that_was_cut_off_anywhere_is_taken_up(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered_once(&table));
        let mut before = host();
        for output in outputs.iter().flatten() {
            let whole = plan(output, &before, true).unwrap();
            let mut done = before.clone();
            apply(&mut done, &whole, whole.actions.len());
            for count in 0..whole.actions.len() {
                let mut host = before.clone();
                apply(&mut host, &whole, count);
                let rest = plan(output, &host, true).unwrap();
                // What programs do may be done again; files are not.
                let twice = 1 + host.kernels.installed.len();
                prop_assert!(rest.actions.len() <= whole.actions.len() - count + twice);
                apply(&mut host, &rest, rest.actions.len());
                prop_assert_eq!(&host.entries, &done.entries);
                prop_assert_eq!(&host.record, &done.record);
            }
            before = done;
        }
    }

    #[test]
    fn a_rollback_brings_the_files_of_before_back(one in definition(), other in definition()) {
        let outputs = [one, other].map(|table| rendered_once(&table));
        let mut host = host();
        for output in outputs.iter().flatten() {
            let before = host.clone();
            let forth = plan(output, &host, true).unwrap();
            apply(&mut host, &forth, forth.actions.len());
            // Wherever it is cut off, it can be begun again.
            let kept = kept(&forth);
            let back = rollback(&kept, before.record.clone(), &host).unwrap();
            for count in 0..=back.actions.len() {
                let mut host = host.clone();
                apply(&mut host, &back, count);
                let back = rollback(&kept, before.record.clone(), &host).unwrap();
                apply(&mut host, &back, back.actions.len());
                prop_assert_eq!(&host.entries, &before.entries);
                prop_assert_eq!(&host.record.objects, &before.record.objects);
            }
        }
    }
}

fn with_scripts(text: &str, scripts: &[&str]) -> Output {
    let compiled = compile(
        vec![Source::new("host.toml", text).unwrap()],
        &Facts::default(),
    );
    let network_scripts = scripts
        .iter()
        .map(|name| ((*name).to_owned(), b"#!/bin/sh\n".to_vec()));
    let assets = Assets {
        network_scripts: network_scripts.collect(),
    };
    compiled.render(&Templates::embedded(), &assets).unwrap()
}

/// A file is what it was rendered for, whatever it is called.
#[test]
fn a_script_that_is_called_like_a_configuration_is_no_vm() {
    let with = with_scripts(
        "additional_network_scripts = [\"web02.cfg\"]\nvms = []\n",
        &["web02.cfg"],
    );
    let without = with_scripts("vms = []\n", &[]);
    let mut host = host();
    let first = plan(&with, &host, false).unwrap();
    apply(&mut host, &first, first.actions.len());
    assert!(host.entries.contains_key("/etc/xen/scripts/web02.cfg"));
    assert_eq!(status(&with, &host), []);
    for prune in [false, true] {
        let second = plan(&without, &host, prune).unwrap();
        assert_eq!(second.orphaned_vms().count(), 0);
        let stops = |action: &&Action| matches!(action.change, Change::Stop { .. });
        assert_eq!(second.actions.iter().find(stops), None);
    }
}

/// A VM that moves to another backend leaves nothing behind that its units would still find.
#[test]
fn what_is_stale_of_a_defined_vm_goes_without_prune() {
    let vm = |storage: &str, after: &str| {
        let text = format!(
            "nfsroot_base = \"10.0.0.5:/tank\"\niscsi_server = \"10.0.0.6\"\n\
             iscsi_base_wwn = \"iqn.2017-01.de.example\"\n\
             [[vms]]\norg = \"a\"\nname = \"db\"\nos = {{ type = \"debian\", version = \"12\" }}\n\
             interfaces = [{{ ip = \"10.0.0.9/24\" }}]\n\
             [[vms]]\norg = \"a\"\nname = \"web\"\nstorage_type = \"{storage}\"\nafter = [{after}]\n\
             os = {{ type = \"debian\", version = \"12\" }}\ninterfaces = [{{ ip = \"10.0.0.10/24\" }}]\n"
        );
        with_scripts(&text, &[])
    };
    let mut host = host();
    let first = plan(&vm("iscsi", "\"a-db\""), &host, false).unwrap();
    apply(&mut host, &first, first.actions.len());
    let stale = [
        "/etc/xen-vman/roots/a-web.iscsi",
        "/etc/systemd/system/vm@a-web.service.d/after.conf",
    ];
    assert!(stale.iter().all(|path| host.entries.contains_key(*path)));
    let second = plan(&vm("nfs", ""), &host, false).unwrap();
    let stops = |action: &&Action| matches!(action.change, Change::Stop { .. });
    assert_eq!(second.actions.iter().find(stops), None);
    apply(&mut host, &second, second.actions.len());
    assert!(!stale.iter().any(|path| host.entries.contains_key(*path)));
    assert!(second.orphaned_files.is_empty());
}

/// Its configuration is where it was not before, and the VM is the same.
#[test]
fn another_directory_of_configurations_stops_no_vm() {
    let vms = |path: &str| {
        let text = format!(
            "vm_config_path = \"{path}\"\nnfsroot_base = \"10.0.0.5:/tank\"\n\
             [[vms]]\norg = \"a\"\nname = \"web\"\nos = {{ type = \"debian\", version = \"12\" }}\n\
             interfaces = [{{ ip = \"10.0.0.9/24\" }}]\n"
        );
        with_scripts(&text, &[])
    };
    let mut host = host();
    let first = plan(&vms("/etc/xen/vms"), &host, false).unwrap();
    apply(&mut host, &first, first.actions.len());
    for prune in [false, true] {
        let second = plan(&vms("/srv/xen"), &host, prune).unwrap();
        let stops = |action: &&Action| matches!(action.change, Change::Stop { .. });
        assert_eq!(second.actions.iter().find(stops), None);
        assert_eq!(second.removed().count(), 0);
    }
}

/// It takes minutes, and dracut, which a host of imported VMs may not have.
#[test]
fn initrds_are_built_once_a_vm_boots_them() {
    let vm = |kernel: &str| {
        let text = format!(
            "nfsroot_base = \"10.0.0.5:/tank\"\n[defaults]\n{kernel}\n\
             [[vms]]\norg = \"a\"\nname = \"web\"\nos = {{ type = \"debian\", version = \"12\" }}\n\
             interfaces = [{{ ip = \"10.0.0.9/24\" }}]\n"
        );
        with_scripts(&text, &[])
    };
    let builds = |plan: &Plan| {
        let actions = plan.actions.iter();
        actions
            .filter(|action| matches!(action.change, Change::BuildInitrd { .. }))
            .count()
    };
    let own = vm("kernel = \"/boot/own\"\ninitrd = \"/boot/own.img\"");
    let mut host = host();
    let kernels = host.kernels.installed.len();
    assert!(kernels > 0);
    // Built by the hook of an earlier version.
    host.kernels.with_initrd = host.kernels.installed.clone();
    let first = plan(&own, &host, false).unwrap();
    assert_eq!(builds(&first), 0);
    apply(&mut host, &first, first.actions.len());
    let second = plan(&vm(""), &host, false).unwrap();
    assert_eq!(builds(&second), kernels);
    let mut built = host.clone();
    apply(&mut built, &second, second.actions.len());
    assert_eq!(builds(&plan(&vm(""), &built, false).unwrap()), 0);
    // The initrd of the host for another kernel.
    let mixed = vm("kernel = \"/boot/own\"\ninitrd = \"/etc/xen/initrd.img-6.1\"");
    assert_eq!(builds(&plan(&mixed, &host, false).unwrap()), kernels);
}

/// Records of before objects had paths alone.
#[test]
fn a_record_of_the_earlier_form_still_loads() {
    let old = r#"{
        "places": [
            "/etc/xen/vms/a-web.cfg", "/etc/xen/vms/a-web.nfs", "/etc/xen/scripts/web02.cfg",
            "/etc/systemd/system/vm@.service", "/etc/systemd/system/vm@a-web.service.d/after.conf",
            "/etc/systemd/system/multi-user.target.wants/vm@a-web.service",
            "/etc/kernel/postinst.d/xen-dracut", "/usr/local/lib/xen-vman/vm-root"
        ],
        "reload_pending": true, "stale_initrds": [], "starts_pending": ["a-web"]
    }"#;
    let record: Record = serde_json::from_str(old).unwrap();
    assert!(record.reload_pending);
    let shown = record.objects.iter().map(|(path, object)| {
        let vm = object.vm().map_or("-", DomainName::as_str);
        format!("{path} {vm} {:?}", object.role)
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "/etc/kernel/postinst.d/xen-dracut - InitrdHook",
            "/etc/systemd/system/multi-user.target.wants/vm@a-web.service a-web Enablement",
            "/etc/systemd/system/vm@.service - Unit",
            "/etc/systemd/system/vm@a-web.service.d/after.conf a-web Unit",
            "/etc/xen/scripts/web02.cfg - NetworkScript",
            "/etc/xen/vms/a-web.cfg a-web XlConfig",
            "/etc/xen/vms/a-web.nfs a-web StorageData",
            "/usr/local/lib/xen-vman/vm-root - Script",
        ]
    );
    let again = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&again).unwrap(), record);
}

/// A password is in no diff, and what is not one is.
#[test]
fn a_diff_hides_passwords_and_nothing_else() {
    let vm = |memory: u32| {
        let text = format!(
            "[[vms]]\norg = \"a\"\nname = \"desk\"\ntype = \"hvm\"\nmemory = {memory}\n\
             description = \"the password is with the admins\"\nspice = true\n\
             spicehost = \"127.0.0.1\"\nspicepasswd = \"Ge\\\"heim'Nis\"\ndisks = [\"phy:/dev/vg/a,xvda,w\"]\n\
             os = {{ type = \"other\", version = \"1\" }}\ninterfaces = []\n"
        );
        with_scripts(&text, &[])
    };
    let mut host = host();
    let first = plan(&vm(512), &host, false).unwrap();
    let diff: String = first
        .actions
        .iter()
        .map(|action| action.change.diff())
        .collect();
    assert!(diff.contains("+memory = 512") && diff.contains("password is with the admins"));
    assert!(!diff.contains("heim") && !diff.contains("Nis"));
    apply(&mut host, &first, first.actions.len());
    let second = plan(&vm(1024), &host, false).unwrap();
    let diff: String = second
        .actions
        .iter()
        .map(|action| action.change.diff())
        .collect();
    assert!(diff.contains("-memory = 512") && diff.contains("+memory = 1024"));
    assert!(!diff.contains("heim") && !diff.contains("Nis"));
}
