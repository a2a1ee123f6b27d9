//! Keeps the documentation current: pages generated from the code, and examples that are run.
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
use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::diag::{Diagnostic, DiagnosticId};
use xen_vman_core::resolve::built_in_text;
use xen_vman_core::spec::{DefaultsSpec, HostSpec, InterfaceSpec, Key, OsSpec, VmSpec, VolumeSpec};
use xen_vman_core::storage::StorageKeys;
use xen_vman_core::{Compiled, Facts, Source, Templates, compile};

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
        "docs/{page} is out of date; UPDATE_DOCS=1 regenerates it"
    );
}

#[test]
fn page_of_variables_is_what_the_schema_says() {
    let built_in: toml::Table = built_in_text().parse().unwrap();
    let defaults = built_in["defaults"].as_table().unwrap();
    let mut page = String::from(
        "# Variables\n\n<!-- Made from the code: UPDATE_DOCS=1 cargo test -p xen-vman-core --test docs -->\n\n\
         The names of the role's variables begin with `xen_vman_`. A definition drops that prefix; variables that begin \
         with `xen_vman_default_` are keys of the table `[defaults]`. VMs are `[[vms]]`, or the list `xen_vman_vms`.\n\n\
         A key that is set to `null` counts as not set, as does an empty string where that is not a valid value. \
         Numbers may be written as strings, and a list with one item as just the item.\n",
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
    for (kind, keys) in StorageKeys::tables() {
        section(
            &mut page,
            &format!("Host: storage `{kind}`"),
            "At the top level (`xen_vman_*`).",
            keys,
            &built_in,
            "xen_vman_",
        );
    }
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
        "In an item of `[[vms]]`. Keys that are not set default to those in `[defaults]`.",
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
        "In an item of a VM's `interfaces`. All keys are optional.",
        InterfaceSpec::KEYS,
        &none,
        "",
    );
    section(
        &mut page,
        "Volume",
        "In an item of a VM's `volumes`: a data disk. Only `name` is required; [Storage](storage.md#data-disks) has more.",
        VolumeSpec::KEYS,
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
        page.push_str(
            "| key | value | default | meaning | role variable |\n|---|---|---|---|---|\n",
        );
    } else {
        page.push_str("| key | value | meaning |\n|---|---|---|\n");
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
         The problems that a definition can have, why they matter, and how to fix them. `xen-vman-cli diagnostics ID` \
         shows the same. There are more examples in `xen-vman-core/tests/cases/bad/`.\n\n\
         If there are errors, nothing is rendered. `allow_diagnostics` in the definition suppresses a warning that is \
         intended, and `deny_diagnostics` turns it into an error.\n\n\
         | id | severity | what it means |\n|---|---|---|\n",
    );
    for id in DiagnosticId::ALL {
        let (severity, summary) = (id.severity(), summary(*id));
        writeln!(page, "| [`{id}`](#{id}) | {severity} | {summary} |").unwrap();
    }
    for id in DiagnosticId::ALL {
        let (severity, summary) = (id.severity(), summary(*id));
        write!(
            page,
            "\n## {id}\n\n**{severity}**: {summary}\n\n{}",
            id.explanation()
        )
        .unwrap();
    }
    fresh("diagnostics.md", &page);
}

/// The summary in one line.
fn summary(id: DiagnosticId) -> String {
    id.summary()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Ids whose wrong example is only shown, with the reason.
const WRONG_IS_ONLY_SHOWN: &[(DiagnosticId, &str)] = &[(
    DiagnosticId::NotUtf8,
    "the explanation is UTF-8 itself, so it cannot hold a file that is not",
)];

/// An explanation: why it matters, and the examples (language, text) of both sections.
struct Explanation<'e> {
    why: &'e str,
    wrong: Vec<(String, String)>,
    right: Vec<(String, String)>,
}

impl<'e> Explanation<'e> {
    fn of(text: &'e str) -> Result<Self, &'static str> {
        let (why, rest) = text
            .split_once("\n\n### Wrong\n\n")
            .ok_or("no section `### Wrong`")?;
        let (wrong, right) = rest
            .split_once("\n\n### Right\n\n")
            .ok_or("no section `### Right`")?;
        let right = right.strip_suffix('\n').ok_or("no line end at the end")?;
        Ok(Self {
            why,
            wrong: only_examples(wrong)?,
            right: only_examples(right)?,
        })
    }
}

/// The examples of a section that holds nothing else.
fn only_examples(section: &str) -> Result<Vec<(String, String)>, &'static str> {
    let examples = examples(section);
    let fences = examples
        .iter()
        .map(|(language, text)| format!("```{language}\n{text}```"));
    if examples.is_empty() || fences.collect::<Vec<_>>().join("\n\n") != section {
        return Err("a section must be made of fences, with an empty line between them");
    }
    Ok(examples)
}

/// The ending of a file that holds an example; none if it is not run.
fn ending(language: &str) -> Result<Option<&'static str>, String> {
    match language {
        "toml" => Ok(Some("toml")),
        "yaml" => Ok(Some("yml")),
        "json" => Ok(Some("json")),
        "cfg" => Ok(Some("cfg")),
        "xml" => Ok(Some("xml")),
        _ => Err(format!("examples in `{language}` are not known")),
    }
}

/// What the examples of a section give together, as the files of one definition; none if
/// they are not run.
fn compile_examples(
    examples: &[(String, String)],
    scripts_are_there: bool,
) -> Result<Option<Compiled>, String> {
    let mut files = Vec::new();
    for (number, (language, text)) in examples.iter().enumerate() {
        let Some(ending) = ending(language)? else {
            return Ok(None);
        };
        let name = format!("example-{}.{ending}", number + 1);
        files.push(match ending {
            "cfg" | "xml" => Source::domain(name, text.clone().into_bytes()),
            _ => Source::new(name, text.clone()).unwrap(),
        });
    }
    let mut compiled = compile(files, &Facts::default());
    compiled.load_assets(|_| {
        if scripts_are_there {
            Ok(Vec::new())
        } else {
            Err("entity not found".to_owned())
        }
    });
    Ok(Some(compiled))
}

/// What is wrong with the explanation of an id, if anything. Scripts of a site are there for
/// the right example, and missing for the wrong one.
fn problem_of_explanation(id: DiagnosticId) -> Result<(), String> {
    let explanation = Explanation::of(id.explanation())?;
    let paragraphs: Vec<_> = explanation.why.split("\n\n").collect();
    let is_plain = |text: &&str| !text.trim().is_empty() && !text.starts_with(['#', '-', '*', '|']);
    if paragraphs.len() > 2 || !paragraphs.iter().all(is_plain) {
        return Err("must say in one or two plain paragraphs why it matters".to_owned());
    }
    if explanation.why.contains("```") || explanation.why.contains("TODO") {
        return Err("must have no fence before `### Wrong`, and no TODO".to_owned());
    }
    let is_only_shown = WRONG_IS_ONLY_SHOWN.iter().any(|(known, _)| *known == id);
    let wrong = explanation.wrong.into_iter().map(|(language, text)| {
        let plain = language.strip_suffix(" wrong").map(str::to_owned);
        plain.map(|language| (language, text))
    });
    match wrong.collect::<Option<Vec<_>>>() {
        None if is_only_shown => {}
        None => return Err("a language must be followed by ` wrong`".to_owned()),
        Some(_) if is_only_shown => return Err("the wrong example can be run".to_owned()),
        Some(examples) => {
            if let Some(compiled) =
                compile_examples(&examples, id != DiagnosticId::MissingNetworkScript)?
            {
                let fits = |found: &Diagnostic| found.id == id && found.severity == id.severity();
                if compiled.report.is_empty() || !compiled.report.iter().all(fits) {
                    let report = render(&compiled.report, &compiled.sources, Colour::None);
                    return Err(format!("the wrong example gives something else:\n{report}"));
                }
            }
        }
    }
    if let Some(compiled) = compile_examples(&explanation.right, true)?
        && !compiled.report.is_empty()
    {
        let report = render(&compiled.report, &compiled.sources, Colour::None);
        return Err(format!("the right example has problems:\n{report}"));
    }
    Ok(())
}

#[test]
fn explanations_show_what_they_explain() {
    let problems: Vec<_> = DiagnosticId::ALL
        .iter()
        .filter_map(|id| {
            let problem = problem_of_explanation(*id).err()?;
            Some(format!("catalogue/{id}.md: {problem}"))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_explanation_belongs_to_an_id() {
    let folder = support::crate_dir().join("src/diag/catalogue");
    for path in support::files_below(&folder) {
        let id = name(&path);
        let id = id.strip_suffix(".md").unwrap_or(&id);
        assert!(
            DiagnosticId::of_name(id).is_some(),
            "{}: no such id",
            path.display()
        );
    }
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

/// The fenced examples of a document: language (with ` wrong` after it, if it is to have
/// problems), text.
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

/// The advice in "Where do I add …?" names files that exist.
#[test]
fn the_architecture_page_names_existing_files() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let advice = page.split_once("## Where do I add").unwrap().1;
    let mut missing = Vec::new();
    for word in advice.split('`').skip(1).step_by(2) {
        if !word.contains('/') && !word.contains(".rs") {
            continue;
        }
        let bases = ["", "xen-vman-core", "xen-vman-core/src"];
        if !bases
            .iter()
            .any(|base| root().join(base).join(word).exists())
        {
            missing.push(word);
        }
    }
    assert!(
        missing.is_empty(),
        "docs/architecture.md: there is no {missing:?}"
    );
}
