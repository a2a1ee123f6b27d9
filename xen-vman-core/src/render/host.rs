//! Small files and settings of the host.

use super::{Link, RenderedFile, Setting};
use crate::quote::env_value;
use crate::quote::xl_string;
use crate::resolve::{Resolved, ResolvedVm, Root};

/// Where scripts of xen-vman lie.
pub(crate) const LIBRARY: &str = "/usr/local/lib/xen-vman";
/// Where roots are mounted on the host.
pub(crate) const MOUNT_PATH: &str = "/mnt/vms";

/// Where the root of a VM is, for the scripts: `<domain>.iscsi` or `<domain>.nfs`. Its
/// presence is what makes `vm_iscsi@` act.
pub(super) fn storage_file(vm: &ResolvedVm, resolved: &Resolved) -> Option<RenderedFile> {
    let (ending, values) = match &vm.root {
        Root::Nfs(export) => ("nfs", vec![("NFS_SOURCE", export.to_string())]),
        Root::Iscsi {
            portal,
            iqn,
            device,
        } => (
            "iscsi",
            vec![
                ("ISCSI_IQN", iqn.to_string()),
                ("ISCSI_PORTAL", portal.to_string()),
                ("ISCSI_DEVICE", device.clone()),
                ("ROOT_FSTYPE", vm.filesystem.to_string()),
            ],
        ),
        Root::Unmanaged => return None,
    };
    let lines: String = values
        .iter()
        .map(|(key, value)| format!("{key}={}\n", env_value(value)))
        .collect();
    let path = format!("{}/{}.{ending}", *resolved.host.vm_config_path, vm.domain);
    Some(RenderedFile::new(
        path,
        format!("# {}\n{lines}", *resolved.host.header),
    ))
}

/// The pair that guests boot through; the preparation at the start of the host sets it.
pub(super) fn links() -> Vec<Link> {
    vec![
        Link {
            path: "/etc/xen/initrd.img",
            target: "/etc/xen/initrd.img-$(uname -r)",
        },
        Link {
            path: "/etc/xen/vmlinuz",
            target: "/boot/vmlinuz-$(uname -r)",
        },
    ]
}

/// What xl.conf(5) is to say.
pub(super) fn xl_conf(resolved: &Resolved) -> Vec<Setting> {
    let file = "/etc/xen/xl.conf";
    let line = |key: &str, value: &str| format!("{key}={}", xl_string(value));
    let (script, bridge) = ("vif.default.script", "vif.default.bridge");
    let host = &resolved.host;
    vec![
        Setting {
            file,
            key: script,
            line: Some(line(script, host.network_script.as_str())),
        },
        Setting {
            file,
            key: bridge,
            line: host
                .network_bridge
                .as_ref()
                .map(|name| line(bridge, name.as_str())),
        },
    ]
}

/// Units to enable: the preparation, and the VMs that start with the host.
pub(super) fn enabled_units(resolved: &Resolved) -> Vec<String> {
    let vms = resolved
        .vms
        .iter()
        .filter(|vm| *vm.auto_boot)
        .map(|vm| format!("vm@{}.service", vm.domain));
    std::iter::once("xen_vman_global_preparation.service".to_owned())
        .chain(vms)
        .collect()
}
