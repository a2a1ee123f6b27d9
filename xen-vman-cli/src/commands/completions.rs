//! `completions`: prints a completion script for a shell.

use crate::args::Cli;
use crate::{Failure, Outcome, terminal};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::path::PathBuf;

/// The program under its own name. Debian's package links it as the second.
const NAMES: [&str; 2] = ["xen-vman-cli", "xen-vman"];

pub(crate) fn run(shell: Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), called(), &mut script);
    terminal::data(&script)?;
    Ok(Outcome::Fine)
}

/// The name under which the program was called, for which the script is.
fn called() -> &'static str {
    let path = std::env::args_os().next().map(PathBuf::from);
    let is_called = |name: &&str| {
        let path = path.as_deref();
        path.and_then(|path| path.file_name()) == Some(name.as_ref())
    };
    NAMES.into_iter().find(is_called).unwrap_or(NAMES[0])
}
