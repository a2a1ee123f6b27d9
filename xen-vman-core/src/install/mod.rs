//! How the operating system gets onto the root of a guest, as data.
//!
//! [`judge`] says of a root what may become of it: what holds somebody's data is never
//! written to unless that was approved. [`steps`] are the commands of an installation; what
//! they run depends on the [`Method`], which has a file of its own.

mod debootstrap;
mod method;
mod steps;
mod verdict;

pub use debootstrap::{Debootstrap, DebootstrapSettings};
pub use method::{Installation, Method, MethodKind, NotInstalled};
pub use steps::{Step, Task, steps};
pub(crate) use steps::{close, enter, open, point, put_on};
pub use verdict::{Found, Signature, Tree, Verdict, judge};

use crate::storage::{Location, Volume};
use crate::values::{DomainName, GuestUser, Reinstall, Seconds};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is needed to install a guest, besides its files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Install {
    /// The domain.
    pub domain: DomainName,
    /// Its root.
    pub volume: Volume,
    /// How the operating system gets there.
    pub method: Method,
    /// The user that is made.
    pub user: GuestUser,
    /// Whether it is installed if it has no operating system.
    pub auto_install: bool,
    /// Whether it is installed again.
    pub reinstall: Reinstall,
    /// Whether it is started once it is installed.
    pub boot_after_creation: bool,
    /// How long steps may take.
    pub timeouts: Timeouts,
}

/// How long the steps of an installation may take, as the definition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For a mount.
    pub mount_timeout: Seconds,
    /// For an unmount.
    pub umount_timeout: Seconds,
    /// For the VM to shut down.
    pub stop_timeout: Seconds,
}

/// What a host knows of the root of a guest. It is written down before the root is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRecord {
    /// Whether the root holds a whole system; otherwise its installation has begun and is to
    /// be taken up again.
    pub is_finished: bool,
    /// Where the root is.
    #[serde(alias = "place")]
    pub location: Location,
    /// The token of `reinstall` that it was installed with.
    pub token: Option<String>,
}

/// Where a host keeps the record of a guest: once it is installed, and before that.
pub fn record_paths(domain: &DomainName) -> [String; 2] {
    ["installed", "unfinished"].map(|ending| format!("/var/lib/xen-vman/guests/{domain}.{ending}"))
}

/// What is written inside a root, so that every host knows whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The domain.
    pub domain: String,
    /// The suite, as debootstrap calls it.
    pub suite: String,
    /// The token of `reinstall` that it is installed with.
    pub token: Option<String>,
}

impl Marker {
    /// Its path in a root whose installation is finished.
    pub const FINISHED: &'static str = "/var/lib/xen-vman/installed.json";
    /// Its path in a root whose installation has begun. It stands at the top, where no
    /// symbolic link of an old system can lead it elsewhere, and is the last to go.
    pub const BEGUN: &'static str = "/.xen-vman-installing.json";

    /// That of an installation.
    pub fn of(install: &Install) -> Self {
        Self {
            domain: install.domain.to_string(),
            suite: install.method.release().to_owned(),
            token: wanted_token(install),
        }
    }
}

impl GuestRecord {
    /// That of an installation.
    pub fn of(install: &Install, is_finished: bool) -> Self {
        Self {
            is_finished,
            location: install.volume.location(),
            token: wanted_token(install),
        }
    }
}

/// The token that `reinstall` asks for.
pub fn wanted_token(install: &Install) -> Option<String> {
    match &install.reinstall {
        Reinstall::Token(token) => Some(token.to_string()),
        Reinstall::No | Reinstall::Always => None,
    }
}

/// The UUID of the filesystem that an installation makes: always the same, so that one that
/// was cut off is known again.
pub fn filesystem_uuid(domain: &DomainName, location: &Location, token: Option<&str>) -> Uuid {
    let ours = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"root.xen-vman.invalid");
    let name = format!("{domain}\n{location}\n{}", token.unwrap_or_default());
    Uuid::new_v5(&ours, name.as_bytes())
}
