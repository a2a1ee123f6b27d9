//! A complete definition.

use crate::diag::Levels;
use crate::install::{DebootstrapSettings, Installation};
use crate::origin::{Origin, Sourced};
use crate::spec::{AllowedDiagnostic, DeniedDiagnostic, ScriptSource};
use crate::storage::{RootVolume, StorageSettings, StorageType};
use crate::values::{
    Bridge, CpuCount, CpuList, Description, DiskSpec, DomainName, DracutModule, Filesystem,
    GuestType, GuestUser, Header, HostAddress, HostPath, Initrd, KernelCmdline, MacAddr, MemoryMib,
    Mtu, NamePart, Nameservers, NetworkScript, OsType, OsVersion, PackageName, ProgramPath,
    PublicKey, Rate, Reinstall, Seconds, ShellCommand, ShellWords, SpicePassword, SpicePort,
    UsbRedirections, VcpuCount, VifName, VifNamePrefix, VifParameters, XenVersion, XlKey, XlValue,
};
use serde::{Serialize, Serializer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use uuid::Uuid;

/// One host and its VMs, with nothing left open.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Resolved {
    /// The host.
    pub host: ResolvedHost,
    /// Its VMs, in the order written.
    pub vms: Vec<ResolvedVm>,
}

/// The settings of a host. An `Option` here is a setting that may be absent.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is the variable of its name; spec/host.rs tells what it is"
)]
#[non_exhaustive]
pub struct ResolvedHost {
    pub header: Sourced<Header>,
    pub xl_path: Sourced<ProgramPath>,
    pub vm_config_path: Sourced<HostPath>,
    pub dracut_modules: Sourced<Vec<DracutModule>>,
    pub dracut_extra_flags: Option<Sourced<ShellWords>>,
    pub start_timeout: Sourced<Seconds>,
    pub stop_timeout: Sourced<Seconds>,
    pub mount_timeout: Sourced<Seconds>,
    pub umount_timeout: Sourced<Seconds>,
    pub public_keys: Sourced<Vec<PublicKey>>,
    pub storage: StorageSettings,
    pub debootstrap_packages: Sourced<Vec<PackageName>>,
    pub additional_network_scripts: Sourced<Vec<ScriptSource>>,
    pub global_preparations: Sourced<Vec<ShellCommand>>,
    pub global_preparations_timeout: Sourced<Seconds>,
    pub guest_user: Sourced<GuestUser>,
    pub network_script: Sourced<NetworkScript>,
    pub network_bridge: Option<Sourced<Bridge>>,
    pub xen_version: Option<Sourced<XenVersion>>,
    pub host_memory_mib: Option<Sourced<MemoryMib>>,
    pub host_cpus: Option<Sourced<CpuCount>>,
    pub allow_diagnostics: Vec<AllowedDiagnostic>,
    pub deny_diagnostics: Vec<DeniedDiagnostic>,
}

impl Resolved {
    /// The VM of a domain.
    pub fn vm(&self, domain: &str) -> Option<&ResolvedVm> {
        self.vms.iter().find(|vm| vm.domain.as_str() == domain)
    }

    /// The severities that the definition chooses.
    pub fn levels(&self) -> Levels {
        Levels {
            allowed: self.host.allow_diagnostics.iter().map(|id| id.0).collect(),
            denied: self.host.deny_diagnostics.iter().map(|id| id.0).collect(),
            strict: false,
        }
    }
}

impl ResolvedHost {
    /// The version of Xen, as far as it is known: the oldest that is catered for otherwise.
    pub fn xen_version(&self) -> XenVersion {
        self.xen_version
            .as_ref()
            .map_or(XenVersion::OLDEST, |version| version.value)
    }
}

/// A VM.
#[derive(Debug, Clone, Serialize)]
pub struct ResolvedVm {
    /// Its position in the definition.
    pub number: u32,
    /// Organisation that owns it.
    pub org: NamePart,
    /// Its name.
    pub name: NamePart,
    /// Its name on the host.
    pub domain: DomainName,
    #[serde(skip)]
    pub(super) written: Vec<&'static str>,
    /// What it is for.
    pub description: Option<Sourced<Description>>,
    /// Its identity.
    pub uuid: Sourced<Uuid>,
    /// How Xen runs it.
    pub guest_type: Sourced<GuestType>,
    /// Its memory.
    pub memory_mib: Sourced<MemoryMib>,
    /// What it may balloon to.
    pub maxmem_mib: Option<Sourced<MemoryMib>>,
    /// Number of virtual CPUs.
    pub vcpus: Sourced<VcpuCount>,
    /// CPUs it may run on.
    pub cpus: Sourced<CpuList>,
    /// What PV and PVH VMs boot; none for HVM.
    pub direct_boot: Option<DirectBoot>,
    /// The storage backend as written.
    pub storage_type: Sourced<StorageType>,
    /// Its root volume.
    pub root: RootVolume,
    /// Whether the root is among `disks`.
    pub manual_root_disk: Sourced<bool>,
    /// The filesystem of an iSCSI root.
    pub filesystem: Sourced<Filesystem>,
    /// Disks as written; an iSCSI root is not among them.
    pub disks: Vec<Sourced<DiskSpec>>,
    /// Network interfaces.
    pub interfaces: Vec<ResolvedInterface>,
    /// Address of the VM, if one is written.
    pub connection_ip: Option<Sourced<HostAddress>>,
    /// The network as the guest sees it.
    pub network: GuestNetwork,
    /// What serves its display.
    pub spice: Spice,
    /// Further options for xl.cfg.
    pub xl_options: Vec<XlOption>,
    /// Type of the operating system.
    pub os_type: Sourced<OsType>,
    /// Its version.
    pub os_version: Sourced<OsVersion>,
    /// Started when the host starts.
    pub auto_boot: Sourced<bool>,
    /// Started once installed.
    pub boot_after_creation: Sourced<bool>,
    /// Installed if it has no OS.
    pub auto_install: Sourced<bool>,
    /// Installed anew.
    pub reinstall: Sourced<Reinstall>,
    /// Whether and how it is installed.
    pub installation: Installation,
    /// Where debootstrap gets its packages from.
    pub debootstrap: DebootstrapSettings,
    /// VMs to be started before.
    pub after: Vec<Sourced<DomainName>>,
}

/// The kernel that Xen loads into a PV or PVH VM. Only a VM with a boot loader of its own
/// (`bootloader` among its options) may lack any of it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DirectBoot {
    /// The kernel.
    pub kernel: Option<Sourced<HostPath>>,
    /// The initrd.
    pub initrd: Option<Sourced<Initrd>>,
    /// The command line.
    pub cmdline: Option<Sourced<KernelCmdline>>,
}

impl DirectBoot {
    /// What is left to load if a boot loader finds kernel and initrd in the guest: what is
    /// written all the same.
    pub(super) fn found_by_loader(self) -> Self {
        Self {
            kernel: self
                .kernel
                .filter(|kernel| kernel.origin != Origin::BuiltIn),
            initrd: self
                .initrd
                .filter(|initrd| initrd.origin != Origin::BuiltIn),
            cmdline: self.cmdline,
        }
    }
}

/// A further option for xl.cfg.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct XlOption {
    /// The key.
    pub key: XlKey,
    /// The value.
    pub value: Sourced<XlValue>,
}

/// A network interface as the host sees it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ResolvedInterface {
    /// Its number among the VM's interfaces.
    pub devid: u32,
    /// MAC address.
    pub mac: Sourced<MacAddr>,
    /// Addresses, IPv4 first.
    pub addresses: Vec<Sourced<HostAddress>>,
    /// MTU.
    pub mtu: Option<Sourced<Mtu>>,
    /// Bridge.
    pub bridge: Option<Sourced<Bridge>>,
    /// Name of the vif on dom0.
    pub vifname: Option<Sourced<VifName>>,
    /// What that name was made from, where none is written.
    pub vifname_prefix: Option<Sourced<VifNamePrefix>>,
    /// Script.
    pub script: Option<Sourced<NetworkScript>>,
    /// Limit of the rate.
    pub rate: Option<Sourced<Rate>>,
    /// Further parameters.
    pub xen_str: Option<Sourced<VifParameters>>,
}

/// The network as a guest is set up for it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct GuestNetwork {
    /// Interfaces, by number.
    pub interfaces: Vec<GuestInterface>,
    /// The interface that an NFS root is reached through.
    pub boot_interface: Option<usize>,
    /// Default gateway for IPv4.
    pub gateway4: Option<Sourced<Ipv4Addr>>,
    /// Default gateway for IPv6.
    pub gateway6: Option<Sourced<Ipv6Addr>>,
    /// Name servers.
    pub nameservers: Sourced<Nameservers>,
}

impl GuestNetwork {
    /// The static address through which an NFS server is reached: of the interface that
    /// carries the root, the first of the server's family (of any, if the server is given by
    /// name). None if that interface asks DHCP for it.
    pub fn boot_address(&self, server: Option<IpAddr>) -> Option<HostAddress> {
        let interface = self.interfaces.get(self.boot_interface?)?;
        let fits = |address: &&HostAddress| {
            server.is_none_or(|server| server.is_ipv4() == address.addr.is_ipv4())
        };
        interface.addresses.iter().find(fits).copied()
    }

    /// The default gateway for the family of an address.
    pub fn gateway_for(&self, address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(_) => self.gateway4.as_ref().map(|gateway| gateway.value.into()),
            IpAddr::V6(_) => self.gateway6.as_ref().map(|gateway| gateway.value.into()),
        }
    }
}

/// An interface as a guest sees it. It asks DHCP if it has no address.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct GuestInterface {
    /// Its name (`eth0`).
    pub name: String,
    /// Its MAC address.
    pub mac: MacAddr,
    /// Static addresses; the first of a family is the main one.
    pub addresses: Vec<HostAddress>,
    /// MTU.
    pub mtu: Option<Mtu>,
}

/// Whether SPICE serves the display of a VM. Each knows where the answer comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Spice {
    /// It does not.
    Off(Origin),
    /// It is asked for, but PV and PVH VMs have no display.
    NoDisplay(Origin),
    /// It does.
    Serves(Origin, Box<ResolvedSpice>),
}

/// What is served; null if nothing is.
impl Serialize for Spice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.served().serialize(serializer)
    }
}

impl Spice {
    /// Whether it is asked for.
    pub const fn enabled(&self) -> Sourced<bool> {
        let (value, origin) = match self {
            Self::Off(origin) => (false, *origin),
            Self::NoDisplay(origin) | Self::Serves(origin, _) => (true, *origin),
        };
        Sourced { value, origin }
    }

    /// How it serves the display, if it does.
    pub fn served(&self) -> Option<&ResolvedSpice> {
        match self {
            Self::Serves(_, settings) => Some(settings),
            Self::Off(_) | Self::NoDisplay(_) => None,
        }
    }
}

/// How SPICE serves the display of an HVM VM.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is the variable of its name; spec/vm.rs tells what it is"
)]
#[non_exhaustive]
pub struct ResolvedSpice {
    pub host: Sourced<IpAddr>,
    pub port: Sourced<SpicePort>,
    pub password: Option<Sourced<SpicePassword>>,
    pub mouse: Sourced<bool>,
    pub share_clipboard: Sourced<bool>,
    pub spicevdagent: Sourced<bool>,
    pub max_usb_redirections: Sourced<UsbRedirections>,
}

impl ResolvedVm {
    /// Whether a key is written on the VM, readable or not.
    pub fn writes(&self, key: &str) -> bool {
        self.written.contains(&key)
    }

    /// Whether files of the guest are written: there is a method to install it.
    pub const fn has_guest_files(&self) -> bool {
        matches!(self.installation, Installation::By(_))
    }

    /// Whether an OS is installed when there is none.
    pub fn is_installed(&self) -> bool {
        *self.auto_install && self.has_guest_files()
    }
}
