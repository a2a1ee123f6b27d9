//! `schema`: prints the JSON Schema of a kind of file, for editors.

use crate::args::SchemaKind;
use crate::{Failure, Outcome, terminal};
use xen_vman_core::schema::{SchemaOf, schema};

pub(crate) fn run(of: SchemaKind) -> Result<Outcome, Failure> {
    let of = match of {
        SchemaKind::Definition => SchemaOf::Definition,
        SchemaKind::Role => SchemaOf::RoleVariables,
        SchemaKind::Facts => SchemaOf::Facts,
    };
    terminal::data(format!("{:#}\n", schema(of)).as_bytes())?;
    Ok(Outcome::Fine)
}
