//! The settings of a host.

use super::{AllowedDiagnostic, DeniedDiagnostic, Templated};
use crate::diag::DiagnosticId;
use crate::document::Node;
use crate::document::decode::{Decoder, FromNode, FromText, Invalid, Schema};
use crate::document::table::table;
use crate::values::from_str;
use crate::values::{
    CpuCount, Days, DracutModule, GenerationCount, GuestUser, Header, HostPath, MemoryMib,
    NetworkScript, PackageName, ProgramPath, PublicKeys, Seconds, ShellCommand, ShellWords,
    XenVersion,
};
use serde_json::json;

table! {
    /// The settings of a host (`xen_vman_*` among the role's variables).
    plain struct HostSpec {
        /// The first line of every generated file, as a comment.
        header: Header,
        /// Path of the `xl` command.
        xl_path: ProgramPath,
        /// Directory for the configurations of the VMs.
        vm_config_path: HostPath,
        /// Modules of the guests' initrd. `network` stands for a module of the installed dracut
        /// that can boot from NFS; modules that it does not have are skipped.
        dracut_modules: Vec<DracutModule>,
        /// Additional arguments for dracut when it builds the guests' initrd.
        dracut_extra_flags: ShellWords,
        /// How long the start of a VM may take.
        start_timeout: Seconds,
        /// How long a VM may take to shut down before it is destroyed.
        stop_timeout: Seconds,
        /// How long mounting a root may take.
        mount_timeout: Seconds,
        /// How long unmounting a root may take.
        umount_timeout: Seconds,
        /// How many generations of earlier files `apply` keeps for `rollback`.
        generations_kept: GenerationCount,
        /// How long generations are kept; the newest always is.
        generations_kept_days: Days,
        /// Public keys that may log in to newly installed VMs.
        public_keys: PublicKeys,
        /// Packages that debootstrap installs in a new VM.
        debootstrap_packages: Vec<PackageName>,
        /// Network scripts to install in `/etc/xen/scripts`: `vif-p2p`, or paths of your own scripts
        /// (relative paths are below `files/`). They keep their file name.
        additional_network_scripts: Vec<ScriptSource>,
        /// The bridge of interfaces that do not set one: a template expression over `vm` and
        /// `interface`, such as `br-{{ vm.org }}`.
        lazy_default_network_bridge: LazyBridge,
        /// Commands to run before each start of a VM; VMs that start together wait for one run.
        global_preparations: Vec<ShellCommand>,
        /// How long these commands may take in total.
        global_preparations_timeout: Seconds,
        /// The user that is created in new VMs.
        guest_user: GuestUser,
        /// Version of Xen on the host, such as `"4.17"`; features that need a newer one are errors.
        xen_version: XenVersion,
        /// Memory of the host that is available to VMs, in MiB.
        host_memory: MemoryMib,
        /// Number of the host's CPUs.
        host_cpus: CpuCount,
        /// Ids of warnings to suppress.
        allow_diagnostics: Vec<AllowedDiagnostic>,
        /// Ids of warnings to treat as errors.
        deny_diagnostics: Vec<DeniedDiagnostic>,
    }
}

/// The expression of `lazy_default_network_bridge`, or a fixed name.
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
                "must be a path without `..` or control characters",
            ));
        }
        if OF_XEN.contains(&file_name) {
            return Err(Invalid::new(format!(
                "must not replace `{file_name}`, which belongs to Xen"
            ))
            .help("rename the script"));
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
