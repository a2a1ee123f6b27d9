//! Mechanical changes: on all bad cases, and on files that nobody has written so.
#![allow(clippy::disallowed_methods, reason = "tests read cases")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use support::{cases, everything, expect, finish, inputs, name, source, updating};
use xen_vman_core::diag::{Diagnostic, DiagnosticId, Levels};
use xen_vman_core::fix::{Fixed, fix};
use xen_vman_core::{Facts, Source, compile};

fn sources(case: &[PathBuf]) -> Vec<Source> {
    case.iter().map(|path| source(path)).collect()
}

fn fixed(files: Vec<Source>) -> Fixed {
    fix(vec![files], &Facts::default(), &Levels::default())
}

fn toml(text: &str) -> Vec<Source> {
    vec![Source::new("host.toml", text).unwrap()]
}

fn yaml(text: &str) -> Vec<Source> {
    vec![Source::new("host.yml", text).unwrap()]
}

/// The only file after the changes.
fn text_of(files: Vec<Source>) -> String {
    fixed(files).hosts[0][0].text.clone()
}

/// Cases in which the change of a word shows more problems.
const SHOW_MORE: &[&str] = &["missing-key.with-everything-else-wrong"];

/// Each case with a mechanical change has it in `fixed.diff`; all others are untouched.
#[test]
fn bad_cases_change_as_expected() {
    let mut problems = Vec::new();
    for case in cases("bad") {
        let files = sources(&inputs(&case));
        let fixed = fixed(files.clone());
        let diff: String = fixed.files.iter().map(|file| &*file.diff).collect();
        let expected = case.join("fixed.diff");
        if diff.is_empty() {
            if updating() {
                let _ = fs::remove_file(&expected);
            } else if expected.exists() {
                problems.push(format!("{}: nothing changes", name(&case)));
            }
            assert_eq!(fixed.hosts[0].len(), files.len());
            for (before, after) in files.iter().zip(&fixed.hosts[0]) {
                assert_eq!(before.text, after.text, "{}", name(&case));
            }
            continue;
        }
        expect(&expected, &diff, &mut problems);
        let known = compile(files, &Facts::default()).report;
        let known: Vec<_> = known.iter().map(|d| (d.id, &d.message)).collect();
        let report = compile(fixed.hosts[0].clone(), &Facts::default()).report;
        let shows_more = SHOW_MORE.contains(&&*name(&case));
        let is_new = |d: &&Diagnostic| !known.contains(&(d.id, &d.message)) && !shows_more;
        for new in report.iter().filter(is_new) {
            problems.push(format!("{}: {}: {}", name(&case), new.id, new.message));
        }
        let again = self::fixed(fixed.hosts[0].clone());
        assert!(again.files.is_empty(), "{}: changes twice", name(&case));
    }
    finish(&problems);
}

/// What is read as it is meant keeps its meaning; the change of what is ignored is the purpose.
#[test]
fn a_definition_without_errors_means_the_same() {
    let mut seen = 0;
    for case in cases("bad") {
        let files = sources(&inputs(&case));
        let before = compile(files.clone(), &Facts::default());
        let fixed = fixed(files);
        let changes_files = fixed.problems.iter().any(|(id, _)| {
            // The key has another name, or is read at all; the suite is one that exists.
            matches!(
                id,
                DiagnosticId::DeprecatedXlKey
                    | DiagnosticId::IgnoredXlKey
                    | DiagnosticId::UnknownSuite
            )
        });
        if before.report.has_errors() || fixed.files.is_empty() || changes_files {
            continue;
        }
        seen += 1;
        let after = compile(fixed.hosts[0].clone(), &Facts::default());
        let [mut before, mut after] = [before, after].map(|compiled| everything(&compiled));
        before.remove("report.txt");
        after.remove("report.txt");
        assert!(before == after, "{} means something else", name(&case));
    }
    assert!(seen > 2, "only {seen} cases");
}

#[test]
fn good_cases_are_untouched_unless_a_warning_says_how() {
    for kind in ["ok", "role"] {
        for case in cases(kind) {
            let files = sources(&inputs(&case));
            let has_fix = compile(files.clone(), &Facts::default())
                .report
                .iter()
                .any(|d| d.fix.is_some());
            assert!(has_fix || fixed(files).files.is_empty(), "{}", name(&case));
        }
    }
}

const VM: &str = "[[vms]]\norg = \"a\"\nname = \"b\"\nos = { type = \"debian\", version = \"12\" }\n\
                  interfaces = []\nstorage_type = \"lvm\"\ncmdline = \"root=/dev/xvda\"\n";
const ROLE: &str = "xen_vman_vms:\n  - org: a\n    name: b\n    os: {type: debian, version: 12}\n    \
                    interfaces: []\n    storage_type: lvm\n    cmdline: root=/dev/xvda\n";

#[test]
fn options_become_keys_in_every_form() {
    let moved = format!("{VM}memory = 512 # MiB\n");
    for (options, expected) in [
        (
            "additional_xen_options = { memory = 512 }\n",
            "memory = 512\n",
        ),
        (
            "additional_xen_options = { memory = 512, nomigrate = 1 }\n",
            "memory = 512\nadditional_xen_options = { nomigrate = 1 }\n",
        ),
        (
            "additional_xen_options = { nomigrate = 1, memory = 512 }\n",
            "memory = 512\nadditional_xen_options = { nomigrate = 1 }\n",
        ),
        (
            "[vms.additional_xen_options]\nmemory = 512\nnomigrate = 1\n",
            "memory = 512\n[vms.additional_xen_options]\nnomigrate = 1\n",
        ),
    ] {
        assert_eq!(
            text_of(toml(&format!("{VM}{options}"))),
            format!("{VM}{expected}")
        );
    }
    assert!(moved.len() > VM.len());
    for (options, expected) in [
        (
            "    additional_xen_options: {memory: 512}\n",
            "    memory: 512\n",
        ),
        (
            "    additional_xen_options:\n      memory: 512\n",
            "    memory: 512\n",
        ),
        (
            "    additional_xen_options:\n      nomigrate: 1\n      memory: 512\n",
            "    memory: 512\n    additional_xen_options:\n      nomigrate: 1\n",
        ),
        (
            "xen_vman_default_additional_xen_options:\n  memory: 512\n",
            "xen_vman_default_memory: 512\n",
        ),
    ] {
        assert_eq!(
            text_of(yaml(&format!("{ROLE}{options}"))),
            format!("{ROLE}{expected}")
        );
    }
}

#[test]
fn what_is_not_that_simple_is_untouched() {
    for text in [
        // The other key is there.
        format!("{VM}memory = 1024\nmemry = 512\n"),
        format!("{VM}memory = 1024\nadditional_xen_options = {{ memory = 512 }}\n"),
        // Which of them?
        format!("{VM}filesystem = \"ext5\"\n"),
        // Another VM may have it as an option.
        format!("[defaults]\nadditional_xen_options = {{ kernel = \"/k\" }}\n{VM}"),
        // It would not be valid there.
        format!(
            "[defaults]\nvnc = false\n{VM}type = \"hvm\"\nadditional_xen_options = {{ vnc = 1 }}\n"
        )
        .replace(
            "cmdline = \"root=/dev/xvda\"",
            "disks = [\"phy:/dev/x,xvda,w\"]",
        ),
        // A string, not a header.
        format!("{VM}description = \"\"\"\n[vms]\n\"\"\"\n").replace("[[vms]]", "[vms]"),
        // Not the key, but a comment.
        format!("{VM}additional_xen_options = {{ nomigrat2 = 1 }} # nomigrat2 is on\n"),
        // Octal or decimal?
        format!("{VM}additional_xen_options = {{ timer_mode = \"010\" }}\n"),
        // Nothing can be read.
        "[[vms]\nmemry = 1\n".to_owned(),
    ] {
        assert_eq!(text_of(toml(&text)), text);
    }
}

#[test]
fn yaml_keeps_its_comments_and_strings() {
    for (lines, expected) in [
        (
            "    auto_boot: \"no\"   # not now\n",
            "    auto_boot: false   # not now\n",
        ),
        (
            "    auto_boot: 'no' # it's off\n",
            "    auto_boot: false # it's off\n",
        ),
        (
            "    auto_boot: |-\n      yes\n",
            "    auto_boot: |-\n      yes\n",
        ),
        (
            "    additional_xen_options:\n      cmdline: >-\n        root=/dev/xvda #1 quiet",
            "    additional_xen_options:\n      cmdline: >-\n        root=/dev/xvda #1 quiet",
        ),
        (
            "    additional_xen_options: {device_model_user: \"'\\\"root\\\"'\"}\n",
            "    additional_xen_options: {device_model_user: \"'\\\"root\\\"'\"}\n",
        ),
    ] {
        assert_eq!(
            text_of(yaml(&format!("{ROLE}{lines}"))),
            format!("{ROLE}{expected}")
        );
    }
    // Another VM has the same options.
    let shared = ROLE.replace(
        "    cmdline: root=/dev/xvda\n",
        "    cmdline: root=/dev/xvda\n    additional_xen_options: &o\n      kernel: /k\n",
    ) + "  - {org: a, name: c, type: hvm, os: {type: debian, version: 12}, interfaces: [], storage_type: lvm, additional_xen_options: *o}\n";
    assert_eq!(text_of(yaml(&shared)), shared);
}

/// One change that does not help must not cost an attempt for each of the others.
#[test]
fn a_change_that_is_refused_does_not_stop_the_others() {
    let vms: String = (0..40)
        .map(|number| VM.replace("\"b\"", &format!("\"b{number}\"")) + "memry = 512\n")
        .collect();
    let refused = VM.to_owned() + "vcpu = \"x\"\nadditional_xen_options = { memory = \"y\" }\n";
    let fixed = fixed(toml(&(vms + &refused)));
    assert_eq!(fixed.files[0].after.matches("memory = 512").count(), 40);
}

#[test]
fn passwords_are_not_in_the_diff() {
    let text = format!("{VM}spicepasswd = \"correct horse\"\nmemry = 512\n");
    let fixed = fixed(toml(&text));
    assert!(fixed.files[0].after.contains("correct horse"));
    assert!(fixed.files[0].diff.contains("memory"));
    let mistyped = format!("{VM}[vms.additional_xen_options]\nvncpsaswd = \"correct horse\"\n");
    let mistyped = self::fixed(toml(&mistyped.replace("cmdline =", "type = \"hvm\" #")));
    assert!(
        !mistyped
            .files
            .iter()
            .any(|file| file.diff.contains("horse"))
    );
    assert!(
        !fixed.files[0].diff.contains("horse"),
        "{}",
        fixed.files[0].diff
    );
}

/// A file that two hosts share is changed once, and the same way.
#[test]
fn a_file_of_several_hosts_changes_once() {
    let shared = Source::new("shared.toml", "[defaults]\nmemry = 512\n").unwrap();
    let host = |name: &str| {
        let text = VM.replace("\"b\"", &format!("\"{name}\""));
        vec![
            shared.clone(),
            Source::new(format!("{name}.toml"), text).unwrap(),
        ]
    };
    let fixed = fix(
        vec![host("b"), host("c")],
        &Facts::default(),
        &Levels::default(),
    );
    assert_eq!(fixed.files.len(), 1);
    assert_eq!(fixed.files[0].after, "[defaults]\nmemory = 512\n");
    assert_eq!(fixed.problems.len(), 1);
    for host in &fixed.hosts {
        assert_eq!(host[0].text, "[defaults]\nmemory = 512\n");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Letters of the examples are lost, doubled or swapped: what is fixed can be read, and needs no
    /// second time.
    #[test]
    fn mistyped_text_is_fixed_once(
        case in 0..TEXTS.len(),
        typos in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 1..6),
    ) {
        let (name, text) = TEXTS[case];
        let mut letters: Vec<char> = text.chars().collect();
        for (at, kind) in typos {
            let at = at.index(letters.len() - 1);
            match kind {
                0 => drop(letters.remove(at)),
                1 => letters.insert(at, letters[at]),
                2 => letters.swap(at, at + 1),
                _ => letters[at] = '"',
            }
        }
        let text: String = letters.iter().collect();
        let source = || Source::new(name, &*text).unwrap();
        let syntax = |source: Source| {
            let report = compile(vec![source], &Facts::default()).report;
            report.iter().filter(|d| d.id == DiagnosticId::Syntax).count()
        };
        let once = fixed(vec![source()]);
        prop_assert!(syntax(once.hosts[0][0].clone()) <= syntax(source()));
        prop_assert!(fixed(once.hosts[0].clone()).files.is_empty());
    }
}

/// The examples that are shipped.
const TEXTS: &[(&str, &str)] = &[
    (
        "a.toml",
        include_str!("../../docs/examples/hypervisor.toml"),
    ),
    (
        "a.yml",
        include_str!("../../docs/examples/role-variables.yml"),
    ),
];
