//! The role and the owner of each file, link or setting on a host.
//!
//! Every rendered object carries both through all later stages: the plan and its order, the
//! record of managed files, generations, rollback, status and `render --vm`. No stage derives
//! them from a path.

use crate::values::DomainName;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Describes a file, link or setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Object {
    /// The VM or host that it belongs to.
    pub owner: Owner,
    /// What it is for.
    pub role: Role,
    /// Whether it contains a password, so that its content must never be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_secret: bool,
}

/// What an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Owner {
    /// The host: all VMs share it.
    Host,
    /// A single VM.
    Vm(DomainName),
}

/// The purpose of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// The configuration from which xl creates a domain.
    XlConfig,
    /// The data about a volume that scripts on the host read.
    StorageData,
    /// A systemd unit or drop-in.
    Unit,
    /// The link that makes a unit start at boot.
    Enablement,
    /// A script that units run.
    Script,
    /// A script that sets up a VM's network interface.
    NetworkScript,
    /// A hook of kernel packages that builds initrds.
    InitrdHook,
    /// A hook of kernel packages that removes initrds.
    InitrdRemovalHook,
    /// Lines in a file that xen-vman does not own.
    Settings,
    /// A file inside a guest.
    GuestFile,
    /// The host's record of a VM's root.
    GuestRecord,
    /// A file of the Ansible role that another one replaces.
    Replaced,
}

impl Object {
    /// An object that all VMs share.
    pub const fn of_host(role: Role) -> Self {
        Self {
            owner: Owner::Host,
            role,
            is_secret: false,
        }
    }

    /// An object of a single VM.
    pub fn of_vm(domain: &DomainName, role: Role) -> Self {
        Self {
            owner: Owner::Vm(domain.clone()),
            role,
            is_secret: false,
        }
    }

    /// The VM that it belongs to, if it is not shared.
    pub const fn vm(&self) -> Option<&DomainName> {
        match &self.owner {
            Owner::Host => None,
            Owner::Vm(domain) => Some(domain),
        }
    }

    /// The VM that it configures, if it is an `xl.cfg`.
    pub fn configures(&self) -> Option<&DomainName> {
        self.vm().filter(|_| self.role == Role::XlConfig)
    }
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedFile {
    /// Its role and owner.
    pub object: Object,
    /// Absolute path on the host or in the guest.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The name of the owning user: `root`, or the guest's user.
    pub owner: String,
    /// The content.
    pub content: Vec<u8>,
}

impl RenderedFile {
    /// A file with mode 0644 that root owns.
    pub(crate) fn new(
        object: Object,
        path: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            object,
            path: path.into(),
            mode: 0o644,
            owner: "root".into(),
            content: content.into(),
        }
    }

    /// Returns the file with other permissions.
    #[must_use]
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Returns the file with another owner.
    #[must_use]
    pub(crate) fn owner(mut self, owner: &str) -> Self {
        owner.clone_into(&mut self.owner);
        self
    }

    /// The content as a string; invalid UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }

    /// The path relative to an output directory: `host/PATH` or `guests/DOMAIN/PATH`.
    pub fn output_path(&self) -> String {
        match (self.object.role, self.object.vm()) {
            (Role::GuestFile, Some(domain)) => format!("guests/{domain}{}", self.path),
            _ => format!("host{}", self.path),
        }
    }
}

/// A systemd unit that starts at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnabledUnit {
    /// A VM's instance of `vm@.service`.
    Vm(DomainName),
    /// The unit that prepares the host for all VMs.
    Preparation,
}

/// The instance of a template unit, such as `vm`, for a domain or a volume.
pub(crate) fn instance(template: &str, of: &impl fmt::Display) -> String {
    format!("{template}@{of}.service")
}

/// The directory of the units.
pub(crate) const UNITS: &str = "/etc/systemd/system";
/// The directory of the links that make units start at boot.
pub(crate) const ENABLED: &str = "/etc/systemd/system/multi-user.target.wants";

impl EnabledUnit {
    /// The role and owner of the link that enables it.
    pub fn object(&self) -> Object {
        match self {
            Self::Vm(domain) => Object::of_vm(domain, Role::Enablement),
            Self::Preparation => Object::of_host(Role::Enablement),
        }
    }

    /// The path of the link that enables it.
    pub fn link(&self) -> String {
        format!("{ENABLED}/{self}")
    }

    /// The target of that link: the unit file.
    pub fn target(&self) -> String {
        match self {
            Self::Vm(_) => format!("{UNITS}/vm@.service"),
            Self::Preparation => format!("{UNITS}/{self}"),
        }
    }
}

/// Reads the name of a unit (systemd.unit(5)); any other name is an error.
impl FromStr for EnabledUnit {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let instance = name
            .split_once('@')
            .and_then(|(_, rest)| rest.rsplit_once('.'));
        let unit = match instance {
            Some((instance, _)) => Self::Vm(instance.parse().map_err(|_| ())?),
            None => Self::Preparation,
        };
        // How it is written is known in one place.
        (unit.to_string() == name).then_some(unit).ok_or(())
    }
}

impl fmt::Display for EnabledUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vm(domain) => f.write_str(&instance("vm", domain)),
            Self::Preparation => f.write_str("xen_vman_global_preparation.service"),
        }
    }
}

impl Serialize for EnabledUnit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_they_are_written() {
        for name in ["vm@a-web.service", "xen_vman_global_preparation.service"] {
            let unit: EnabledUnit = name.parse().expect(name);
            assert_eq!(unit.to_string(), name);
        }
        for other in [
            "vm@.service",
            "vm@a.timer",
            "vm_mount@a-web.service",
            "vm@a@b.service",
            "ssh.service",
        ] {
            assert_eq!(other.parse::<EnabledUnit>(), Err(()), "{other}");
        }
    }
}
