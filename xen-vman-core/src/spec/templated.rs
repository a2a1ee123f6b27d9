//! Values that may be written as a template expression.

use crate::document::decode::{Decoder, FromNode, Schema};
use crate::document::{EXPRESSION, Node};
use serde_json::json;

/// A default: a value, or an expression that makes one for each VM.
#[derive(Debug, Clone)]
pub enum Templated<T> {
    /// The value as written.
    Plain(T),
    /// A value with a template expression in one of its texts.
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
