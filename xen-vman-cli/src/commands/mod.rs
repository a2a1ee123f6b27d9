//! The subcommands.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod diagnostics;
pub(crate) mod explain;
pub(crate) mod graph;
pub(crate) mod host;
pub(crate) mod look;
pub(crate) mod man;
pub(crate) mod render;
pub(crate) mod schema;
pub(crate) mod uninstall;
pub(crate) mod vif;
pub(crate) mod volumes;
pub(crate) mod watch;
pub(crate) mod xl_cfg;
