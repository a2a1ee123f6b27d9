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

            /// What must hold, in a sentence or two.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+)),+ }
            }
        }
    };
}

catalogue! {
    // ---- reading ----
    /// The file is no valid TOML, YAML or JSON.
    Syntax = "syntax", Error;
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
    /// No absolute path of a form that scripts and units can carry.
    BadPath = "bad-path", Error;
    /// Neither an IP address nor one with a prefix length.
    BadAddress = "bad-address", Error;
    /// No unicast MAC address.
    BadMac = "bad-mac", Error;
    /// No UUID.
    BadUuid = "bad-uuid", Error;
    /// No name that the kernel takes for a network interface.
    BadInterfaceName = "bad-interface-name", Error;
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
    /// No public key of OpenSSH's form.
    BadPublicKey = "bad-public-key", Error;
    /// No key or value that xl.cfg can hold.
    BadXlOption = "bad-xl-option", Error;
    /// A key of xl.cfg that xl does not know, and so would pass over without a word.
    UnknownXlKey = "unknown-xl-key", Error;
    /// A value that is already quoted for xl.cfg, as the original role needed it.
    QuotedXlValue = "quoted-xl-value", Warning;
    // ---- what belongs together ----
    /// Two VMs share file, unit and domain name.
    DuplicateVm = "duplicate-vm", Error;
    /// Two interfaces share a MAC address.
    DuplicateMac = "duplicate-mac", Error;
    /// Two VMs share a UUID.
    DuplicateUuid = "duplicate-uuid", Error;
    /// Two vifs share their name on dom0.
    DuplicateVifname = "duplicate-vifname", Error;
    /// Two interfaces have the same IP address.
    DuplicateAddress = "duplicate-address", Error;
    /// Two disks of a VM have the same virtual device.
    DuplicateVdev = "duplicate-vdev", Error;
    /// What is used needs something that is not there.
    MissingRequirement = "missing-requirement", Error;
    /// Two keys contradict each other.
    Contradiction = "contradiction", Error;
    /// An additional option sets a key that has its own variable.
    OptionShadowsKey = "option-shadows-key", Error;
    /// `after` names a VM that is not defined.
    UnknownVm = "unknown-vm", Error;
    /// VMs that wait for each other.
    StartOrderCircle = "start-order-circle", Error;
    /// An NFS root cannot be reached without a network interface.
    NfsRootWithoutInterface = "nfs-root-without-interface", Warning;
    /// The address of the guest does not reach the NFS server.
    NfsServerUnreachable = "nfs-server-unreachable", Warning;
    /// Two VMs may write to the same disk.
    SharedDisk = "shared-disk", Warning;
    /// A key that this type of VM does not use.
    UnusedKey = "unused-key", Warning;
    /// The kernel command line is longer than Xen can hand over.
    CmdlineTooLong = "cmdline-too-long", Error;
    /// A network script that is neither supplied nor found.
    MissingNetworkScript = "missing-network-script", Error;
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
