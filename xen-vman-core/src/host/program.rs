//! Programs of the host.

use super::HostError;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};

/// Where administration programs are, also if our own environment does not say so.
const SBIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// What a program left behind.
#[derive(Debug)]
pub(super) struct Ran {
    /// Its exit status; 124 if it took longer than its limit, 128 and more if it was killed.
    pub(super) status: i32,
    /// What it printed.
    pub(super) stdout: Vec<u8>,
    /// What it complained about.
    pub(super) stderr: String,
}

/// Runs a program to its end, at most for this many seconds (timeout(1)), without input and
/// with messages in English.
///
/// # Errors
/// If it cannot be started.
pub(super) fn run(words: &[impl AsRef<OsStr>], limit_secs: u32) -> Result<Ran, HostError> {
    let output = command(words, limit_secs)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(words, &error.to_string()))?;
    Ok(Ran {
        status: output.status.code().unwrap_or(128),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Runs a program that must succeed.
///
/// # Errors
/// If it cannot be started, or its exit status is not 0.
pub(super) fn demand(words: &[impl AsRef<OsStr>], limit_secs: u32) -> Result<Ran, HostError> {
    let ran = run(words, limit_secs)?;
    match ran.status {
        0 => Ok(ran),
        124 => Err(failed(
            words,
            &format!("it took longer than {limit_secs} s"),
        )),
        status => {
            let said = match ran.stderr.as_str() {
                "" => String::from_utf8_lossy(&ran.stdout).trim().to_owned(),
                said => said.to_owned(),
            };
            Err(failed(words, &format!("exit status {status}: {said}")))
        }
    }
}

/// The command that runs a program with a limit.
pub(super) fn command(words: &[impl AsRef<OsStr>], limit_secs: u32) -> Command {
    let limit = limit_secs.to_string();
    let timeout = ["timeout", "--kill-after=5", &limit].map(OsString::from);
    let words = words.iter().map(|word| word.as_ref().to_owned());
    held(&timeout.into_iter().chain(words).collect::<Vec<_>>())
}

/// The command that runs a program until it ends, or we do.
pub(super) fn held(words: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    let path = match env::var_os("PATH") {
        Some(own) => {
            let mut path = own;
            path.push(OsString::from(format!(":{SBIN}")));
            path
        }
        None => format!("/usr/bin:/bin:{SBIN}").into(),
    };
    command
        .args(words)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8");
    command
}

/// The words that run a program with processes and mounts of its own. All of it ends with
/// the thread that starts it, however that ends.
pub(super) fn contained(words: &[String]) -> Vec<String> {
    let wrapper = "setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount-proc";
    let wrapper = wrapper.split(' ').map(str::to_owned);
    wrapper.chain(words.iter().cloned()).collect()
}

/// Runs a program to its end, at most for this many seconds, and keeps all that it prints in
/// a file. Gives its exit status; 124 if it took longer than its limit, 128 and more if it was
/// killed.
///
/// # Errors
/// If it cannot be started.
pub(super) fn log(words: &[String], limit_secs: u32, log: &File) -> io::Result<i32> {
    let status = command(words, limit_secs)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .status()?;
    Ok(status.code().unwrap_or(128))
}

/// That a program failed.
pub(super) fn failed(words: &[impl AsRef<OsStr>], why: &str) -> HostError {
    let words: Vec<_> = words
        .iter()
        .map(|word| word.as_ref().to_string_lossy())
        .collect();
    HostError::Program {
        command: words.join(" "),
        why: why.to_owned(),
    }
}
