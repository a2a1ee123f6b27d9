//! Documents that cannot rot: pages made from the code, and examples that are run.
#![allow(clippy::disallowed_methods, reason = "tests read documents")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use support::name;
use xen_vman_core::diag::DiagnosticId;
use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::spec::{DefaultsSpec, HostSpec, InterfaceSpec, Key, OsSpec, VmSpec};
use xen_vman_core::{Facts, Source, Templates, compile};

fn root() -> &'static Path {
    support::crate_dir().parent().unwrap()
}

/// Compares a page with what the code says, or writes it (`UPDATE_DOCS=1`).
fn fresh(page: &str, text: &str) {
    let path = root().join("docs").join(page);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "docs/{page} is not what the code says; UPDATE_DOCS=1 writes it anew"
    );
}

#[test]
fn page_of_variables_is_what_the_schema_says() {
    let built_in: toml::Table = include_str!("../src/resolve/built_in.toml")
        .parse()
        .unwrap();
    let defaults = built_in["defaults"].as_table().unwrap();
    let mut page = String::from(
        "# Variables\n\n<!-- Made from the code: UPDATE_DOCS=1 cargo test -p xen-vman-core --test docs -->\n\n\
         Among the role's variables, every name begins with `xen_vman_`: drop it; what then begins with `default_` \
         lives in the table `[defaults]`; all else keeps its name. VMs are `[[vms]]`, or the list `xen_vman_vms`.\n\n\
         A key that is written as `null` or as an empty text counts as not written (where an empty text is no value \
         of its own). Numbers may be written as text, and a list of one as its item.\n",
    );
    let none = toml::Table::new();
    section(
        &mut page,
        "Host",
        "At the top level (`xen_vman_*`).",
        HostSpec::KEYS,
        &built_in,
        "xen_vman_",
    );
    section(
        &mut page,
        "Defaults",
        "In the table `[defaults]` (`xen_vman_default_*`). They hold for every VM that does not write the key itself. \
         Any text here may be a template expression over `vm` as written, such as `{{ vm.org }}-{{ vm.name }}`; \
         of interfaces (`mtu`, `xen_str`, `vifname_prefix`) over `interface`, too. The language is \
         [Tera's](https://keats.github.io/tera/docs/).",
        DefaultsSpec::KEYS,
        defaults,
        "xen_vman_default_",
    );
    section(
        &mut page,
        "VM",
        "In an item of `[[vms]]`. What is not written comes from `[defaults]`.",
        VmSpec::KEYS,
        &none,
        "",
    );
    section(
        &mut page,
        "Operating system",
        "In the `os` of a VM.",
        OsSpec::KEYS,
        &none,
        "",
    );
    section(
        &mut page,
        "Interface",
        "In an item of a VM's `interfaces`. All of them are optional.",
        InterfaceSpec::KEYS,
        &none,
        "",
    );
    page += "\n## Required\n\nOn a VM `org`, `name`, `interfaces` (which may be empty), `os.type` and `os.version`. On the host \
             `nfsroot_base` if a VM has its root on NFS; `iscsi_server` and `iscsi_base_wwn` if one has it on iSCSI.\n";
    fresh("variables.md", &page);
}

fn section(
    page: &mut String,
    title: &str,
    text: &str,
    keys: &[Key],
    defaults: &toml::Table,
    prefix: &str,
) {
    let with_default = !defaults.is_empty();
    write!(page, "\n## {title}\n\n{text}\n\n").unwrap();
    if with_default {
        page.push_str("| key | takes | if not written | what it is | role variable |\n|---|---|---|---|---|\n");
    } else {
        page.push_str("| key | takes | what it is |\n|---|---|---|\n");
    }
    for key in keys {
        let doc = key
            .doc
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('|', "\\|");
        let expected = key.expected.replace('|', "\\|");
        if with_default {
            let default = match defaults.get(key.name) {
                Some(toml::Value::Array(items)) => {
                    let items: Vec<_> = items.iter().map(plain).collect();
                    if items.is_empty() {
                        "`[]`".to_owned()
                    } else {
                        items
                            .iter()
                            .map(|item| format!("`{item}`"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    }
                }
                Some(value) => format!("`{}`", plain(value)),
                None => "—".to_owned(),
            };
            writeln!(
                page,
                "| `{}` | {expected} | {default} | {doc} | `{prefix}{}` |",
                key.name, key.name
            )
            .unwrap();
        } else {
            writeln!(page, "| `{}` | {expected} | {doc} |", key.name).unwrap();
        }
    }
}

fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn page_of_diagnostics_lists_the_catalogue() {
    let mut page = String::from(
        "# Diagnostics\n\n<!-- Made from the code: UPDATE_DOCS=1 cargo test -p xen-vman-core --test docs -->\n\n\
         Each has a case that shows it, in `xen-vman-core/tests/cases/bad/`.\n\n| id | severity | what it means |\n|---|---|---|\n",
    );
    for id in DiagnosticId::ALL {
        let summary = id
            .summary()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        writeln!(page, "| `{id}` | {} | {summary} |", id.severity()).unwrap();
    }
    fresh("diagnostics.md", &page);
}

#[test]
fn every_template_is_in_the_table() {
    let table = fs::read_to_string(root().join("templates/README.md")).unwrap();
    let files: Vec<_> = support::files_below(&root().join("templates"))
        .into_iter()
        .filter_map(|path| {
            Some(
                path.strip_prefix(root().join("templates"))
                    .ok()?
                    .to_str()?
                    .strip_suffix(".tera")?
                    .to_owned(),
            )
        })
        .collect();
    let embedded: Vec<_> = Templates::names().map(str::to_owned).collect();
    assert_eq!(files, embedded, "folder and list of templates differ");
    for template in files {
        assert!(
            table.contains(&format!("`{template}`")),
            "`{template}` is not in templates/README.md"
        );
    }
}

fn documents() -> Vec<PathBuf> {
    let docs = support::files_below(&root().join("docs"));
    let pages = docs
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    [root().join("README.md"), root().join("templates/README.md")]
        .into_iter()
        .chain(pages)
        .collect()
}

/// The fenced examples of a document: language, text.
fn examples(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, body)), None) => writeln!(body, "{line}").unwrap(),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    found
}

#[test]
fn examples_of_definitions_have_no_problems() {
    let mut count = 0;
    for document in documents() {
        for (language, text) in examples(&fs::read_to_string(&document).unwrap()) {
            let file = match language.as_str() {
                "toml" => "example.toml",
                "yaml" => "example.yml",
                _ => continue,
            };
            count += 1;
            let compiled = compile(
                vec![Source::new(file, text.clone()).unwrap()],
                &Facts::default(),
            );
            let report = render(&compiled.report, &compiled.sources, Colour::None);
            assert!(
                report.is_empty(),
                "{}:\n{text}\n{report}",
                document.display()
            );
        }
    }
    assert!(count > 3, "only {count} examples");
}

/// The README shows a definition and right after it what becomes of it.
#[test]
fn example_of_the_readme_gives_the_configuration_shown() {
    let examples = examples(&fs::read_to_string(root().join("README.md")).unwrap());
    let (_, definition) = examples
        .iter()
        .find(|(language, _)| language == "toml")
        .unwrap();
    let (_, shown) = examples
        .iter()
        .find(|(language, _)| language == "cfg")
        .unwrap();
    let compiled = compile(
        vec![Source::new("README.toml", definition.clone()).unwrap()],
        &Facts::default(),
    );
    let output = compiled
        .render(&Templates::embedded(), &xen_vman_core::Assets::default())
        .unwrap();
    let config = output
        .host
        .iter()
        .find(|file| file.path.ends_with(".cfg"))
        .unwrap();
    assert_eq!(config.text(), *shown, "{}", config.text());
}

#[test]
fn links_lead_somewhere() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                let path = document.parent().unwrap().join(target);
                assert!(path.exists(), "{}: no {target}", name(&document));
            }
        }
    }
}
