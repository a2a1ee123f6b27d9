//! The ways in which an operating system gets onto a root.

use super::debootstrap::{self, Debootstrap};
use crate::command::Command;
use crate::storage::RootVolume;
use crate::values::{GuestType, OsType};
use serde::Serialize;

/// Whether and how a VM is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Installation {
    /// By this method.
    By(MethodKind),
    /// It is not.
    Not(NotInstalled),
}

/// A method of installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MethodKind {
    /// debootstrap(8).
    Debootstrap,
}

/// Why a VM is not installed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NotInstalled {
    /// Its root volume is not ours to look after.
    NoVolume,
    /// No method installs its operating system.
    ForeignOs,
    /// It boots a kernel of its own, which no method installs.
    OwnKernel,
}

impl Installation {
    /// That of a VM.
    pub(crate) fn of(root: &RootVolume, os: &OsType, guest_type: GuestType) -> Self {
        if root.managed().is_none() {
            Self::Not(NotInstalled::NoVolume)
        } else if !debootstrap::installs(os) {
            Self::Not(NotInstalled::ForeignOs)
        } else if guest_type == GuestType::Hvm {
            Self::Not(NotInstalled::OwnKernel)
        } else {
            Self::By(MethodKind::Debootstrap)
        }
    }
}

/// A method of installation, with all it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// debootstrap(8).
    Debootstrap(Debootstrap),
}

impl Method {
    /// The release that is installed, as the method calls it.
    pub fn release(&self) -> &str {
        match self {
            Self::Debootstrap(debootstrap) => debootstrap.suite,
        }
    }

    /// The commands that put the operating system below `point`.
    pub(super) fn commands(&self, point: &str) -> Vec<Command> {
        match self {
            Self::Debootstrap(debootstrap) => debootstrap.commands(point),
        }
    }

    /// The programs that the host must have, and the Debian packages that bring them.
    pub fn programs(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Debootstrap(_) => Debootstrap::programs(),
        }
    }
}
