//! A complete definition.

use super::guest_network::GuestNetwork;
use super::xl_settings::XlSettings;
use crate::diag::Levels;
use crate::install::{DebootstrapSettings, Installation};
use crate::origin::{Origin, Sourced};
use crate::spec::{AllowedDiagnostic, DeniedDiagnostic, Extra, ScriptSource};
use crate::storage::{DataVolume, RootVolume, StorageSettings, StorageType, Volume};
use crate::values::{
    Bridge, CpuCount, CpuList, Days, Description, DiskSpec, DisplayHost, DisplayPassword,
    DomainAction, DomainName, DracutModule, Filesystem, GUEST_INITRD, GUEST_KERNEL,
    GenerationCount, GuestType, GuestUser, Header, HostAddress, HostPath, Hostname, Initrd,
    KernelCmdline, MacAddr, MemoryMib, Mtu, NamePart, NetworkScript, OsType, OsVersion,
    PackageName, ProgramPath, PublicKeys, Rate, Reinstall, Risk, Seconds, ShellCommand, ShellWords,
    SpicePort, UsbRedirections, VcpuCount, VifName, VifNamePrefix, VifParameters, VifType,
    VolumeName, VolumeSizeMib, Word, XenVersion, XlKey, XlValue,
};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// A host and its VMs, with complete values.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Resolved {
    /// The host.
    pub host: ResolvedHost,
    /// Its VMs, in the order written.
    pub vms: Vec<ResolvedVm>,
    /// Whether the VMs are existing xl.cfg files.
    pub existing: bool,
}

/// The settings of a host. An `Option` is a setting that may be unset.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is the variable of the same name, which spec/host.rs describes"
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
    pub generations_kept: Sourced<GenerationCount>,
    pub generations_kept_days: Sourced<Days>,
    pub public_keys: Sourced<PublicKeys>,
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

    /// Whether any VM boots the kernel of the host, or an initrd that the host's hook builds.
    pub fn boots_host_kernel(&self) -> bool {
        let mut boots = self.vms.iter().filter_map(|vm| vm.direct_boot.as_ref());
        boots.any(DirectBoot::is_of_host)
    }

    /// The severities that the definition sets.
    pub fn levels(&self) -> Levels {
        Levels {
            allowed: self.host.allow_diagnostics.iter().map(|id| id.0).collect(),
            denied: self.host.deny_diagnostics.iter().map(|id| id.0).collect(),
            strict: false,
        }
    }
}

impl ResolvedHost {
    /// The version of Xen, or the oldest supported one if it is unknown.
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
    /// The organisation that owns it.
    pub org: NamePart,
    /// Its name.
    pub name: NamePart,
    /// Its domain name.
    pub domain: DomainName,
    #[serde(skip)]
    pub(super) written: Vec<&'static str>,
    #[serde(skip)]
    pub(super) misread: Vec<&'static str>,
    #[serde(skip)]
    pub(super) written_in_volumes: Vec<Vec<&'static str>>,
    /// Its description.
    pub description: Option<Sourced<Description>>,
    /// Its UUID.
    pub uuid: Sourced<Uuid>,
    /// How Xen runs it.
    pub guest_type: Sourced<GuestType>,
    /// Its memory.
    pub memory_mib: Sourced<MemoryMib>,
    /// The most memory that it may balloon to.
    pub maxmem_mib: Option<Sourced<MemoryMib>>,
    /// Number of virtual CPUs.
    pub vcpus: Sourced<VcpuCount>,
    /// CPUs it may run on.
    pub cpus: Sourced<CpuList>,
    /// What Xen does with it when it ends.
    pub actions: DomainActions,
    /// Further settings of xl.cfg.
    pub xl_settings: XlSettings,
    /// The kernel that PV and PVH VMs boot; `None` for HVM.
    pub direct_boot: Option<DirectBoot>,
    /// The storage backend as written.
    pub storage_type: Sourced<StorageType>,
    /// Its root volume.
    pub root: RootVolume,
    /// Whether the root is among `disks`.
    pub manual_root_disk: Sourced<bool>,
    /// The file system of an iSCSI root.
    pub filesystem: Sourced<Filesystem>,
    /// The size of the root, if its backend makes it.
    pub size_mib: Option<Sourced<VolumeSizeMib>>,
    /// The name of the root, if it has another than that of the VM.
    pub root_volume: Option<Sourced<VolumeName>>,
    /// Before what a snapshot of a volume is taken.
    pub snapshot_before: Sourced<Vec<Risk>>,
    /// Its disks as written, without a managed root.
    pub disks: Vec<Sourced<DiskSpec>>,
    /// Its data disks.
    pub volumes: Vec<DataVolume>,
    /// Network interfaces.
    pub interfaces: Vec<ResolvedInterface>,
    /// The address of the VM, if set.
    pub connection_ip: Option<Sourced<HostAddress>>,
    /// The guest's host name.
    pub hostname: Sourced<Hostname>,
    /// The network as the guest sees it.
    pub network: GuestNetwork,
    /// Its SPICE display.
    pub spice: Spice,
    /// Additional options for xl.cfg.
    pub xl_options: Vec<XlOption>,
    /// Type of the operating system.
    pub os_type: Sourced<OsType>,
    /// Its version.
    pub os_version: Sourced<OsVersion>,
    /// Whether it starts when the host boots.
    pub auto_boot: Sourced<bool>,
    /// Whether it is started after its installation.
    pub boot_after_creation: Sourced<bool>,
    /// Whether it is installed if it has no operating system.
    pub auto_install: Sourced<bool>,
    /// Whether it is reinstalled.
    pub reinstall: Sourced<Reinstall>,
    /// How it is installed, or why it is not.
    pub installation: Installation,
    /// The archive that debootstrap installs from.
    pub debootstrap: DebootstrapSettings,
    /// VMs that start before it.
    pub after: Vec<Sourced<DomainName>>,
    /// Data of the administrator's own. It is not serialized, as it may be secret.
    #[serde(skip)]
    pub extra: Option<Sourced<Extra>>,
}

/// What Xen does with a domain that ends; `None` is xl's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DomainActions {
    /// When it powers off.
    pub on_poweroff: Option<Sourced<DomainAction>>,
    /// When it reboots.
    pub on_reboot: Option<Sourced<DomainAction>>,
    /// When it crashes.
    pub on_crash: Option<Sourced<DomainAction>>,
}

impl DomainActions {
    /// All of them, with their keys.
    pub(crate) fn all(&self) -> [(&'static str, Option<&Sourced<DomainAction>>); 3] {
        [
            ("on_poweroff", self.on_poweroff.as_ref()),
            ("on_reboot", self.on_reboot.as_ref()),
            ("on_crash", self.on_crash.as_ref()),
        ]
    }
}

/// The kernel that Xen loads into a PV or PVH VM. A part may only be missing if the VM has a boot
/// loader (the option `bootloader`).
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
    /// Whether the kernel or the initrd is one of those that the host keeps for guests.
    fn is_of_host(&self) -> bool {
        let kernel = self.kernel.as_ref().map(|kernel| kernel.as_str());
        let initrd = match self.initrd.as_deref() {
            Some(Initrd::Path(path)) => path.as_str(),
            Some(Initrd::None) | None => "",
        };
        // The initrd of a certain kernel has its version at the end.
        kernel == Some(GUEST_KERNEL) || initrd.starts_with(GUEST_INITRD)
    }
}

impl ResolvedVm {
    /// The additional options for xl.cfg with this key.
    pub fn xl_options_of<'v>(&'v self, key: &'v str) -> impl Iterator<Item = &'v XlOption> {
        let options = self.xl_options.iter();
        options.filter(move |option| option.key.as_str() == key)
    }

    /// All its volumes that xen-vman manages: its root, and its data disks.
    pub fn managed_volumes(&self) -> impl Iterator<Item = &Volume> {
        let data = self.volumes.iter().map(|data| &data.volume);
        self.root.managed().into_iter().chain(data)
    }

    /// The lines of the guest's fstab(5) for its data disks, without the ends of the lines.
    pub fn fstab_lines(&self) -> Vec<String> {
        let data = self.volumes.iter();
        data.filter_map(DataVolume::fstab_line).collect()
    }

    /// Whether the boot loader runs without the rights of root.
    pub fn restricts_loader(&self) -> bool {
        let option = self.xl_options_of("bootloader_restrict").next();
        option.is_some_and(|option| *option.value != XlValue::Integer(0))
    }
}

impl DirectBoot {
    /// Only the values that are written, for a boot loader that finds kernel and initrd in the guest.
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

/// An additional option for xl.cfg.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct XlOption {
    /// The key.
    pub key: XlKey,
    /// The value.
    pub value: Sourced<XlValue>,
}

/// A network interface, as seen by the host.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ResolvedInterface {
    /// Its number among the VM's interfaces.
    pub devid: u32,
    /// MAC address.
    pub mac: Sourced<MacAddr>,
    /// Addresses, IPv4 first.
    pub addresses: Vec<Sourced<HostAddress>>,
    /// Whether the guest asks for an IPv4 address by DHCP.
    pub dhcp: Sourced<bool>,
    /// MTU.
    pub mtu: Option<Sourced<Mtu>>,
    /// Bridge.
    pub bridge: Option<Sourced<Bridge>>,
    /// Name of the vif on dom0.
    pub vifname: Option<Sourced<VifName>>,
    /// The prefix from which that name was derived, if it was not set.
    pub vifname_prefix: Option<Sourced<VifNamePrefix>>,
    /// Script.
    pub script: Option<Sourced<NetworkScript>>,
    /// Rate limit.
    pub rate: Option<Sourced<Rate>>,
    /// Whether HVM VMs have an emulated device for it, too.
    pub vif_type: Option<Sourced<VifType>>,
    /// That device.
    pub model: Option<Sourced<Word>>,
    /// Additional parameters.
    pub xen_str: Option<Sourced<VifParameters>>,
    /// Data of the administrator's own. It is not serialized, as it may be secret.
    #[serde(skip)]
    pub extra: Option<Sourced<Extra>>,
}

/// Whether a VM's display is served over SPICE, with the origin of that setting.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Spice {
    /// It is not.
    Off(Origin),
    /// It is requested, but PV and PVH VMs have no display.
    NoDisplay(Origin),
    /// It is.
    Serves(Origin, Box<ResolvedSpice>),
}

/// Serializes the display; null if there is none.
impl Serialize for Spice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.served().serialize(serializer)
    }
}

impl Spice {
    /// Whether it is requested.
    pub const fn enabled(&self) -> Sourced<bool> {
        let (value, origin) = match self {
            Self::Off(origin) => (false, *origin),
            Self::NoDisplay(origin) | Self::Serves(origin, _) => (true, *origin),
        };
        Sourced { value, origin }
    }

    /// The display, if it is served.
    pub fn served(&self) -> Option<&ResolvedSpice> {
        match self {
            Self::Serves(_, settings) => Some(settings),
            Self::Off(_) | Self::NoDisplay(_) => None,
        }
    }
}

/// The SPICE display of an HVM VM.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is the variable of the same name, which spec/vm.rs describes"
)]
#[non_exhaustive]
pub struct ResolvedSpice {
    pub host: Sourced<DisplayHost>,
    pub port: Sourced<SpicePort>,
    pub password: Option<Sourced<DisplayPassword>>,
    pub mouse: Sourced<bool>,
    pub share_clipboard: Sourced<bool>,
    pub spicevdagent: Sourced<bool>,
    pub max_usb_redirections: Sourced<UsbRedirections>,
}

impl ResolvedVm {
    /// Whether a key is written on the VM, valid or not.
    pub fn writes(&self, key: &str) -> bool {
        self.written.contains(&key)
    }

    /// Whether a key is written in the data disk with this number.
    pub fn writes_in_volume(&self, number: u32, key: &str) -> bool {
        let written = self.written_in_volumes.get(number as usize);
        written.is_some_and(|keys| keys.contains(&key))
    }

    /// Whether a key is written, but its value is not valid, or whether it is missing.
    pub fn misreads(&self, key: &str) -> bool {
        self.misread.contains(&key)
    }

    /// Whether it gets guest files, because xen-vman can install it.
    pub const fn has_guest_files(&self) -> bool {
        matches!(self.installation, Installation::By(_))
    }

    /// Whether it is installed if it has no operating system.
    pub fn is_installed(&self) -> bool {
        *self.auto_install && self.has_guest_files()
    }
}
