//! Looks up values: on the VM, under `defaults`, or built in.

use super::built_in::built_in;
use super::expression::{Expressions, Scene};
use super::facts::Facts;
use crate::diag::{DiagnosticId, Report, Segment};
use crate::document::decode::{Decoder, FromNode};
use crate::document::{Node, Value};
use crate::origin::{Origin, Place, Scope, Sourced};
use crate::spec::{DefaultsSpec, Definition, HostSpec, Templated};

/// The sources of values, and the report.
#[derive(Debug)]
pub(super) struct Lookup<'d> {
    pub(super) definition: &'d Definition,
    pub(super) facts: &'d Facts,
    pub(super) report: &'d mut Report,
    expressions: Expressions,
}

impl<'d> Lookup<'d> {
    pub(super) fn new(
        definition: &'d Definition,
        facts: &'d Facts,
        report: &'d mut Report,
    ) -> Self {
        Self {
            definition,
            facts,
            report,
            expressions: Expressions::default(),
        }
    }

    /// A setting of the host.
    pub(super) fn host<T: Clone>(
        &self,
        key: &'static str,
        field: fn(&HostSpec) -> &Option<T>,
    ) -> Option<Sourced<T>> {
        let written = field(&self.definition.host).as_ref();
        Sourced::setting(key, written, field(&built_in().host).as_ref())
    }

    /// A default.
    pub(super) fn default<T: Clone + FromNode>(
        &mut self,
        key: &'static str,
        field: fn(&DefaultsSpec) -> &Option<Templated<T>>,
        scene: &Scene<'_>,
    ) -> Option<Sourced<T>> {
        let place = Scope::Defaults.key(key);
        match field(&self.definition.defaults) {
            Some(Templated::Plain(value)) => Some(Sourced {
                value: value.clone(),
                origin: Origin::Default(place),
            }),
            Some(Templated::Expression(node)) => match self.evaluate(node, place, scene) {
                Evaluated::Value(value) => Some(Sourced {
                    value,
                    origin: Origin::Default(place),
                }),
                Evaluated::Nothing => built_in_default(field),
                Evaluated::Wrong => None,
            },
            None => built_in_default(field),
        }
    }

    /// A value of a VM: as written, or else the default.
    pub(super) fn vm<T: Clone + FromNode>(
        &mut self,
        written: Option<&T>,
        place: Place,
        field: fn(&DefaultsSpec) -> &Option<Templated<T>>,
        scene: &Scene<'_>,
    ) -> Option<Sourced<T>> {
        match written {
            Some(value) => Some(Sourced::written(value.clone(), place)),
            None => self.default(place.key, field, scene),
        }
    }

    /// The result of an expression, checked like a written value.
    pub(super) fn evaluate<T: FromNode>(
        &mut self,
        node: &Node,
        place: Place,
        scene: &Scene<'_>,
    ) -> Evaluated<T> {
        let evaluated = self
            .expressions
            .evaluate(node, scene, &place.path(), self.report);
        let Some(evaluated) = evaluated else {
            return Evaluated::Wrong;
        };
        // Like an empty string in a file, it counts as unset.
        if !T::EMPTY_IS_A_VALUE && matches!(&evaluated.value, Value::Text(text) if text.is_empty())
        {
            return Evaluated::Nothing;
        }
        let mut found = Report::new();
        let mut decoder = Decoder::new(&mut found);
        decoder.span = node.span;
        let path = place.path();
        let value = decode_at(&evaluated, path.segments(), &mut decoder);
        // The result of an expression is always a string, such as `true`.
        for diagnostic in found.iter().filter(|d| d.id != DiagnosticId::BooleanAsText) {
            let mut diagnostic = diagnostic.clone();
            if let Some(vm) = scene.vm_name() {
                diagnostic.message = format!("{} (evaluated for `{vm}`)", diagnostic.message);
            }
            self.report.push(diagnostic);
        }
        value.map_or(Evaluated::Wrong, Evaluated::Value)
    }
}

/// The result of an expression.
pub(super) enum Evaluated<T> {
    /// A value.
    Value(T),
    /// An empty string, which counts as unset.
    Nothing,
    /// An invalid value, which was reported.
    Wrong,
}

fn built_in_default<T: Clone>(
    field: fn(&DefaultsSpec) -> &Option<Templated<T>>,
) -> Option<Sourced<T>> {
    match field(&built_in().defaults) {
        Some(Templated::Plain(value)) => Some(Sourced {
            value: value.clone(),
            origin: Origin::BuiltIn,
        }),
        Some(Templated::Expression(_)) | None => None,
    }
}

fn decode_at<T: FromNode>(node: &Node, path: &[Segment], decoder: &mut Decoder<'_>) -> Option<T> {
    match path {
        [] => T::from_node(node, decoder),
        [first, rest @ ..] => {
            decoder.within(first.clone(), |decoder| decode_at(node, rest, decoder))
        }
    }
}
