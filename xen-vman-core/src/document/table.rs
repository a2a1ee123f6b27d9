//! Tables of the schema: their keys, and how they are read.

use super::decode::{Decoder, FromNode, Schema};
use super::{EXPRESSION, Node, TableEntry, Value};
use serde::Serialize;
use serde_json::json;

/// A key of a table of the schema.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its description, in lines.
    pub doc: &'static str,
    /// The expected value, for messages.
    pub expected: &'static str,
    /// The JSON Schema of its values.
    pub schema: fn() -> Schema,
}

/// Tables of the schema as a JSON Schema.
pub(crate) fn table_schema(keys: &[&[Key]]) -> Schema {
    let described = |key: &Key| {
        let mut schema = (key.schema)();
        schema["description"] = key
            .doc
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .into();
        (key.name.to_owned(), schema)
    };
    let properties: serde_json::Map<_, _> = keys.iter().copied().flatten().map(described).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The name of a field, without the prefix of a raw identifier (`r#type`).
pub(crate) const fn plain_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// A default: a value, or an expression that is evaluated for each VM.
#[derive(Debug, Clone)]
pub enum Templated<T> {
    /// The value as written.
    Plain(T),
    /// A value with a template expression in one of its strings.
    Expression(Node),
}

impl<T: FromNode> FromNode for Templated<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const EMPTY_IS_A_VALUE: bool = T::EMPTY_IS_A_VALUE;

    fn schema() -> Schema {
        json!({ "anyOf": [T::schema(), { "type": "string", "pattern": EXPRESSION }] })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        if node.has_expression() {
            return Some(Self::Expression(node.clone()));
        }
        T::from_node(node, decoder).map(Self::Plain)
    }
}

/// An entry with a value that was built in code.
pub(crate) fn entry(key: &str, value: &impl Serialize) -> TableEntry {
    let value = serde_json::to_value(value)
        .unwrap_or_else(|error| unreachable!("checked values are plain: {error}"));
    TableEntry {
        key: key.into(),
        key_span: None,
        node: from_json(value),
    }
}

/// A value that is not from a file.
pub(crate) fn from_json(value: serde_json::Value) -> Node {
    use serde_json::Value as Json;
    Node::bare(match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value, None),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number, None),
            None => Value::Float(number.to_string().into()),
        },
        Json::String(text) => Value::Text(text.into()),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::Object(entries) => Value::Table(
            entries
                .into_iter()
                .map(|(key, value)| TableEntry {
                    key: key.into(),
                    key_span: None,
                    node: from_json(value),
                })
                .collect(),
        ),
    })
}

/// Declares a table of the schema: the struct, its [`Key`]s, and its reader.
///
/// `plain` fields become `Option<T>`; those of a `templated` table `Option<Templated<T>>`. A
/// `scene` table is plain, and expressions refer to it.
macro_rules! table {
    (@read plain $type:ty) => { $type };
    (@read scene $type:ty) => { $type };
    (@read templated $type:ty) => { $crate::document::table::Templated<$type> };
    (@field plain $type:ty) => { Option<$type> };
    (@field scene $type:ty) => { Option<$type> };
    (@field templated $type:ty) => { Option<$crate::document::table::Templated<$type>> };
    (@to_node scene $name:ident $($field:ident)+) => {
        impl $name {
            /// The table as expressions see it, for a definition that was built in code.
            pub(crate) fn to_node(&self) -> $crate::document::Node {
                let mut entries = Vec::new();
                $(if let Some(value) = &self.$field {
                    let key = $crate::document::table::plain_name(stringify!($field));
                    entries.push($crate::document::table::entry(key, value));
                })+
                $crate::document::Node::bare($crate::document::Value::Table(entries))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&self.to_node(), serializer)
            }
        }
    };
    (@to_node $mode:ident $name:ident $($field:ident)+) => {};
    (
        $(#[$doc:meta])*
        $mode:ident struct $name:ident {
            $($(#[doc = $fdoc:literal])+ $field:ident : $type:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[doc = $fdoc])+ pub $field: $crate::document::table::table!(@field $mode $type),)+
        }

        impl $name {
            /// The keys of this table, in the order of the reference.
            pub const KEYS: &'static [$crate::document::table::Key] = &[$($crate::document::table::Key {
                name: $crate::document::table::plain_name(stringify!($field)),
                doc: concat!($($fdoc, "\n"),+),
                expected: <$type as $crate::document::decode::FromNode>::EXPECTED,
                schema: <$crate::document::table::table!(@read $mode $type) as $crate::document::decode::FromNode>::schema,
            }),+];

            /// Reads the fields of this table from an open one.
            pub(crate) fn take_fields(fields: &mut $crate::document::decode::Fields<'_, '_, '_>) -> Self {
                Self { $($field: fields.take($crate::document::table::plain_name(stringify!($field))),)+ }
            }
        }

        $crate::document::table::table!(@to_node $mode $name $($field)+);

        impl $crate::document::decode::FromNode for $name {
            const EXPECTED: &'static str = "a table";

            fn schema() -> $crate::document::decode::Schema {
                $crate::document::table::table_schema(&[Self::KEYS])
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
