//! Inspects a volume of a guest, which may hold anybody's data, without changing anything.

use super::HostError;
use super::machine::{GuestRoot, Host, demand, failed};
use crate::command::{Command, Effect};
use crate::install::{Found, Marker, OnHost, SNAPSHOTS, Signature, Surface, Tree};
use crate::plan::FileOwner;
use crate::storage::{BlockDevice, Medium, Mount};
use serde::Deserialize;
use std::time::Duration;

/// How long reading the signatures of a disk may take, in seconds.
const SIGNATURES_SECS: u32 = 60;
/// How long reading samples of a disk may take.
const SURFACE_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long one access to a mounted root may take.
pub(super) const ACCESS_LIMIT: Duration = Duration::from_secs(60);
/// How large a marker may be.
const MARKER_BYTES: usize = 64 * 1024;
/// How large a guest's `/etc/passwd` may be.
const PASSWD_BYTES: usize = 1024 * 1024;

/// The paths of init programs that a kernel may start.
const INITS: [&str; 4] = [
    "/sbin/init",
    "/etc/init",
    "/bin/init",
    "/lib/systemd/systemd",
];

/// The output of wipefs(8).
#[derive(Deserialize)]
struct Wipefs {
    signatures: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    uuid: Option<String>,
}

/// Inspects a volume of a guest, mounting it temporarily at `point`. Call this in a private mount
/// namespace.
pub(super) fn look(host: &dyn Host, on: &OnHost, point: &str) -> Result<Found, HostError> {
    match on.volume.medium() {
        Medium::Directory(mount) => Ok(Found {
            tree: Some(inside(host, on, &mount, "ro", point)?),
            ..Found::default()
        }),
        Medium::Disk(disk) => on_disk(host, on, &disk, point),
    }
}

fn on_disk(
    host: &dyn Host,
    on: &OnHost,
    disk: &BlockDevice,
    point: &str,
) -> Result<Found, HostError> {
    let signatures = signatures(host, &disk.path)?;
    let surface = if signatures.is_empty() {
        host.surface(&disk.path, SURFACE_LIMIT)?
    } else {
        Surface::Unread
    };
    let known = match signatures.as_slice() {
        [only] => without_changes(&only.kind),
        _ => None,
    };
    let tree = match known {
        None => None,
        Some((fs_type, options)) => {
            let mount = Mount {
                fs_type: fs_type.to_owned(),
                source: disk.path.clone(),
                drivers: Vec::new(),
            };
            match inside(host, on, &mount, options, point) {
                Ok(tree) => Some(tree),
                // A file system that cannot be mounted or read may still hold somebody's data.
                Err(HostError::Program { .. } | HostError::Io { .. }) => None,
                Err(error) => return Err(error),
            }
        }
    };
    Ok(Found {
        signatures,
        surface,
        tree,
        ..Found::default()
    })
}

/// Mounts a file system, inspects it and unmounts it.
fn inside(
    host: &dyn Host,
    on: &OnHost,
    mount: &Mount,
    options: &str,
    point: &str,
) -> Result<Tree, HostError> {
    let timeouts = &on.timeouts;
    let options = format!("{options},nodev,nosuid,noexec");
    demand(
        host,
        &mount.at(point, &options, timeouts.mount_timeout.get()),
    )?;
    let is_export = matches!(on.volume.medium(), Medium::Directory(_));
    let tree = host
        .mounted_at(point, ACCESS_LIMIT)
        .and_then(|root| tree(&*root, is_export));
    let umount = Command::new(["umount", point], timeouts.umount_timeout.get());
    let unmounted = demand(host, &umount.with_effect(Effect::Unmount));
    // Not a `Program` error: the caller would treat that as a file system it cannot mount.
    unmounted.map_err(|error| HostError::Refused {
        key: on.key.clone(),
        why: error.to_string(),
    })?;
    tree
}

/// The signatures on a device.
pub(super) fn signatures(host: &dyn Host, device: &str) -> Result<Vec<Signature>, HostError> {
    let command = Command::new(["wipefs", "--json", device], SIGNATURES_SECS);
    let ran = demand(host, &command)?;
    if ran.stdout.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let found: Wipefs = serde_json::from_slice(&ran.stdout)
        .map_err(|error| failed(&command, &error.to_string()))?;
    let all = found.signatures.into_iter().map(|line| Signature {
        kind: line.r#type,
        uuid: line.uuid,
    });
    Ok(all.collect())
}

/// The file systems that can be inspected, and the mount options that prevent even a journal
/// replay.
fn without_changes(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "ext2" | "ext3" | "ext4" => Some(("ext4", "ro,noload")),
        "xfs" => Some(("xfs", "ro,norecovery")),
        "btrfs" => Some(("btrfs", "ro,rescue=nologreplay")),
        "f2fs" => Some(("f2fs", "ro,norecovery")),
        // Its journal is replayed by fsck alone.
        "jfs" => Some(("jfs", "ro")),
        _ => None,
    }
}

fn tree(root: &dyn GuestRoot, is_export: bool) -> Result<Tree, HostError> {
    let mut known = vec!["lost+found"];
    if is_export {
        known.extend(SNAPSHOTS);
    }
    let is_empty =
        !root.has_other_names("/", &known)? && !root.has_other_names("/lost+found", &[])?;
    let is_there = |path: &str| root.is_there(path);
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

/// Reads a marker; anything else at its path is ignored.
fn marker(root: &dyn GuestRoot, path: &str) -> Result<Option<Marker>, HostError> {
    let content = root.content(path, MARKER_BYTES)?;
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
}

/// Looks up a user in the guest's own `/etc/passwd`.
pub(super) fn user(root: &dyn GuestRoot, name: &str) -> Result<Option<FileOwner>, HostError> {
    let Some(content) = root.content("/etc/passwd", PASSWD_BYTES)? else {
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
        Some(FileOwner { user, group })
    }))
}
