//! The suites of Debian and Ubuntu, by debootstrap's names.

use super::{OsType, OsVersion};

/// Debian's releases by their number (debootstrap 1.0.145 has a script for each).
const DEBIAN: &[(&str, &str)] = &[
    ("3.1", "sarge"),
    ("4", "etch"),
    ("5", "lenny"),
    ("6", "squeeze"),
    ("7", "wheezy"),
    ("8", "jessie"),
    ("9", "stretch"),
    ("10", "buster"),
    ("11", "bullseye"),
    ("12", "bookworm"),
    ("13", "trixie"),
    ("14", "forky"),
    ("15", "duke"),
];
/// Debian's suite aliases.
const DEBIAN_MOVING: &[&str] = &[
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "sid",
];
/// Ubuntu's releases by their number.
const UBUNTU: &[(&str, &str)] = &[
    ("6.06", "dapper"),
    ("8.04", "hardy"),
    ("10.04", "lucid"),
    ("12.04", "precise"),
    ("14.04", "trusty"),
    ("16.04", "xenial"),
    ("16.10", "yakkety"),
    ("17.04", "zesty"),
    ("17.10", "artful"),
    ("18.04", "bionic"),
    ("18.10", "cosmic"),
    ("19.04", "disco"),
    ("19.10", "eoan"),
    ("20.04", "focal"),
    ("20.10", "groovy"),
    ("21.04", "hirsute"),
    ("21.10", "impish"),
    ("22.04", "jammy"),
    ("22.10", "kinetic"),
    ("23.04", "lunar"),
    ("23.10", "mantic"),
    ("24.04", "noble"),
    ("24.10", "oracular"),
    ("25.04", "plucky"),
    ("25.10", "questing"),
    ("26.04", "resolute"),
];

/// The suite of a version: by name, or by number (`12`, `12.5`, `18.04`). `None` if debootstrap
/// does not know the suite, or cannot install the operating system.
pub fn suite(os: &OsType, version: &OsVersion) -> Option<&'static str> {
    let (releases, moving) = match os.as_str() {
        "debian" => (DEBIAN, DEBIAN_MOVING),
        "ubuntu" => (UBUNTU, &[][..]),
        _ => return None,
    };
    let version = version.as_str().to_ascii_lowercase();
    // Point releases of Debian (`12.5`) are the same suite.
    let major = version.split('.').next().filter(|_| releases == DEBIAN);
    let fits = |number: &str, name: &str| {
        name == version || number == version || major.is_some_and(|major| major == number)
    };
    let release = releases.iter().find(|(number, name)| fits(number, name));
    release
        .map(|(_, name)| *name)
        .or_else(|| moving.iter().copied().find(|name| *name == version))
}

/// The names of the suites that can be installed for an operating system.
pub fn suites(os: &OsType) -> Vec<&'static str> {
    match os.as_str() {
        "debian" => DEBIAN
            .iter()
            .map(|(_, name)| *name)
            .chain(DEBIAN_MOVING.iter().copied())
            .collect(),
        "ubuntu" => UBUNTU.iter().map(|(_, name)| *name).collect(),
        _ => Vec::new(),
    }
}
