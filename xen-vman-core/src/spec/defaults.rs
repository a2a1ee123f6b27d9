//! What VMs get that do not write it themselves.

use crate::document::table::table;
use crate::storage::StorageType;
use crate::values::{
    ArchiveComponent, ArchiveUrl, Bridge, Builder, CpuList, DiskSpec, Filesystem, GuestType,
    HostPath, Initrd, KernelCmdline, MemoryMib, Mtu, Nameservers, NetworkScript, SpicePort,
    UsbRedirections, VcpuCount, VifNamePrefix, VifParameters, XlOptions,
};
use std::net::{IpAddr, Ipv6Addr};

table! {
    /// The table `defaults` (`xen_vman_default_*` among the role's variables). Any text in it
    /// may be a template expression over `vm`, as `{{ vm.org }}-{{ vm.name }}`.
    templated struct DefaultsSpec {
        /// Memory of a VM.
        memory: MemoryMib,
        /// Most memory that a VM may balloon to.
        maxmem: MemoryMib,
        /// Number of virtual CPUs.
        vcpus: VcpuCount,
        /// CPUs that a VM may run on, as `cpus` in xl.cfg(5); a list has an item for each
        /// virtual CPU. `any` leaves the choice to Xen.
        cpu_str: CpuList,
        /// Where the root filesystem lies: `nfs`, `iscsi`, or a word of your own for backends
        /// that you look after.
        storage_type: StorageType,
        /// Further disks, as in xl-disk-configuration(5).
        disks: Vec<DiskSpec>,
        /// Whether the root is among `disks`, so that none is added.
        manual_root_disk: bool,
        /// Filesystem of an iSCSI root.
        filesystem: Filesystem,
        /// Default gateway of new VMs; an IPv6 address counts as `gateway6`.
        gateway: IpAddr,
        /// Default gateway of new VMs for IPv6.
        gateway6: Ipv6Addr,
        /// MTU of interfaces.
        mtu: Mtu,
        /// Name servers of new VMs.
        nameserver: Nameservers,
        /// Whether a VM is started once it is installed.
        boot_after_creation: bool,
        /// Whether a VM is started when the host starts.
        auto_boot: bool,
        /// The role's word for the type of a VM: `generic` (pv) or `hvm`.
        builder: Builder,
        /// Type of a VM: `pv`, `pvh` or `hvm`.
        r#type: GuestType,
        /// Kernel that PV and PVH VMs boot.
        kernel: HostPath,
        /// Initrd that PV and PVH VMs boot, or `none`.
        initrd: Initrd,
        /// Kernel command line; none is made up then.
        cmdline: KernelCmdline,
        /// Whether the display of HVM VMs is served by SPICE.
        spice: bool,
        /// Address that SPICE listens on.
        spicehost: IpAddr,
        /// Port that SPICE listens on.
        spiceport: SpicePort,
        /// Whether the SPICE agent moves the mouse.
        mouse: bool,
        /// Whether the clipboard is shared over SPICE.
        share_clipboard: bool,
        /// Whether the SPICE agent is offered; sharing the clipboard needs it.
        spicevdagent: bool,
        /// How many USB devices a SPICE client may redirect.
        max_usb_redirections: UsbRedirections,
        /// Further options for xl.cfg.
        additional_xen_options: XlOptions,
        /// Whether an OS is installed on VMs that have none.
        auto_install: bool,
        /// Where debootstrap fetches the packages of a new VM from; the main archive of its
        /// operating system if not written.
        debootstrap_mirror: ArchiveUrl,
        /// Keyring that the archive's signature is checked with; debootstrap's own for Debian,
        /// Ubuntu's for Ubuntu if not written.
        debootstrap_keyring: HostPath,
        /// Components of the archive; `main` for Debian, `main` and `universe` for Ubuntu if not
        /// written.
        debootstrap_components: Vec<ArchiveComponent>,
        /// Script that sets vifs up (`vif.default.script` in xl.conf(5)).
        network_script: NetworkScript,
        /// Bridge of vifs that name none (`vif.default.bridge` in xl.conf(5)).
        network_bridge: Bridge,
        /// Further parameters of each vif.
        xen_str: VifParameters,
        /// What the names of vifs begin with; `.` and the number of the interface follow.
        vifname_prefix: VifNamePrefix,
    }
}
