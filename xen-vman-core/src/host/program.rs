//! Runs programs on the real host.

use super::HostError;
use super::confine;
use super::machine::{Held, Logged, Ran, failed};
use crate::command::{Command, RunsIn};
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::process::{Child, Stdio};

/// Directories of administration programs, which may be missing in the caller's `PATH`.
const SBIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";
/// How much of a command's output is read back from its log.
const TAIL_BYTES: u64 = 16 * 1024;

/// Runs a command with its time limit (timeout(1)).
pub(super) fn run(command: &Command) -> Result<Ran, HostError> {
    let output = limited(command)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(command, &error.to_string()))?;
    Ok(Ran {
        status: output.status.code().unwrap_or(128),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Runs a command and appends its output to a file.
pub(super) fn run_logged(command: &Command, log: &mut File) -> io::Result<Logged> {
    let began = log.seek(SeekFrom::End(0))?;
    let status = limited(command)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .status()?;
    let end = log.seek(SeekFrom::End(0))?;
    log.seek(SeekFrom::Start(began.max(end.saturating_sub(TAIL_BYTES))))?;
    let mut tail = Vec::new();
    log.read_to_end(&mut tail)?;
    Ok(Logged {
        status: status.code().unwrap_or(128),
        tail,
    })
}

/// A process that holds a resource until its standard input is closed.
#[derive(Debug)]
struct Keeper(Child);

impl Held for Keeper {
    fn let_go(mut self: Box<Self>) {
        drop(self.0.stdin.take());
        // It exits now that its input is closed.
        let _ = self.0.wait();
    }
}

/// Starts a command that prints a line once it holds a resource.
pub(super) fn hold(command: &Command, log: File) -> Result<Box<dyn Held>, Option<String>> {
    let keeper = ends_with_us(&words(command))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn();
    let mut keeper = keeper.map_err(|error| Some(format!("could not be started ({error})")))?;
    let mut line = String::new();
    let said = keeper.stdout.take().map(BufReader::new);
    let read = said.map(|mut said| said.read_line(&mut line));
    let keeper = Box::new(Keeper(keeper));
    if matches!(read, Some(Ok(length)) if length > 0) {
        return Ok(keeper);
    }
    keeper.let_go();
    Err(None)
}

/// The process that runs a command with its limit.
fn limited(command: &Command) -> std::process::Command {
    let limit = command.limit_secs.to_string();
    let timeout = ["timeout", "--kill-after=5", &limit].map(OsString::from);
    let all: Vec<_> = timeout.into_iter().chain(words(command)).collect();
    ends_with_us(&all)
}

/// The command line to run. Unless it runs like any other program of the host, all of its processes
/// end with the thread that starts it, however that ends.
fn words(command: &Command) -> Vec<OsString> {
    let wrapper = match &command.runs_in {
        RunsIn::Host => Vec::new(),
        RunsIn::Contained => {
            let words = "setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount-proc";
            words.split_whitespace().map(str::to_owned).collect()
        }
        RunsIn::Below { root, reads } => confine::below(root, reads),
        RunsIn::Guest { root } => confine::in_guest(root),
    };
    let wrapper = wrapper.into_iter().map(OsString::from);
    wrapper
        .chain(command.argv.iter().map(OsString::from))
        .collect()
}

/// A process that is killed if this one ends.
fn ends_with_us(words: &[OsString]) -> std::process::Command {
    let mut process = std::process::Command::new("setpriv");
    process.args(["--pdeathsig", "KILL"]);
    let path = match env::var_os("PATH") {
        Some(own) => {
            let mut path = own;
            path.push(OsString::from(format!(":{SBIN}")));
            path
        }
        None => format!("/usr/bin:/bin:{SBIN}").into(),
    };
    process
        .args(words)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8");
    process
}
