//! Installation by debootstrap(8): Debian and Ubuntu, which boot the host's kernel.

use crate::command::{Command, SHORT_SECS};
use crate::document::decode::FromText;
use crate::origin::Sourced;
use crate::values::{
    ArchiveComponent, ArchiveUrl, HostPath, OsType, OsVersion, PackageName, suite,
};
use serde::Serialize;

/// A mirror may be slow.
const DEBOOTSTRAP_SECS: u32 = 3 * 60 * 60;

/// What is known of the archive of an operating system.
struct Archive {
    mirror: &'static str,
    /// None where debootstrap's own serves.
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

/// Whether debootstrap installs an operating system.
pub(super) fn installs(os: &OsType) -> bool {
    archive(os).is_some()
}

/// Where a VM's packages come from; what is not written follows from its operating system.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DebootstrapSettings {
    /// Where they are fetched from; none if debootstrap does not install the operating system.
    pub mirror: Option<Sourced<ArchiveUrl>>,
    /// What signatures are checked with; none for debootstrap's own.
    pub keyring: Option<Sourced<HostPath>>,
    /// Components of the archive.
    pub components: Sourced<Vec<ArchiveComponent>>,
}

impl DebootstrapSettings {
    /// What is written, else what suits the operating system.
    pub(crate) fn new(
        os: &OsType,
        mirror: Option<Sourced<ArchiveUrl>>,
        keyring: Option<Sourced<HostPath>>,
        components: Option<Sourced<Vec<ArchiveComponent>>>,
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
        }
    }
}

fn derived<T: FromText>(text: &'static str) -> Sourced<T> {
    let value =
        T::from_text(text).unwrap_or_else(|_| unreachable!("`{text}` is of the right form"));
    Sourced::derived(value, FROM)
}

/// What debootstrap is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Debootstrap {
    /// The suite.
    pub suite: &'static str,
    /// Where packages are fetched from.
    pub mirror: ArchiveUrl,
    /// What the archive's signature is checked with, a file of the host; none for
    /// debootstrap's own.
    pub keyring: Option<HostPath>,
    /// Components of the archive; debootstrap's default if there are none.
    pub components: Vec<ArchiveComponent>,
    /// Packages besides those of the base system.
    pub packages: Vec<PackageName>,
}

impl Debootstrap {
    /// What a VM needs; none if debootstrap does not know the version of its operating system.
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
            packages: packages.to_vec(),
        })
    }

    /// The commands that put the operating system below `point`.
    pub(super) fn commands(&self, point: &str) -> Vec<Command> {
        let mut words = vec!["debootstrap".to_owned()];
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
        vec![
            Command::new(words, DEBOOTSTRAP_SECS).contained(),
            Command::in_guest(point, &["apt-get", "clean"], SHORT_SECS),
        ]
    }

    /// The programs that the host must have, and the Debian packages that bring them.
    pub(super) fn programs() -> Vec<(&'static str, &'static str)> {
        vec![("debootstrap", "debootstrap")]
    }
}
