//! Decides what may be done with a root.
//!
//! What is on a root proves little, because guests can write there: a marker never makes this
//! host erase anything that its own records do not say to be unfinished.

use super::{GuestRecord, Install, Marker, filesystem_uuid, wanted_token};
use crate::diag::text::printable;
use crate::storage::{Location, Medium};

/// What was found on the root of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The signatures on a device; empty for an NFS export.
    pub signatures: Vec<Signature>,
    /// What samples of a device show; it is only read if there are no signatures.
    pub surface: Surface,
    /// The content of the file system; `None` if there is none that can be inspected.
    pub tree: Option<Tree>,
    /// What identifies the volume, if its backend has such a thing.
    pub unique_id: Option<String>,
}

/// What samples of a device show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Surface {
    /// It was not read.
    #[default]
    Unread,
    /// Only zeros.
    Zeros,
    /// Something else.
    Data {
        /// Where it was found.
        offset_bytes: u64,
    },
}

/// A signature on a device, as reported by wipefs(8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Its type, such as `ext4`, `LVM2_member` or `gpt`.
    pub kind: String,
    /// Its UUID, if it has one.
    pub uuid: Option<String>,
}

/// The content of a file system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Whether it is empty, except for `lost+found`.
    pub is_empty: bool,
    /// The marker of an installation in progress.
    pub begun: Option<Marker>,
    /// The marker of a finished installation.
    pub finished: Option<Marker>,
    /// Whether there are `/etc/os-release` and an init program.
    pub has_system: bool,
    /// Whether there is `/debootstrap`, which debootstrap removes when it finishes.
    pub has_debootstrap: bool,
}

/// What may be done with a root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is empty: install.
    Install,
    /// Losing its data was approved: erase and install.
    Erase,
    /// It is an interrupted installation by xen-vman: erase and install.
    StartOver,
    /// It holds a system: record it as installed, and leave it as it is.
    Adopt {
        /// The reason.
        why: &'static str,
        /// The record to write.
        record: GuestRecord,
    },
    /// Leave it as it is: what is wrong, and how to proceed.
    Refuse(String),
}

impl Found {
    /// Describes the content, for people.
    pub fn describe(&self) -> String {
        let mut all = self.kinds();
        match &self.tree {
            Some(tree) if tree.is_empty => all.push("no files".to_owned()),
            Some(tree) => {
                let marker = tree.finished.as_ref().or(tree.begun.as_ref());
                let whose =
                    marker.map(|marker| format!("files of `{}`", printable(&marker.domain)));
                let what = if tree.has_system { "a system" } else { "files" };
                all.push(whose.unwrap_or_else(|| what.to_owned()));
            }
            None => {}
        }
        if all.is_empty() {
            all.push("data without a known signature".to_owned());
        }
        all.join(", ")
    }

    /// The types of its signatures, for people.
    fn kinds(&self) -> Vec<String> {
        let signatures = self.signatures.iter();
        signatures.map(|one| printable(&one.kind)).collect()
    }
}

impl Verdict {
    /// Whether existing data is erased.
    pub const fn erases(&self) -> bool {
        matches!(self, Self::Erase | Self::StartOver)
    }
}

/// Decides what may be done with the root of a guest. `erase` means that losing all its data was
/// approved. What the host has recorded counts more than what is on the root, where the guest can
/// write.
pub fn decide(
    install: &Install,
    found: &Found,
    record: Option<&GuestRecord>,
    erase: bool,
) -> Verdict {
    let case = Case::new(install, found, record);
    if case.is_blank() {
        return Verdict::Install;
    }
    if erase && case.may_be_erased() {
        return Verdict::Erase;
    }
    case.begun()
        .or_else(|| case.finished())
        .or_else(|| case.cut_off())
        .unwrap_or_else(|| case.somebody_elses())
}

/// What is known about a root.
struct Case<'a> {
    install: &'a Install,
    found: &'a Found,
    /// The host's record of this root.
    record: Option<&'a GuestRecord>,
    location: Location,
}

impl<'a> Case<'a> {
    fn new(install: &'a Install, found: &'a Found, record: Option<&'a GuestRecord>) -> Self {
        let location = install.root.volume.location();
        Self {
            install,
            found,
            // A record of another volume does not apply to this one.
            record: record.filter(|record| record.is_of(&location, found.unique_id.as_deref())),
            location,
        }
    }

    fn tree(&self) -> Option<&'a Tree> {
        self.found.tree.as_ref()
    }

    fn is_blank(&self) -> bool {
        match self.install.root.volume.medium() {
            Medium::Directory(_) => self.tree().is_some_and(|tree| tree.is_empty),
            Medium::Disk(_) => {
                self.found.signatures.is_empty() && self.found.surface == Surface::Zeros
            }
        }
    }

    fn finished_marker(&self) -> Option<&'a Marker> {
        self.tree()?.finished.as_ref()
    }

    /// Whether consent to erase covers what was found.
    fn may_be_erased(&self) -> bool {
        // The host knows whose root it is, whatever the guest has written there.
        if self.record.is_some() {
            return true;
        }
        let begun = self.tree().and_then(|tree| tree.begun.as_ref());
        let mut markers = begun.into_iter().chain(self.finished_marker());
        let is_of_another =
            markers.any(|marker| marker.domain != self.install.root.key.domain.as_str());
        // `true` is a standing consent, for the root that is recorded. A token requests a single
        // installation, even if another host has carried it out.
        let is_requested = wanted_token(self.install).is_some()
            && self.finished_marker() != Some(&Marker::of(self.install));
        is_requested && !is_of_another
    }

    /// The verdict if there is the marker of an installation in progress.
    fn begun(&self) -> Option<Verdict> {
        let marker = self.tree()?.begun.as_ref()?;
        if marker.domain != self.install.root.key.domain.as_str() {
            return Some(self.of_another(marker));
        }
        Some(match self.record {
            None => self.refuse(
                "has the marker of an installation that this host did not start",
                "Is another host installing it?",
            ),
            Some(record) if record.is_finished => self.refuse(
                "is recorded as installed, but its marker says that an installation is in progress",
                "Is another host installing it?",
            ),
            Some(record) if record.has_old_data => self.refuse(
                "may still hold old data: an installation failed before all of it was erased",
                "Is any of it needed?",
            ),
            Some(_) => Verdict::StartOver,
        })
    }

    /// The verdict if there is the marker of a finished installation.
    fn finished(&self) -> Option<Verdict> {
        let marker = self.finished_marker()?;
        let wanted = wanted_token(self.install);
        Some(if marker.domain != self.install.root.key.domain.as_str() {
            self.of_another(marker)
        } else if wanted.is_some() && wanted != marker.token {
            self.refuse(
                "holds a system that was installed before `reinstall` was set to its current token",
                "To keep it, remove `reinstall` from the definition.",
            )
        } else {
            self.adopt(
                "it holds a system that xen-vman installed",
                marker.token.clone(),
            )
        })
    }

    /// The verdict if the disk holds nothing but the file system of an installation that the host
    /// has recorded as unfinished.
    fn cut_off(&self) -> Option<Verdict> {
        let record = self.record.filter(|record| !record.is_finished)?;
        if record.has_old_data {
            return None;
        }
        let token = record.token.as_deref();
        let ours =
            filesystem_uuid(&self.install.root.key.domain, &self.location, token).to_string();
        let signatures = &self.found.signatures;
        // A system without a marker is more than an interrupted installation.
        let is_system = self
            .tree()
            .is_some_and(|tree| !tree.is_empty && !tree.has_debootstrap);
        let is_ours = !signatures.is_empty()
            && signatures
                .iter()
                .all(|signature| signature.uuid.as_ref() == Some(&ours));
        (is_ours && !is_system).then_some(Verdict::StartOver)
    }

    /// The verdict if there is no marker.
    fn somebody_elses(&self) -> Verdict {
        match self.tree() {
            Some(tree) if tree.has_debootstrap => self.refuse(
                "holds an unfinished debootstrap installation that xen-vman did not start",
                "Is somebody installing it by hand, or from another host?",
            ),
            Some(tree) if tree.has_system => self.adopt("it holds a complete system", None),
            Some(tree) if tree.is_empty => self.refuse(
                "holds an empty file system that xen-vman did not create",
                "Is this the right disk?",
            ),
            Some(_) => self.refuse(
                "is not empty, but holds no complete system",
                "Whose data is it?",
            ),
            None if self.is_left_without_filesystem() => self.refuse(
                "holds data without a known signature, and this host has begun to create a file \
                 system there",
                "Is it all from that interrupted installation?",
            ),
            None => self.refuse(&self.signatures(), "Whose data is it?"),
        }
    }

    /// Whether an installation of this host may have been interrupted before there was a file
    /// system. What is there now cannot be told from other data.
    fn is_left_without_filesystem(&self) -> bool {
        let is_unfinished = self.record.is_some_and(|record| !record.is_finished);
        is_unfinished && self.found.signatures.is_empty()
    }

    fn signatures(&self) -> String {
        match self.found.kinds().as_slice() {
            [] => match self.found.surface {
                Surface::Data { offset_bytes } => format!(
                    "holds data without a known signature (the first was found at byte \
                     {offset_bytes})"
                ),
                Surface::Unread | Surface::Zeros => "cannot be inspected".to_owned(),
            },
            kinds => format!("is not empty ({})", kinds.join(", ")),
        }
    }

    fn adopt(&self, why: &'static str, token: Option<String>) -> Verdict {
        let record = GuestRecord::found_at(self.location.clone(), token);
        let record = record.on(self.found.unique_id.clone());
        Verdict::Adopt { why, record }
    }

    fn of_another(&self, marker: &Marker) -> Verdict {
        Verdict::Refuse(format!(
            "{} belongs to `{}`, as its marker says; nothing was changed. Is it the right volume, \
            and do two VMs share it? To install the VM there, empty it by hand",
            printable(self.location.as_str()),
            printable(&marker.domain)
        ))
    }

    fn refuse(&self, what: &str, question: &str) -> Verdict {
        let empty = self.install.root.volume.how_to_empty();
        Verdict::Refuse(format!(
            "{} {what}; nothing was changed. {question} To install the VM there, {empty}, \
            or set `reinstall` to a new token and confirm erasing it with `apply --yes`; to leave \
            it as it is, set `auto_install = false`",
            printable(self.location.as_str())
        ))
    }
}
