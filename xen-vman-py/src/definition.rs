//! Functions that check, explain and render definitions.
#![allow(
    clippy::needless_pass_by_value,
    reason = "PyO3 passes arguments by value"
)]

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use xen_vman_core::diag::json;
use xen_vman_core::document::decode::Invalid;
use xen_vman_core::facade::{Choices, FactsFile};
use xen_vman_core::graph::Graph;
use xen_vman_core::parse::{ConvertTarget, ImportOptions, convert as core_convert, import_with};
use xen_vman_core::render::manifest;
use xen_vman_core::{
    Assets, Compiled, Facts, Output, Source, Templates, compile, compile_with, explain as core,
};

/// The sources of a definition, built by `python/xen_vman/_input.py`.
#[derive(FromPyObject)]
pub(crate) struct Input {
    /// Name, content and kind: `file`, `dict` or `role`.
    sources: Vec<(String, Vec<u8>, String)>,
    /// Name and content of the facts file.
    facts: Option<(String, Vec<u8>)>,
    scripts: Option<Scripts>,
    allow: Vec<String>,
    deny: Vec<String>,
    strict: bool,
    /// Templates by name.
    templates: BTreeMap<String, String>,
}

impl Input {
    /// The names of its sources.
    pub(crate) fn name(&self) -> String {
        let names: Vec<_> = self
            .sources
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect();
        names.join(", ")
    }
}

/// The source of a site's own network scripts.
#[derive(FromPyObject)]
pub(crate) enum Scripts {
    /// Their contents, by their paths in the definition.
    Texts(BTreeMap<String, Vec<u8>>),
    /// A directory that contains them.
    Directory(PathBuf),
}

impl Scripts {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Texts(texts) => {
                let known = || {
                    texts
                        .keys()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let text = texts.get(path).cloned();
                text.ok_or_else(|| format!("not a key of scripts={{…}}; the keys are: {}", known()))
            }
            Self::Directory(directory) => {
                std::fs::read(directory.join(path)).map_err(|error| error.to_string())
            }
        }
    }
}

/// A definition after all checks.
pub(crate) struct Checked {
    pub(crate) compiled: Compiled,
    assets: Assets,
    templates: BTreeMap<String, String>,
}

/// Why a definition cannot be used.
pub(crate) enum Wrong {
    /// The definition has errors: the report, as JSON.
    Report(String),
    /// An argument is not valid: the message.
    Argument(String),
}

impl Input {
    /// Compiles the definition. Given facts override observed ones.
    pub(crate) fn check(self, observed: Facts) -> Result<Checked, Wrong> {
        let sources = self.sources.into_iter().map(source);
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let facts = match self.facts {
            Some((name, bytes)) => facts_of(&name, bytes)?,
            None => Facts::default(),
        };
        let choices = Choices {
            allow: self.allow,
            deny: self.deny,
            strict: self.strict,
        };
        let levels = choices
            .levels()
            .map_err(|invalid| Wrong::Argument(invalid.to_string()))?;
        let mut compiled = compile_with(sources, &facts.or(observed), &levels);
        let assets = compiled.load_assets(|path| match &self.scripts {
            Some(scripts) => scripts.read(path),
            None => Err("no scripts directory is set (scripts=…)".to_owned()),
        });
        Ok(Checked {
            compiled,
            assets,
            templates: self.templates,
        })
    }
}

impl Checked {
    pub(crate) fn report(&self) -> String {
        json::render(&self.compiled.report, &self.compiled.sources)
    }

    /// Renders the definition, unless it has errors.
    pub(crate) fn render(&self) -> Result<Output, Wrong> {
        if self.compiled.report.has_errors() {
            return Err(Wrong::Report(self.report()));
        }
        let argument = |error: xen_vman_core::Error| Wrong::Argument(error.to_string());
        let templates = Templates::with_overrides(&self.templates).map_err(argument)?;
        self.compiled
            .render(&templates, &self.assets)
            .map_err(argument)
    }
}

fn source((name, bytes, kind): (String, Vec<u8>, String)) -> Result<Source, Wrong> {
    if kind == "file" {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let source = if size <= Source::BYTES_MAX {
            Source::from_bytes(&name, bytes)
        } else {
            Source::too_large(&name, size)
        };
        return source.ok_or_else(|| {
            Wrong::Argument(format!(
                "{name} must end in .toml, or in .yml, .yaml or .json for the role's variables"
            ))
        });
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Source::json(name, text, kind == "role"))
}

fn facts_of(name: &str, bytes: Vec<u8>) -> Result<Facts, Wrong> {
    let source = Source::from_bytes(name, bytes);
    let source = source.ok_or_else(|| {
        Wrong::Argument(format!("{name} must end in .toml, .yml, .yaml or .json"))
    })?;
    let file = FactsFile::read(source);
    match file.facts() {
        Some(facts) => Ok(facts.clone()),
        None => Err(Wrong::Report(json::render(&file.report, &file.sources))),
    }
}

/// Converts an error into an exception.
pub(crate) fn raise(py: Python<'_>, wrong: Wrong) -> PyErr {
    match wrong {
        Wrong::Report(report) => exception(py, "DefinitionError", &report),
        Wrong::Argument(message) => PyValueError::new_err(message),
    }
}

/// Creates an exception of `xen_vman._errors` from a string.
pub(crate) fn exception(py: Python<'_>, class: &str, text: &str) -> PyErr {
    let make = || {
        let module = py.import("xen_vman._errors")?;
        module.getattr(class)?.call_method1("of", (text,))
    };
    match make() {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// Returns the report of a definition, as JSON.
#[pyfunction]
pub(crate) fn check(py: Python<'_>, input: Input) -> PyResult<String> {
    let done = py.detach(|| {
        input
            .check(Facts::default())
            .map(|checked| checked.report())
    });
    done.map_err(|wrong| raise(py, wrong))
}

/// Returns where the values of a VM or of the host come from, as JSON.
#[pyfunction]
pub(crate) fn explain(
    py: Python<'_>,
    input: Input,
    vm: Option<&str>,
    key: Option<&str>,
) -> PyResult<String> {
    let done = py.detach(|| {
        let checked = input.check(Facts::default())?;
        let compiled = &checked.compiled;
        let mut rows = match vm {
            Some(name) => {
                let vms = &compiled.resolved.vms;
                let vm = vms.iter().find(|vm| vm.domain.as_str() == name);
                let vm = vm.ok_or_else(|| Wrong::Argument(format!("no VM named `{name}`")))?;
                core::vm(vm, &compiled.resolved)
            }
            None => core::host(&compiled.resolved.host),
        };
        if let Some(key) = key {
            rows = core::select(rows, key).map_err(|known| {
                let known = known.join(", ");
                Wrong::Argument(format!("unknown key `{key}`; known keys are {known}"))
            })?;
        }
        Ok(core::json(&rows, &compiled.sources))
    });
    done.map_err(|wrong| raise(py, wrong))
}

/// Returns the VMs of a host with their networks and storage: as JSON, for Graphviz, and for Mermaid.
#[pyfunction]
pub(crate) fn graph(
    py: Python<'_>,
    input: Input,
    host: &str,
) -> PyResult<(String, String, String)> {
    let done = py.detach(|| {
        let checked = input.check(Facts::default())?;
        if checked.compiled.report.has_errors() {
            return Err(Wrong::Report(checked.report()));
        }
        let graph = Graph::of([(host, &checked.compiled.resolved)]);
        let nodes = serde_json::json!(graph).to_string();
        Ok((nodes, graph.to_dot(), graph.to_mermaid()))
    });
    done.map_err(|wrong| raise(py, wrong))
}

/// Files, as one list per attribute: path, mode, owner, content, VM. A tuple per file would give
/// the garbage collector one more object to visit.
type Files<'py> = (
    Vec<String>,
    Vec<u32>,
    Vec<String>,
    Vec<Bound<'py, PyBytes>>,
    Vec<Option<String>>,
);

/// Returns the report, the manifest, and the files of the host and its guests.
#[pyfunction]
pub(crate) fn render(py: Python<'_>, input: Input) -> PyResult<(String, String, Files<'_>)> {
    let done = py.detach(|| {
        let checked = input.check(Facts::default())?;
        let output = checked.render()?;
        let manifest = manifest(&checked.compiled.resolved, &output);
        let manifest =
            serde_json::to_string(&manifest).map_err(|error| Wrong::Argument(error.to_string()))?;
        Ok((checked.report(), manifest, output))
    });
    let (report, manifest, output) = done.map_err(|wrong| raise(py, wrong))?;
    let host = output.host.iter().map(|file| (None, file));
    let guests = output.guests.iter().flat_map(|guest| {
        let vm = Some(guest.domain.to_string());
        guest.files.iter().map(move |file| (vm.clone(), file))
    });
    let mut files = Files::default();
    for (vm, file) in host.chain(guests) {
        files.0.push(file.path.clone());
        files.1.push(file.mode);
        files.2.push(file.owner.clone());
        files.3.push(PyBytes::new(py, &file.content));
        files.4.push(vm);
    }
    Ok((report, manifest, files))
}

/// Returns a definition in another format, or the report on its syntax, as JSON.
#[pyfunction]
pub(crate) fn convert(py: Python<'_>, input: Input, to: &str) -> PyResult<String> {
    let target = match to {
        "toml" => ConvertTarget::Toml,
        "yaml" => ConvertTarget::Yaml,
        "json" => ConvertTarget::Json,
        _ => {
            return Err(PyValueError::new_err(format!(
                "to must be \"toml\", \"yaml\" or \"json\", not \"{to}\""
            )));
        }
    };
    let done = py.detach(|| {
        let [written] = <[_; 1]>::try_from(input.sources).map_err(|parts| {
            Wrong::Argument(format!(
                "a definition of {} parts cannot be converted: each keeps its own settings; pass one at a time",
                parts.len()
            ))
        })?;
        let converted = core_convert(&source(written)?, target);
        if converted.report.has_errors() {
            return Err(Wrong::Report(json::render(&converted.report, &converted.sources)));
        }
        Ok(converted.text)
    });
    done.map_err(|wrong| raise(py, wrong))
}

/// Returns a definition in TOML generated from xl.cfg files, and the report on them, as JSON.
#[pyfunction]
pub(crate) fn import_xl_cfg(
    py: Python<'_>,
    files: Vec<(String, Vec<u8>)>,
    org: Option<&str>,
    start_with_host: Vec<String>,
) -> PyResult<(String, String)> {
    let mut options = ImportOptions::default();
    let wrong = |invalid: Invalid| PyValueError::new_err(format!("`org` {invalid}"));
    options.org = org.map(str::parse).transpose().map_err(wrong)?;
    options.start_with_host = start_with_host.into_iter().collect();
    Ok(py.detach(|| {
        let sources = files
            .into_iter()
            .map(|(name, bytes)| Source::domain(name, bytes));
        let sources: Vec<_> = sources.collect();
        let (text, _) = import_with(&sources, &options);
        let found = compile(sources, &Facts::default());
        (text, json::render(&found.report, &found.sources))
    }))
}
