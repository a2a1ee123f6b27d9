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
mod lock;
mod program;
mod state;

pub use apply::{Applied, Event, apply, plan};
pub use dir::HostDir;

use crate::plan::Obstacle;
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
