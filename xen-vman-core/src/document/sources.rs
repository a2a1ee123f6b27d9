//! The input files, and how positions in them are named.

use super::file::{Shown, Source};
use super::{Node, TableEntry};
use crate::diag::secret::is_password;
use crate::diag::{Excerpt, FieldPath, FileId, Places, Position, Segment, Span};
use crate::xl_cfg::names::xl_key;
use std::borrow::Cow;

/// The keys that a file uses, and its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// TOML with the keys of the schema.
    Schema,
    /// JSON with the keys of the schema, as written by programs.
    SchemaJson,
    /// The Ansible role's variables, in YAML.
    RoleYaml,
    /// The Ansible role's variables, in JSON.
    RoleJson,
    /// An xl.cfg file.
    XlCfg,
    /// The XML of a domain of libvirt.
    LibvirtXml,
}

impl Dialect {
    /// The dialect of a definition by the suffix of its name: `.toml`, `.yml`, `.yaml`, `.json`.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        match ending {
            "toml" => Some(Self::Schema),
            "yml" | "yaml" => Some(Self::RoleYaml),
            "json" => Some(Self::RoleJson),
            _ => None,
        }
    }

    /// Whether it describes a single domain, rather than being a definition.
    pub const fn is_of_a_domain(self) -> bool {
        matches!(self, Self::XlCfg | Self::LibvirtXml)
    }

    /// Whether it uses the names of the role's variables.
    pub const fn is_role(self) -> bool {
        matches!(self, Self::RoleYaml | Self::RoleJson)
    }
}

/// All input files, and the tree of each, with the keys of the schema.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The id of the first file.
    first: FileId,
    files: Vec<(Shown, Dialect)>,
    trees: Vec<Node>,
    /// For each VM of the definition, its file, and its number in that file.
    vms: Vec<(FileId, usize)>,
    /// Schema paths of top-level keys that were written under another name, with that name.
    aliases: Vec<(FileId, String, String)>,
}

impl Sources {
    /// An empty collection, whose first file gets this id.
    pub fn starting_at(first: FileId) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Adds a file and returns its id; `None` if there are too many.
    pub fn add(&mut self, source: Source) -> Option<FileId> {
        let id = self.next()?;
        self.files
            .push((Shown::new(source.name, source.text), source.dialect));
        Some(id)
    }

    /// The id of the next file.
    pub fn next(&self) -> Option<FileId> {
        self.first
            .checked_add(FileId::try_from(self.files.len()).ok()?)
    }

    /// Stores the tree of the file that was added last, and the numbers of its VMs.
    pub(crate) fn add_tree(&mut self, file: FileId, tree: Node, aliases: Vec<(String, String)>) {
        let count = tree.get("vms").map_or(0, |vms| vms.items().len());
        self.vms.extend((0..count).map(|number| (file, number)));
        self.aliases.extend(
            aliases
                .into_iter()
                .map(|(schema, written)| (file, schema, written)),
        );
        if let Some((shown, _)) = self.files.last_mut() {
            let mut secrets = Vec::new();
            passwords(&tree, &mut secrets);
            shown.hide(secrets);
        }
        self.trees.push(tree);
    }

    /// Hides the values of passwords of an xl.cfg, whose tree does not have what xl ignores.
    pub(crate) fn hide_password_assignments(&mut self) {
        if let Some((shown, _)) = self.files.last_mut() {
            shown.hide_password_assignments();
        }
    }

    /// Hides the passwords of the file that was added last and could not be read to its end.
    pub(crate) fn hide_password_lines(&mut self) {
        if let Some((shown, _)) = self.files.last_mut() {
            shown.hide_password_lines();
        }
    }

    /// The trees, one for each file.
    pub(crate) fn trees(&self) -> &[Node] {
        &self.trees
    }

    /// A VM as written, by its number in the definition.
    pub(crate) fn vm(&self, number: usize) -> Option<&Node> {
        let &(file, local) = self.vms.get(number)?;
        self.tree(file)?.get("vms")?.items().get(local)
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: FileId) -> &str {
        self.file(file).0.text()
    }

    /// The name of a file.
    pub(crate) fn name(&self, file: FileId) -> &str {
        self.file(file).0.name()
    }

    /// The text of a file, with passwords replaced by stars.
    pub(crate) fn text_without_secrets(&self, file: FileId) -> Cow<'_, str> {
        self.file(file).0.text_without_secrets()
    }

    /// The ids of the files.
    pub(crate) fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        self.first..self.next().unwrap_or(FileId::MAX)
    }

    /// The entry at a path, and the table that it is in.
    pub(crate) fn entry(&self, path: &FieldPath) -> Option<(&TableEntry, &Node)> {
        let (file, local) = self.local(path);
        let in_tree = |tree| entry_of(tree, local.segments());
        match file {
            Some(file) => in_tree(self.tree(file)?),
            None => self.trees.iter().rev().find_map(in_tree),
        }
    }

    /// The dialect of a file; `None` if it is not one of these.
    pub fn dialect(&self, file: FileId) -> Option<Dialect> {
        let number = file.checked_sub(self.first)?;
        Some(self.files.get(usize::from(number))?.1)
    }

    /// Whether each file stands for a VM of its own.
    pub(crate) fn has_only_domains(&self) -> bool {
        let are_domains = |(_, dialect): &(Shown, Dialect)| dialect.is_of_a_domain();
        !self.files.is_empty() && self.files.iter().all(are_domains)
    }

    /// Whether any file holds the role's variables.
    pub(crate) fn has_role_files(&self) -> bool {
        self.files.iter().any(|(_, dialect)| dialect.is_role())
    }

    fn file(&self, file: FileId) -> &(Shown, Dialect) {
        &self.files[usize::from(file - self.first)]
    }

    fn tree(&self, file: FileId) -> Option<&Node> {
        self.trees.get(usize::from(file.checked_sub(self.first)?))
    }

    /// The span of `path`, or of its nearest ancestor.
    pub fn span_of(&self, path: &FieldPath) -> Option<Span> {
        let (file, local) = self.local(path);
        match file {
            Some(file) => self.tree(file)?.span_of(&local),
            // The last file that sets a key wins.
            None => self.trees.iter().rev().find_map(|tree| {
                let top = local.segments().first().cloned()?;
                let second = local.segments().get(1).cloned();
                let start: Vec<_> = match (&top, second) {
                    (Segment::Key(key), Some(second)) if &**key == "defaults" => vec![top, second],
                    _ => vec![top],
                };
                tree.has(&start).then(|| tree.span_of(&local)).flatten()
            }),
        }
    }

    fn role_name(&self, path: &FieldPath, file: Option<FileId>) -> String {
        let mut segments = path.segments().iter().cloned();
        let name = match (segments.next(), path.segments().get(1)) {
            (Some(Segment::Key(first)), Some(Segment::Key(second))) if &*first == "defaults" => {
                segments.next();
                let schema = format!("defaults.{second}");
                self.alias(file, &schema)
                    .unwrap_or_else(|| format!("xen_vman_default_{second}"))
            }
            (Some(Segment::Key(first)), _) => self
                .alias(file, &first)
                .unwrap_or_else(|| format!("xen_vman_{first}")),
            _ => return String::new(),
        };
        let mut role = FieldPath::root().key(name);
        segments.for_each(|segment| role.push(segment));
        role.to_string()
    }

    fn alias(&self, file: Option<FileId>, schema: &str) -> Option<String> {
        let known = self
            .aliases
            .iter()
            .find(|(id, path, _)| Some(*id) == file && path == schema);
        known.map(|(_, _, written)| written.clone())
    }

    /// The file that a path belongs to (known for VMs), and the path within that file.
    fn local(&self, path: &FieldPath) -> (Option<FileId>, FieldPath) {
        if let [Segment::Key(first), Segment::Index(number), rest @ ..] = path.segments()
            && &**first == "vms"
            && let Some(&(file, local)) = self.vms.get(*number)
        {
            let mut segments = vec![Segment::Key(first.clone()), Segment::Index(local)];
            segments.extend_from_slice(rest);
            return (Some(file), segments.into());
        }
        (None, path.clone())
    }
}

impl Places for Sources {
    fn place(&self, path: &FieldPath) -> String {
        let (file, local) = self.local(path);
        let file = file
            .or_else(|| (self.files.len() == 1).then_some(self.first))
            .or_else(|| self.span_of(path).map(|span| span.file));
        match file.and_then(|id| self.dialect(id)) {
            Some(Dialect::RoleYaml | Dialect::RoleJson) => self.role_name(&local, file),
            Some(Dialect::XlCfg | Dialect::LibvirtXml) => xl_name(&local),
            Some(Dialect::Schema | Dialect::SchemaJson) | None => local.to_string(),
        }
    }

    fn position(&self, span: Span) -> Position<'_> {
        self.file(span.file).0.position(span)
    }

    fn excerpt(&self, span: Span) -> Excerpt<'_> {
        self.file(span.file).0.excerpt(span)
    }
}

/// The files of several hosts, with one [`Sources`] for each and consecutive ids.
impl Places for Vec<Sources> {
    fn place(&self, path: &FieldPath) -> String {
        let host = self.get(usize::from(path.host()));
        host.map_or_else(|| path.to_string(), |sources| sources.place(path))
    }

    fn position(&self, span: Span) -> Position<'_> {
        of_file(self, span).position(span)
    }

    fn excerpt(&self, span: Span) -> Excerpt<'_> {
        of_file(self, span).excerpt(span)
    }
}

fn of_file(hosts: &[Sources], span: Span) -> &Sources {
    let next = hosts.partition_point(|sources| sources.first <= span.file);
    &hosts[next - 1]
}

/// The path of a VM's key in xl.cfg; other paths are already those of xl.cfg.
fn xl_name(path: &FieldPath) -> String {
    let [
        Segment::Key(first),
        Segment::Index(_),
        Segment::Key(key),
        rest @ ..,
    ] = path.segments()
    else {
        let whole = matches!(path.segments(), [Segment::Key(first), ..] if &**first == "vms");
        return if whole {
            String::new()
        } else {
            path.to_string()
        };
    };
    if &**first != "vms" {
        return path.to_string();
    }
    let name = xl_key(key);
    let mut xl = FieldPath::root();
    if name != "additional_xen_options" {
        xl.push(Segment::Key(name.into()));
    }
    // The parts of a vif are a single string.
    let rest = rest.iter().take(if name == "vif" { 1 } else { rest.len() });
    rest.for_each(|segment| xl.push(segment.clone()));
    xl.to_string()
}

/// The entry at a path, and the table that it is in.
fn entry_of<'n>(tree: &'n Node, path: &[Segment]) -> Option<(&'n TableEntry, &'n Node)> {
    let (last, around) = path.split_last()?;
    let mut table = tree;
    for segment in around {
        table = match segment {
            Segment::Key(key) => table.get(key)?,
            Segment::Index(index) => table.items().get(*index)?,
        };
    }
    let key = last.key()?;
    let entry = table.entries().iter().find(|entry| &*entry.key == key)?;
    Some((entry, table))
}

/// The positions of values whose keys denote a password.
fn passwords(node: &Node, found: &mut Vec<Span>) {
    for item in node.items() {
        passwords(item, found);
    }
    for entry in node.entries() {
        match entry.node.span {
            Some(span) if is_password(&entry.key) => found.push(span),
            _ => passwords(&entry.node, found),
        }
    }
}

impl Node {
    fn has(&self, path: &[Segment]) -> bool {
        let mut node = self;
        for segment in path {
            let next = match segment {
                Segment::Key(key) => node.get(key),
                Segment::Index(index) => node.items().get(*index),
            };
            match next {
                Some(next) => node = next,
                None => return false,
            }
        }
        true
    }
}
