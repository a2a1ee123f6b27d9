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
        /// What kind of problem a [`Diagnostic`](super::Diagnostic) reports.
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

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }

            /// What is wrong, in one line.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }.trim()
            }

            /// Why it matters, an example that has the problem and one that does not: Markdown,
            /// with one fenced definition under `### Wrong` and one under `### Right`.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("catalogue/", $id, ".md"))),+ }
            }
        }
    };
}

catalogue! {
    // ---- reading ----
    /// The file is no valid TOML, YAML, JSON or xl.cfg.
    Syntax = "syntax", Error;
    /// The file is not UTF-8.
    NotUtf8 = "not-utf8", Error;
    /// A table holds the same key twice.
    DuplicateKey = "duplicate-key", Error;
    /// The input is larger or more deeply nested than a definition can sensibly be.
    TooLarge = "too-large", Error;
    /// A key that the schema does not know.
    UnknownKey = "unknown-key", Error;
    /// A key whose misspelling the original role made customary.
    MisspeltKey = "misspelt-key", Warning;
    /// A key that must be written is missing.
    MissingKey = "missing-key", Error;
    /// A value of another kind than the key takes.
    WrongType = "wrong-type", Error;
    /// A value that the file format reads as something else than it looks like.
    MisreadValue = "misread-value", Error;
    /// An empty text where a value is expected; it counts as not written.
    EmptyValue = "empty-value", Warning;
    /// A text that can only mean yes or no, where a boolean is expected.
    BooleanAsText = "boolean-as-text", Warning;
    /// A number outside the range that makes sense.
    OutOfRange = "out-of-range", Error;
    /// A template expression that cannot be parsed or evaluated.
    BadExpression = "bad-expression", Error;
    /// A template expression where none is evaluated.
    ExpressionNotEvaluated = "expression-not-evaluated", Error;
    /// The same setting is written in two of the files given; the later one counts.
    SettingOverridden = "setting-overridden", Warning;
    // ---- single values ----
    /// A text with characters that its place cannot hold.
    BadText = "bad-text", Error;
    /// A word outside the list of valid ones.
    UnknownWord = "unknown-word", Error;
    /// Organisation and VM names end up in file, unit and host names, so their characters are limited.
    BadName = "bad-name", Error;
    /// The host name made of a VM's names is none.
    BadHostname = "bad-hostname", Error;
    /// No absolute path of a form that scripts and units can carry.
    BadPath = "bad-path", Error;
    /// Neither an IP address nor one with a prefix length.
    BadAddress = "bad-address", Error;
    /// The address of a network, or its broadcast address, where a host's is expected.
    NetworkAddress = "network-address", Error;
    /// An address without the length of its network's prefix, on a bridge.
    AddressWithoutPrefix = "address-without-prefix", Warning;
    /// No unicast MAC address.
    BadMac = "bad-mac", Error;
    /// No UUID.
    BadUuid = "bad-uuid", Error;
    /// No name that the kernel takes for a network interface.
    BadInterfaceName = "bad-interface-name", Error;
    /// The name of an HVM VM's vif leaves no room for the `-emu` of its tap device.
    HvmVifnameTooLong = "hvm-vifname-too-long", Error;
    /// No name of a bridge.
    BadBridge = "bad-bridge", Error;
    /// No rate limit as xl reads it.
    BadRate = "bad-rate", Error;
    /// No list of CPUs as xl reads it.
    BadCpuList = "bad-cpu-list", Error;
    /// No disk specification as xl reads it.
    BadDisk = "bad-disk", Error;
    /// No vif parameters as xl reads them.
    BadVifParameters = "bad-vif-parameters", Error;
    /// No NFS export of the form `server:/path`.
    BadNfsExport = "bad-nfs-export", Error;
    /// No iSCSI portal of the form `host` or `host:port`.
    BadPortal = "bad-portal", Error;
    /// No iSCSI qualified name.
    BadIqn = "bad-iqn", Error;
    /// The iSCSI name made of `iscsi_base_wwn` and a VM's names is none.
    BadIscsiTarget = "bad-iscsi-target", Error;
    /// No public key of OpenSSH's form.
    BadPublicKey = "bad-public-key", Error;
    /// A suite that debootstrap does not know.
    UnknownSuite = "unknown-suite", Warning;
    // ---- options for xl.cfg ----
    /// No key or value that xl.cfg can hold.
    BadXlOption = "bad-xl-option", Error;
    /// A key of xl.cfg that xl does not know, and so would pass over without a word.
    UnknownXlKey = "unknown-xl-key", Error;
    /// A value of another shape than xl reads for the key.
    WrongXlShape = "wrong-xl-shape", Error;
    /// A word that xl does not take for the key.
    RefusedXlWord = "refused-xl-word", Error;
    /// A key of xl.cfg that xl does not read for this type of VM.
    UnusedXlKey = "unused-xl-key", Warning;
    /// What is asked for needs a newer Xen than the host has.
    NewerXen = "newer-xen", Error;
    /// A value that is already quoted for xl.cfg, as the original role needed it.
    QuotedXlValue = "quoted-xl-value", Warning;
    /// An additional option sets a key that has its own variable.
    OptionShadowsKey = "option-shadows-key", Error;
    /// A key of xl.cfg that is assigned twice; the later one counts.
    RepeatedXlKey = "repeated-xl-key", Warning;
    /// A key of xl.cfg that has been replaced by another.
    DeprecatedXlKey = "deprecated-xl-key", Warning;
    /// A PV or PVH domain with neither kernel nor boot loader.
    MissingKernel = "missing-kernel", Error;
    /// A text that xl takes, but reads as nobody means it.
    MisreadXlText = "misread-xl-text", Warning;
    // ---- what belongs together in a VM ----
    /// `builder` and `type` say different things.
    BuilderContradictsType = "builder-contradicts-type", Error;
    /// `maxmem` is less than `memory`.
    MaxmemBelowMemory = "maxmem-below-memory", Error;
    /// `maxvcpus` is less than `vcpus`.
    MaxvcpusBelowVcpus = "maxvcpus-below-vcpus", Error;
    /// USB devices of QEMU beside USB redirection over SPICE.
    UsbBesideRedirection = "usb-beside-redirection", Error;
    /// A parameter of a vif is written twice.
    VifKeyWrittenTwice = "vif-key-written-twice", Error;
    /// Two disks of a VM have the same virtual device.
    DuplicateVdev = "duplicate-vdev", Error;
    /// NFS roots are used without `nfsroot_base`.
    MissingNfsrootBase = "missing-nfsroot-base", Error;
    /// iSCSI roots are used without `iscsi_server`.
    MissingIscsiServer = "missing-iscsi-server", Error;
    /// iSCSI roots are used without `iscsi_base_wwn`.
    MissingIscsiBaseWwn = "missing-iscsi-base-wwn", Error;
    /// A storage type of your own without a kernel command line.
    MissingCmdline = "missing-cmdline", Error;
    /// A VM has no disk to boot from.
    MissingRootDisk = "missing-root-disk", Warning;
    /// A vif for which nobody names a bridge.
    MissingBridge = "missing-bridge", Warning;
    /// A display over SPICE without a password.
    MissingSpicePassword = "missing-spice-password", Error;
    /// A password for SPICE that is soon guessed.
    WeakSpicePassword = "weak-spice-password", Warning;
    /// A display over SPICE that is offered to every network.
    SpiceListensEverywhere = "spice-listens-everywhere", Warning;
    /// A display over VNC that is offered to a network without a password.
    OpenVnc = "open-vnc", Warning;
    /// An NFS root cannot be reached without a network interface.
    NfsRootWithoutInterface = "nfs-root-without-interface", Warning;
    /// The address of the guest does not reach the NFS server.
    NfsServerUnreachable = "nfs-server-unreachable", Warning;
    /// The gateway is in none of the VM's networks.
    GatewayUnreachable = "gateway-unreachable", Warning;
    /// A key that this type of VM does not use.
    UnusedKey = "unused-key", Warning;
    /// The kernel command line is longer than Xen can hand over.
    CmdlineTooLong = "cmdline-too-long", Error;
    // ---- what belongs together on a host, and among hosts ----
    /// Two VMs have the same name.
    DuplicateVm = "duplicate-vm", Error;
    /// Two VMs of different names have the same domain name, as `a-b` of `c` and `b` of `c-a`.
    AmbiguousName = "ambiguous-name", Error;
    /// Two interfaces share a MAC address.
    DuplicateMac = "duplicate-mac", Error;
    /// Two VMs share a UUID.
    DuplicateUuid = "duplicate-uuid", Error;
    /// Two vifs share their name on dom0.
    DuplicateVifname = "duplicate-vifname", Error;
    /// Two interfaces have the same IP address.
    DuplicateAddress = "duplicate-address", Error;
    /// Two VMs boot from the same root filesystem.
    SharedRoot = "shared-root", Error;
    /// Two VMs may write to the same disk.
    SharedDisk = "shared-disk", Warning;
    /// Two VMs serve SPICE on the same port.
    SpicePortClash = "spice-port-clash", Warning;
    /// Two VMs have the same password for SPICE.
    ReusedSpicePassword = "reused-spice-password", Warning;
    /// `after` names a VM that is not defined.
    UnknownVm = "unknown-vm", Error;
    /// VMs that wait for each other.
    StartOrderCircle = "start-order-circle", Error;
    /// The VMs need more memory than the host has.
    MemoryExceedsHost = "memory-exceeds-host", Warning;
    /// A VM has more virtual CPUs than the host has CPUs.
    VcpusExceedHost = "vcpus-exceed-host", Warning;
    /// A VM is to run on CPUs that the host does not have.
    CpusBeyondHost = "cpus-beyond-host", Error;
    /// Two network scripts have the same file name.
    ScriptsOfOneName = "scripts-of-one-name", Error;
    /// A network script that is neither supplied nor found.
    MissingNetworkScript = "missing-network-script", Error;
}

impl DiagnosticId {
    /// The id of a name.
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
