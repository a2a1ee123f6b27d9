//! A VM.

use super::InterfaceSpec;
use crate::document::table::table;
use crate::storage::StorageType;
use crate::values::{
    ArchiveComponent, ArchiveUrl, Builder, CpuList, Description, DiskSpec, DomainName, Filesystem,
    GuestType, HostAddress, HostPath, Initrd, KernelCmdline, MemoryMib, NamePart, Nameservers,
    OsType, OsVersion, Reinstall, SpicePassword, SpicePort, UsbRedirections, VcpuCount, XlOptions,
};
use std::net::{IpAddr, Ipv6Addr};
use uuid::Uuid;

table! {
    /// A VM (an item of `vms`, or of `xen_vman_vms`).
    scene struct VmSpec {
        /// Organisation that owns the VM.
        org: NamePart,
        /// Name of the VM.
        name: NamePart,
        /// Name of the VM for Xen, systemd and in file names; `ORG-NAME` if not written.
        domain: DomainName,
        /// What the VM is for; a comment in its configuration.
        description: Description,
        /// Identity of the VM; made from `org` and `name` if not written.
        uuid: Uuid,
        /// Memory of the VM.
        memory: MemoryMib,
        /// Most memory that the VM may balloon to.
        maxmem: MemoryMib,
        /// Number of virtual CPUs.
        vcpus: VcpuCount,
        /// CPUs that the VM may run on, as `cpus` in xl.cfg(5); a list has an item for each
        /// virtual CPU. `any` leaves the choice to Xen.
        cpu_str: CpuList,
        /// Network interfaces.
        interfaces: Vec<InterfaceSpec>,
        /// Address of the VM, static in the guest. If it is none of its interfaces', the first
        /// interface gets it. The first interface's address is used if this is not written.
        connection_ip: HostAddress,
        /// Default gateway; an IPv6 address counts as `gateway6`.
        gateway: IpAddr,
        /// Default gateway for IPv6.
        gateway6: Ipv6Addr,
        /// Name servers.
        nameserver: Nameservers,
        /// Where the root filesystem lies: `nfs`, `iscsi`, or a word of your own.
        storage_type: StorageType,
        /// Further disks, as in xl-disk-configuration(5).
        disks: Vec<DiskSpec>,
        /// Whether the root is among `disks`, so that none is added.
        manual_root_disk: bool,
        /// Filesystem of an iSCSI root.
        filesystem: Filesystem,
        /// Operating system.
        os: OsSpec,
        /// Whether the VM is started once it is installed.
        boot_after_creation: bool,
        /// Whether the VM is started when the host starts.
        auto_boot: bool,
        /// VMs (as `ORG-NAME`) to be started before this one.
        after: Vec<DomainName>,
        /// The role's word for the type of the VM: `generic` (pv) or `hvm`.
        builder: Builder,
        /// Type of the VM: `pv`, `pvh` or `hvm`.
        r#type: GuestType,
        /// Kernel that the VM boots (PV and PVH).
        kernel: HostPath,
        /// Initrd that the VM boots (PV and PVH), or `none`.
        initrd: Initrd,
        /// Kernel command line (PV and PVH); none is made up then.
        cmdline: KernelCmdline,
        /// Whether the display is served by SPICE (HVM).
        spice: bool,
        /// Address that SPICE listens on (HVM).
        spicehost: IpAddr,
        /// Port that SPICE listens on (HVM).
        spiceport: SpicePort,
        /// Password that SPICE asks for (HVM).
        spicepasswd: SpicePassword,
        /// Whether the SPICE agent moves the mouse (HVM).
        mouse: bool,
        /// Whether the clipboard is shared over SPICE (HVM).
        share_clipboard: bool,
        /// Whether the SPICE agent is offered (HVM); sharing the clipboard needs it.
        spicevdagent: bool,
        /// How many USB devices a SPICE client may redirect (HVM).
        max_usb_redirections: UsbRedirections,
        /// Further options for xl.cfg; they win over those under `defaults`, key by key.
        additional_xen_options: XlOptions,
        /// Whether an OS is installed if the VM has none.
        auto_install: bool,
        /// Whether the OS is installed anew: `true` at every run, any other token once.
        reinstall: Reinstall,
        /// Where debootstrap fetches the packages of a new VM from; the main archive of its
        /// operating system if not written.
        debootstrap_mirror: ArchiveUrl,
        /// Keyring that the archive's signature is checked with; debootstrap's own for Debian,
        /// Ubuntu's for Ubuntu if not written.
        debootstrap_keyring: HostPath,
        /// Components of the archive; `main` for Debian, `main` and `universe` for Ubuntu if not
        /// written.
        debootstrap_components: Vec<ArchiveComponent>,
    }
}

table! {
    /// The operating system of a VM (its `os`).
    scene struct OsSpec {
        /// Type of the operating system; `debian` and `ubuntu` are installed.
        r#type: OsType,
        /// Version: a suite such as `bookworm`, or a number such as `"12"` or `"18.04"`.
        version: OsVersion,
    }
}

impl crate::document::decode::FromText for Uuid {
    const ID: crate::diag::DiagnosticId = crate::diag::DiagnosticId::BadUuid;
    const EXPECTED: &'static str = "a UUID";

    fn from_text(text: &str) -> Result<Self, crate::document::decode::Invalid> {
        let dashed = text.len() == 36 && !text.starts_with('{');
        text.parse().ok().filter(|_| dashed).ok_or_else(|| {
            crate::document::decode::Invalid::new(
                "must be a UUID, as `1b4e28ba-2fa1-11d2-883f-0016d3cca427`",
            )
        })
    }
}
