//! What a guest is installed from.

use crate::document::decode::FromText;
use crate::origin::Sourced;
use crate::values::{ArchiveComponent, ArchiveUrl, HostPath, OsType};

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

/// Packages such as `python3-minimal` lie in `universe` in some releases.
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

/// The mirror of an operating system; none if debootstrap does not install it.
pub(super) fn mirror(os: &OsType) -> Option<Sourced<ArchiveUrl>> {
    Some(derived(archive(os)?.mirror))
}

/// The keyring of an operating system; none for debootstrap's own.
pub(super) fn keyring(os: &OsType) -> Option<Sourced<HostPath>> {
    Some(derived(archive(os)?.keyring?))
}

/// The components of an operating system; none if debootstrap does not install it.
pub(super) fn components(os: &OsType) -> Sourced<Vec<ArchiveComponent>> {
    let known = archive(os).map_or(&[][..], |archive| archive.components);
    let words = known.iter().map(|word| derived(word).value).collect();
    Sourced::derived(words, FROM)
}

fn derived<T: FromText>(text: &'static str) -> Sourced<T> {
    let value =
        T::from_text(text).unwrap_or_else(|_| unreachable!("`{text}` is of the right form"));
    Sourced::derived(value, FROM)
}
