//! What a render gives.

use crate::install::Install;
use crate::object::{EnabledUnit, RenderedFile, Role};
use crate::values::DomainName;
use serde::Serialize;
use std::collections::BTreeMap;

/// Contents that the core cannot make: files of the site, read by the caller.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// Network scripts by the path they are written with in `additional_network_scripts`.
    pub network_scripts: BTreeMap<String, Vec<u8>>,
}

/// Every file of a host and its guests, and what is to be done besides.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Output {
    /// Files on the host.
    pub host: Vec<RenderedFile>,
    /// Files inside guests, one group for each guest that has any.
    pub guests: Vec<Guest>,
    /// How guests are installed, one for each whose root is in our hands.
    pub installs: Vec<Install>,
    /// Symbolic links on the host, where they are the same from boot to boot.
    pub links: Vec<Link>,
    /// Lines in files that belong to somebody else.
    pub settings: Vec<Setting>,
    /// Units to enable.
    pub enabled_units: Vec<EnabledUnit>,
}

/// The files of one guest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Guest {
    /// The domain.
    pub domain: DomainName,
    /// Its files; paths are those in the guest.
    pub files: Vec<RenderedFile>,
}

/// A symbolic link that a script on the host keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Link {
    /// Where it is.
    pub path: &'static str,
    /// Where it points; `$(uname -r)` is the running kernel's release.
    pub target: &'static str,
}

/// A line in a file of `key=value` that belongs to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// The file.
    pub file: &'static str,
    /// The key.
    pub key: &'static str,
    /// The whole line; none if the key is to be absent.
    pub line: Option<String>,
}

impl Output {
    /// A file on the host by its path.
    pub fn host_file(&self, path: &str) -> Option<&RenderedFile> {
        self.host.iter().find(|file| file.path == path)
    }

    /// The `xl.cfg` of a domain: its path on the host and its text.
    pub fn xl_config(&self, domain: &str) -> Option<&RenderedFile> {
        self.of_role(Role::XlConfig)
            .find(|file| file.object.vm().is_some_and(|vm| vm.as_str() == domain))
    }

    /// The files on the host that are for the same.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &RenderedFile> {
        self.host
            .iter()
            .filter(move |file| file.object.role == role)
    }

    /// How the guest of a domain is installed, and the files that it gets.
    pub fn installation(&self, domain: &str) -> Option<(&Install, &[RenderedFile])> {
        let install = self
            .installs
            .iter()
            .find(|install| install.domain.as_str() == domain)?;
        let mut guests = self.guests.iter();
        let guest = guests.find(|guest| guest.domain.as_str() == domain)?;
        Some((install, &guest.files))
    }
}
