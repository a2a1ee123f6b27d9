//! What the tests share: cases, their expectations, and the judges.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "tests read cases and run judges")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

pub(crate) mod judges;
pub(crate) mod skipped;
pub(crate) mod strategy;

use similar::TextDiff;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use xen_vman_core::diag::Report;
use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::render::manifest;
use xen_vman_core::xl_cfg::{self, SettingValue, XlNode};
use xen_vman_core::{Compiled, Facts, Source, Templates, compile};

/// The folder of this crate.
pub(crate) fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of one kind of case, sorted.
pub(crate) fn cases(kind: &str) -> Vec<PathBuf> {
    let root = crate_dir().join("tests/cases").join(kind);
    let mut found: Vec<_> = fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no case in {}", root.display());
    found
}

/// The name of a case.
pub(crate) fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// A file, named without its folder; one that ends in `.cfg` or `.xml` is a domain.
pub(crate) fn source(path: &Path) -> Source {
    let bytes = fs::read(path).unwrap();
    if path
        .extension()
        .is_some_and(|ending| ending == "cfg" || ending == "xml")
    {
        Source::domain(name(path), bytes)
    } else {
        Source::from_bytes(name(path), bytes).unwrap()
    }
}

/// Compiles files, which are named in diagnostics without their folder.
pub(crate) fn compile_files(files: &[PathBuf]) -> Compiled {
    let mut compiled = compile(
        files.iter().map(|path| source(path)).collect(),
        &Facts::default(),
    );
    let scripts = files[0].parent().unwrap().join("files");
    let assets = compiled
        .load_assets(|path| fs::read(scripts.join(path)).map_err(|error| error.kind().to_string()));
    ASSETS.with(|cell| *cell.borrow_mut() = assets);
    compiled
}

thread_local! {
    static ASSETS: std::cell::RefCell<xen_vman_core::Assets> = std::cell::RefCell::default();
}

/// The files of a case's definition: `input.*`, in order.
pub(crate) fn inputs(case: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(case)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && name(path).starts_with("input"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no input", case.display());
    files
}

/// Everything that a definition gives, by place: files, the manifest, and the report.
pub(crate) fn everything(compiled: &Compiled) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if !compiled.report.is_empty() {
        all.insert(
            "report.txt".to_owned(),
            render(&compiled.report, &compiled.sources, Colour::None),
        );
    }
    if compiled.report.has_errors() {
        return all;
    }
    let output = ASSETS
        .with(|assets| compiled.render(&Templates::embedded(), &assets.borrow()))
        .unwrap();
    for file in &output.host {
        all.insert(file.output_path(), file.text().into_owned());
    }
    for guest in &output.guests {
        for file in &guest.files {
            all.insert(file.output_path(), file.text().into_owned());
        }
    }
    let manifest = serde_json::to_string_pretty(&manifest(&compiled.resolved, &output)).unwrap();
    all.insert("manifest.json".to_owned(), manifest + "\n");
    all
}

/// Whether expectations are to be written rather than compared.
pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE_CASES").is_some_and(|value| value == "1")
}

/// Compares a text with the expectation in a file, or writes it there.
pub(crate) fn expect(path: &Path, actual: &str, problems: &mut Vec<String>) {
    if updating() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected != actual {
        let diff = TextDiff::from_lines(&expected, actual);
        let diff = diff.unified_diff().header("expected", "actual").to_string();
        problems.push(format!("{}:\n{diff}", path.display()));
    }
}

/// Compares a tree of texts with the files of a folder, or writes it there.
pub(crate) fn expect_tree(
    dir: &Path,
    actual: &BTreeMap<String, String>,
    problems: &mut Vec<String>,
) {
    if updating() && dir.exists() {
        fs::remove_dir_all(dir).unwrap();
    }
    for (place, text) in actual {
        expect(&dir.join(place), text, problems);
    }
    for file in files_below(dir) {
        let place = file
            .strip_prefix(dir)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if !actual.contains_key(&place) {
            problems.push(format!(
                "{place} was expected, but is not there ({})",
                dir.display()
            ));
        }
    }
}

/// All files below a folder, sorted.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Fails with all problems of a test at once.
pub(crate) fn finish(problems: &[String]) {
    assert!(
        problems.is_empty(),
        "{}\n{} problems; UPDATE_CASES=1 takes the new texts",
        problems.join("\n"),
        problems.len()
    );
}

/// Every definition of the cases that has no errors, with its name.
pub(crate) fn good_definitions() -> Vec<(String, Compiled)> {
    let mut good = Vec::new();
    for case in cases("ok").into_iter().chain(cases("role")) {
        good.push((name(&case), inputs(&case)));
    }
    for case in cases("variables") {
        for file in ["default.toml", "override.toml"] {
            good.push((format!("{}/{file}", name(&case)), vec![case.join(file)]));
        }
    }
    good.into_iter()
        .map(|(name, files)| (name, compile_files(&files)))
        .filter(|(_, compiled)| !compiled.report.has_errors())
        .collect()
}

/// Writes files below a folder, with their permissions.
pub(crate) fn write_host(compiled: &Compiled, dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let output = compiled
        .render(&Templates::embedded(), &xen_vman_core::Assets::default())
        .unwrap();
    for file in &output.host {
        let path = dir.join(file.path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &file.content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)).unwrap();
    }
}

/// What xl makes of a configuration, by key; the parts of a vif in any order.
pub(crate) fn settings(config: &str) -> BTreeMap<String, String> {
    let mut report = Report::new();
    let file = xl_cfg::read(config.as_bytes(), 0, &mut report);
    assert!(report.is_empty(), "{config}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let item = |node: &XlNode| {
        let whole = node.bytes().map_or_else(|| format!("{node:?}"), text);
        let mut parts: Vec<_> = whole.split(',').collect();
        if whole.starts_with("mac=") {
            parts.sort_unstable();
        }
        parts.join(",")
    };
    let all = file.settings();
    let all = all.iter().map(|setting| {
        let value = match &setting.value {
            SettingValue::Text(bytes) => text(bytes),
            SettingValue::List(items) => {
                format!(
                    "{:?}",
                    items.iter().map(|node| item(node)).collect::<Vec<_>>()
                )
            }
        };
        (setting.key.to_owned(), value)
    });
    // xl's defaults, which an import leaves out.
    let actions = [
        ("on_poweroff", "destroy"),
        ("on_reboot", "restart"),
        ("on_crash", "destroy"),
    ];
    let defaults = actions.map(|(key, action)| (key.to_owned(), action.to_owned()));
    defaults.into_iter().chain(all).collect()
}
