//! The comments of an xl.cfg, and what they comment.

use crate::diag::Span;
use crate::diag::text::printable;
use crate::document::TableEntry;
use crate::xl_cfg::XlFile;
use std::collections::HashMap;
use std::fmt::Write as _;

/// A comment inside a list.
#[derive(Clone, PartialEq)]
pub(super) struct ItemComment {
    /// The last byte of the item that it follows on its line, or else its own first byte.
    pub(super) at: u32,
    pub(super) text: String,
}

/// Comments by the statement they belong to.
pub(super) struct Comments<'f> {
    /// The key of each statement, by the place where it stands.
    keys: HashMap<Span, &'f str>,
    /// The texts, with their number, by the key they stood at; none at the head of the file.
    all: HashMap<Option<&'f str>, Vec<(usize, String)>>,
    /// Those inside of lists.
    of_items: HashMap<&'f str, Vec<ItemComment>>,
}

impl<'f> Comments<'f> {
    pub(super) fn new(file: &'f XlFile) -> Self {
        let statements = &file.statements;
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        let mut of_items: HashMap<_, Vec<_>> = HashMap::new();
        for (number, comment) in file.comments.iter().enumerate() {
            let next = statements.partition_point(|one| one.key_span.start < comment.span.start);
            let before = next.checked_sub(1).map(|at| &statements[at]);
            let inside = before.filter(|one| comment.span.start < one.value.span.end);
            if let Some(one) = inside {
                let items = one.value.items().unwrap_or_default().iter();
                let ends = items.map(|item| item.span.end.saturating_sub(1));
                let last = ends.filter(|end| *end < comment.span.start).max();
                of_items.entry(&*one.key).or_default().push(ItemComment {
                    at: last
                        .filter(|_| !comment.own_line)
                        .unwrap_or(comment.span.start),
                    text: decoded(&comment.text),
                });
                continue;
            }
            let behind = before.filter(|_| !comment.own_line);
            let after = statements.get(next).filter(|_| next > 0);
            let key = behind.or(after).map(|one| &*one.key);
            all.entry(key)
                .or_default()
                .push((number, decoded(&comment.text)));
        }
        let keys = statements.iter().map(|one| (one.key_span, &*one.key));
        Self {
            keys: keys.collect(),
            all,
            of_items,
        }
    }

    /// Takes the comments of an entry, and those of the items in it.
    pub(super) fn of(&mut self, entry: &TableEntry) -> (Vec<String>, Vec<ItemComment>) {
        // A name becomes several keys; the organisation is not what it was.
        let written = entry.key_span.filter(|_| &*entry.key != "org");
        let Some(key) = written.and_then(|span| self.keys.get(&span)).copied() else {
            return (Vec::new(), Vec::new());
        };
        let of_items = self.of_items.remove(key).unwrap_or_default();
        (self.of_key(key), of_items)
    }

    /// Takes the comments of a key, without empty lines around them.
    pub(super) fn of_key(&mut self, key: &'f str) -> Vec<String> {
        let taken = self.all.remove(&Some(key)).unwrap_or_default().into_iter();
        trimmed(taken.map(|(_, comment)| comment).collect())
    }

    /// What nobody took.
    pub(super) fn rest(self) -> Vec<String> {
        let mut rest: Vec<_> = self.all.into_values().flatten().collect();
        rest.sort_unstable();
        let rest = rest.into_iter().map(|(_, comment)| comment);
        let of_items = self.of_items.into_values().flatten();
        trimmed(rest.chain(of_items.map(|comment| comment.text)).collect())
    }
}

/// Comments without empty ones around them.
fn trimmed(mut comments: Vec<String>) -> Vec<String> {
    let is_empty = |comment: &String| comment.trim().is_empty();
    while comments.last().is_some_and(is_empty) {
        comments.pop();
    }
    let start = comments
        .iter()
        .take_while(|comment| is_empty(comment))
        .count();
    comments.drain(..start);
    comments
}

/// A comment's text; one that is not UTF-8 is most likely in Latin-1.
pub(super) fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

pub(super) fn comment_line(comment: &str, text: &mut String) {
    let _ = writeln!(text, "#{}", printable(comment).trim_end());
}
