//! Facts about the host of a definition.

use crate::diag::Report;
use crate::document::decode::{Decoder, Fields, FromNode, Schema};
use crate::document::{Dialect, Node, Source};
use crate::document::{json, toml, yaml};
use crate::values::{CpuCount, MemoryMib, ProgramPath, XenVersion};
use serde_json::json;

/// Facts about a host, from a file or from observation; each may be unknown.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Facts {
    /// Path of `xl` (`xl_path`).
    pub xl_path: Option<ProgramPath>,
    /// Path of `iscsiadm` (`iscsiadm_path`).
    pub iscsiadm_path: Option<ProgramPath>,
    /// Version of Xen (`xen_version`).
    pub xen_version: Option<XenVersion>,
    /// The memory available to VMs (`host_memory`).
    pub host_memory_mib: Option<MemoryMib>,
    /// Number of CPUs (`host_cpus`).
    pub host_cpus: Option<CpuCount>,
}

impl FromNode for Facts {
    const EXPECTED: &'static str = "a table of facts";

    fn schema() -> Schema {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "xl_path": ProgramPath::schema(),
                "iscsiadm_path": ProgramPath::schema(),
                "xen_version": XenVersion::schema(),
                "host_memory": MemoryMib::schema(),
                "host_cpus": CpuCount::schema(),
            },
        })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = Fields::open::<Self>(node, decoder)?;
        let facts = Self {
            xl_path: fields.take("xl_path"),
            iscsiadm_path: fields.take("iscsiadm_path"),
            xen_version: fields.take("xen_version"),
            host_memory_mib: fields.take("host_memory"),
            host_cpus: fields.take("host_cpus"),
        };
        fields.finish();
        Some(facts)
    }
}

impl Facts {
    /// Returns the facts, with unknown ones taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            xl_path: self.xl_path.or(other.xl_path),
            iscsiadm_path: self.iscsiadm_path.or(other.iscsiadm_path),
            xen_version: self.xen_version.or(other.xen_version),
            host_memory_mib: self.host_memory_mib.or(other.host_memory_mib),
            host_cpus: self.host_cpus.or(other.host_cpus),
        }
    }

    /// The path of a program, by the name of the fact.
    pub(crate) fn program(&self, fact: &str) -> Option<&ProgramPath> {
        match fact {
            "xl_path" => self.xl_path.as_ref(),
            "iscsiadm_path" => self.iscsiadm_path.as_ref(),
            _ => None,
        }
    }

    /// The facts as JSON, in the format of [`read`](Self::read).
    pub fn to_json(&self) -> serde_json::Value {
        let texts = [
            ("xl_path", self.xl_path.as_ref().map(ToString::to_string)),
            (
                "iscsiadm_path",
                self.iscsiadm_path.as_ref().map(ToString::to_string),
            ),
            (
                "xen_version",
                self.xen_version.map(|version| version.to_string()),
            ),
        ];
        let numbers = [
            ("host_memory", self.host_memory_mib.map(MemoryMib::get)),
            (
                "host_cpus",
                self.host_cpus.map(|count| u32::from(count.get())),
            ),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
        let numbers = numbers
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
        texts.chain(numbers).collect()
    }

    /// Reads facts from the text of a TOML, YAML or JSON file.
    pub fn read(source: &Source, report: &mut Report) -> Self {
        let tree = match source.dialect {
            Dialect::Schema | Dialect::XlCfg | Dialect::LibvirtXml => {
                toml::read(&source.text, 0, report)
            }
            Dialect::RoleYaml => yaml::read(&source.text, 0, report),
            Dialect::RoleJson | Dialect::SchemaJson => json::read(&source.text, 0, report),
        };
        Self::from_node(&tree, &mut Decoder::new(report)).unwrap_or_default()
    }
}
