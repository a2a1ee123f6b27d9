//! Says what happened when a run is interrupted (Ctrl-C, SIGTERM), and ends it.
//!
//! A thread waits for the signal, prints what was being done, and ends the process by the same
//! signal, as if there were no handler: processes that the run has started end with it. A second
//! signal ends it at once, even if nobody reads what is printed.

use crate::terminal;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use xen_vman_core::diag::text::printable;
use xen_vman_core::quote::sh_word;

/// What a run is doing, as far as it matters when it is interrupted.
#[derive(Debug, Clone)]
pub(crate) enum Doing {
    /// Nothing was changed yet.
    Nothing,
    /// Keeping what a plan replaces; its first action has not begun.
    Recording,
    /// An action of a plan.
    Action {
        number: usize,
        of: usize,
        what: String,
        /// Whether it is a plan that was made earlier, and that no longer fits now.
        is_agreed: bool,
        /// The generation of a rollback, if the command does not name it. Run once more after the last
        /// action, the command would choose the one before.
        to: Option<u32>,
    },
    /// Writing files below a directory.
    Writing(PathBuf),
    /// Replacing files with fixed ones.
    Fixing,
}

static NOW: Mutex<Doing> = Mutex::new(Doing::Nothing);

/// Remembers what is done from now on.
pub(crate) fn now(doing: Doing) {
    *NOW.lock().unwrap_or_else(PoisonError::into_inner) = doing;
}

/// Watches for signals. Those that are ignored, as in a job in the background of a script, stay so.
pub(crate) fn watch() -> io::Result<()> {
    let ignored = ignored();
    let is_watched = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    let watched: Vec<_> = [SIGINT, SIGTERM].into_iter().filter(is_watched).collect();
    let is_second = Arc::new(AtomicBool::new(false));
    for signal in &watched {
        // In this order: the first signal sets the flag, and the second one finds it set.
        flag::register_conditional_default(*signal, Arc::clone(&is_second))?;
        flag::register(*signal, Arc::clone(&is_second))?;
    }
    let mut signals = Signals::new(watched)?;
    thread::Builder::new().spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let doing = NOW.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let shown = if io::stderr().is_terminal() { "\n" } else { "" };
            terminal::note_unbroken(&format!("{shown}{}", message(signal, &doing)));
            let _ = low_level::emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// The set of ignored signals, from the status of this process: bit 0 is signal 1.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

fn message(signal: i32, doing: &Doing) -> String {
    let by = match signal {
        SIGINT => "interrupted",
        _ => "terminated",
    };
    match doing {
        Doing::Nothing => format!("{by}; nothing was changed"),
        Doing::Recording => {
            format!("{by} before the first action; only xen-vman's own records were written")
        }
        Doing::Action {
            number,
            of,
            what,
            is_agreed,
            to,
        } => {
            let rest = if *is_agreed {
                "For the rest, make a new plan: this one no longer fits.".to_owned()
            } else {
                let to = to.map_or_else(String::new, |to| format!(" --to {to}"));
                format!("To do the rest, run: {}{to}", same_command())
            };
            format!(
                "{by} in action {number} of {of}: {what}\n\
                 No file is half-written, and what was begun is started over. {rest}"
            )
        }
        Doing::Writing(dir) => format!(
            "{by} while files were written to {}; some of them may be incomplete\n\
             To replace them, run: {}",
            shown(dir),
            same_command()
        ),
        Doing::Fixing => format!("{by} while files were fixed; each is fixed or as it was before"),
    }
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// The command line of this run.
fn same_command() -> String {
    let words = std::env::args_os().map(|word| sh_word(&word.to_string_lossy()));
    printable(&words.collect::<Vec<_>>().join(" "))
}
