//! The manifest of a render, for programs that deploy it.

use super::{HostSetting, Keep, Link, Output};
use crate::object::{EnabledUnit, RenderedFile};
use crate::resolve::{Resolved, ResolvedVm};
use crate::storage::DataVolume;
use crate::values::{
    ArchiveComponent, ArchiveUrl, DebootstrapVariant, HostPath, PackageName, Risk,
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The manifest of a render. Its JSON is a stable interface: fields are added, never changed.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Manifest<'a> {
    /// The version of the format.
    pub version: u32,
    /// All files, those of the host first.
    pub files: Vec<FileEntry<'a>>,
    /// Symbolic links on the host.
    pub links: &'a [Link],
    /// Lines in files that xen-vman does not own.
    pub settings: &'a [HostSetting],
    /// The units to enable.
    pub enabled_units: &'a [EnabledUnit],
    /// The generations that the host keeps.
    pub keep: Option<Keep>,
    /// The VMs.
    pub vms: Vec<VmEntry<'a>>,
}

/// A file in the manifest.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct FileEntry<'a> {
    /// Its path relative to the output directory.
    pub file: String,
    /// The guest that it belongs to; absent for files on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<&'a str>,
    /// Its path on the host or in the guest.
    pub path: &'a str,
    /// Its permissions, in octal.
    pub mode: String,
    /// The name of its owner.
    pub owner: &'a str,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// A VM in the manifest.
#[derive(Debug, Serialize)]
pub struct VmEntry<'a> {
    domain: &'a str,
    org: &'a str,
    name: &'a str,
    uuid: String,
    r#type: &'a str,
    config: String,
    auto_boot: bool,
    storage: Value,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    volumes: &'a [DataVolume],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    snapshot_before: &'a [Risk],
    install: InstallEntry<'a>,
}

#[derive(Debug, Serialize)]
struct InstallEntry<'a> {
    os_type: &'a str,
    os_version: &'a str,
    auto_install: bool,
    reinstall: &'a crate::values::Reinstall,
    boot_after_creation: bool,
    user: &'a str,
    packages: Vec<&'a str>,
    mirror: Option<&'a str>,
    keyring: Option<&'a str>,
    components: &'a [ArchiveComponent],
    variant: DebootstrapVariant,
}

/// The manifest of `output`, which was rendered from `resolved`.
pub fn manifest<'a>(resolved: &'a Resolved, output: &'a Output) -> Manifest<'a> {
    let host = output.host.iter().map(|file| entry(file, None));
    let guests = output.guests.iter().flat_map(|guest| {
        guest
            .files
            .iter()
            .map(|file| entry(file, Some(guest.domain.as_str())))
    });
    Manifest {
        version: 1,
        files: host.chain(guests).collect(),
        links: &output.links,
        settings: &output.settings,
        enabled_units: &output.enabled_units,
        keep: output.keep,
        vms: resolved
            .vms
            .iter()
            .map(|vm| vm_entry(vm, resolved))
            .collect(),
    }
}

fn entry<'a>(file: &'a RenderedFile, guest: Option<&'a str>) -> FileEntry<'a> {
    FileEntry {
        file: file.output_path(),
        guest,
        path: &file.path,
        mode: format!("{:04o}", file.mode),
        owner: &file.owner,
        sha256: hexadecimal(&Sha256::digest(&file.content)),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn vm_entry<'a>(vm: &'a ResolvedVm, resolved: &'a Resolved) -> VmEntry<'a> {
    let mut storage = vm.root.to_json();
    if vm.root.managed().is_none() {
        storage["storage_type"] = json!(vm.storage_type);
    }
    VmEntry {
        domain: vm.domain.as_str(),
        org: vm.org.as_str(),
        name: vm.name.as_str(),
        uuid: vm.uuid.to_string(),
        r#type: vm.guest_type.as_str(),
        config: super::xl_cfg::path(vm, resolved),
        auto_boot: *vm.auto_boot,
        storage,
        volumes: &vm.volumes,
        snapshot_before: &vm.snapshot_before,
        install: InstallEntry {
            os_type: vm.os_type.as_str(),
            os_version: vm.os_version.as_str(),
            auto_install: vm.is_installed(),
            reinstall: &vm.reinstall,
            boot_after_creation: *vm.boot_after_creation,
            user: resolved.host.guest_user.as_str(),
            packages: resolved
                .host
                .debootstrap_packages
                .iter()
                .map(PackageName::as_str)
                .collect(),
            mirror: vm.debootstrap.mirror.as_deref().map(ArchiveUrl::as_str),
            keyring: vm.debootstrap.keyring.as_deref().map(HostPath::as_str),
            components: &vm.debootstrap.components,
            variant: *vm.debootstrap.variant,
        },
    }
}
