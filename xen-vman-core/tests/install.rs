//! Installing guests: the steps as text, and what may become of a root.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use xen_vman_core::command::Effect;
use xen_vman_core::install::{
    Found, GuestRecord, Marker, Signature, Step, Surface, Task, Tree, Verdict, decide,
    filesystem_uuid, steps,
};
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

fn rendered(text: &str) -> Output {
    let source = Source::new("input.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap()
}

fn case(name: &str) -> String {
    let dir = support::crate_dir().join("tests/cases/install");
    fs::read_to_string(dir.join(name).join("input.toml")).unwrap()
}

#[test]
fn steps_are_those_expected() {
    let mut problems = Vec::new();
    for case in support::cases("install") {
        let output = rendered(&fs::read_to_string(case.join("input.toml")).unwrap());
        let files = &output.guests[0].files;
        for erase in [false, true] {
            let all = steps(&output.installs[0], files, erase);
            let text: String = all.iter().map(|step| format!("{step}\n")).collect();
            let name = if erase { "erase.txt" } else { "steps.txt" };
            support::expect(&case.join(name), &text, &mut problems);
        }
    }
    support::finish(&problems);
}

/// A host that loses power must not find a root that calls itself finished and lacks contents.
#[test]
fn a_root_is_on_its_disk_before_it_is_called_finished() {
    for case in support::cases("install") {
        let output = rendered(&fs::read_to_string(case.join("input.toml")).unwrap());
        let all = steps(&output.installs[0], &output.guests[0].files, false);
        let is_in_order = |three: &[Step]| {
            three[0].command.argv[0] == "sync"
                && three[1].task == Task::Unmark
                && three[2].command.effect == Effect::Unmount
        };
        assert!(
            all.windows(3).any(is_in_order),
            "{}: {all:?}",
            case.display()
        );
    }
}

#[test]
fn data_of_somebody_is_never_given_up_unasked() {
    let output = rendered(&case("iscsi"));
    let install = &output.installs[0];
    let location = install.root.volume.location();
    let ours = filesystem_uuid(&install.root.key.domain, &location, Some("second")).to_string();
    let device = |kind: &str, uuid: &str, tree| Found {
        signatures: vec![Signature {
            kind: kind.into(),
            uuid: Some(uuid.into()),
        }],
        tree,
        ..Found::default()
    };
    let blank = Found {
        surface: Surface::Zeros,
        ..Found::default()
    };
    let begun = GuestRecord::of(install, false);
    let finished = GuestRecord::of(install, true);
    let decide = |found: &Found, record, erase| decide(install, found, record, erase);
    assert_eq!(decide(&blank, None, false), Verdict::Install);
    for kind in ["ext4", "LVM2_member", "gpt", "crypto_LUKS"] {
        let found = device(kind, "7", None);
        for record in [None, Some(&begun), Some(&finished)] {
            let verdict = decide(&found, record, false);
            assert!(matches!(verdict, Verdict::Refuse(_)), "{kind}: {verdict:?}");
        }
        assert_eq!(decide(&found, None, true), Verdict::Erase);
    }
    let found = device("ext4", &ours, None);
    assert_eq!(decide(&found, Some(&begun), false), Verdict::StartOver);
    let verdict = decide(&found, Some(&finished), false);
    assert!(matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
    let system = Tree {
        has_system: true,
        ..Tree::default()
    };
    for uuid in ["7", &ours] {
        let found = device("ext4", uuid, Some(system.clone()));
        let verdict = decide(&found, Some(&begun), false);
        assert!(matches!(verdict, Verdict::Adopt { .. }), "{verdict:?}");
    }
    let marked = |domain: &str| Tree {
        begun: Some(Marker {
            domain: domain.into(),
            ..Marker::of(install)
        }),
        ..system.clone()
    };
    let found = device("ext4", "7", Some(marked("a-web")));
    assert_eq!(decide(&found, Some(&begun), false), Verdict::StartOver);
    let found = device("ext4", "7", Some(marked("b-web")));
    let verdict = decide(&found, Some(&begun), false);
    assert!(matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
}

/// What `decide` says about the root of the case `iscsi`, whose definition has a token.
fn verdict(found: &Found, record: Option<&GuestRecord>, erase: bool) -> Verdict {
    decide(&rendered(&case("iscsi")).installs[0], found, record, erase)
}

#[test]
fn a_disk_is_only_blank_if_it_was_read_and_holds_nothing() {
    let with = |surface| Found {
        surface,
        ..Found::default()
    };
    assert_eq!(
        verdict(&with(Surface::Zeros), None, false),
        Verdict::Install
    );
    for surface in [Surface::Unread, Surface::Data { offset_bytes: 512 }] {
        let verdict = verdict(&with(surface), None, false);
        assert!(matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
    }
}

/// A file system with a system that an installation of a domain has finished.
fn system_of(domain: &str, token: Option<&str>) -> Found {
    let install = &rendered(&case("iscsi")).installs[0];
    Found {
        signatures: vec![Signature {
            kind: "ext4".into(),
            uuid: Some("7".into()),
        }],
        tree: Some(Tree {
            has_system: true,
            finished: Some(Marker {
                domain: domain.into(),
                token: token.map(Into::into),
                ..Marker::of(install)
            }),
            ..Tree::default()
        }),
        ..Found::default()
    }
}

/// The host's record of the case's VM, installed with an earlier token.
fn earlier() -> GuestRecord {
    let install = &rendered(&case("iscsi")).installs[0];
    let mut record = GuestRecord::of(install, true);
    record.token = Some("first".to_owned());
    record
}

#[test]
fn a_guest_cannot_veto_its_own_reinstallation() {
    let domain = rendered(&case("iscsi")).installs[0].root.key.to_string();
    let forged = system_of(&domain, Some("second"));
    assert_eq!(verdict(&forged, Some(&earlier()), true), Verdict::Erase);
    let foreign = system_of("somebody-else", None);
    assert_eq!(verdict(&foreign, Some(&earlier()), true), Verdict::Erase);
    // A host that knows nothing of the root takes it for what another host has installed.
    let verdict = verdict(&forged, None, true);
    assert!(matches!(verdict, Verdict::Adopt { .. }), "{verdict:?}");
}

#[test]
fn the_root_of_another_vm_is_not_erased_even_with_consent() {
    let verdict = verdict(&system_of("b-db", None), None, true);
    let Verdict::Refuse(why) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(why.contains("belongs to `b-db`"), "{why}");
}

#[test]
fn a_failed_reinstallation_needs_consent_again() {
    let install = &rendered(&case("iscsi")).installs[0];
    let domain = install.root.key.domain.as_str();
    let record = GuestRecord::of_erasing(install, Some(&earlier()));
    assert_eq!(record.token.as_deref(), Some("first"));
    let mut found = system_of(domain, Some("first"));
    if let Some(tree) = &mut found.tree {
        tree.begun = tree.finished.take();
    }
    let unasked = verdict(&found, Some(&record), false);
    assert!(matches!(unasked, Verdict::Refuse(_)), "{unasked:?}");
    assert_eq!(verdict(&found, Some(&record), true), Verdict::Erase);
    let erased = GuestRecord::of(install, false);
    assert_eq!(verdict(&found, Some(&erased), false), Verdict::StartOver);
}

#[test]
fn a_marker_of_an_installation_is_not_believed_without_a_record() {
    let domain = rendered(&case("iscsi")).installs[0].root.key.to_string();
    let mut found = system_of(&domain, None);
    if let Some(tree) = &mut found.tree {
        tree.begun = tree.finished.take();
    }
    let verdict = verdict(&found, None, false);
    assert!(matches!(verdict, Verdict::Refuse(_)), "{verdict:?}");
}
