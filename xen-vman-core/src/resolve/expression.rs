//! Template expressions in a definition.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Report};
use crate::document::{Node, TableEntry, Value, is_expression};
use crate::spec::{EXTRA, InterfaceSpec, Key, VmSpec};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;
use tera::{Context, ErrorKind, Tera};

/// The variables of an expression.
#[derive(Debug)]
pub(super) struct Scene<'n> {
    vm: Option<&'n Node>,
    interface: Option<&'n Node>,
}

impl<'n> Scene<'n> {
    /// None, for the settings of a host.
    pub(super) const HOST: Self = Scene {
        vm: None,
        interface: None,
    };

    /// A VM.
    pub(super) const fn vm(vm: &'n Node) -> Self {
        Scene {
            vm: Some(vm),
            interface: None,
        }
    }

    /// An interface of a VM.
    pub(super) const fn interface(vm: &'n Node, interface: &'n Node) -> Self {
        Scene {
            vm: Some(vm),
            interface: Some(interface),
        }
    }

    /// The VM's names, if they are strings.
    pub(super) fn vm_name(&self) -> Option<String> {
        let name = |key| match &self.vm?.get(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        Some(format!("{}-{}", name("org")?, name("name")?))
    }

    fn context(&self) -> Context {
        let mut context = Context::new();
        if let Some(vm) = self.vm {
            context.insert("vm", &View(vm, VmSpec::KEYS));
        }
        if let Some(interface) = self.interface {
            context.insert("interface", &View(interface, InterfaceSpec::KEYS));
        }
        context
    }
}

/// A table as expressions see it. Data that is not xen-vman's stands beside its keys, and in
/// `extra`, wherever it is written.
struct View<'n>(&'n Node, &'static [Key]);

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(table, keys) = self;
        let is_key = |entry: &&TableEntry| keys.iter().any(|key| key.name == &*entry.key);
        let (own, foreign): (Vec<_>, Vec<_>) = table.entries().iter().partition(is_key);
        let extra = table.get(EXTRA).map_or(&[][..], Node::entries);
        let is_free = |entry: &&TableEntry| !is_key(entry) && table.get(&entry.key).is_none();
        let more: Vec<_> = extra.iter().filter(is_free).chain(foreign).collect();
        let mut map = serializer.serialize_map(None)?;
        for entry in own.iter().filter(|entry| &*entry.key != EXTRA).chain(&more) {
            map.serialize_entry(&*entry.key, &entry.node)?;
        }
        let all = more.iter().copied().chain(extra);
        let all: BTreeMap<&str, &Node> = all.map(|entry| (&*entry.key, &entry.node)).collect();
        map.serialize_entry(EXTRA, &all)?;
        map.end()
    }
}

/// The engine that evaluates expressions.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    tera: Engine,
}

#[derive(Default)]
struct Engine(Tera);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tera")
    }
}

impl Expressions {
    /// Evaluates all expressions in a value; `None` if one fails.
    pub(super) fn evaluate(
        &self,
        node: &Node,
        scene: &Scene<'_>,
        path: &FieldPath,
        report: &mut Report,
    ) -> Option<Node> {
        self.walk(node, &scene.context(), path, report)
    }

    fn walk(
        &self,
        node: &Node,
        context: &Context,
        path: &FieldPath,
        report: &mut Report,
    ) -> Option<Node> {
        let value = match &node.value {
            Value::Text(text) if is_expression(text) => {
                match self.tera.0.render_str(text, context, false) {
                    Ok(text) => Value::Text(text.into()),
                    Err(error) => {
                        report.push(problem(text, &error, path).at(node.span));
                        return None;
                    }
                }
            }
            Value::List(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(index, item)| {
                    self.walk(item, context, &path.clone().index(index), report)
                });
                Value::List(items.collect::<Option<_>>()?)
            }
            Value::Table(entries) => {
                let entries = entries.iter().map(|entry| {
                    let node =
                        self.walk(&entry.node, context, &path.clone().key(&entry.key), report)?;
                    Some(TableEntry {
                        node,
                        ..entry.clone()
                    })
                });
                Value::Table(entries.collect::<Option<_>>()?)
            }
            other => other.clone(),
        };
        Some(Node {
            span: node.span,
            value,
        })
    }
}

fn problem(text: &str, error: &tera::Error, path: &FieldPath) -> Diagnostic {
    let why = match error.kind() {
        ErrorKind::SyntaxError(at) | ErrorKind::RenderingError(at) => {
            format!(
                "{} (column {} of the expression)",
                at.message(),
                at.span().start_col + 1
            )
        }
        other => other.to_string(),
    };
    Diagnostic::new(
        DiagnosticId::BadExpression,
        path.clone(),
        format!("expression `{text}`: {why}"),
    )
    .help("expressions may use `vm`, as in `{{ vm.org }}`, and in settings of interfaces also `interface`")
}

impl Serialize for Node {
    /// The value as expressions see it; numbers with a fraction remain strings.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_none(),
            Value::Bool(value, _) => serializer.serialize_bool(*value),
            Value::Integer(value, _) => serializer.serialize_i64(*value),
            Value::Float(text) | Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Table(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    map.serialize_entry(&*entry.key, &entry.node)?;
                }
                map.end()
            }
        }
    }
}
