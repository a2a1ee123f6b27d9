//! `render`: generates files from a definition.

use crate::args::{Format, RenderArgs};
use crate::definition;
use crate::output_dir::OutputDir;
use crate::{Failure, Outcome, terminal, vms};
use std::path::Path;
use xen_vman_core::render::{RenderedFile, manifest};
use xen_vman_core::values::DomainName;
use xen_vman_core::{Compiled, Facts, Output};

pub(crate) fn run(args: &RenderArgs) -> Result<Outcome, Failure> {
    let Some((compiled, output)) = definition::rendered(
        args.definition.host(definition::default_dir())?,
        &args.input,
        args.input.report.format_or(args.json),
        args.templates.as_deref(),
        Facts::default(),
    )?
    else {
        return Ok(Outcome::WrongDefinition);
    };
    let output = select(output, &compiled, args)?;
    match &args.out {
        Some(dir) => write(dir, &output, &compiled, args)?,
        None => print(&output)?,
    }
    Ok(Outcome::Fine)
}

/// The part of the output that `--vm` and `--only` select.
fn select(mut output: Output, compiled: &Compiled, args: &RenderArgs) -> Result<Output, Failure> {
    if !args.vm.is_empty() {
        let known = compiled.resolved.vms.iter();
        let known: Vec<_> = known.map(|vm| vm.domain.as_str()).collect();
        vms::all_known(&args.vm, &known)?;
        let is_chosen = |domain: &DomainName| args.vm.iter().any(|vm| vm == domain.as_str());
        output
            .host
            .retain(|file| file.object.vm().is_some_and(is_chosen));
        output.guests.retain(|guest| is_chosen(&guest.domain));
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
            return Err(Failure::new(format!("no file matches `{only}`"))
                .help("--only takes `host`, `guests`, or the start of a path such as /etc/xen"));
        }
    }
    Ok(output)
}

fn print(output: &Output) -> Result<(), Failure> {
    let mut text = Vec::new();
    for (path, file) in files(output) {
        text.extend_from_slice(
            format!("=== {path} ({:04o} {})\n", file.mode, file.owner).as_bytes(),
        );
        text.extend_from_slice(&file.content);
    }
    terminal::data(&text)
}

fn files(output: &Output) -> impl Iterator<Item = (String, &RenderedFile)> {
    let host = output.host.iter().map(|file| (file.output_path(), file));
    let guests = output
        .guests
        .iter()
        .flat_map(|guest| guest.files.iter().map(|file| (file.output_path(), file)));
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
    if args.json {
        let summary = written.to_json(dir);
        terminal::data(format!("{summary:#}\n").as_bytes())?;
    } else if matches!(args.input.report.format, Format::Text | Format::Short) {
        terminal::note(&format!("{}: {written}", dir.display()));
    }
    Ok(())
}
