//! The root of a guest: looks into one that may be anybody's, and changes nothing.

use super::dir::Owner;
use super::{HostDir, HostError, program};
use crate::install::{Found, Marker, Signature, Tree};
use crate::plan::Entry;
use crate::render::{Install, InstallRoot};
use serde::Deserialize;
use std::path::Path;

/// How long reading the signatures of a disk may take.
const SIGNATURES_SECS: u32 = 60;

/// Where a kernel looks for the first program.
const INITS: [&str; 4] = [
    "/sbin/init",
    "/etc/init",
    "/bin/init",
    "/lib/systemd/systemd",
];

/// What wipefs(8) prints.
#[derive(Deserialize)]
struct Wipefs {
    signatures: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    uuid: Option<String>,
}

/// Looks at the root of a guest, which is mounted at `point` for that and unmounted again.
/// Call it in a mount namespace of its own.
pub(super) fn look(install: &Install, point: &str) -> Result<Found, HostError> {
    let (signatures, mount) = match &install.root {
        InstallRoot::Nfs(source) => (Vec::new(), Some(("nfs", "ro", source))),
        InstallRoot::Iscsi { device, .. } => {
            let signatures = signatures(device)?;
            let mount = match signatures.as_slice() {
                [only] => {
                    without_changes(&only.kind).map(|(kind, options)| (kind, options, device))
                }
                _ => None,
            };
            (signatures, mount)
        }
    };
    let Some((kind, options, source)) = mount else {
        let tree = None;
        return Ok(Found { signatures, tree });
    };
    let options = format!("{options},nodev,nosuid,noexec");
    let words = ["mount", "-t", kind, "-o", &options, source, point];
    let mounted = program::demand(&words, install.limits.mount_secs);
    let is_device = !signatures.is_empty();
    let tree = match mounted {
        // One that cannot be mounted is somebody's all the same.
        Err(_) if is_device => None,
        mounted => {
            mounted?;
            let tree = HostDir::open(Path::new(point)).and_then(|root| tree(&root));
            program::demand(&["umount", point], install.limits.umount_secs)?;
            Some(tree?)
        }
    };
    Ok(Found { signatures, tree })
}

fn signatures(device: &str) -> Result<Vec<Signature>, HostError> {
    let words = ["wipefs", "--json", device];
    let ran = program::demand(&words, SIGNATURES_SECS)?;
    if ran.stdout.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let found: Wipefs = serde_json::from_slice(&ran.stdout)
        .map_err(|error| program::failed(&words, &error.to_string()))?;
    let all = found.signatures.into_iter().map(|line| Signature {
        kind: line.r#type,
        uuid: line.uuid,
    });
    Ok(all.collect())
}

/// The filesystems that can be looked into, and the options with which the kernel leaves
/// even their journals alone.
fn without_changes(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "ext2" | "ext3" | "ext4" => Some(("ext4", "ro,noload")),
        "xfs" => Some(("xfs", "ro,norecovery")),
        "btrfs" => Some(("btrfs", "ro,rescue=nologreplay")),
        _ => None,
    }
}

fn tree(root: &HostDir) -> Result<Tree, HostError> {
    let names = root.names("/")?;
    let is_empty = names
        .iter()
        .all(|name| matches!(name.as_str(), "." | ".." | "lost+found"));
    let is_there = |path: &str| Ok::<_, HostError>(root.entry(path)?.is_some());
    let mut has_init = false;
    for path in INITS {
        has_init |= is_there(path)?;
    }
    Ok(Tree {
        is_empty,
        begun: marker(root, Marker::BEGUN)?,
        finished: marker(root, Marker::FINISHED)?,
        has_system: has_init && is_there("/etc/os-release")?,
        has_debootstrap: is_there("/debootstrap")?,
    })
}

/// A marker; anything else at its path, or in it, is none.
fn marker(root: &HostDir, path: &str) -> Result<Option<Marker>, HostError> {
    Ok(match root.entry(path)? {
        Some(Entry::File { content, .. }) => serde_json::from_slice(&content).ok(),
        _ => None,
    })
}

/// A user of a guest, as its own `/etc/passwd` says.
pub(super) fn user(root: &HostDir, name: &str) -> Result<Option<Owner>, HostError> {
    let Some(Entry::File { content, .. }) = root.entry("/etc/passwd")? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&content);
    Ok(text.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(Owner { user, group })
    }))
}
