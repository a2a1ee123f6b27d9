//! A definition as written: every field optional, nothing filled in.
//!
//! Each table of the schema is one struct here, declared with `table!`: a field's doc
//! comment is its text in the reference, its type says what it takes. Fields under
//! `defaults` may be template expressions ([`Templated`]), which resolution evaluates.

mod defaults;
mod host;
mod interface;
mod key;
mod levels;
mod templated;
mod vm;

pub use defaults::DefaultsSpec;
pub use host::{HostSpec, LazyBridge, ScriptSource};
pub use interface::InterfaceSpec;
pub use key::Key;
pub use levels::{AllowedDiagnostic, DeniedDiagnostic};
pub use templated::Templated;
pub use vm::{OsSpec, VmSpec};

use crate::document::Node;
use crate::document::decode::{Decoder, Fields, FromNode, Schema};

/// A whole definition as written: one host and its VMs.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// The settings of the host.
    pub host: HostSpec,
    /// What VMs get that do not write it themselves.
    pub defaults: DefaultsSpec,
    /// The VMs.
    pub vms: Vec<VmSpec>,
}

impl FromNode for Definition {
    const EXPECTED: &'static str = "a table";

    fn schema() -> Schema {
        let mut schema = HostSpec::schema();
        schema["properties"]["defaults"] = DefaultsSpec::schema();
        schema["properties"]["vms"] = Vec::<VmSpec>::schema();
        schema
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = Fields::open::<Self>(node, decoder)?;
        let host = HostSpec::take_fields(&mut fields);
        let defaults = fields.take("defaults").unwrap_or_default();
        let vms = fields.take("vms").unwrap_or_default();
        fields.finish();
        Some(Self {
            host,
            defaults,
            vms,
        })
    }
}

/// The table that a key stands in, in words.
pub(crate) fn table_of(key: &str) -> Option<&'static str> {
    let tables = [
        ("a VM", VmSpec::KEYS),
        ("an interface", InterfaceSpec::KEYS),
        ("the host, at the top level", HostSpec::KEYS),
        ("`defaults`", DefaultsSpec::KEYS),
    ];
    tables
        .iter()
        .find(|(_, keys)| keys.iter().any(|known| known.name == key))
        .map(|(table, _)| *table)
}

/// Declares a table of the schema: the struct, its list of [`Key`]s, and how it is read.
///
/// `plain` fields become `Option<T>`; those of a `templated` table `Option<Templated<T>>`.
macro_rules! table {
    (@read plain $type:ty) => { $type };
    (@read templated $type:ty) => { $crate::spec::Templated<$type> };
    (@field plain $type:ty) => { Option<$type> };
    (@field templated $type:ty) => { Option<$crate::spec::Templated<$type>> };
    (
        $(#[$doc:meta])*
        $mode:ident struct $name:ident {
            $($(#[doc = $fdoc:literal])+ $field:ident : $type:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $name {
            $($(#[doc = $fdoc])+ pub $field: $crate::spec::table!(@field $mode $type),)+
        }

        impl $name {
            /// The keys of this table, in the order of the reference.
            pub const KEYS: &'static [$crate::spec::Key] = &[$($crate::spec::Key {
                name: $crate::spec::key::plain_name(stringify!($field)),
                doc: concat!($($fdoc, "\n"),+),
                expected: <$type as $crate::document::decode::FromNode>::EXPECTED,
                schema: <$crate::spec::table!(@read $mode $type) as $crate::document::decode::FromNode>::schema,
            }),+];

            /// Reads the fields of this table out of an open one.
            pub(crate) fn take_fields(fields: &mut $crate::document::decode::Fields<'_, '_, '_>) -> Self {
                Self { $($field: fields.take($crate::spec::key::plain_name(stringify!($field))),)+ }
            }
        }

        impl $crate::document::decode::FromNode for $name {
            const EXPECTED: &'static str = "a table";

            fn schema() -> $crate::document::decode::Schema {
                $crate::spec::key::table_schema(&[Self::KEYS])
            }

            fn from_node(
                node: &$crate::document::Node,
                decoder: &mut $crate::document::decode::Decoder<'_>,
            ) -> Option<Self> {
                let mut fields = $crate::document::decode::Fields::open::<Self>(node, decoder)?;
                let table = Self::take_fields(&mut fields);
                fields.finish();
                Some(table)
            }
        }
    };
}
pub(crate) use table;
