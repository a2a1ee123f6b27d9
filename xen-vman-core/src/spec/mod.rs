//! A definition as written: all fields are optional, and no defaults are filled in.
//!
//! Each table of the schema is a struct, declared with `table!`: a field's doc comment is its
//! description in the reference, and its type defines the allowed values. Fields under `defaults`
//! may be template expressions ([`Templated`]), which are evaluated when the definition is resolved.

mod defaults;
mod extra;
mod host;
mod interface;
mod levels;
mod vm;
mod volume;

pub use defaults::DefaultsSpec;
pub use extra::Extra;
pub(crate) use extra::{EXTRA, role_of};
pub use host::{HostSpec, LazyBridge, ScriptSource};
pub use interface::InterfaceSpec;
pub use levels::{AllowedDiagnostic, DeniedDiagnostic};
pub use vm::{OsSpec, VmSpec};
pub use volume::VolumeSpec;

pub use crate::document::table::{Key, Templated};

use crate::document::Node;
use crate::document::decode::{Decoder, Fields, FromNode, Schema};
use crate::storage::StorageKeys;
use crate::values::xl_key_info;

/// A whole definition as written: one host and its VMs.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// The settings of the host.
    pub host: HostSpec,
    /// The settings of the host for each storage backend.
    pub storage: StorageKeys,
    /// The defaults of the VMs.
    pub defaults: DefaultsSpec,
    /// The VMs.
    pub vms: Vec<VmSpec>,
}

impl FromNode for Definition {
    const EXPECTED: &'static str = "a table";

    fn schema() -> Schema {
        let mut schema = HostSpec::schema();
        for storage in StorageKeys::schemas() {
            for (key, property) in storage["properties"].as_object().into_iter().flatten() {
                schema["properties"][key] = property.clone();
            }
        }
        schema["properties"]["defaults"] = DefaultsSpec::schema();
        schema["properties"]["vms"] = Vec::<VmSpec>::schema();
        schema
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = Fields::open::<Self>(node, decoder)?;
        let host = HostSpec::take_fields(&mut fields);
        let storage = StorageKeys::take_fields(&mut fields);
        let defaults = fields.take("defaults").unwrap_or_default();
        let vms = fields.take("vms").unwrap_or_default();
        fields.finish();
        Some(Self {
            host,
            storage,
            defaults,
            vms,
        })
    }
}

/// The keys of the host, with those for storage.
pub(crate) fn host_keys() -> impl Iterator<Item = &'static str> {
    let storage = StorageKeys::tables().map(|(_, keys)| keys);
    let keys = storage.into_iter().chain([HostSpec::KEYS]).flatten();
    keys.map(|key| key.name)
}

/// The table that a key belongs to, for messages.
pub(crate) fn table_of(key: &str) -> Option<&'static str> {
    const XL_CFG: &str = "xl.cfg, which can be in `additional_xen_options`";
    let tables = [
        ("a VM", VmSpec::KEYS),
        ("an interface", InterfaceSpec::KEYS),
        ("a data disk", VolumeSpec::KEYS),
        ("the host, at the top level", HostSpec::KEYS),
        ("`defaults`", DefaultsSpec::KEYS),
    ];
    let storage = StorageKeys::tables().map(|(_, keys)| ("the host, at the top level", keys));
    tables
        .iter()
        .chain(&storage)
        .find(|(_, keys)| keys.iter().any(|known| known.name == key))
        .map(|(table, _)| *table)
        .or_else(|| xl_key_info(key).map(|_| XL_CFG))
}
