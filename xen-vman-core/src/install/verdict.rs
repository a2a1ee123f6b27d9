//! What may become of a root.

use super::{GuestRecord, Marker, filesystem_uuid, wanted_token};
use crate::diag::text::printable;
use crate::render::{Install, InstallRoot};

/// What was found where the root of a guest shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What a device says of itself; none for an NFS export.
    pub signatures: Vec<Signature>,
    /// What is on the filesystem; none if there is none that could be looked into.
    pub tree: Option<Tree>,
}

/// What a device says of itself at some place, as wipefs(8) shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Its type, such as `ext4`, `LVM2_member` or `gpt`.
    pub kind: String,
    /// Its UUID, where it has one.
    pub uuid: Option<String>,
}

/// What is on a filesystem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Nothing, but `lost+found`.
    pub is_empty: bool,
    /// What is written there of an installation that has begun.
    pub begun: Option<Marker>,
    /// What is written there of an installation that is finished.
    pub finished: Option<Marker>,
    /// `/etc/os-release`, and a program that a kernel would start.
    pub has_system: bool,
    /// `/debootstrap`, which debootstrap removes once it is done.
    pub has_debootstrap: bool,
}

/// What may become of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is empty and installed.
    Install,
    /// What is on it was given up: it is erased and installed.
    Erase,
    /// It is an installation of ours that was cut off: it is erased and installed.
    TakeUpAgain,
    /// It holds a system and stays as it is; this is written down.
    Adopt {
        /// Why.
        why: &'static str,
        /// What is written down.
        record: GuestRecord,
    },
    /// It stays as it is: what is wrong, and how to go on.
    Refuse(String),
}

impl Verdict {
    /// Whether what is there goes.
    pub const fn erases(&self) -> bool {
        matches!(self, Self::Erase | Self::TakeUpAgain)
    }
}

/// Says what may become of the root of a guest. With `erase`, giving up all that is on it was
/// approved.
pub fn judge(
    install: &Install,
    found: &Found,
    record: Option<&GuestRecord>,
    erase: bool,
) -> Verdict {
    let place = install.root.place();
    let is_ours = |marker: &Marker| marker.domain == install.domain;
    // What a host knows of another place says nothing of this one.
    let record = record.filter(|record| record.place == place);
    let was_cut_off = record.is_some_and(|record| !record.is_finished);
    let tree = found.tree.as_ref();
    let is_blank = match install.root {
        InstallRoot::Nfs(_) => tree.is_some_and(|tree| tree.is_empty),
        InstallRoot::Iscsi { .. } => found.signatures.is_empty(),
    };
    if is_blank {
        return Verdict::Install;
    }
    let finished_marker = tree.and_then(|tree| tree.finished.as_ref());
    // A token asks for one installation, whichever host has done it.
    let has_token = wanted_token(install).is_some()
        && finished_marker.is_some_and(|marker| *marker == Marker::of(install));
    if erase && !has_token {
        return Verdict::Erase;
    }
    if let Some(marker) = tree.and_then(|tree| tree.begun.as_ref()) {
        return match record {
            _ if !is_ours(marker) => Verdict::Refuse(of_another(place, marker)),
            Some(GuestRecord {
                is_finished: true, ..
            }) => refuse(
                place,
                "was installed, but says that it is being installed",
                "Is another host at work on it?",
            ),
            _ => Verdict::TakeUpAgain,
        };
    }
    if let Some(marker) = finished_marker {
        return finished(install, marker);
    }
    if was_cut_off && has_only_our_filesystem(install, found, record) {
        return Verdict::TakeUpAgain;
    }
    match tree {
        Some(tree) if tree.has_debootstrap => refuse(
            place,
            "holds an installation that debootstrap has not finished, and that is not ours",
            "Is another host or an admin at work on it?",
        ),
        Some(tree) if tree.has_system => Verdict::Adopt {
            why: "it holds a whole system",
            record: GuestRecord {
                is_finished: true,
                place: place.to_owned(),
                token: None,
            },
        },
        Some(tree) if tree.is_empty => refuse(
            place,
            "has an empty filesystem that somebody else made",
            "Is it the right disk?",
        ),
        Some(_) => refuse(
            place,
            "is not empty and holds no whole system",
            "Whose data is it?",
        ),
        None => {
            let kinds: Vec<_> = found
                .signatures
                .iter()
                .map(|s| printable(&s.kind))
                .collect();
            let what = match kinds.as_slice() {
                [] => "cannot be looked into".to_owned(),
                kinds => format!("is not empty ({})", kinds.join(", ")),
            };
            refuse(place, &what, "Whose data is it?")
        }
    }
}

fn finished(install: &Install, marker: &Marker) -> Verdict {
    let place = install.root.place();
    if marker.domain != install.domain {
        return Verdict::Refuse(of_another(place, marker));
    }
    let wanted = wanted_token(install);
    if wanted.is_some() && wanted != marker.token {
        return refuse(
            place,
            "holds a system that was installed before `reinstall` got its present token",
            "To keep it, take `reinstall` out of the definition.",
        );
    }
    Verdict::Adopt {
        why: "it holds a system that xen-vman installed",
        record: GuestRecord {
            is_finished: true,
            place: place.to_owned(),
            token: marker.token.clone(),
        },
    }
}

/// Whether a device holds what `mkfs` made for the installation that the host knows of.
fn has_only_our_filesystem(install: &Install, found: &Found, record: Option<&GuestRecord>) -> bool {
    let token = record.and_then(|record| record.token.as_deref());
    let ours = filesystem_uuid(&install.domain, install.root.place(), token).to_string();
    // A system that nobody has marked is more than an installation that was cut off.
    let is_system = found
        .tree
        .as_ref()
        .is_some_and(|tree| !tree.is_empty && !tree.has_debootstrap);
    !is_system
        && !found.signatures.is_empty()
        && found
            .signatures
            .iter()
            .all(|signature| signature.uuid.as_ref() == Some(&ours))
}

fn of_another(place: &str, marker: &Marker) -> String {
    format!(
        "{} belongs to `{}`; nothing was changed. Do two VMs share it? Otherwise set `reinstall` \
         to a new token, and erase what is there with `apply --yes`",
        printable(place),
        printable(&marker.domain)
    )
}

fn refuse(place: &str, what: &str, question: &str) -> Verdict {
    Verdict::Refuse(format!(
        "{} {what}; nothing was changed. {question} To install the VM there, empty it yourself, \
         or set `reinstall` to a new token and erase it with `apply --yes`; to leave it alone, \
         set `auto_install = false`",
        printable(place)
    ))
}
