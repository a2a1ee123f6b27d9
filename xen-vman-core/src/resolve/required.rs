//! The keys that a VM must have, and what stands in for those that are missing or wrong, so that all
//! else is checked at once.

use super::vm_values::{Vm, is_nothing};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath};
use crate::document::Node;
use crate::document::decode::FromText;
use crate::origin::{Origin, Sourced};
use crate::spec::{InterfaceSpec, VmSpec};
use crate::values::{DomainName, NamePart, OsType, OsVersion};

impl Vm<'_, '_> {
    /// The keys that are written, but whose values could not be read or are missing.
    pub(super) fn misread(&self) -> Vec<&'static str> {
        if !self.lookup.report.has_errors() {
            return Vec::new();
        }
        let read = self.spec.to_node();
        let os = read.get("os");
        let has_os = |key| os.is_some_and(|os| os.get(key).is_some());
        let keys = VmSpec::KEYS.iter().map(|key| key.name);
        let wrong = |key: &&str| match *key {
            "org" | "name" => read.get(key).is_none(),
            "os" => !has_os("type") || !has_os("version"),
            "interfaces" if !self.writes(key) || self.misreads_interface() => true,
            key => self.writes(key) && read.get(key).is_none(),
        };
        keys.filter(wrong).collect()
    }

    /// The names; `unnamed` and a number stand in for a name that is missing.
    pub(super) fn names(&mut self, number: u32) -> (NamePart, NamePart, DomainName) {
        let (org, name) = self.written_names();
        let label = format!("unnamed{number}");
        let stand_in =
            || NamePart::from_text(&label).unwrap_or_else(|_| unreachable!("it is a word"));
        let domain = match (&org, &name) {
            (Some(org), Some(name)) => DomainName::new(org, name),
            // As messages call it.
            (None, Some(name)) => match DomainName::from_text(name.as_str()) {
                Ok(domain) => domain,
                Err(_) => DomainName::new(&stand_in(), name),
            },
            (Some(org), None) => DomainName::new(org, &stand_in()),
            (None, None) => DomainName::from_text(&label)
                .unwrap_or_else(|_| DomainName::new(&stand_in(), &stand_in())),
        };
        let domain = self.spec.domain.clone().unwrap_or(domain);
        (
            org.unwrap_or_else(stand_in),
            name.unwrap_or_else(stand_in),
            domain,
        )
    }

    fn written_names(&mut self) -> (Option<NamePart>, Option<NamePart>) {
        if self.spec.org.is_none() {
            self.require(
                "org",
                "set the organisation that owns the VM, such as `stuvus`",
            );
        }
        if self.spec.name.is_none() {
            self.require("name", "set the name of the VM, such as `web01`");
        }
        (self.spec.org.clone(), self.spec.name.clone())
    }

    /// The operating system; a word stands in for what is missing.
    pub(super) fn os(&mut self) -> (Sourced<OsType>, Sourced<OsVersion>) {
        let os = self.spec.os.as_ref();
        match os {
            None => self.require(
                "os",
                "set the operating system: its `type` (such as `debian`) and `version` (such as `bookworm`)",
            ),
            Some(os) => {
                if os.r#type.is_none() {
                    self.require("os.type", "set it to `debian`, `ubuntu` or another word");
                }
                if os.version.is_none() {
                    self.require(
                        "os.version",
                        "set it to a suite such as `bookworm`, or a number such as \"12\"",
                    );
                }
            }
        }
        let os_type = self.own(os.and_then(|os| os.r#type.as_ref()), "os.type");
        let os_version = self.own(os.and_then(|os| os.version.as_ref()), "os.version");
        (
            os_type.unwrap_or_else(|| self.stand_in("os.type")),
            os_version.unwrap_or_else(|| self.stand_in("os.version")),
        )
    }

    /// A word in place of a value that is missing.
    fn stand_in<T: FromText>(&self, key: &'static str) -> Sourced<T> {
        Sourced {
            value: T::from_text("unknown").unwrap_or_else(|_| unreachable!("it is a word")),
            origin: Origin::StandIn(self.scope.key(key)),
        }
    }

    pub(super) fn require_interfaces(&mut self) {
        if self.spec.interfaces.is_none() && self.node.get("interfaces").is_none() {
            self.missing(
                "interfaces",
                "for a VM without a network, write an empty list",
            );
        }
    }

    /// Whether a key of an interface is written that could not be read.
    fn misreads_interface(&self) -> bool {
        let written = self.node.get("interfaces").map_or(&[][..], Node::items);
        let mut read = self.spec.interfaces.iter().flatten();
        written.iter().any(|node| {
            let read = read.next().map(InterfaceSpec::to_node);
            let is_read = |key: &str| read.as_ref().is_some_and(|read| read.get(key).is_some());
            let is_ours = |key: &str| InterfaceSpec::KEYS.iter().any(|known| known.name == key);
            let mut entries = node.entries().iter();
            entries.any(|entry| {
                is_ours(&entry.key) && !is_nothing(&entry.node) && !is_read(&entry.key)
            })
        })
    }

    fn missing(&mut self, key: &'static str, help: &str) {
        let path = key.split('.').fold(self.scope.path(), FieldPath::key);
        let message = format!("`{key}` is missing");
        let diagnostic = Diagnostic::new(DiagnosticId::MissingKey, path, message).help(help);
        self.lookup.report.push(diagnostic);
    }

    /// Reports a required key that is not set; an invalid value was already reported.
    fn require(&mut self, key: &'static str, help: &str) {
        let mut node = Some(self.node);
        for part in key.split('.') {
            node = node.and_then(|node| node.get(part));
        }
        if node.is_none_or(is_nothing) {
            self.missing(key, help);
        }
    }
}
