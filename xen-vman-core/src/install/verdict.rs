//! What may become of a root.

use super::{GuestRecord, Install, Marker, filesystem_uuid, wanted_token};
use crate::diag::text::printable;
use crate::storage::{Location, Medium};

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
#[non_exhaustive]
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
    let case = Case::new(install, found, record);
    if case.is_blank() {
        return Verdict::Install;
    }
    // A token asks for one installation, whichever host has done it.
    if erase && !case.has_wanted_token() {
        return Verdict::Erase;
    }
    case.begun()
        .or_else(|| case.finished())
        .or_else(|| case.cut_off())
        .unwrap_or_else(|| case.somebody_elses())
}

/// What is known of a root that may hold something.
struct Case<'a> {
    install: &'a Install,
    found: &'a Found,
    /// What the host knows of this root.
    record: Option<&'a GuestRecord>,
    location: Location,
}

impl<'a> Case<'a> {
    fn new(install: &'a Install, found: &'a Found, record: Option<&'a GuestRecord>) -> Self {
        let location = install.volume.location();
        Self {
            install,
            found,
            // What a host knows of another volume says nothing of this one.
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

    /// If it says that an installation has begun.
    fn begun(&self) -> Option<Verdict> {
        let marker = self.tree()?.begun.as_ref()?;
        let was_finished = self.record.is_some_and(|record| record.is_finished);
        Some(if marker.domain != self.install.domain.as_str() {
            self.of_another(marker)
        } else if was_finished {
            self.refuse(
                "was installed, but says that it is being installed",
                "Is another host at work on it?",
            )
        } else {
            Verdict::TakeUpAgain
        })
    }

    /// If it says that an installation is finished.
    fn finished(&self) -> Option<Verdict> {
        let marker = self.finished_marker()?;
        let wanted = wanted_token(self.install);
        Some(if marker.domain != self.install.domain.as_str() {
            self.of_another(marker)
        } else if wanted.is_some() && wanted != marker.token {
            self.refuse(
                "holds a system that was installed before `reinstall` got its present token",
                "To keep it, take `reinstall` out of the definition.",
            )
        } else {
            self.adopt(
                "it holds a system that xen-vman installed",
                marker.token.clone(),
            )
        })
    }

    /// If it holds what `mkfs` made for the installation that the host knows of, and no more.
    fn cut_off(&self) -> Option<Verdict> {
        let record = self.record.filter(|record| !record.is_finished)?;
        let token = record.token.as_deref();
        let ours = filesystem_uuid(&self.install.domain, &self.location, token).to_string();
        let signatures = &self.found.signatures;
        // A system that nobody has marked is more than an installation that was cut off.
        let is_system = self
            .tree()
            .is_some_and(|tree| !tree.is_empty && !tree.has_debootstrap);
        let is_ours = !signatures.is_empty()
            && signatures
                .iter()
                .all(|signature| signature.uuid.as_ref() == Some(&ours));
        (is_ours && !is_system).then_some(Verdict::TakeUpAgain)
    }

    /// What nobody of us has marked.
    fn somebody_elses(&self) -> Verdict {
        match self.tree() {
            Some(tree) if tree.has_debootstrap => self.refuse(
                "holds an installation that debootstrap has not finished, and that is not ours",
                "Is another host or an admin at work on it?",
            ),
            Some(tree) if tree.has_system => self.adopt("it holds a whole system", None),
            Some(tree) if tree.is_empty => self.refuse(
                "has an empty filesystem that somebody else made",
                "Is it the right disk?",
            ),
            Some(_) => self.refuse(
                "is not empty and holds no whole system",
                "Whose data is it?",
            ),
            None => self.refuse(&self.signatures(), "Whose data is it?"),
        }
    }

    fn signatures(&self) -> String {
        let signatures = self.found.signatures.iter();
        let kinds: Vec<_> = signatures.map(|one| printable(&one.kind)).collect();
        match kinds.as_slice() {
            [] => "cannot be looked into".to_owned(),
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
            "{} belongs to `{}`; nothing was changed. Do two VMs share it? Otherwise set \
             `reinstall` to a new token, and erase what is there with `apply --yes`",
            printable(self.location.as_str()),
            printable(&marker.domain)
        ))
    }

    fn refuse(&self, what: &str, question: &str) -> Verdict {
        Verdict::Refuse(format!(
            "{} {what}; nothing was changed. {question} To install the VM there, empty it \
             yourself, or set `reinstall` to a new token and erase it with `apply --yes`; to leave \
             it alone, set `auto_install = false`",
            printable(self.location.as_str())
        ))
    }
}
