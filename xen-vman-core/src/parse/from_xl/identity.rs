//! The name and the type of a domain → the keys of a VM.

use super::{Importer, ORG, entry, own, text};
use crate::diag::text::printable;
use crate::diag::{DiagnosticId, Span};
use crate::document::{Node, Value};
use crate::values::DomainName;

impl Importer<'_, '_> {
    /// `ORG-NAME` sets both; any other name becomes the VM's `domain`.
    pub(super) fn name(&mut self) {
        let Some(setting) = self.take("name") else {
            let message = "`name` is missing; xl does not create a domain without it";
            let help = "write `name = \"web01\"`";
            let id = DiagnosticId::MissingKey;
            self.problem(id, "name", Some(self.whole), message, help);
            // So that everything else is checked.
            self.unless_written("org", text(ORG));
            self.unless_written("name", text("unnamed"));
            return;
        };
        let node = self.node(&setting);
        let whole = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number, _) => number.to_string().into(),
            _ => "".into(),
        };
        let whole = match self.domain(&whole, node.span) {
            Some(other) => other,
            None => whole,
        };
        let parts = self.organisation(&whole);
        let parts = parts.and_then(|org| Some((org, whole.strip_prefix(org)?.strip_prefix('-')?)));
        let of = |value: Value| Node {
            span: node.span,
            value,
        };
        let key_span = self.key_span(&setting);
        match parts {
            Some((org, name)) => {
                self.entries.push(entry("org", key_span, of(text(org))));
                self.entries.push(entry("name", key_span, of(text(name))));
            }
            None => {
                let org = self.given.org.unwrap_or(ORG);
                self.entries.push(entry("org", key_span, of(text(org))));
                // A name is at most half as long as a domain.
                let name: String = whole.chars().take(63).collect();
                let name = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
                self.entries.push(entry("name", key_span, of(text(name))));
                self.entries
                    .push(entry("domain", key_span, of(Value::Text(whole))));
            }
        }
    }

    /// `type`, or the type for `builder`, or xl's default.
    pub(super) fn guest_type(&mut self) -> &'static str {
        let builder = self.take("builder");
        let builder = builder.map(|setting| (self.key_span(&setting), self.node(&setting)));
        let of_builder = builder.as_ref().and_then(|(_, node)| match &node.value {
            Value::Text(word) if &**word == "hvm" => Some("hvm"),
            Value::Text(word) if &**word == "generic" => Some("pv"),
            _ => None,
        });
        if let Some(setting) = self.take("type") {
            self.put(own("type"), &setting);
            self.builder_beside_type(builder, of_builder);
        } else if let Some((key_span, mut node)) = builder {
            if let Some(word) = of_builder {
                node.value = text(word);
            }
            self.entries.push(entry("type", key_span, node));
        } else {
            self.unless_written("type", text("pv"));
        }
        let written = self.entries.iter().find(|entry| &*entry.key == "type");
        match written.map(|entry| &entry.node.value) {
            Some(Value::Text(word)) if &**word == "hvm" => "hvm",
            Some(Value::Text(word)) if &**word == "pvh" => "pvh",
            _ => "pv",
        }
    }

    /// xl rejects a `builder` that it does not know or that contradicts `type`.
    fn builder_beside_type(
        &mut self,
        builder: Option<(Option<Span>, Node)>,
        of_builder: Option<&str>,
    ) {
        let Some((_, node)) = builder else { return };
        let guest_type = self.entries.last().map(|entry| entry.node.value.clone());
        let is_hvm = guest_type == Some(text("hvm"));
        let (id, message) = match of_builder {
            None => (
                DiagnosticId::RefusedXlWord,
                "xl does not accept this word for `builder`, only generic, hvm",
            ),
            Some(word) if (word == "hvm") != is_hvm => (
                DiagnosticId::BuilderContradictsType,
                "`builder` contradicts `type`, so xl rejects the domain",
            ),
            Some(_) => return,
        };
        self.problem(id, "builder", node.span, message, "remove `builder`");
    }

    /// The organisation that a name begins with: the given one, or that in a comment `NAME @ORG`, as
    /// the role and xen-vman write it.
    fn organisation(&self, whole: &str) -> Option<&'_ str> {
        let begins = |org: &&str| {
            let rest = whole.strip_prefix(org);
            rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('-'))
        };
        if self.given.org.is_some() {
            return self.given.org.filter(begins);
        }
        let comments = self.file.comments.iter();
        let texts = comments.filter_map(|comment| std::str::from_utf8(&comment.text).ok());
        let pairs = texts.filter_map(|text| text.trim().split_once(" @"));
        let of_domain = |(name, org): &(&str, &str)| format!("{org}-{name}") == whole;
        pairs.filter(of_domain).map(|(_, org)| org).next()
    }

    /// The name for a domain whose name is not that of a VM.
    fn domain(&mut self, name: &str, span: Option<Span>) -> Option<Box<str>> {
        if name.is_empty() || name.parse::<DomainName>().is_ok() {
            return None;
        }
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let plain: String = name
            .chars()
            .map(|c| if fits(c) { c } else { '-' })
            .collect();
        let mut other = if is_number {
            format!("vm-{plain}")
        } else {
            plain
        };
        while other.contains("..") {
            other = other.replace("..", ".");
        }
        other.truncate(63);
        let other = other.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let other = if other.is_empty() { "unnamed" } else { other };
        let why = if is_number {
            "xl reads it as a domain ID"
        } else {
            "it cannot be the name of a unit"
        };
        let message = format!(
            "the name `{}` is imported as `{other}`, because {why}",
            printable(name)
        );
        self.problem(
            DiagnosticId::RenamedDomain,
            "name",
            span,
            message,
            "rename the domain with `xl rename`",
        );
        Some(other.into())
    }
}
