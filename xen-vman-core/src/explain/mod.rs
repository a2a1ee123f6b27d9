//! Where every value comes from.
//!
//! Turns a resolved host or VM into [`Row`]s, one for each value, with its [`Origin`]. They are shown
//! as a table or as JSON, or compared with those of another VM.

mod rows;
mod show;

pub use rows::{host, vm};
pub use show::{
    cells, cells_difference, difference, json, json_difference, select, table, table_difference,
};

use crate::resolve::Origin;
use serde_json::Value;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The key of the schema, such as `interfaces[0].mac`.
    pub key: String,
    /// The value; null if it is not set. Passwords are hidden.
    pub value: Value,
    /// A shorter form of the value, for people.
    pub words: Option<String>,
    /// The origin; `None` if the value is not set.
    pub origin: Option<Origin>,
}
