//! `completions`: prints a completion script for a shell.

use crate::args::Cli;
use crate::{Failure, Outcome, terminal};
use clap::CommandFactory as _;
use clap_complete::Shell;

pub(crate) fn run(shell: Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "xen-vman-cli", &mut script);
    terminal::data(&script)?;
    Ok(Outcome::Fine)
}
