//! Where every value comes from.
//!
//! Takes a resolved host or VM; gives [`Row`]s, one for each value, with its [`Origin`]. They
//! are shown as a table or as JSON, or compared with another VM's.

mod rows;
mod show;

pub use rows::{host, vm};
pub use show::{difference, json, json_difference, select, table, table_difference};

use crate::resolve::Origin;
use serde_json::Value;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The key, in the words of the schema; `interfaces[0].mac` for one of an interface.
    pub key: String,
    /// The value; null if there is none. Passwords are hidden.
    pub value: Value,
    /// The value in words, where that is shorter for people.
    pub words: Option<String>,
    /// Where it comes from; none if nothing was written and nothing is built in.
    pub origin: Option<Origin>,
}
