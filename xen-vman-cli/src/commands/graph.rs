//! `graph`: draws VMs with their networks, storage and start order.

use crate::args::{GraphArgs, GraphFormat};
use crate::definition;
use crate::{Failure, Outcome, terminal};
use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};
use xen_vman_core::Facts;
use xen_vman_core::facade::graph;

pub(crate) fn run(args: &GraphArgs) -> Result<Outcome, Failure> {
    let hosts = args.definitions.hosts()?;
    let format = args.input.report.format_or(args.json);
    let Some((fleet, _)) = definition::fleet(&hosts, &args.input, format, Facts::default())? else {
        return Ok(Outcome::WrongDefinition);
    };
    definition::show(&fleet.report, &fleet.sources, format)?;
    if fleet.report.has_errors() {
        return Ok(Outcome::WrongDefinition);
    }
    let graph = graph(&fleet);
    let text = match args.to {
        _ if args.json => format!("{:#}\n", serde_json::json!(graph)).into_bytes(),
        GraphFormat::Dot => graph.to_dot().into_bytes(),
        GraphFormat::Mermaid => graph.to_mermaid().into_bytes(),
        GraphFormat::Svg => draw(&graph.to_dot())?,
    };
    terminal::data(&text)?;
    Ok(Outcome::Fine)
}

/// What Graphviz draws.
fn draw(dot: &str) -> Result<Vec<u8>, Failure> {
    let output = feed("dot", dot).map_err(|error| {
        let failure = Failure::new(format!("cannot run `dot`: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => {
                failure.help("install Graphviz (`apt install graphviz`), or use `--to mermaid`")
            }
            _ => failure,
        }
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = xen_vman_core::diag::text::printable(said.trim());
    Err(Failure::new(format!("`dot` failed: {said}")))
}

fn feed(program: &str, input: &str) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.arg("-Tsvg").stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // `dot` reads all of its input before it writes anything.
    let written = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    match written {
        // What it says on standard error is the better message.
        Some(Err(error)) if output.status.success() => Err(error),
        _ => Ok(output),
    }
}
