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
    ("document", &["diag"]),
    ("origin", &["diag"]),
    ("quote", &["diag"]),
    ("values", &["diag", "document"]),
    ("spec", &["diag", "document", "values"]),
    ("parse", &["diag", "document", "spec", "xl_cfg"]),
    (
        "resolve",
        &["diag", "document", "origin", "parse", "spec", "values"],
    ),
    ("validate", &["diag", "document", "resolve", "values"]),
    ("render", &["diag", "error", "quote", "resolve", "values"]),
    ("install", &["diag", "quote", "render", "values"]),
    ("explain", &["diag", "document", "resolve"]),
    ("schema", &["document", "parse", "resolve", "spec"]),
    ("plan", &["diag", "install", "render", "values", "xl_cfg"]),
    ("doctor", &["diag", "plan", "render", "resolve"]),
    (
        "host",
        &[
            "diag", "doctor", "document", "install", "plan", "render", "resolve", "values",
        ],
    ),
    ("xl_cfg", &["diag"]),
    ("error", &[]),
    (
        "pipeline",
        &[
            "diag", "document", "error", "parse", "render", "resolve", "validate",
        ],
    ),
];

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
