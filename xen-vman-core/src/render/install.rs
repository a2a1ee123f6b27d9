//! What it takes to install guests, besides their files.

use crate::resolve::{Resolved, ResolvedVm, Root};
use crate::values::{ArchiveComponent, Filesystem, PackageName, Reinstall, suite};

/// What is needed to install a guest.
#[derive(Debug, Clone)]
pub struct Install {
    /// The domain.
    pub domain: String,
    /// Where its root lies.
    pub root: InstallRoot,
    /// The suite, as debootstrap calls it.
    pub suite: &'static str,
    /// Where packages are fetched from.
    pub mirror: String,
    /// What the archive's signature is checked with, a file of the host; none for
    /// debootstrap's own.
    pub keyring: Option<String>,
    /// Components of the archive; debootstrap's default if there are none.
    pub components: Vec<String>,
    /// Packages besides those of the base system.
    pub packages: Vec<String>,
    /// The user that is made.
    pub user: String,
    /// Installed if it has no operating system.
    pub auto_install: bool,
    /// Installed anew.
    pub reinstall: Reinstall,
    /// Started once installed.
    pub boot_after_creation: bool,
    /// How long its steps may take.
    pub limits: InstallLimits,
}

/// How long the steps of an installation may take, in seconds, as the definition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallLimits {
    /// Until the iSCSI disk is there.
    pub login_secs: u32,
    /// Until it is gone.
    pub logout_secs: u32,
    /// For a mount.
    pub mount_secs: u32,
    /// For an unmount.
    pub umount_secs: u32,
    /// For the VM to shut down.
    pub stop_secs: u32,
}

/// Where the root of a guest lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallRoot {
    /// On an NFS export, `server:/path`.
    Nfs(String),
    /// On an iSCSI disk.
    Iscsi {
        /// The disk on the host, once logged in.
        device: String,
        /// Its filesystem.
        filesystem: Filesystem,
    },
}

impl InstallRoot {
    /// The export or the device.
    pub fn place(&self) -> &str {
        match self {
            Self::Nfs(source) => source,
            Self::Iscsi { device, .. } => device,
        }
    }
}

/// One for each guest whose root is in our hands.
pub(super) fn installs(resolved: &Resolved) -> Vec<Install> {
    resolved
        .vms
        .iter()
        .filter_map(|vm| install(vm, resolved))
        .collect()
}

fn install(vm: &ResolvedVm, resolved: &Resolved) -> Option<Install> {
    if !vm.has_guest_files() {
        return None;
    }
    let root = match &vm.root {
        Root::Nfs(export) => InstallRoot::Nfs(export.to_string()),
        Root::Iscsi { device, .. } => InstallRoot::Iscsi {
            device: device.clone(),
            filesystem: *vm.filesystem,
        },
        Root::Unmanaged => return None,
    };
    let host = &resolved.host;
    let packages = host.debootstrap_packages.iter().map(PackageName::as_str);
    let components = vm
        .debootstrap_components
        .iter()
        .map(ArchiveComponent::as_str);
    Some(Install {
        domain: vm.domain.to_string(),
        root,
        suite: suite(&vm.os_type, &vm.os_version)?,
        mirror: vm.debootstrap_mirror.as_ref()?.to_string(),
        keyring: vm.debootstrap_keyring.as_ref().map(|path| path.to_string()),
        components: components.map(str::to_owned).collect(),
        packages: packages.map(str::to_owned).collect(),
        user: host.guest_user.to_string(),
        auto_install: *vm.auto_install,
        reinstall: (*vm.reinstall).clone(),
        boot_after_creation: *vm.boot_after_creation,
        limits: InstallLimits {
            login_secs: host.iscsi_login_timeout_secs.get(),
            logout_secs: host.iscsi_logout_timeout_secs.get(),
            mount_secs: host.mount_timeout_secs.get(),
            umount_secs: host.umount_timeout_secs.get(),
            stop_secs: host.stop_timeout_secs.get(),
        },
    })
}
