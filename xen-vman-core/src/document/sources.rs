//! The texts of the input, and how places in them are named.

use super::Node;
use crate::diag::{Excerpt, FieldPath, FileId, Places, Position, Segment, Span};

/// How a file names things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// TOML in the words of the schema.
    Schema,
    /// The Ansible role's variables, in YAML.
    RoleYaml,
    /// The Ansible role's variables, in JSON.
    RoleJson,
}

impl Dialect {
    /// The dialect of a file by the end of its name: `.toml`, `.yml`, `.yaml`, `.json`.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        match ending {
            "toml" => Some(Self::Schema),
            "yml" | "yaml" => Some(Self::RoleYaml),
            "json" => Some(Self::RoleJson),
            _ => None,
        }
    }

    /// Whether its variables carry the role's names.
    pub const fn is_role(self) -> bool {
        matches!(self, Self::RoleYaml | Self::RoleJson)
    }
}

/// One input file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name as shown to the user.
    pub name: String,
    /// Its text.
    pub text: String,
    /// How it names things.
    pub dialect: Dialect,
}

/// All input files, and the tree read from each in the words of the schema.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
    trees: Vec<Node>,
    /// For each VM of the definition: the file, and its number there.
    vms: Vec<(FileId, usize)>,
    /// Schema paths of top-level keys written under another name, with that name.
    aliases: Vec<(FileId, String, String)>,
}

impl Sources {
    /// Adds a file; its id, or none when there are too many.
    pub fn add(&mut self, source: Source) -> Option<FileId> {
        let id = FileId::try_from(self.files.len()).ok()?;
        self.files.push(source);
        Some(id)
    }

    /// Keeps the tree of the file added last, and where its VMs went.
    pub(crate) fn add_tree(&mut self, file: FileId, tree: Node, aliases: Vec<(String, String)>) {
        let count = tree.get("vms").map_or(0, |vms| vms.items().len());
        self.vms.extend((0..count).map(|number| (file, number)));
        self.aliases.extend(
            aliases
                .into_iter()
                .map(|(schema, written)| (file, schema, written)),
        );
        self.trees.push(tree);
    }

    /// The trees, one for each file.
    pub(crate) fn trees(&self) -> &[Node] {
        &self.trees
    }

    /// The files.
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    /// Where `path` stands, or the nearest place around it.
    pub fn span_of(&self, path: &FieldPath) -> Option<Span> {
        let (file, local) = self.local(path);
        match file {
            Some(file) => self.trees.get(usize::from(file))?.span_of(&local),
            // A setting counts as the last file writes it.
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
            .or_else(|| self.span_of(path).map(|span| span.file))
            .or_else(|| (self.files.len() == 1).then_some(0));
        let dialect = file
            .and_then(|id| self.files.get(usize::from(id)))
            .map(|f| f.dialect);
        if dialect.is_some_and(Dialect::is_role) {
            self.role_name(&local, file)
        } else {
            local.to_string()
        }
    }

    fn position(&self, span: Span) -> Position<'_> {
        let file = &self.files[usize::from(span.file)];
        let before = &file.text[..floor(&file.text, span.start as usize)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Position {
            file: &file.name,
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn excerpt(&self, span: Span) -> Excerpt<'_> {
        let text = &self.files[usize::from(span.file)].text;
        let start = floor(text, span.start as usize);
        let end = floor(text, (span.end as usize).max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let mut lines_end = start;
        for _ in 0..3 {
            lines_end = text[lines_end..]
                .find('\n')
                .map_or(text.len(), |at| lines_end + at);
            if lines_end >= end || lines_end == text.len() {
                break;
            }
            lines_end += 1;
        }
        let shown = &text[line_start..lines_end];
        let end = end.min(lines_end);
        Excerpt {
            text: shown,
            first_line: text[..line_start]
                .bytes()
                .filter(|&byte| byte == b'\n')
                .count()
                + 1,
            range: start - line_start..end - line_start,
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

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Source {
    /// A file by its name, which tells the format; none if the ending is none of `.toml`,
    /// `.yml`, `.yaml` and `.json`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let dialect = Dialect::of_file_name(&name)?;
        Some(Self {
            name,
            text: text.into(),
            dialect,
        })
    }
}
