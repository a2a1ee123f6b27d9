//! The settings of a host.

use super::{AllowedDiagnostic, DeniedDiagnostic, Templated};
use crate::diag::DiagnosticId;
use crate::document::Node;
use crate::document::decode::{Decoder, FromNode, FromText, Invalid, Schema};
use crate::document::table::table;
use crate::values::from_str;
use crate::values::{
    CpuCount, DracutModule, GuestUser, Header, HostPath, MemoryMib, NetworkScript, PackageName,
    ProgramPath, PublicKey, Seconds, ShellCommand, ShellWords, XenVersion,
};
use serde_json::json;

table! {
    /// The settings of a host (`xen_vman_*` among the role's variables).
    plain struct HostSpec {
        /// The first line of every generated file, as a comment.
        header: Header,
        /// Path of the `xl` command.
        xl_path: ProgramPath,
        /// Folder for the configurations of the VMs.
        vm_config_path: HostPath,
        /// Modules that dracut puts into the guests' initrd. `network` stands for a module
        /// of the installed dracut that can start an NFS root; modules it lacks are left out.
        dracut_modules: Vec<DracutModule>,
        /// Further arguments for dracut when it builds the guests' initrds.
        dracut_extra_flags: ShellWords,
        /// How long the start of a VM may take.
        start_timeout: Seconds,
        /// How long a VM may take to shut down before it is destroyed.
        stop_timeout: Seconds,
        /// How long mounting a root may take.
        mount_timeout: Seconds,
        /// How long unmounting a root may take.
        umount_timeout: Seconds,
        /// Public keys that may log in to newly installed VMs.
        public_keys: Vec<PublicKey>,
        /// Packages that debootstrap puts into a new VM.
        debootstrap_packages: Vec<PackageName>,
        /// Network scripts to put into `/etc/xen/scripts`: `vif-p2p`, or paths of your own
        /// (relative ones below `files/`); only the file name is kept.
        additional_network_scripts: Vec<ScriptSource>,
        /// The bridge of interfaces that name none: a template expression over `vm` and
        /// `interface`, as `br-{{ vm.org }}`.
        lazy_default_network_bridge: LazyBridge,
        /// Commands to run when the host starts, before any VM does.
        global_preparations: Vec<ShellCommand>,
        /// How long those commands may take together.
        global_preparations_timeout: Seconds,
        /// The user made in newly installed VMs.
        guest_user: GuestUser,
        /// Version of Xen on the host, as `"4.17"`: what needs a newer one is an error.
        xen_version: XenVersion,
        /// Memory of the host that VMs may have together, in MiB.
        host_memory: MemoryMib,
        /// Number of the host's CPUs.
        host_cpus: CpuCount,
        /// Warnings (by their id) that are not to be reported.
        allow_diagnostics: Vec<AllowedDiagnostic>,
        /// Warnings (by their id) that are to be errors.
        deny_diagnostics: Vec<DeniedDiagnostic>,
    }
}

/// The expression of `lazy_default_network_bridge`; a text without one is its own value.
#[derive(Debug, Clone)]
pub struct LazyBridge(pub Templated<crate::values::Bridge>);

impl FromNode for LazyBridge {
    const EXPECTED: &'static str = "a template expression for the name of a bridge";

    fn schema() -> Schema {
        json!({ "type": "string" })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        Templated::from_node(node, decoder).map(Self)
    }
}

/// A network script to install: one that comes with xen-vman, or a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptSource {
    path: Box<str>,
    file_name: NetworkScript,
}

impl ScriptSource {
    /// The path as written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The name in `/etc/xen/scripts`.
    pub fn file_name(&self) -> &str {
        self.file_name.as_str()
    }
}

/// The scripts in `/etc/xen/scripts` that come with Xen.
const OF_XEN: &[&str] = &[
    "block",
    "block-common.sh",
    "block-drbd-probe",
    "block-dummy",
    "block-enbd",
    "block-iscsi",
    "block-nbd",
    "block-tap",
    "colo-proxy-setup",
    "external-device-migrate",
    "hotplugpath.sh",
    "launch-xenstore",
    "locking.sh",
    "logging.sh",
    "qemu-ifup",
    "remus-netbuf-setup",
    "vif-bridge",
    "vif-common.sh",
    "vif-nat",
    "vif-openvswitch",
    "vif-route",
    "vif-setup",
    "vscsi",
    "xen-hotplug-cleanup",
    "xen-hotplug-common.sh",
    "xen-network-common.sh",
    "xen-script-common.sh",
];

impl serde::Serialize for ScriptSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path)
    }
}

impl FromText for ScriptSource {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str = "`vif-p2p`, or the path of a script";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let file_name = text.rsplit('/').next().unwrap_or(text);
        if text.chars().any(char::is_control) || text.split('/').any(|part| part == "..") {
            return Err(Invalid::new(
                "must be a path without `..` and control characters",
            ));
        }
        if OF_XEN.contains(&file_name) {
            return Err(Invalid::new(format!(
                "must not replace `{file_name}`, which belongs to Xen"
            ))
            .help("give the script another name"));
        }
        Ok(Self {
            path: text.into(),
            file_name: NetworkScript::from_text(file_name)?,
        })
    }
}

impl std::fmt::Display for ScriptSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

from_str!(ScriptSource);
