//! The catalogue of diagnostics: every id that a report can hold.

use serde::{Serialize, Serializer};
use std::fmt;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is rendered.
    Error,
    /// Rendered, but probably not what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $variant:ident = $id:literal, $severity:ident;)+) => {
        /// The kind of problem that a [`Diagnostic`](super::Diagnostic) reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DiagnosticId {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DiagnosticId {
            /// All ids, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name, as shown in reports (`duplicate-mac`).
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }

            /// The default severity.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }

            /// The problem, in one sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }.trim()
            }

            /// The explanation in Markdown: why it matters, an example that has the problem under
            /// `### Wrong`, and a corrected one under `### Right`.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("catalogue/", $id, ".md"))),+ }
            }
        }
    };
}

catalogue! {
    // ---- reading ----
    /// Not valid TOML, YAML, JSON or xl.cfg.
    Syntax = "syntax", Error;
    /// The file is not valid UTF-8.
    NotUtf8 = "not-utf8", Error;
    /// A key occurs twice in a table.
    DuplicateKey = "duplicate-key", Error;
    /// The input is too large or too deeply nested.
    TooLarge = "too-large", Error;
    /// A key of an existing xl.cfg that xl does not read.
    IgnoredXlKey = "ignored-xl-key", Warning;
    /// A value of an existing xl.cfg that xl ignores.
    IgnoredXlValue = "ignored-xl-value", Warning;
    /// A name of a domain that a definition cannot have.
    RenamedDomain = "renamed-domain", Warning;
    /// Unknown key.
    UnknownKey = "unknown-key", Error;
    /// A key in role variables that is not xen-vman's.
    ForeignKey = "foreign-key", Warning;
    /// A misspelt key that the original role accepted.
    MisspeltKey = "misspelt-key", Warning;
    /// No key of a definition in any of the files.
    NoDefinition = "no-definition", Error;
    /// A required key is missing.
    MissingKey = "missing-key", Error;
    /// A value of the wrong type.
    WrongType = "wrong-type", Error;
    /// The file format reads a value differently from what it looks like.
    MisreadValue = "misread-value", Error;
    /// An empty string where a value is expected; the key is treated as unset.
    EmptyValue = "empty-value", Warning;
    /// A string where a boolean is expected.
    BooleanAsText = "boolean-as-text", Warning;
    /// A number outside the allowed range.
    OutOfRange = "out-of-range", Error;
    /// A template expression cannot be parsed or evaluated.
    BadExpression = "bad-expression", Error;
    /// A template expression where templates are not evaluated.
    ExpressionNotEvaluated = "expression-not-evaluated", Error;
    /// A setting is overridden by a later file.
    SettingOverridden = "setting-overridden", Warning;
    // ---- single values ----
    /// A string with characters that are not allowed there.
    BadText = "bad-text", Error;
    /// Not one of the allowed words.
    UnknownWord = "unknown-word", Error;
    /// Not a valid name for an organisation or a VM.
    BadName = "bad-name", Error;
    /// The host name derived from the VM's names is not valid.
    BadHostname = "bad-hostname", Error;
    /// Not a valid absolute path.
    BadPath = "bad-path", Error;
    /// Not a valid IP address.
    BadAddress = "bad-address", Error;
    /// A network or broadcast address where a host address is expected.
    NetworkAddress = "network-address", Error;
    /// An address on a bridge without a prefix length.
    AddressWithoutPrefix = "address-without-prefix", Warning;
    /// Not a valid unicast MAC address.
    BadMac = "bad-mac", Error;
    /// Not a valid UUID.
    BadUuid = "bad-uuid", Error;
    /// Not a valid name for a network interface.
    BadInterfaceName = "bad-interface-name", Error;
    /// The vif name of an HVM VM is too long: its tap device adds `-emu`.
    HvmVifnameTooLong = "hvm-vifname-too-long", Error;
    /// Not a valid bridge name.
    BadBridge = "bad-bridge", Error;
    /// Not a rate limit that xl accepts.
    BadRate = "bad-rate", Error;
    /// Not a CPU list that xl accepts.
    BadCpuList = "bad-cpu-list", Error;
    /// Not a disk specification that xl accepts.
    BadDisk = "bad-disk", Error;
    /// Not vif parameters that xl accepts.
    BadVifParameters = "bad-vif-parameters", Error;
    /// Not an NFS export of the form `server:/path`.
    BadNfsExport = "bad-nfs-export", Error;
    /// Not an iSCSI portal of the form `host` or `host:port`.
    BadPortal = "bad-portal", Error;
    /// Not a valid iSCSI qualified name.
    BadIqn = "bad-iqn", Error;
    /// A name that LVM does not accept.
    BadLvmName = "bad-lvm-name", Error;
    /// A name that ZFS does not accept.
    BadZfsName = "bad-zfs-name", Error;
    /// A name that no volume or image of ours can have.
    BadVolumeName = "bad-volume-name", Error;
    /// The iSCSI name derived from `iscsi_base_wwn` and the VM's names is not valid.
    BadIscsiTarget = "bad-iscsi-target", Error;
    /// Not an OpenSSH public key.
    BadPublicKey = "bad-public-key", Error;
    /// debootstrap does not know the suite.
    UnknownSuite = "unknown-suite", Warning;
    // ---- options for xl.cfg ----
    /// Not a key or value that xl.cfg can hold.
    BadXlOption = "bad-xl-option", Error;
    /// xl does not know the key and would silently ignore it.
    UnknownXlKey = "unknown-xl-key", Error;
    /// xl expects a value of another type for the key.
    WrongXlShape = "wrong-xl-shape", Error;
    /// xl does not accept the word for the key.
    RefusedXlWord = "refused-xl-word", Error;
    /// xl does not read the key for this type of VM.
    UnusedXlKey = "unused-xl-key", Warning;
    /// A feature needs a newer Xen than the host has.
    NewerXen = "newer-xen", Error;
    /// A value is already quoted for xl.cfg, as the original role required.
    QuotedXlValue = "quoted-xl-value", Warning;
    /// An additional option sets a key that has its own variable.
    OptionShadowsKey = "option-shadows-key", Error;
    /// A key of xl.cfg is assigned twice; the last assignment counts.
    RepeatedXlKey = "repeated-xl-key", Warning;
    /// A part of libvirt's XML has no counterpart in xl.cfg.
    NotImported = "not-imported", Warning;
    /// A deprecated key of xl.cfg.
    DeprecatedXlKey = "deprecated-xl-key", Warning;
    /// A PV or PVH domain without a kernel or boot loader.
    MissingKernel = "missing-kernel", Error;
    /// Options that xl does not accept together.
    ContradictingXlOptions = "contradicting-xl-options", Error;
    /// A boot loader reads the guest's disk with the rights of root.
    UnrestrictedBootloader = "unrestricted-bootloader", Warning;
    /// xl accepts the string, but does not read it as intended.
    MisreadXlText = "misread-xl-text", Warning;
    // ---- consistency of a VM ----
    /// `builder` contradicts `type`.
    BuilderContradictsType = "builder-contradicts-type", Error;
    /// `maxmem` is less than `memory`.
    MaxmemBelowMemory = "maxmem-below-memory", Error;
    /// `maxvcpus` is less than `vcpus`.
    MaxvcpusBelowVcpus = "maxvcpus-below-vcpus", Error;
    /// QEMU's USB devices conflict with USB redirection over SPICE.
    UsbBesideRedirection = "usb-beside-redirection", Error;
    /// A vif parameter is set twice.
    VifKeyWrittenTwice = "vif-key-written-twice", Error;
    /// Two disks of a VM have the same virtual device.
    DuplicateVdev = "duplicate-vdev", Error;
    /// Two data disks of a VM with one name, or at one place in the guest.
    DuplicateVolume = "duplicate-volume", Error;
    /// An NFS root without `nfsroot_base`.
    MissingNfsrootBase = "missing-nfsroot-base", Error;
    /// An iSCSI root without `iscsi_server`.
    MissingIscsiServer = "missing-iscsi-server", Error;
    /// An iSCSI root without `iscsi_base_wwn`.
    MissingIscsiBaseWwn = "missing-iscsi-base-wwn", Error;
    /// An LVM root without `lvm_vg`.
    MissingLvmVg = "missing-lvm-vg", Error;
    /// A root in a file without `file_dir`.
    MissingFileDir = "missing-file-dir", Error;
    /// A ZFS root without `zfs_dataset`.
    MissingZfsDataset = "missing-zfs-dataset", Error;
    /// A root that is to be made without `size`.
    MissingSize = "missing-size", Error;
    /// A storage type that xen-vman does not manage, without a kernel command line.
    MissingCmdline = "missing-cmdline", Error;
    /// A VM without a disk to boot from.
    MissingRootDisk = "missing-root-disk", Warning;
    /// A vif without a bridge.
    MissingBridge = "missing-bridge", Warning;
    /// A SPICE display without a password.
    MissingSpicePassword = "missing-spice-password", Error;
    /// A SPICE password that is easy to guess.
    WeakSpicePassword = "weak-spice-password", Warning;
    /// A SPICE display that listens on all addresses.
    SpiceListensEverywhere = "spice-listens-everywhere", Warning;
    /// A VNC display that a network can reach without a password.
    OpenVnc = "open-vnc", Warning;
    /// A VM with an NFS root, but without a network interface.
    NfsRootWithoutInterface = "nfs-root-without-interface", Warning;
    /// The guest cannot reach the NFS server of its root.
    NfsServerUnreachable = "nfs-server-unreachable", Warning;
    /// The gateway is in none of the VM's networks.
    GatewayUnreachable = "gateway-unreachable", Warning;
    /// The root of the VM is never installed.
    NeverInstalled = "never-installed", Warning;
    /// The key has no effect for this VM.
    UnusedKey = "unused-key", Warning;
    /// The kernel command line is too long.
    CmdlineTooLong = "cmdline-too-long", Error;
    // ---- consistency of a host, and across hosts ----
    /// Two VMs have the same name.
    DuplicateVm = "duplicate-vm", Error;
    /// Two VMs with different names have the same domain name, such as `a-b` of `c` and `b` of `c-a`.
    AmbiguousName = "ambiguous-name", Error;
    /// Duplicate MAC address.
    DuplicateMac = "duplicate-mac", Error;
    /// The MAC address of another VM, on another network or of a VM that does not start by itself.
    RepeatedMac = "repeated-mac", Warning;
    /// Duplicate UUID.
    DuplicateUuid = "duplicate-uuid", Error;
    /// Duplicate vif name on dom0.
    DuplicateVifname = "duplicate-vifname", Error;
    /// Duplicate IP address.
    DuplicateAddress = "duplicate-address", Error;
    /// The IP address of another VM, on another network or of a VM that does not start by itself.
    RepeatedAddress = "repeated-address", Warning;
    /// Two VMs boot from the same root file system.
    SharedRoot = "shared-root", Error;
    /// Two VMs can write to the same disk.
    SharedDisk = "shared-disk", Warning;
    /// Two VMs have the same PCI device.
    SharedPciDevice = "shared-pci-device", Warning;
    /// Two VMs serve SPICE on the same port.
    SpicePortClash = "spice-port-clash", Warning;
    /// Two VNC displays on the same port of a host.
    VncPortClash = "vnc-port-clash", Warning;
    /// Two VMs have the same SPICE password.
    ReusedSpicePassword = "reused-spice-password", Warning;
    /// `after` names a VM that is not defined.
    UnknownVm = "unknown-vm", Error;
    /// A cycle in the start order of VMs.
    StartOrderCycle = "start-order-cycle", Error;
    /// The VMs need more memory than the host has.
    MemoryExceedsHost = "memory-exceeds-host", Warning;
    /// A VM has more virtual CPUs than the host has CPUs.
    VcpusExceedHost = "vcpus-exceed-host", Warning;
    /// A VM is pinned to CPUs that the host does not have.
    CpusBeyondHost = "cpus-beyond-host", Error;
    /// Two network scripts have the same file name.
    ScriptsOfOneName = "scripts-of-one-name", Error;
    /// A network script does not exist.
    MissingNetworkScript = "missing-network-script", Error;
}

impl DiagnosticId {
    /// The id with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.as_str() == name)
    }
}

impl fmt::Display for DiagnosticId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DiagnosticId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
