//! The data flow, read off the imports: a stage may use those before it, none after it.
#![allow(clippy::disallowed_methods, reason = "tests read sources")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use std::fs;

/// For each module, the others of this crate that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("document", &["diag", "xl_cfg"]),
    ("origin", &["diag"]),
    ("quote", &["diag"]),
    ("values", &["diag", "document", "quote", "xl_cfg"]),
    ("command", &["diag", "quote"]),
    ("object", &["values"]),
    (
        "storage",
        &["command", "diag", "document", "origin", "values"],
    ),
    ("spec", &["diag", "document", "storage", "values"]),
    ("parse", &["diag", "document", "spec", "values", "xl_cfg"]),
    (
        "install",
        &[
            "command", "diag", "document", "object", "origin", "storage", "values",
        ],
    ),
    (
        "resolve",
        &[
            "diag", "document", "install", "origin", "parse", "spec", "storage", "values", "xl_cfg",
        ],
    ),
    (
        "validate",
        &[
            "diag", "document", "install", "resolve", "storage", "values", "xl_cfg",
        ],
    ),
    (
        "render",
        &[
            "diag", "error", "install", "object", "origin", "quote", "resolve", "storage",
            "values", "xl_cfg",
        ],
    ),
    (
        "explain",
        &["diag", "document", "resolve", "spec", "storage"],
    ),
    (
        "graph",
        &["diag", "origin", "quote", "resolve", "storage", "values"],
    ),
    ("schema", &["document", "parse", "resolve", "spec"]),
    (
        "plan",
        &[
            "diag", "document", "install", "object", "render", "storage", "values", "xl_cfg",
        ],
    ),
    (
        "doctor",
        &["diag", "object", "plan", "render", "resolve", "storage"],
    ),
    (
        "host",
        &[
            "command", "diag", "doctor", "document", "install", "object", "plan", "render",
            "resolve", "storage", "values",
        ],
    ),
    ("fix", &["diag", "document", "pipeline", "resolve"]),
    ("xl_cfg", &["diag"]),
    ("error", &[]),
    (
        "facade",
        &[
            "diag", "document", "graph", "pipeline", "plan", "render", "resolve", "storage",
            "values",
        ],
    ),
    (
        "pipeline",
        &[
            "diag", "document", "error", "parse", "render", "resolve", "spec", "validate",
        ],
    ),
];

/// What a backend knows is asked of a volume: nothing outside names a backend's file or types.
#[test]
fn no_backend_is_known_outside_of_storage() {
    let src = support::crate_dir().join("src");
    let backends = xen_vman_core::storage::BackendKind::WORDS;
    let mut problems = Vec::new();
    for file in support::files_below(&src) {
        let place = file.strip_prefix(&src).unwrap().to_owned();
        let is_rust = file.extension().is_some_and(|ending| ending == "rs");
        if !is_rust || place.starts_with("storage") {
            continue;
        }
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let names = |backend: &str| {
                let mut type_name = (*backend).to_owned();
                type_name[..1].make_ascii_uppercase();
                let kinds = ["Volume", "Settings", "Keys"];
                code.contains(&format!("storage::{backend}"))
                    || code.contains(&format!("BackendKind::{type_name}"))
                    || code.contains(&format!("Volume::{type_name}"))
                    || kinds
                        .iter()
                        .any(|kind| code.contains(&format!("{type_name}{kind}")))
            };
            if let Some(backend) = backends.iter().find(|backend| names(backend)) {
                problems.push(format!(
                    "{}:{}: knows the backend `{backend}`; ask `Volume` or `StorageSettings`",
                    place.display(),
                    number + 1
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Past `render`, nothing reads meaning out of a name's ending, a command's words or a text that
/// may hold a password: objects and commands say it.
#[test]
fn nothing_is_guessed_from_spelling() {
    let src = support::crate_dir().join("src");
    let guesses = [
        "ends_with(\".",
        "strip_suffix(\".",
        "words[0]",
        "argv[0]",
        "argv.first()",
        "is_password",
        "has_password",
        "without_passwords",
        "\"passw",
    ];
    // A form of before that knew paths alone, and programs of a test's host.
    let reads_others = ["plan/earlier_record.rs", "host/memory/programs.rs"];
    let mut problems = Vec::new();
    for stage in ["plan", "install", "host", "doctor"] {
        for file in support::files_below(&src.join(stage)) {
            let place = file
                .strip_prefix(&src)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if reads_others.contains(&place.as_str()) {
                continue;
            }
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if guesses.iter().any(|guess| code.contains(guess)) {
                    problems.push(format!("{place}:{}: {}", number + 1, code.trim()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn no_stage_uses_a_later_one() {
    let src = support::crate_dir().join("src");
    let mut problems = Vec::new();
    let mut modules = std::collections::BTreeSet::new();
    for file in support::files_below(&src) {
        let place = file.strip_prefix(&src).unwrap();
        let module = place
            .iter()
            .next()
            .unwrap()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        if module == "lib" || file.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == module) else {
            problems.push(format!("module `{module}` is not in the table"));
            continue;
        };
        modules.insert(module.clone());
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (at, _) in code.match_indices("crate::") {
                if code[..at].ends_with('$') {
                    continue;
                }
                let used: String = code[at + 7..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let own = used == module
                    || used.is_empty()
                    || used.chars().next().is_some_and(char::is_uppercase);
                if !own && !allowed.contains(&used.as_str()) {
                    problems.push(format!(
                        "{}:{}: `{module}` uses `{used}`",
                        place.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert_eq!(
        modules.len(),
        MAY_USE.len(),
        "a module of the table is gone"
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn files_stay_small() {
    let long: Vec<_> = support::files_below(&support::crate_dir().join("src"))
        .into_iter()
        .filter(|file| fs::read_to_string(file).is_ok_and(|text| text.lines().count() > 480))
        .collect();
    assert!(long.is_empty(), "split by subject: {long:?}");
}
