//! Decides what may be done with a root.

use super::{GuestRecord, Install, Marker, filesystem_uuid, wanted_token};
use crate::diag::text::printable;
use crate::storage::{Location, Medium};

/// What was found on the root of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The signatures on a device; empty for an NFS export.
    pub signatures: Vec<Signature>,
    /// The content of the file system; `None` if there is none that can be inspected.
    pub tree: Option<Tree>,
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

impl Verdict {
    /// Whether existing data is erased.
    pub const fn erases(&self) -> bool {
        matches!(self, Self::Erase | Self::StartOver)
    }
}

/// Decides what may be done with the root of a guest. `erase` means that losing all its data was
/// approved.
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
    // A token requests a single installation, even if another host has carried it out.
    if erase && !case.has_wanted_token() {
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
        let location = install.volume.location();
        Self {
            install,
            found,
            // A record of another volume does not apply to this one.
            record: record.filter(|record| record.location == location),
            location,
        }
    }

    fn tree(&self) -> Option<&'a Tree> {
        self.found.tree.as_ref()
    }

    fn is_blank(&self) -> bool {
        match self.install.volume.medium() {
            Medium::Directory(_) => self.tree().is_some_and(|tree| tree.is_empty),
            Medium::Disk(_) => self.found.signatures.is_empty(),
        }
    }

    fn finished_marker(&self) -> Option<&'a Marker> {
        self.tree()?.finished.as_ref()
    }

    fn has_wanted_token(&self) -> bool {
        let marker = self.finished_marker();
        wanted_token(self.install).is_some()
            && marker.is_some_and(|marker| *marker == Marker::of(self.install))
    }

    /// The verdict if there is the marker of an installation in progress.
    fn begun(&self) -> Option<Verdict> {
        let marker = self.tree()?.begun.as_ref()?;
        let was_finished = self.record.is_some_and(|record| record.is_finished);
        Some(if marker.domain != self.install.domain.as_str() {
            self.of_another(marker)
        } else if was_finished {
            self.refuse(
                "is recorded as installed, but its marker says that an installation is in progress",
                "Is another host installing it?",
            )
        } else {
            Verdict::StartOver
        })
    }

    /// The verdict if there is the marker of a finished installation.
    fn finished(&self) -> Option<Verdict> {
        let marker = self.finished_marker()?;
        let wanted = wanted_token(self.install);
        Some(if marker.domain != self.install.domain.as_str() {
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
        let token = record.token.as_deref();
        let ours = filesystem_uuid(&self.install.domain, &self.location, token).to_string();
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
            None => self.refuse(&self.signatures(), "Whose data is it?"),
        }
    }

    fn signatures(&self) -> String {
        let signatures = self.found.signatures.iter();
        let kinds: Vec<_> = signatures.map(|one| printable(&one.kind)).collect();
        match kinds.as_slice() {
            [] => "cannot be inspected".to_owned(),
            kinds => format!("is not empty ({})", kinds.join(", ")),
        }
    }

    fn adopt(&self, why: &'static str, token: Option<String>) -> Verdict {
        let record = GuestRecord {
            is_finished: true,
            location: self.location.clone(),
            token,
        };
        Verdict::Adopt { why, record }
    }

    fn of_another(&self, marker: &Marker) -> Verdict {
        Verdict::Refuse(format!(
            "{} belongs to `{}`; nothing was changed. Do two VMs share it? If not, set `reinstall` \
            to a new token and confirm erasing it with `apply --yes`",
            printable(self.location.as_str()),
            printable(&marker.domain)
        ))
    }

    fn refuse(&self, what: &str, question: &str) -> Verdict {
        Verdict::Refuse(format!(
            "{} {what}; nothing was changed. {question} To install the VM there, empty it by hand, \
            or set `reinstall` to a new token and confirm erasing it with `apply --yes`; to leave \
            it as it is, set `auto_install = false`",
            printable(self.location.as_str())
        ))
    }
}
