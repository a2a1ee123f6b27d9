//! [`FieldPath`]: a path in a definition, such as `vms[1].interfaces[0].mac`.

use std::fmt;

/// A segment of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// The key of a table.
    Key(Box<str>),
    /// The index in a list, from 0.
    Index(usize),
}

impl Segment {
    /// The key, unless it is an index.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Index(_) => None,
        }
    }
}

/// A path in a definition, with the keys of the schema (`defaults.memory`).
///
/// [`Places::place`](super::Places::place) translates it to the names of role variables.
///
/// If several hosts are checked together, it also contains the number of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath {
    host: u16,
    segments: Vec<Segment>,
}

impl FieldPath {
    /// The path of the whole definition.
    pub const fn root() -> Self {
        Self {
            host: 0,
            segments: Vec::new(),
        }
    }

    /// This path in the definition of the host with the given number.
    #[must_use]
    pub const fn on_host(mut self, host: u16) -> Self {
        self.host = host;
        self
    }

    /// The number of the host.
    pub const fn host(&self) -> u16 {
        self.host
    }

    /// The path with a key appended.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<str>) -> Self {
        self.push(Segment::Key(key.as_ref().into()));
        self
    }

    /// The path with an index appended.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.push(Segment::Index(index));
        self
    }

    /// Appends a segment.
    pub fn push(&mut self, segment: Segment) {
        self.segments.push(segment);
    }

    /// Removes the last segment.
    pub fn pop(&mut self) {
        self.segments.pop();
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl From<Vec<Segment>> for FieldPath {
    fn from(segments: Vec<Segment>) -> Self {
        Self { host: 0, segments }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if !key.is_empty() && key.chars().all(bare) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Serializes the displayed form.
impl serde::Serialize for FieldPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shown_as_people_write_them() {
        let path = FieldPath::root().key("vms").index(1).key("os").key("a b");
        assert_eq!(path.to_string(), "vms[1].os.\"a b\"");
        assert_eq!(FieldPath::root().to_string(), "");
    }
}
