//! The result of a render.

use crate::install::{DataDisk, Install};
use crate::object::{EnabledUnit, RenderedFile, Role};
use crate::storage::{Attachment, Location};
use crate::values::{Days, DomainName, GenerationCount, VolumeKey};
use serde::Serialize;
use std::collections::BTreeMap;

/// Files of the site that the caller reads for the core.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// Network scripts, by their path as written in `additional_network_scripts`.
    pub network_scripts: BTreeMap<String, Vec<u8>>,
}

/// All files of a host and its guests, and what else has to be set up.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Output {
    /// Files on the host.
    pub host: Vec<RenderedFile>,
    /// Files inside guests, one group for each guest that has any.
    pub guests: Vec<Guest>,
    /// The installations of all guests that xen-vman can install.
    pub installs: Vec<Install>,
    /// The data disks of all VMs.
    pub data_disks: Vec<DataDisk>,
    /// What VMs have, by location: the volumes that xen-vman manages, and their other disks.
    pub used: BTreeMap<Location, VolumeKey>,
    /// The sessions that the host needs for roots, by domain.
    pub attachments: BTreeMap<DomainName, Attachment>,
    /// Whether any VM boots the kernel of the host, with an initrd that the host builds.
    pub boots_host_kernel: bool,
    /// Symbolic links that a script on the host sets at boot.
    pub links: Vec<Link>,
    /// Lines in files that xen-vman does not own.
    pub settings: Vec<HostSetting>,
    /// The units to enable.
    pub enabled_units: Vec<EnabledUnit>,
    /// Files of the Ansible role that are not needed beside these.
    pub replaced: Vec<ReplacedFile>,
    /// The generations to keep.
    pub keep: Option<Keep>,
}

/// A file of the Ansible role that nothing uses any more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplacedFile {
    /// Its path.
    pub path: String,
    /// A part of its content: another file at this path is somebody's own.
    pub mark: &'static str,
}

impl ReplacedFile {
    /// Whether a file is this one.
    pub(crate) fn is(&self, content: &[u8]) -> bool {
        let mark = self.mark.as_bytes();
        content.windows(mark.len()).any(|part| part == mark)
    }
}

/// Which generations of earlier files a host keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Keep {
    /// How many.
    pub generations: GenerationCount,
    /// How long, in days.
    pub days: Days,
}

/// The files of one guest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Guest {
    /// The domain.
    pub domain: DomainName,
    /// Its files, with paths in the guest.
    pub files: Vec<RenderedFile>,
}

/// A symbolic link that a script on the host sets at boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Link {
    /// Its path.
    pub path: &'static str,
    /// Its target; `$(uname -r)` stands for the release of the running kernel.
    pub target: &'static str,
}

/// A line in a file of `key=value` lines that xen-vman does not own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostSetting {
    /// The file.
    pub file: &'static str,
    /// The key.
    pub key: &'static str,
    /// The whole line.
    pub line: String,
}

impl Output {
    /// A file on the host, by path.
    pub fn host_file(&self, path: &str) -> Option<&RenderedFile> {
        self.host.iter().find(|file| file.path == path)
    }

    /// The `xl.cfg` of a domain: its path on the host and its text.
    pub fn xl_config(&self, domain: &str) -> Option<&RenderedFile> {
        self.of_role(Role::XlConfig)
            .find(|file| file.object.vm().is_some_and(|vm| vm.as_str() == domain))
    }

    /// The files on the host that have a role.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &RenderedFile> {
        self.host
            .iter()
            .filter(move |file| file.object.role == role)
    }

    /// A data disk of a VM.
    pub fn data_disk(&self, key: &VolumeKey) -> Option<&DataDisk> {
        self.data_disks.iter().find(|disk| disk.on.key == *key)
    }

    /// The installation of a guest and its files, by domain.
    pub fn installation(&self, domain: &str) -> Option<(&Install, &[RenderedFile])> {
        let install = self
            .installs
            .iter()
            .find(|install| install.root.key.domain.as_str() == domain)?;
        let mut guests = self.guests.iter();
        let guest = guests.find(|guest| guest.domain.as_str() == domain)?;
        Some((install, &guest.files))
    }
}
