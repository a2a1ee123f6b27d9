//! The defaults of VMs.

use crate::document::table::table;
use crate::storage::StorageType;
use crate::values::{
    ArchiveComponent, ArchiveUrl, BootOrder, Bridge, Builder, CpuList, DebootstrapVariant,
    DiskSpec, DisplayHost, DomainAction, Filesystem, GraphicsCard, GuestType, HostPath, Hostname,
    Initrd, KernelCmdline, MemoryMib, Mtu, Nameservers, NetworkScript, Risk, SpicePort,
    UsbRedirections, VcpuCount, VideoMemoryMib, VifNamePrefix, VifParameters, VncHost,
    VolumeSizeMib, XlOptions,
};
use std::net::{IpAddr, Ipv6Addr};

table! {
    /// The table `defaults` (`xen_vman_default_*` among the role's variables). Any string in it
    /// may be a template expression over `vm`, such as `{{ vm.org }}-{{ vm.name }}`.
    templated struct DefaultsSpec {
        /// Memory of a VM, in MiB.
        memory: MemoryMib,
        /// The most memory that a VM may balloon to, in MiB.
        maxmem: MemoryMib,
        /// Number of virtual CPUs.
        vcpus: VcpuCount,
        /// The number of virtual CPUs that a VM may get while it runs (`xl vcpu-set`).
        maxvcpus: VcpuCount,
        /// CPUs that a VM may run on, as `cpus` in xl.cfg(5); a list has an item for each
        /// virtual CPU. With `any`, Xen chooses.
        cpu_str: CpuList,
        /// What Xen does when a VM powers off. Default: `destroy`, as in xl.cfg(5).
        on_poweroff: DomainAction,
        /// What Xen does when a VM reboots. Default: `restart`, as in xl.cfg(5).
        on_reboot: DomainAction,
        /// What Xen does when a VM crashes. Default: `destroy`, as in xl.cfg(5).
        on_crash: DomainAction,
        /// Where the root file system is stored: `nfs`, `iscsi`, `lvm`, `file`, `zfs`, or any other word for
        /// storage that xen-vman does not manage.
        storage_type: StorageType,
        /// Additional disks, as in xl-disk-configuration(5).
        disks: Vec<DiskSpec>,
        /// Whether the root is one of `disks`, so that no root disk is added.
        manual_root_disk: bool,
        /// File system of a root that is a disk.
        filesystem: Filesystem,
        /// Size of a root on LVM, on ZFS or in a file, such as `20G`, in MiB without a unit. If it is increased, the
        /// root grows, also while the VM runs. Other roots have no size of ours.
        size: VolumeSizeMib,
        /// Before what a snapshot of a volume is taken: `reinstall`, `growth`.
        snapshot_before: Vec<Risk>,
        /// Default gateway of new VMs; an IPv6 address sets `gateway6`.
        gateway: IpAddr,
        /// Default gateway of new VMs for IPv6.
        gateway6: Ipv6Addr,
        /// MTU of interfaces.
        mtu: Mtu,
        /// Name servers of new VMs.
        nameserver: Nameservers,
        /// Whether a VM is started after its installation.
        boot_after_creation: bool,
        /// Whether a VM starts when the host boots.
        auto_boot: bool,
        /// The role's word for the type of a VM: `generic` (pv) or `hvm`.
        builder: Builder,
        /// Type of a VM: `pv`, `pvh` or `hvm`.
        r#type: GuestType,
        /// Kernel that PV and PVH VMs boot.
        kernel: HostPath,
        /// Initrd that PV and PVH VMs boot, or `none`.
        initrd: Initrd,
        /// Kernel command line. Replaces the generated one.
        cmdline: KernelCmdline,
        /// The order in which HVM VMs try to boot: `c` for the disk, `d` for the CD drive, `n` for the
        /// network, `a` for a floppy. xl.cfg calls it `boot`.
        boot_order: BootOrder,
        /// Graphics card of HVM VMs.
        vga: GraphicsCard,
        /// Memory of the graphics card of HVM VMs, in MiB.
        videoram: VideoMemoryMib,
        /// Whether the display of HVM VMs is served over VNC. Default: true, as in xl.cfg(5).
        vnc: bool,
        /// Address that VNC listens on. Default: `127.0.0.1`, as in xl.cfg(5).
        vnclisten: VncHost,
        /// Whether VNC uses the next display that is free. Default: true, as in xl.cfg(5).
        vncunused: bool,
        /// Whether the display of HVM VMs is served over SPICE.
        spice: bool,
        /// Address that SPICE listens on.
        spicehost: DisplayHost,
        /// Port that SPICE listens on; with 0, only that of `spicetls_port` among the options.
        spiceport: SpicePort,
        /// Whether the SPICE agent controls the mouse.
        mouse: bool,
        /// Whether the clipboard is shared over SPICE.
        share_clipboard: bool,
        /// Whether the SPICE agent is available; sharing the clipboard requires it.
        spicevdagent: bool,
        /// The number of USB devices that a SPICE client may redirect.
        max_usb_redirections: UsbRedirections,
        /// Additional options for xl.cfg.
        additional_xen_options: XlOptions,
        /// Whether an operating system is installed on VMs that have none.
        auto_install: bool,
        /// The archive from which debootstrap installs a new VM. Default: the main archive of its
        /// operating system.
        debootstrap_mirror: ArchiveUrl,
        /// Keyring that verifies the archive. Default: debootstrap's own for Debian, Ubuntu's for
        /// Ubuntu.
        debootstrap_keyring: HostPath,
        /// Components of the archive. Default: `main` for Debian, `main` and `universe` for
        /// Ubuntu.
        debootstrap_components: Vec<ArchiveComponent>,
        /// How much debootstrap installs: `standard`, or less with `minbase`.
        debootstrap_variant: DebootstrapVariant,
        /// Host name of the guest. Default: `ORG-NAME`.
        guest_hostname: Hostname,
        /// Script that sets up vifs (`vif.default.script` in xl.conf(5)).
        network_script: NetworkScript,
        /// Bridge of vifs that do not set one (`vif.default.bridge` in xl.conf(5)).
        network_bridge: Bridge,
        /// Additional parameters of each vif.
        xen_str: VifParameters,
        /// Prefix of vif names; `.` and the number of the interface follow.
        vifname_prefix: VifNamePrefix,
    }
}
