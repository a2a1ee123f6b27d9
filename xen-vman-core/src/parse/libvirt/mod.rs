//! Domain XML of libvirt's driver for xl → the statements of an xl.cfg.
//!
//! The rules are those by which libvirt itself configures libxl (its `libxl_conf.c` and `xen_xl.c`;
//! <https://libvirt.org/formatdomain.html>). What xl.cfg has no key for is kept as text. What libvirt
//! adds to a running domain, such as aliases and addresses on the emulated PCI bus, means nothing to xl.

mod devices;
mod domain;

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Report, Span};
use crate::xl_cfg::{Comment, Statement, XlFile, XlNode, XlToken};
use roxmltree::{Document, Node, NodeId, ParsingOptions};
use std::collections::HashSet;
use std::ops::Range;

/// A domain as an xl.cfg.
#[derive(Debug, Default)]
pub(super) struct LibvirtDomain {
    /// Its statements, with positions in the XML.
    pub(super) file: XlFile,
    /// What a person wrote about it.
    pub(super) description: Option<String>,
    /// The XML that has no counterpart, line by line.
    pub(super) rest: Vec<String>,
}

impl From<XlFile> for LibvirtDomain {
    fn from(file: XlFile) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }
}

/// The most elements of a file; a large domain has some hundred.
const NODES_MAX: u32 = 100_000;

/// Reads a domain; what is not imported is reported.
pub(super) fn read(text: &str, file: FileId, report: &mut Report) -> Option<LibvirtDomain> {
    let options = ParsingOptions {
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    let mut problem = |message: String, range: Range<usize>| {
        let id = DiagnosticId::Syntax;
        report.push(Diagnostic::new(id, FieldPath::root(), message).at(Span::new(file, range)));
    };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => {
            let at = offset(text, error.pos());
            // The position is shown by itself.
            let why = error.to_string();
            let why = why.rsplit_once(" at ").map_or(&*why, |(why, _)| why);
            problem(format!("the XML is not valid: {why}"), at..at);
            return None;
        }
    };
    let domain = document.root_element();
    if !domain.has_tag_name("domain") {
        let name = domain.tag_name().name();
        let message = format!("expected the element `domain`, found `{name}`");
        problem(message, tag(domain));
        return None;
    }
    let kind = domain.attribute("type").unwrap_or_default();
    if kind != "xen" {
        let message = format!("the domain must be of type `xen`, not `{kind}`");
        problem(message, tag(domain));
        return None;
    }
    let mut reader = Reader {
        file,
        seen: HashSet::new(),
        statements: Vec::new(),
        comments: Vec::new(),
    };
    let description = reader.domain(domain);
    let mut rest = Vec::new();
    for node in document.root().children() {
        reader.unseen(node, text, &mut rest, report);
    }
    reader
        .statements
        .sort_by_key(|statement| statement.key_span.start);
    Some(LibvirtDomain {
        file: XlFile {
            statements: reader.statements,
            comments: reader.comments,
        },
        description,
        rest,
    })
}

/// What was read of the XML so far.
struct Reader {
    file: FileId,
    /// The elements that were read; with a name, attributes of them.
    seen: HashSet<(NodeId, Option<Box<str>>)>,
    statements: Vec<Statement>,
    comments: Vec<Comment>,
}

impl Reader {
    /// The first child of that name.
    fn child<'a, 'i>(&mut self, node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
        let child = node.children().find(|child| is_named(*child, name))?;
        self.see(child);
        Some(child)
    }

    /// All children of that name.
    fn children<'a, 'i>(&mut self, node: Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
        let children = node.children().filter(|child| is_named(*child, name));
        children.inspect(|child| self.see(*child)).collect()
    }

    /// Takes back that an element was read.
    fn unsee(&mut self, node: Node<'_, '_>) {
        self.seen.remove(&(node.id(), None));
    }

    fn see(&mut self, node: Node<'_, '_>) {
        self.seen.insert((node.id(), None));
    }

    /// Takes an element with all that is in it.
    fn see_all(&mut self, node: Node<'_, '_>) {
        for inner in node.descendants() {
            self.see(inner);
            for attribute in inner.attributes() {
                self.see_attribute(inner, attribute.name());
            }
        }
    }

    fn see_attribute(&mut self, node: Node<'_, '_>, name: &str) {
        self.seen.insert((node.id(), Some(name.into())));
    }

    /// An attribute; empty ones count as missing.
    fn attribute<'a>(&mut self, node: Node<'a, '_>, name: &str) -> Option<&'a str> {
        let value = node.attribute(name)?;
        self.see_attribute(node, name);
        Some(value).filter(|value| !value.is_empty())
    }

    /// The text of the first child of that name.
    fn text_of<'a, 'i>(
        &mut self,
        node: Node<'a, 'i>,
        name: &str,
    ) -> Option<(Node<'a, 'i>, String)> {
        let child = node.children().find(|child| is_named(*child, name))?;
        self.see(child);
        let text = child
            .text()
            .map(str::trim)
            .filter(|text| !text.is_empty())?;
        Some((child, text.to_owned()))
    }

    fn statement(&mut self, key: &str, at: Node<'_, '_>, value: XlToken) {
        let place = Span::new(self.file, tag(at));
        let node = XlNode { span: place, value };
        // One of several devices adds to those before it.
        let known = self.statements.iter_mut().find(|one| &*one.key == key);
        if let (Some(known), XlToken::List(more)) = (known, &node.value) {
            if let XlToken::List(items) = &mut known.value.value {
                items.extend_from_slice(more);
            }
            return;
        }
        self.statements.push(Statement {
            key: key.into(),
            key_span: place,
            appends: false,
            value: node,
        });
    }

    fn text(&mut self, key: &str, at: Node<'_, '_>, text: &str) {
        self.statement(key, at, XlToken::Text(text.as_bytes().into()));
    }

    fn number(&mut self, key: &str, at: Node<'_, '_>, number: u64) {
        self.statement(key, at, XlToken::Number(number.to_string().into()));
    }

    /// Adds an item to a list.
    fn item(&mut self, key: &str, at: Node<'_, '_>, text: &str) {
        let item = XlNode {
            span: Span::new(self.file, tag(at)),
            value: XlToken::Text(text.as_bytes().into()),
        };
        self.statement(key, at, XlToken::List(vec![item]));
    }

    /// What was not read, as lines of comments.
    fn unseen(
        &mut self,
        node: Node<'_, '_>,
        text: &str,
        lines: &mut Vec<String>,
        report: &mut Report,
    ) {
        let unread = |what: &str, range: Range<usize>| {
            let message = format!("{what} has no counterpart in xl.cfg and is not imported");
            Diagnostic::new(DiagnosticId::NotImported, FieldPath::root(), message)
                .at(Span::new(self.file, range))
                .help("the definition keeps it as a comment")
        };
        if node.is_comment() {
            let range = node.range();
            let inner = text[range.clone()].trim_start_matches("<!--");
            for line in inner.trim_end_matches("-->").trim().lines() {
                self.comments.push(Comment {
                    span: Span::new(self.file, range.clone()),
                    text: format!(" {}", line.trim()).into_bytes().into(),
                    own_line: true,
                });
            }
            return;
        }
        if !node.is_element() {
            return;
        }
        let name = node.tag_name().name();
        // libvirt's elements have no namespace.
        if node.tag_name().namespace().is_some() || !self.seen.contains(&(node.id(), None)) {
            report.push(unread(&format!("`<{name}>`"), tag(node)));
            lines.extend(without_indentation(text, node.range()));
            return;
        }
        for attribute in node.attributes() {
            let own = attribute.name();
            if !self.seen.contains(&(node.id(), Some(own.into()))) {
                report.push(unread(&format!("`{own}` of `<{name}>`"), attribute.range()));
                lines.push(format!("<{name} {}>", &text[attribute.range()]));
            }
        }
        for child in node.children() {
            self.unseen(child, text, lines, report);
        }
    }
}

/// Whether it is libvirt's element of that name.
fn is_named(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name(name) && node.tag_name().namespace().is_none()
}

/// Whether a comma, which separates the words of a device in xl.cfg, is in any attribute.
fn has_comma(node: Node<'_, '_>) -> bool {
    let mut attributes = node.descendants().flat_map(|inner| inner.attributes());
    attributes.any(|attribute| attribute.value().contains(','))
}

/// The lines of an element, indented as if it began its line.
fn without_indentation(text: &str, element: Range<usize>) -> impl Iterator<Item = String> {
    let line = text[..element.start].rfind('\n').map_or(0, |end| end + 1);
    let indentation = text[line..element.start].chars().count();
    text[element].lines().map(move |line| {
        let blanks = line.chars().take_while(|c| c.is_whitespace()).count();
        let kept: String = line.chars().skip(blanks.min(indentation)).collect();
        kept.trim_end().to_owned()
    })
}

/// The range of the name in a start tag.
fn tag(node: Node<'_, '_>) -> Range<usize> {
    let start = node.range().start + 1;
    start..start + node.tag_name().name().len()
}

/// The byte at a position, whose columns are in characters.
fn offset(text: &str, position: roxmltree::TextPos) -> usize {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .by_ref()
        .take(position.row as usize - 1)
        .map(str::len)
        .sum();
    let line = lines.next().unwrap_or_default();
    let column = position.col as usize - 1;
    let inside = line
        .char_indices()
        .nth(column)
        .map_or(line.len(), |(at, _)| at);
    before + inside
}
