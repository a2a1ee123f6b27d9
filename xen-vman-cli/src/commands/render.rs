//! `render`: definition in, files out.

use crate::args::{DefinitionArgs, Format, RenderArgs};
use crate::output_dir::OutputDir;
use crate::{Failure, Outcome, input, terminal};
use std::path::{Path, PathBuf};
use xen_vman_core::diag::Report;
use xen_vman_core::render::{RenderedFile, manifest};
use xen_vman_core::{Assets, Compiled, Facts, Output, Sources, Templates, compile};

pub(crate) fn run(args: &RenderArgs) -> Result<Outcome, Failure> {
    let templates = match &args.templates {
        Some(dir) => Templates::with_overrides(&input::templates(dir)?)?,
        None => Templates::embedded(),
    };
    let Some((compiled, assets)) = compiled(&args.definition)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let format = args.definition.format;
    let has_errors = compiled.report.has_errors();
    // Files may go to standard output, where forms for programs go.
    if has_errors || matches!(format, Format::Text | Format::Short) {
        terminal::report(&compiled.report, &compiled.sources, format)?;
    }
    if has_errors {
        return Ok(Outcome::WrongDefinition);
    }
    let output = select(compiled.render(&templates, &assets)?, &compiled, args)?;
    match &args.out {
        Some(dir) => write(dir, &output, &compiled, args)?,
        None => print(&output)?,
    }
    Ok(Outcome::Fine)
}

/// The definition after all checks, with the scripts of the site; none if the facts are
/// wrong, which is shown.
pub(super) fn compiled(args: &DefinitionArgs) -> Result<Option<(Compiled, Assets)>, Failure> {
    let sources = args
        .files
        .iter()
        .map(|path| input::source(path))
        .collect::<Result<_, _>>()?;
    let Some(facts) = facts(args.facts.as_deref(), args.format)? else {
        return Ok(None);
    };
    let mut compiled = compile(sources, &facts);
    let scripts = scripts_dir(args);
    let assets = compiled
        .load_assets(|path| std::fs::read(scripts.join(path)).map_err(|error| error.to_string()));
    Ok(Some((compiled, assets)))
}

/// The facts of a file; none if they are wrong, which is shown.
fn facts(path: Option<&Path>, format: Format) -> Result<Option<Facts>, Failure> {
    let Some(path) = path else {
        return Ok(Some(Facts::default()));
    };
    let source = input::source(path)?;
    let mut report = Report::new();
    let facts = Facts::read(&source, &mut report);
    let mut sources = Sources::default();
    sources.add(source);
    report.locate(|path| sources.span_of(path));
    if !report.is_empty() {
        terminal::report(&report, &sources, format)?;
    }
    Ok((!report.has_errors()).then_some(facts))
}

fn scripts_dir(args: &DefinitionArgs) -> PathBuf {
    let beside = || {
        let first = args.files.first().and_then(|file| file.parent());
        first.unwrap_or(Path::new("")).join("files")
    };
    args.scripts.clone().unwrap_or_else(beside)
}

/// What `--vm` and `--only` leave of the output.
fn select(mut output: Output, compiled: &Compiled, args: &RenderArgs) -> Result<Output, Failure> {
    if !args.vm.is_empty() {
        let known = |name: &String| {
            compiled
                .resolved
                .vms
                .iter()
                .any(|vm| vm.domain.as_str() == name)
        };
        if let Some(name) = args.vm.iter().find(|name| !known(name)) {
            return Err(
                Failure::new(format!("no VM is called `{name}`")).help("VMs are called ORG-NAME")
            );
        }
        let of_vm = |file: &RenderedFile| {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            args.vm.iter().any(|vm| {
                let rest = name.strip_prefix(vm.as_str()).unwrap_or_default();
                matches!(rest, ".cfg" | ".nfs" | ".iscsi")
                    || file.path.contains(&format!("/vm@{vm}.service.d/"))
            })
        };
        output.host.retain(of_vm);
        output
            .guests
            .retain(|guest| args.vm.contains(&guest.domain));
    }
    if !args.only.is_empty() {
        let wants = |what: &str, file: &RenderedFile| {
            args.only.iter().any(|only| {
                only == what || only.starts_with('/') && file.path.starts_with(only.as_str())
            })
        };
        output.host.retain(|file| wants("host", file));
        for guest in &mut output.guests {
            guest.files.retain(|file| wants("guests", file));
        }
        if files(&output).next().is_none() {
            let only = args.only.join("`, `");
            return Err(Failure::new(format!("no file is chosen by `{only}`"))
                .help("write `host`, `guests`, or how paths begin, as /etc/xen"));
        }
    }
    Ok(output)
}

fn print(output: &Output) -> Result<(), Failure> {
    let mut text = Vec::new();
    for (place, file) in files(output) {
        text.extend_from_slice(
            format!("=== {place} ({:04o} {})\n", file.mode, file.owner).as_bytes(),
        );
        text.extend_from_slice(&file.content);
    }
    terminal::data(&text)
}

fn files(output: &Output) -> impl Iterator<Item = (String, &RenderedFile)> {
    let host = output.host.iter().map(|file| (file.place(None), file));
    let guests = output.guests.iter().flat_map(|guest| {
        guest
            .files
            .iter()
            .map(|file| (file.place(Some(&guest.domain)), file))
    });
    host.chain(guests)
}

fn write(
    dir: &Path,
    output: &Output,
    compiled: &Compiled,
    args: &RenderArgs,
) -> Result<(), Failure> {
    let narrowed = !args.vm.is_empty() || !args.only.is_empty();
    let manifest = manifest(&compiled.resolved, output);
    let files: Vec<_> = files(output).collect();
    let written = OutputDir::open(dir)?.write(&files, &manifest, narrowed)?;
    if matches!(args.definition.format, Format::Text | Format::Short) {
        terminal::note(&format!("{}: {written}", dir.display()));
    }
    Ok(())
}
