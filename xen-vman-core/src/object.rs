//! What a file, link or setting of a host is for, and whose it is.
//!
//! Every rendered object carries this to the end: through the plan and its order, the record
//! of what is ours, generations, rollback, status and `render --vm`. No stage reads it back
//! out of a path.

use crate::values::DomainName;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// What something is for, whose it is, and whether it holds a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Object {
    /// Whose it is.
    pub owner: Owner,
    /// What it is for.
    pub role: Role,
    /// Whether it holds a password, so that its content is shown to nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_secret: bool,
}

/// Whose something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Owner {
    /// All VMs share it.
    Host,
    /// One VM has it for itself.
    Vm(DomainName),
}

/// What something is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// The configuration that xl creates a domain from.
    XlConfig,
    /// What the scripts of the host are told of a volume.
    StorageData,
    /// A unit of systemd, or a part of one.
    Unit,
    /// The link that makes a unit start with the host.
    Enablement,
    /// A script that units call.
    Script,
    /// A script that sets up the network of a VM.
    NetworkScript,
    /// A hook of kernel packages that builds initrds.
    InitrdHook,
    /// A hook of kernel packages that removes initrds.
    InitrdRemovalHook,
    /// Lines in a file that belongs to somebody else.
    Settings,
    /// A file inside a guest.
    GuestFile,
    /// What the host knows of the root of a VM.
    GuestRecord,
}

impl Object {
    /// Something that all VMs share.
    pub const fn of_host(role: Role) -> Self {
        Self {
            owner: Owner::Host,
            role,
            is_secret: false,
        }
    }

    /// Something that one VM has for itself.
    pub fn of_vm(domain: &DomainName, role: Role) -> Self {
        Self {
            owner: Owner::Vm(domain.clone()),
            role,
            is_secret: false,
        }
    }

    /// The VM that it belongs to, if it belongs to one alone.
    pub const fn vm(&self) -> Option<&DomainName> {
        match &self.owner {
            Owner::Host => None,
            Owner::Vm(domain) => Some(domain),
        }
    }

    /// The VM whose configuration it is.
    pub fn configures(&self) -> Option<&DomainName> {
        self.vm().filter(|_| self.role == Role::XlConfig)
    }
}

/// A file that was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedFile {
    /// What it is for.
    pub object: Object,
    /// Absolute path on the host, or in the guest.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The user that owns it (`root`, or the user of a guest).
    pub owner: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl RenderedFile {
    /// A readable file of root.
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

    /// The same with other permissions.
    #[must_use]
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The same with another owner.
    #[must_use]
    pub(crate) fn owner(mut self, owner: &str) -> Self {
        owner.clone_into(&mut self.owner);
        self
    }

    /// The content as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }

    /// Where the file is below an output directory: `host/PATH` or `guests/DOMAIN/PATH`.
    pub fn output_path(&self) -> String {
        match (self.object.role, self.object.vm()) {
            (Role::GuestFile, Some(domain)) => format!("guests/{domain}{}", self.path),
            _ => format!("host{}", self.path),
        }
    }
}

/// A unit of systemd that starts with the host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnabledUnit {
    /// `vm@` of a VM.
    Vm(DomainName),
    /// What prepares the host for all VMs.
    Preparation,
}

/// Where units stand.
pub(crate) const UNITS: &str = "/etc/systemd/system";

impl EnabledUnit {
    /// What the link that enables it is for.
    pub fn object(&self) -> Object {
        match self {
            Self::Vm(domain) => Object::of_vm(domain, Role::Enablement),
            Self::Preparation => Object::of_host(Role::Enablement),
        }
    }

    /// The path of that link.
    pub fn link(&self) -> String {
        format!("{UNITS}/multi-user.target.wants/{self}")
    }

    /// What that link points to: the file of the unit.
    pub fn target(&self) -> String {
        match self {
            Self::Vm(_) => format!("{UNITS}/vm@.service"),
            Self::Preparation => format!("{UNITS}/{self}"),
        }
    }
}

impl fmt::Display for EnabledUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vm(domain) => write!(f, "vm@{domain}.service"),
            Self::Preparation => f.write_str("xen_vman_global_preparation.service"),
        }
    }
}

impl Serialize for EnabledUnit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
