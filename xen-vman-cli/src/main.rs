//! The command line of xen-vman. Each command is a call into the core and an exit code.
//!
//! Exit codes: 0 success, 1 the definition has errors, 2 the command failed or was used
//! wrongly, 3 `plan --detailed-exitcode` found changes or `doctor` found something missing.

mod args;
mod commands;
mod definition;
mod exit_codes;
mod fix;
#[cfg(test)]
mod grammar;
mod input;
mod interrupt;
mod layout;
mod markdown;
mod output_dir;
mod plan_file;
mod terminal;
mod vms;

use args::{Cli, Command};
use clap::Parser as _;
use std::process::ExitCode;

/// Rendering allocates many small strings, for which it is faster than the allocator of glibc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    terminal::set_colour(cli.color);
    if let Err(error) = interrupt::watch() {
        terminal::note(&format!("warning: cannot watch for signals: {error}"));
    }
    let result = match cli.command {
        Command::Render(args) => commands::render::run(&args),
        Command::Plan(args) => commands::host::run_plan(&args),
        Command::Apply(args) => commands::host::run_apply(&args),
        Command::Rollback(args) => commands::host::run_rollback(&args),
        Command::UninstallHost(args) => commands::uninstall::run(&args),
        Command::Status(args) => commands::look::run_status(&args),
        Command::Volumes(args) => commands::volumes::run_list(&args),
        Command::RemoveVolume(args) => commands::volumes::run_remove(&args),
        Command::RestoreVolume(args) => commands::volumes::run_restore(&args),
        Command::Doctor(args) => commands::look::run_doctor(&args),
        Command::Facts(args) => commands::look::run_facts(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Lint(args) => commands::xl_cfg::run_lint(&args),
        Command::Import(args) => commands::xl_cfg::run_import(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Graph(args) => commands::graph::run(&args),
        Command::Diagnostics(args) => commands::diagnostics::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Schema { of } => commands::schema::run(of),
        Command::VifP2p(args) => commands::vif::run_p2p(&args),
        Command::Vifname(args) => commands::vif::run_name(&args),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man(args) => commands::man::run(&args),
    };
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::WrongDefinition) => ExitCode::from(1),
        Ok(Outcome::SomethingToDo) => ExitCode::from(3),
        Err(failure) => {
            terminal::failure(&failure);
            ExitCode::from(2)
        }
    }
}

/// The outcome of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Success.
    Fine,
    /// The definition has errors, which were reported.
    WrongDefinition,
    /// `plan --detailed-exitcode` found changes, or `doctor` found something missing.
    SomethingToDo,
}

/// Why a command failed, and what to do about it.
#[derive(Debug)]
struct Failure {
    message: String,
    help: Option<String>,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<xen_vman_core::Error> for Failure {
    fn from(error: xen_vman_core::Error) -> Self {
        Self::new(error.to_string())
    }
}
