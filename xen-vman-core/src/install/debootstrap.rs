//! Installation with debootstrap(8): Debian and Ubuntu guests, which boot the host's kernel.

use crate::command::{Command, SHORT_SECS};
use crate::document::decode::FromText;
use crate::origin::Sourced;
use crate::values::{
    ArchiveComponent, ArchiveUrl, DebootstrapVariant, HostPath, OsType, OsVersion, PackageName,
    suite,
};
use serde::Serialize;

/// In seconds: a mirror may be slow.
const DEBOOTSTRAP_SECS: u32 = 3 * 60 * 60;

/// The archive of an operating system.
struct Archive {
    mirror: &'static str,
    /// `None` for debootstrap's default.
    keyring: Option<&'static str>,
    components: &'static [&'static str],
}

const DEBIAN: Archive = Archive {
    mirror: "http://deb.debian.org/debian",
    keyring: None,
    components: &["main"],
};

/// Packages such as `python3-minimal` are in `universe` in some releases.
const UBUNTU: Archive = Archive {
    mirror: "http://archive.ubuntu.com/ubuntu",
    keyring: Some("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
    components: &["main", "universe"],
};

const FROM: &str = "os.type";

fn archive(os: &OsType) -> Option<Archive> {
    match os.as_str() {
        "debian" => Some(DEBIAN),
        "ubuntu" => Some(UBUNTU),
        _ => None,
    }
}

/// Whether debootstrap can install an operating system.
pub(super) fn installs(os: &OsType) -> bool {
    archive(os).is_some()
}

/// Where a VM's packages come from; unset values are derived from its operating system.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DebootstrapSettings {
    /// The mirror; `None` if debootstrap cannot install the operating system.
    pub mirror: Option<Sourced<ArchiveUrl>>,
    /// The keyring that signatures are checked with; `None` for debootstrap's default.
    pub keyring: Option<Sourced<HostPath>>,
    /// The components of the archive.
    pub components: Sourced<Vec<ArchiveComponent>>,
    /// How much is installed.
    pub variant: Sourced<DebootstrapVariant>,
}

impl DebootstrapSettings {
    /// The given values or, where there are none, those derived from the operating system.
    pub(crate) fn new(
        os: &OsType,
        mirror: Option<Sourced<ArchiveUrl>>,
        keyring: Option<Sourced<HostPath>>,
        components: Option<Sourced<Vec<ArchiveComponent>>>,
        variant: Sourced<DebootstrapVariant>,
    ) -> Self {
        let archive = archive(os);
        let archive = archive.as_ref();
        let known = || archive.map_or(&[][..], |archive| archive.components);
        Self {
            mirror: mirror.or_else(|| Some(derived(archive?.mirror))),
            keyring: keyring.or_else(|| Some(derived(archive?.keyring?))),
            components: components.unwrap_or_else(|| {
                let words = known().iter().map(|word| derived(word).value).collect();
                Sourced::derived(words, FROM)
            }),
            variant,
        }
    }
}

fn derived<T: FromText>(text: &'static str) -> Sourced<T> {
    let value = T::from_text(text).unwrap_or_else(|_| unreachable!("`{text}` is valid"));
    Sourced::derived(value, FROM)
}

/// The arguments of debootstrap.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Debootstrap {
    /// The suite.
    pub suite: &'static str,
    /// The mirror to fetch packages from.
    pub mirror: ArchiveUrl,
    /// The keyring that signatures are checked with, a file on the host; `None` for debootstrap's
    /// default.
    pub keyring: Option<HostPath>,
    /// The components of the archive; debootstrap's default if empty.
    pub components: Vec<ArchiveComponent>,
    /// How much is installed.
    pub variant: DebootstrapVariant,
    /// Packages to install in addition to the base system.
    pub packages: Vec<PackageName>,
}

impl Debootstrap {
    /// The arguments for a VM; `None` if the version of its operating system is not known.
    pub(crate) fn new(
        settings: &DebootstrapSettings,
        os: &OsType,
        version: &OsVersion,
        packages: &[PackageName],
    ) -> Option<Self> {
        Some(Self {
            suite: suite(os, version)?,
            mirror: settings.mirror.as_ref()?.value.clone(),
            keyring: settings.keyring.as_ref().map(|path| path.value.clone()),
            components: settings.components.value.clone(),
            variant: *settings.variant,
            packages: packages.to_vec(),
        })
    }

    /// The commands that install the operating system below `point`.
    pub(super) fn commands(&self, point: &str) -> Vec<Command> {
        // Only the second stage runs programs of the guest.
        let mut words = ["debootstrap", "--foreign"].map(str::to_owned).to_vec();
        if self.variant != DebootstrapVariant::Standard {
            words.push(format!("--variant={}", self.variant));
        }
        let keyring = self.keyring.as_ref();
        words.extend(keyring.map(|path| format!("--keyring={path}")));
        let components: Vec<_> = self
            .components
            .iter()
            .map(ArchiveComponent::as_str)
            .collect();
        let packages: Vec<_> = self.packages.iter().map(PackageName::as_str).collect();
        for (option, list) in [("--components", components), ("--include", packages)] {
            if !list.is_empty() {
                words.push(format!("{option}={}", list.join(",")));
            }
        }
        words.extend([self.suite, point, self.mirror.as_str()].map(str::to_owned));
        let mirror = self.mirror.local_path();
        let reads = mirror.into_iter().chain(keyring.map(ToString::to_string));
        // On NFS, a script cannot remove its own directory.
        let second = [
            "/debootstrap/debootstrap",
            "--second-stage",
            "--keep-debootstrap-dir",
        ];
        vec![
            Command::new(words, DEBOOTSTRAP_SECS).below(point, reads.collect()),
            Command::in_guest(point, &second, DEBOOTSTRAP_SECS),
            Command::in_guest(point, &["rm", "-r", "/debootstrap"], SHORT_SECS),
            Command::in_guest(point, &["apt-get", "clean"], SHORT_SECS),
        ]
    }

    /// The programs that the host must have, with the Debian packages that provide them.
    pub(super) fn programs() -> Vec<(&'static str, &'static str)> {
        vec![("debootstrap", "debootstrap"), ("bwrap", "bubblewrap")]
    }
}
