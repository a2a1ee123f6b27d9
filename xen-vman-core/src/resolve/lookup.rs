//! Finds a value: on the VM, under `defaults`, or built in.

use super::built_in::built_in;
use super::expression::{Expressions, Scene};
use super::facts::Facts;
use super::sourced::{Origin, Place, Scope, Sourced};
use crate::diag::{Report, Segment};
use crate::document::Node;
use crate::document::decode::{Decoder, FromNode};
use crate::spec::{DefaultsSpec, Definition, HostSpec, Templated};

/// Everything that values are looked up in, and where problems go.
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
        if let Some(value) = field(&self.definition.host) {
            return Some(Sourced::written(value.clone(), Scope::Host.key(key)));
        }
        let value = field(&built_in().host).clone()?;
        Some(Sourced {
            value,
            origin: Origin::BuiltIn,
        })
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
            Some(Templated::Expression(node)) => {
                let value = self.evaluate(node, place, scene)?;
                Some(Sourced {
                    value,
                    origin: Origin::Default(place),
                })
            }
            None => match field(&built_in().defaults) {
                Some(Templated::Plain(value)) => Some(Sourced {
                    value: value.clone(),
                    origin: Origin::BuiltIn,
                }),
                Some(Templated::Expression(_)) | None => None,
            },
        }
    }

    /// A value of a VM: as written there, else the default.
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

    /// The value that an expression gives, checked like a written one.
    pub(super) fn evaluate<T: FromNode>(
        &mut self,
        node: &Node,
        place: Place,
        scene: &Scene<'_>,
    ) -> Option<T> {
        let evaluated = self
            .expressions
            .evaluate(node, scene, &place.path(), self.report)?;
        let mut found = Report::new();
        let mut decoder = Decoder::new(&mut found);
        decoder.span = node.span;
        let path = place.path();
        let value = decode_at(&evaluated, path.segments(), &mut decoder);
        // A word such as `true` is all that an expression can give.
        for diagnostic in found
            .iter()
            .filter(|d| d.id != crate::diag::DiagnosticId::BooleanAsText)
        {
            self.report.push(diagnostic.clone());
        }
        value
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
