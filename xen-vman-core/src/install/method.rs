//! The methods of installing an operating system.

use super::debootstrap::{self, Debootstrap};
use crate::command::Command;
use crate::storage::RootVolume;
use crate::values::{GuestType, OsType};
use serde::Serialize;

/// How a VM is installed, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Installation {
    /// xen-vman installs it with this method.
    By(MethodKind),
    /// xen-vman does not install it.
    Not(NotInstalled),
}

/// An installation method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MethodKind {
    /// debootstrap(8).
    Debootstrap,
}

/// Why xen-vman does not install a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NotInstalled {
    /// Its root volume is not managed.
    NoVolume,
    /// No method can install its operating system.
    ForeignOs,
    /// It boots its own kernel, which no method can install.
    OwnKernel,
}

impl Installation {
    /// Whether a VM with a managed root can be installed.
    pub(crate) fn is_possible(os: &OsType, guest_type: GuestType) -> bool {
        debootstrap::installs(os) && guest_type != GuestType::Hvm
    }

    /// Determines how a VM is installed.
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

/// An installation method with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// debootstrap(8).
    Debootstrap(Debootstrap),
}

impl Method {
    /// The release to install, by the method's name for it.
    pub fn release(&self) -> &str {
        match self {
            Self::Debootstrap(debootstrap) => debootstrap.suite,
        }
    }

    /// The commands that install the operating system below `point`.
    pub(super) fn commands(&self, point: &str) -> Vec<Command> {
        match self {
            Self::Debootstrap(debootstrap) => debootstrap.commands(point),
        }
    }

    /// The programs that the host must have, with the Debian packages that provide them.
    pub fn programs(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Debootstrap(_) => Debootstrap::programs(),
        }
    }
}
