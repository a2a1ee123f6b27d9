//! Turns the definition of a Xen host and its VMs into every file that they need.
//!
//! ```text
//! text ─ parse ─▶ spec ─ resolve ─▶ Resolved ─ validate ─▶ Report
//!                                       └────── render ──▶ files, links, settings
//!                                                   └ install, plan ─▶ actions ─ host ─▶ done
//! ```
//!
//! A definition is **parsed** into what was written ([`spec`]), **resolved** into complete
//! values that remember their origin ([`resolve`]), **validated** ([`mod@validate`]) and
//! **rendered** into files ([`render`]). A [`mod@plan`] lists what differs on a host. All of
//! this is pure: no clock, no files, no environment. [`compile`] runs the stages in order.
//! `host`, behind the feature of the same name, observes a machine and carries out plans.
//!
//! ```
//! use xen_vman_core::{Assets, Facts, Source, Templates, compile};
//!
//! let source = Source::new("host.toml", r#"
//!     nfsroot_base = "10.0.0.5:/srv/vms"
//!
//!     [[vms]]
//!     org = "stuvus"
//!     name = "web01"
//!     os = { type = "debian", version = "bookworm" }
//!     interfaces = [{ ip = "10.0.0.15/24" }]
//! "#).expect("the name ends in .toml");
//! let compiled = compile(vec![source], &Facts::default());
//! assert!(!compiled.report.has_errors());
//! let templates = Templates::embedded();
//! let output = compiled.render(&templates, &Assets::default()).expect("no errors, no scripts");
//! assert!(output.host_file("/etc/xen/vms/stuvus-web01.cfg").is_some());
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod command;
pub mod diag;
pub mod doctor;
pub mod document;
mod error;
pub mod explain;
pub mod facade;
pub mod fix;
pub mod graph;
#[cfg(feature = "host")]
pub mod host;
pub mod install;
pub mod object;
pub mod origin;
pub mod parse;
mod pipeline;
pub mod plan;
pub mod quote;
pub mod render;
pub mod resolve;
pub mod schema;
pub mod spec;
pub mod storage;
pub mod validate;
pub mod values;
pub mod xl_cfg;

pub use document::{Dialect, Source, Sources};
pub use error::Error;
pub use pipeline::{Compiled, Fleet, compile, compile_definition, compile_fleet, compile_with};
pub use render::{Assets, Output, Templates};
pub use resolve::Facts;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
