//! Installing guests: the steps as text, and what may become of a root.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use xen_vman_core::command::Effect;
use xen_vman_core::install::{
    Found, GuestRecord, Marker, Signature, Step, Task, Tree, Verdict, decide, filesystem_uuid,
    steps,
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
    let location = install.volume.location();
    let ours = filesystem_uuid(&install.domain, &location, Some("second")).to_string();
    let device = |kind: &str, uuid: &str, tree| Found {
        signatures: vec![Signature {
            kind: kind.into(),
            uuid: Some(uuid.into()),
        }],
        tree,
    };
    let begun = GuestRecord::of(install, false);
    let finished = GuestRecord::of(install, true);
    let decide = |found: &Found, record, erase| decide(install, found, record, erase);
    assert_eq!(decide(&Found::default(), None, false), Verdict::Install);
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
