//! A VM.

use super::Extra;
use super::{InterfaceSpec, VolumeSpec};
use crate::document::table::table;
use crate::storage::StorageType;
use crate::values::{
    ArchiveComponent, ArchiveUrl, BootOrder, Builder, CpuList, DebootstrapVariant, Description,
    DiskSpec, DisplayHost, DisplayPassword, DomainAction, DomainName, Filesystem, GraphicsCard,
    GuestType, HostAddress, HostPath, Hostname, Initrd, KernelCmdline, MemoryMib, NamePart,
    Nameservers, OsType, OsVersion, PciDevice, Reinstall, Risk, SpicePort, UsbRedirections,
    VcpuCount, VideoMemoryMib, VncDisplay, VncHost, VolumeName, VolumeSizeMib, XlOptions,
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
        /// Name of the domain for Xen, systemd and file names. Default: `ORG-NAME`.
        domain: DomainName,
        /// Description of the VM; a comment in its configuration.
        description: Description,
        /// UUID of the VM. Default: derived from `org` and `name`.
        uuid: Uuid,
        /// Memory of the VM, in MiB.
        memory: MemoryMib,
        /// The most memory that the VM may balloon to, in MiB.
        maxmem: MemoryMib,
        /// Number of virtual CPUs.
        vcpus: VcpuCount,
        /// The number of virtual CPUs that the VM may get while it runs (`xl vcpu-set`).
        maxvcpus: VcpuCount,
        /// CPUs that the VM may run on, as `cpus` in xl.cfg(5); a list has an item for each
        /// virtual CPU. With `any`, Xen chooses.
        cpu_str: CpuList,
        /// What Xen does when the VM powers off. Default: `destroy`, as in xl.cfg(5).
        on_poweroff: DomainAction,
        /// What Xen does when the VM reboots. Default: `restart`, as in xl.cfg(5).
        on_reboot: DomainAction,
        /// What Xen does when the VM crashes. Default: `destroy`, as in xl.cfg(5).
        on_crash: DomainAction,
        /// Network interfaces.
        interfaces: Vec<InterfaceSpec>,
        /// Static address of the VM. If none of its interfaces has it, the first interface gets it.
        /// Default: the address of the first interface.
        connection_ip: HostAddress,
        /// Default gateway; an IPv6 address sets `gateway6`.
        gateway: IpAddr,
        /// Default gateway for IPv6.
        gateway6: Ipv6Addr,
        /// Name servers.
        nameserver: Nameservers,
        /// Where the root file system is stored: `nfs`, `iscsi`, `lvm`, `file`, `zfs`, or any other word.
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
        /// Name of the LVM or ZFS volume or image file that is the root, if it is not that of the VM.
        root_volume: VolumeName,
        /// Data disks, which the VM has besides its root.
        volumes: Vec<VolumeSpec>,
        /// Before what a snapshot of a volume is taken: `reinstall`, `growth`. For thin LVM volumes, for ZFS
        /// volumes and for image files on XFS or Btrfs; `restore-volume` goes back to one.
        snapshot_before: Vec<Risk>,
        /// Operating system.
        os: OsSpec,
        /// Whether the VM is started after its installation.
        boot_after_creation: bool,
        /// Whether the VM starts when the host boots.
        auto_boot: bool,
        /// VMs (as `ORG-NAME`) that start before this one.
        after: Vec<DomainName>,
        /// The role's word for the type of the VM: `generic` (pv) or `hvm`.
        builder: Builder,
        /// Type of the VM: `pv`, `pvh` or `hvm`.
        r#type: GuestType,
        /// Kernel that the VM boots (PV and PVH).
        kernel: HostPath,
        /// Initrd that the VM boots (PV and PVH), or `none`.
        initrd: Initrd,
        /// Kernel command line (PV and PVH). Replaces the generated one.
        cmdline: KernelCmdline,
        /// PCI devices of the host that the VM gets, as in xl-pci-configuration(5).
        pci: Vec<PciDevice>,
        /// The order in which the VM tries to boot (HVM): `c` for the disk, `d` for the CD drive, `n`
        /// for the network, `a` for a floppy. xl.cfg calls it `boot`.
        boot_order: BootOrder,
        /// Graphics card (HVM).
        vga: GraphicsCard,
        /// Memory of the graphics card, in MiB (HVM).
        videoram: VideoMemoryMib,
        /// Whether the display is served over VNC (HVM). Default: true, as in xl.cfg(5).
        vnc: bool,
        /// Address that VNC listens on (HVM). Default: `127.0.0.1`, as in xl.cfg(5).
        vnclisten: VncHost,
        /// Display of VNC (HVM), which is on port 5900 and this; the next one that is free, unless
        /// `vncunused` is false.
        vncdisplay: VncDisplay,
        /// Whether VNC uses the next display that is free (HVM). Default: true, as in xl.cfg(5).
        vncunused: bool,
        /// VNC password (HVM), of which VNC uses eight characters.
        vncpasswd: DisplayPassword,
        /// Whether the display is served over SPICE (HVM).
        spice: bool,
        /// Address that SPICE listens on (HVM).
        spicehost: DisplayHost,
        /// Port that SPICE listens on (HVM); with 0, only that of `spicetls_port` among the options.
        spiceport: SpicePort,
        /// SPICE password (HVM).
        spicepasswd: DisplayPassword,
        /// Whether the SPICE agent controls the mouse (HVM).
        mouse: bool,
        /// Whether the clipboard is shared over SPICE (HVM).
        share_clipboard: bool,
        /// Whether the SPICE agent is available (HVM); sharing the clipboard requires it.
        spicevdagent: bool,
        /// The number of USB devices that a SPICE client may redirect (HVM).
        max_usb_redirections: UsbRedirections,
        /// Additional options for xl.cfg. Each overrides the same option under `defaults`.
        additional_xen_options: XlOptions,
        /// Whether an operating system is installed if the VM has none.
        auto_install: bool,
        /// Whether the VM is reinstalled: at every run for `true`, once for each new token.
        reinstall: Reinstall,
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
        /// Your own data, for expressions: `{{ vm.extra.team }}`, or just `{{ vm.team }}`.
        extra: Extra,
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
                "must be a UUID such as `1b4e28ba-2fa1-11d2-883f-0016d3cca427`",
            )
        })
    }
}
