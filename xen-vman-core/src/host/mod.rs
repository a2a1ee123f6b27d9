//! The machine: the one module that touches it.
//!
//! Everything goes through a [`HostDir`], which is `/` or the directory of an image, and out
//! of which no symbolic link leads. [`plan`] looks and tells; [`apply`] does it, one run at a
//! time.
#![allow(
    clippy::disallowed_methods,
    reason = "the rest of the core is pure; this is where it ends"
)]

mod apply;
mod dir;
mod doctor;
mod generation;
mod guest_records;
mod install;
mod lock;
mod machine;
pub mod memory;
mod observe;
mod program;
mod real;
mod root;
mod session;
mod state;

pub use apply::{Applied, Event, Watcher, apply, observe, plan, rollback};
pub use dir::HostDir;
pub use doctor::doctor;
pub use machine::{Files, Held, Host, Logged, Owner, Ran};
pub use observe::facts;

use crate::plan::Obstacle;
use crate::values::DomainName;
use std::io;
use thiserror::Error;

/// Why the host could not be looked at or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// A call failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which path of the host.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Something stands where files must go.
    #[error("{} in the way: {}", .0.len(), list(.0))]
    Obstacles(Vec<Obstacle>),
    /// Files that are to be brought back are not as they were left.
    #[error("{} changed since: {}", .0.len(), list(.0))]
    ChangedSince(Vec<Obstacle>),
    /// Nothing was applied that could be taken back.
    #[error("there is no apply to go back from")]
    NothingBefore,
    /// Whoever was asked said no.
    #[error("{0}")]
    NotApproved(String),
    /// A VM is not started, as it could not be installed.
    #[error("{0} could not be installed, so it is not started")]
    NotInstalled(DomainName),
    /// Another run holds the lock.
    #[error("another run is at work on this host: {0}")]
    Locked(String),
    /// The record of what is ours cannot be read.
    #[error("{path} is damaged: {message}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A disk is still logged in to.
    #[error("the session of `{domain}` does not end; see `systemctl status {unit}`")]
    SessionStays {
        /// The domain.
        domain: DomainName,
        /// The unit that holds it.
        unit: String,
    },
    /// The root of a guest is not touched.
    #[error("`{domain}` is not installed: {why}")]
    Refused {
        /// The domain.
        domain: DomainName,
        /// What is in the way, and how to go on.
        why: String,
    },
    /// A step of an installation failed.
    #[error(
        "`{domain}` is not installed: `{step}` {why}. All of it is in {log}; the next apply \
         takes the installation up again"
    )]
    Step {
        /// The domain.
        domain: DomainName,
        /// The step, as a command line.
        step: String,
        /// Its exit status, and the last lines that it printed.
        why: String,
        /// The log.
        log: String,
    },
    /// A program failed.
    #[error("`{command}` failed: {why}")]
    Program {
        /// Its words.
        command: String,
        /// Its exit status and what it said.
        why: String,
    },
}

fn list(obstacles: &[Obstacle]) -> String {
    let all: Vec<_> = obstacles.iter().map(ToString::to_string).collect();
    all.join("; ")
}
