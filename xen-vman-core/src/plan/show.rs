//! A plan for people and programs. No password is shown in any form.

use super::{Change, Entry, Impact, Plan};
use crate::diag::secret::without_passwords;
use crate::diag::text::printable;
use serde_json::{Value, json};
use similar::TextDiff;
use std::fmt;

impl fmt::Display for Change {
    /// One line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put {
                path,
                entry,
                before,
            } => {
                let path = printable(path);
                match (entry, before) {
                    (Entry::Link(target), _) => write!(f, "link {path} to {}", printable(target)),
                    (Entry::File { mode, .. }, None) => write!(f, "write {path} ({mode:04o})"),
                    (Entry::File { mode, content }, Some(Entry::File { content: old, .. }))
                        if content == old =>
                    {
                        write!(f, "set the permissions of {path} to {mode:04o}")
                    }
                    _ => write!(f, "change {path}"),
                }
            }
            Self::Remove { path, .. } => write!(f, "remove {}", printable(path)),
            Self::DaemonReload => f.write_str("let systemd read its units again"),
        }?;
        match (self, self.impact()) {
            (Self::DaemonReload, _) | (_, Impact::None) => Ok(()),
            (_, Impact::DaemonReload) => f.write_str(" [daemon-reload]"),
        }
    }
}

impl Change {
    /// What it changes, as a unified diff; nothing for what has no text.
    pub fn diff(&self) -> String {
        let text = |entry: Option<&Entry>| match entry {
            Some(Entry::File { content, .. }) => String::from_utf8_lossy(content).into_owned(),
            _ => String::new(),
        };
        let (path, before, after) = match self {
            Self::Put {
                path,
                entry: entry @ Entry::File { .. },
                before,
            } => (path, text(before.as_ref()), text(Some(entry))),
            Self::Remove { path, before } => (path, text(Some(before)), String::new()),
            _ => return String::new(),
        };
        let path = printable(path);
        let diff = TextDiff::from_lines(&before, &after);
        let diff = diff.unified_diff().header(&path, &path).to_string();
        let lines = diff.lines().map(|line| {
            let mut line = printable(&without_passwords(line));
            line.push('\n');
            line
        });
        lines.collect()
    }
}

impl Plan {
    /// The plan as JSON: `actions` with `action`, `path`, `impact` and a `sentence`, and
    /// `leftovers`.
    pub fn to_json(&self) -> Value {
        let actions = self.actions.iter().map(|change| {
            let (action, path) = match change {
                Change::Put { path, .. } => ("put", Some(path)),
                Change::Remove { path, .. } => ("remove", Some(path)),
                Change::DaemonReload => ("daemon-reload", None),
            };
            json!({
                "action": action,
                "path": path,
                "impact": change.impact(),
                "sentence": change.to_string(),
            })
        });
        json!({ "actions": actions.collect::<Vec<_>>(), "leftovers": self.leftovers })
    }
}
