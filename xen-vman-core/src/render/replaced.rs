//! Files of the Ansible role that nothing uses any more once xen-vman's are written.

use super::ReplacedFile;
use crate::resolve::Resolved;

/// The role's scripts, and its marks of VMs on iSCSI, where it puts them.
pub(super) fn replaced(resolved: &Resolved) -> Vec<ReplacedFile> {
    let scripts = [
        ("/etc/xen/scripts/mount_vm.sh", "vm_iscsi@"),
        (
            "/usr/local/bin/xen_vman_global_preparation.sh",
            "/etc/xen/initrd.img-$(uname -r)",
        ),
    ];
    let scripts = scripts.map(|(path, mark)| ReplacedFile {
        path: path.to_owned(),
        mark,
    });
    let configs = &*resolved.host.vm_config_path;
    let marks = resolved.vms.iter().map(|vm| ReplacedFile {
        path: format!("{configs}/.iscsi/{}", vm.domain),
        mark: "requires an iscsi device",
    });
    scripts.into_iter().chain(marks).collect()
}
