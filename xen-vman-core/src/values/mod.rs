//! Checked values: names, addresses, disks, CPU lists and others.
//!
//! Every type checks its value when it is read ([`FromText`](crate::document::decode::FromText)
//! or [`FromNode`](crate::document::decode::FromNode)), so that after the parser no bare `String`
//! carries meaning. Nothing here depends on VMs or hosts.

mod content;
mod cpu;
mod debootstrap;
mod devices;
mod disk;
mod guest;
mod iscsi;
mod lvm;
mod names;
mod net;
mod nfs;
mod numbers;
mod suite;
mod text;
mod vdev;
mod version;
mod vif;
mod words;
mod xl;
mod xl_keys;
mod xl_words;
mod zfs;

pub use content::DiskContent;
pub use cpu::{CpuItems, CpuList};
pub use debootstrap::{ArchiveComponent, ArchiveUrl};
pub use devices::{BootOrder, GraphicsCard, PciDevice, VifType, VncHost};
pub use disk::{Backing, DiskAccess, DiskSpec};
pub use guest::{
    DracutModule, GuestUser, Header, OsVersion, PackageName, PublicKey, PublicKeys, Reinstall,
    ShellWords,
};
pub use iscsi::{Iqn, Portal};
pub use lvm::{LvmName, VolumeName};
pub use names::{
    DomainName, HostPath, Hostname, ImageDir, Initrd, MountOptions, MountPoint, NamePart,
    ProgramPath, ShellCommand, VolumeKey,
};
pub(crate) use names::{GUEST_INITRD, GUEST_KERNEL, guest_initrd};
pub use net::{AddressesV4, AddressesV6, DisplayHost, HostAddress, MacAddr, Nameservers};
pub use nfs::{NfsBase, NfsExport};
pub use numbers::{
    CpuCount, Days, GenerationCount, MemoryMib, Mtu, Percent, Seconds, SpicePort, UsbRedirections,
    VcpuCount, VideoMemoryMib, VncDisplay, VolumeSizeMib,
};
pub use suite::{suite, suites};
pub(crate) use text::from_str;
pub use vdev::Vdev;
pub(crate) use vdev::device_number;
pub use version::XenVersion;
pub use vif::{Bridge, NetworkScript, Rate, VifName, VifNamePrefix, VifParameters};
pub(crate) use vif::{HVM_VIF_NAME_MAX, VIF_NAME_MAX, mtu};
pub(crate) use words::words;
pub use words::{
    Builder, DebootstrapVariant, DomainAction, FileAllocation, Filesystem, GuestType, LvmWipe,
    OsType, Risk, Word,
};
pub use xl::{Description, DisplayPassword, KernelCmdline, XlKey, XlOptions, XlValue};
pub use xl_keys::{Shape, XlKeyInfo, xl_key_info, xl_keys, xl_variable};
pub use xl_words::{xl_value_problem, xl_words};
pub use zfs::ZfsName;

text::from_str!(
    CpuItems,
    DiskSpec,
    HostAddress,
    Initrd,
    MacAddr,
    NfsBase,
    Portal,
    ProgramPath,
    ShellWords,
    VolumeKey,
    XenVersion,
);
