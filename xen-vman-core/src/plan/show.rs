//! Displays plans for people and programs. Passwords are never shown.

use super::{Access, Action, Change, Entry, Impact, PendingMounts, Plan, digest};
use crate::diag::text::{printable, unified_diff};
use crate::object::{Object, Role};
use crate::xl_cfg::without_secrets;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;

impl fmt::Display for Action {
    /// One line, without a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, impact } = self;
        match (change, impact) {
            (Change::DaemonReload | Change::Start { .. } | Change::Stop { .. }, _)
            | (_, Impact::None) => write!(f, "{change}"),
            _ => write!(f, "{change} [{impact}]"),
        }
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::DaemonReload => "daemon-reload",
            Self::InitrdRebuild => "initrd rebuild",
            Self::NeedsRestart => "VM needs restart",
            Self::StartsOrStops => "VM starts or stops",
            Self::Install => "install",
            Self::DestroysData => "DESTROYS DATA",
        })
    }
}

impl fmt::Display for Change {
    /// One line, without a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put {
                path,
                entry,
                before,
                ..
            } => put(f, &printable(path), entry, before.as_ref()),
            Self::Remove { path, .. } | Self::RemoveBuilt { path } => {
                write!(f, "remove {}", printable(path))
            }
            Self::DaemonReload => f.write_str("reload systemd units"),
            Self::Stop { domain } => write!(f, "stop {domain}: it is no longer defined"),
            Self::BuildInitrd { kernel, .. } => {
                write!(f, "build the guest initrd for kernel {}", printable(kernel))
            }
            Self::Adopt {
                domain,
                record,
                renamed_from,
            } => {
                write!(f, "record {domain} on {} as installed: ", record.location)?;
                match renamed_from {
                    Some(old) => write!(
                        f,
                        "{old} was, which is no longer defined, and must have stopped"
                    ),
                    None => f.write_str("it is already running"),
                }
            }
            Self::TakeOver { domain, .. } => {
                write!(f, "take over {domain}, which keeps running")
            }
            Self::TakeOverSession { domain, attachment } => {
                let session = &attachment.session;
                write!(
                    f,
                    "take over the session of {domain}, {session}, which stays open"
                )
            }
            Self::Volume(change) => change.fmt(f),
            Self::SetMounts { domain, changes } => {
                let lines = [("add", &changes.add), ("remove", &changes.remove)];
                let parts = lines.iter().filter(|(_, lines)| !lines.is_empty());
                let parts = parts.map(|(verb, lines)| format!("{verb} `{}`", lines.join("`, `")));
                let parts: Vec<_> = parts.collect();
                write!(f, "{} in /etc/fstab of {domain}", parts.join(" and "))
            }
            Self::Install {
                domain,
                location,
                erase,
                snapshot,
                moves_from,
            } => {
                if *snapshot {
                    write!(f, "take a snapshot of {location}, then ")?;
                }
                if *erase {
                    write!(f, "erase {location} and reinstall {domain}")?;
                } else {
                    write!(f, "install {domain} on {location} if it is empty")?;
                }
                match moves_from {
                    Some(from) => write!(
                        f,
                        "; its old root {from} stays as it is, and nothing is copied from there"
                    ),
                    None => Ok(()),
                }
            }
            Self::Start { domain } => write!(f, "start {domain}"),
        }
    }
}

fn put(
    f: &mut fmt::Formatter<'_>,
    path: &str,
    entry: &Entry,
    before: Option<&Entry>,
) -> fmt::Result {
    match (entry, before) {
        (Entry::Link(target), _) => write!(f, "link {path} to {}", printable(target)),
        (Entry::File { access, .. }, None) => write!(f, "write {path} ({:04o})", access.mode),
        (
            Entry::File { access, content },
            Some(Entry::File {
                access: found,
                content: old,
            }),
        ) if content == old => {
            let Access { owner, mode, acl } = access;
            let mut changes = Vec::new();
            if *owner != found.owner {
                changes.push(format!("the owner to {}:{}", owner.user, owner.group));
            }
            if *mode != found.mode {
                changes.push(format!("the permissions to {mode:04o}"));
            }
            if *acl != found.acl {
                changes.push("the access control list".to_owned());
            }
            write!(f, "change {path}: set {}", changes.join(", "))
        }
        _ => write!(f, "change {path}"),
    }
}

impl Change {
    /// The change to a file as a unified diff; empty for other changes. Passwords are masked, or
    /// the diff is not shown at all.
    pub fn diff(&self) -> String {
        let (object, path, before, after) = match self {
            Self::Put {
                object,
                path,
                entry: entry @ Entry::File { .. },
                before,
            } => (object, path, before.as_ref(), Some(entry)),
            Self::Remove {
                object,
                path,
                before,
            } => (object, path, Some(before), None),
            _ => return String::new(),
        };
        let path = printable(path);
        let (Some(before), Some(after)) = (text(object, before), text(object, after)) else {
            return format!("{path}: diff not shown because the file may contain a password\n");
        };
        unified_diff(&path, &before, &after)
    }
}

/// The content of an entry; `None` if it must not be shown.
fn text(object: &Object, entry: Option<&Entry>) -> Option<String> {
    let Some(Entry::File { content, .. }) = entry else {
        return Some(String::new());
    };
    match object.role {
        // Without `is_secret`, since the existing file may have been written by somebody else.
        Role::XlConfig => without_secrets(content),
        _ if object.is_secret => None,
        _ => Some(String::from_utf8_lossy(content).into_owned()),
    }
}

impl Action {
    /// Every key that the JSON of an action may have.
    pub const KEYS: [&str; 21] = [
        "action",
        "path",
        "domain",
        "volume",
        "kernel",
        "location",
        "erase",
        "snapshot",
        "moves_from",
        "renamed_from",
        "session",
        "size_bytes",
        "from_bytes",
        "to_bytes",
        "inside",
        "filesystem",
        "fstab",
        "add",
        "remove",
        "impact",
        "sentence",
    ];

    /// The action as JSON: `action`, its subject, `impact` and a `sentence`.
    pub fn to_json(&self) -> Value {
        let (action, subject) = match &self.change {
            Change::Put { path, .. } => ("put", json!({ "path": path })),
            Change::Remove { path, .. } => ("remove", json!({ "path": path })),
            Change::RemoveBuilt { path } => ("remove-built", json!({ "path": path })),
            Change::DaemonReload => ("daemon-reload", json!({})),
            Change::Stop { domain } => ("stop", json!({ "domain": domain })),
            Change::BuildInitrd { kernel, .. } => ("build-initrd", json!({ "kernel": kernel })),
            Change::Adopt {
                domain,
                record,
                renamed_from,
            } => (
                "adopt",
                json!({
                    "domain": domain,
                    "location": record.location,
                    "renamed_from": renamed_from,
                }),
            ),
            Change::TakeOver { domain, .. } => ("take-over", json!({ "domain": domain })),
            Change::TakeOverSession { domain, attachment } => (
                "take-over-session",
                json!({ "domain": domain, "session": attachment.session }),
            ),
            Change::Volume(change) => change.to_json(),
            Change::SetMounts { domain, changes } => (
                "set-mounts",
                json!({ "domain": domain, "add": changes.add, "remove": changes.remove }),
            ),
            Change::Install {
                domain,
                location,
                erase,
                snapshot,
                moves_from,
            } => (
                "install",
                json!({
                    "domain": domain,
                    "location": location,
                    "erase": erase,
                    "snapshot": snapshot,
                    "moves_from": moves_from,
                }),
            ),
            Change::Start { domain } => ("start", json!({ "domain": domain })),
        };
        let mut value = json!({ "action": action });
        if let (Value::Object(value), Value::Object(subject)) = (&mut value, subject) {
            value.extend(subject);
            value.insert("impact".into(), json!(self.impact));
            value.insert("sentence".into(), json!(self.to_string()));
            debug_assert!(value.keys().all(|key| Self::KEYS.contains(&key.as_str())));
        }
        value
    }
}

impl fmt::Display for PendingMounts {
    /// What to do in the guest, without a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = Change::SetMounts {
            domain: self.domain.clone(),
            changes: self.changes.clone(),
        };
        change.fmt(f)
    }
}

impl PendingMounts {
    fn to_json(&self) -> Value {
        let Self { domain, changes } = self;
        json!({
            "domain": domain,
            "add": changes.add,
            "remove": changes.remove,
            "sentence": self.to_string(),
        })
    }
}

impl Plan {
    /// The plan as JSON: `actions`, `orphaned_files`, `orphaned_vms`, `undefined_vms`,
    /// `pending_restarts` and `pending_mounts`.
    pub fn to_json(&self) -> Value {
        json!({
            "actions": self.actions.iter().map(Action::to_json).collect::<Vec<_>>(),
            "orphaned_files": self.orphaned_files.keys().collect::<Vec<_>>(),
            "orphaned_vms": self.orphaned_vms().collect::<Vec<_>>(),
            "undefined_vms": self.undefined_vms,
            "pending_restarts": self.pending_restarts,
            "pending_mounts": self.pending_mounts.iter().map(PendingMounts::to_json).collect::<Vec<_>>(),
        })
    }

    /// A digest of all actions, including file contents (SHA-256, hexadecimal).
    pub fn fingerprint(&self) -> String {
        let parts = self.actions.iter().flat_map(|action| {
            let (before, after) = match &action.change {
                Change::Put { entry, before, .. } => (before.as_ref(), Some(entry)),
                Change::Remove { before, .. } => (Some(before), None),
                _ => (None, None),
            };
            let entries = [before, after].map(|entry| entry.map_or_else(String::new, digest));
            [action.to_json().to_string()].into_iter().chain(entries)
        });
        let whole: Vec<_> = parts.collect();
        digest(&Entry::file(0, whole.join("\n")))
    }
}

/// The form of [`Action::to_json`].
impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// The form of [`Plan::to_json`].
impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}
