//! Names of VMs and paths on the host.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};
use serde::Serialize;
use std::fmt;

text_type!(
    /// The name of an organisation or a VM: a part of a [`DomainName`].
    ///
    /// It is used in file names, unit instances, host names, NFS paths and IQNs. Letters, digits,
    /// `-`, `_` and `.` are safe in all of them; it begins and ends with a letter or digit.
    NamePart
);

impl FromText for NamePart {
    const ID: DiagnosticId = DiagnosticId::BadName;
    const EXPECTED: &'static str = "a name";
    const NUMBERS_ARE_TEXT: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        name(text, 63).map(Self)
    }
}

text_type!(
    /// The name of a domain on its host: `ORG-NAME`.
    DomainName
);

impl DomainName {
    /// The domain of a VM.
    pub fn new(org: &NamePart, name: &NamePart) -> Self {
        Self(format!("{org}-{name}").into())
    }

    /// The host name of the guest, unless it has another: the domain name in lower case, with `-`
    /// instead of `_`, which RFC 1123 does not allow. It may be too long.
    pub(crate) fn hostname(&self) -> Hostname {
        Hostname(self.0.to_ascii_lowercase().replace('_', "-").into())
    }
}

impl FromText for DomainName {
    const ID: DiagnosticId = DiagnosticId::BadName;
    const EXPECTED: &'static str = "the name of a VM, as `ORG-NAME`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(
                Invalid::new("must not be a number, which xl would read as a domain ID")
                    .help("choose a name that contains a letter"),
            );
        }
        name(text, 127).map(Self)
    }
}

/// Names a volume of a VM: `DOMAIN` is its root, `DOMAIN@VOLUME` one of its data disks. Units and files on
/// a host have it in their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeKey {
    /// The domain of the VM.
    pub domain: DomainName,
    /// The name of the data disk; `None` for the root.
    pub volume: Option<NamePart>,
}

impl VolumeKey {
    /// The root of a VM.
    pub const fn root(domain: DomainName) -> Self {
        Self {
            domain,
            volume: None,
        }
    }

    /// Whether it is the root of its VM.
    pub const fn is_root(&self) -> bool {
        self.volume.is_none()
    }
}

impl fmt::Display for VolumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.domain)?;
        match &self.volume {
            Some(volume) => write!(f, "@{volume}"),
            None => Ok(()),
        }
    }
}

impl FromText for VolumeKey {
    const ID: DiagnosticId = DiagnosticId::BadName;
    const EXPECTED: &'static str = "a VM, or `VM@VOLUME`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let (domain, volume) = match text.split_once('@') {
            Some((domain, volume)) => (domain, Some(NamePart::from_text(volume)?)),
            None => (text, None),
        };
        let domain = DomainName::from_text(domain)?;
        Ok(Self { domain, volume })
    }
}

impl<'de> serde::Deserialize<'de> for VolumeKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_text(&text).map_err(|invalid| serde::de::Error::custom(invalid.why))
    }
}

impl Serialize for VolumeKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

text_type!(
    /// A host name (RFC 1123), of at most 64 characters (`HOST_NAME_MAX`, gethostname(2)).
    Hostname
);

impl Hostname {
    const MAX: usize = 64;
    /// The longest label (RFC 1035).
    const LABEL_MAX: usize = 63;
}

impl FromText for Hostname {
    const ID: DiagnosticId = DiagnosticId::BadHostname;
    const EXPECTED: &'static str = "a host name";
    const NUMBERS_ARE_TEXT: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let is_label = |label: &str| {
            (1..=Self::LABEL_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        let why = if !text.chars().all(fits) {
            "must consist of letters, digits, `-` and `.`".to_owned()
        } else if text.len() > Self::MAX {
            format!("must not be longer than {} characters", Self::MAX)
        } else if !text.split('.').all(is_label) {
            format!(
                "must consist of labels of 1 to {} characters that do not begin or end with `-`",
                Self::LABEL_MAX
            )
        } else {
            return Ok(Self(text.into()));
        };
        Err(Invalid::new(why))
    }
}

fn name(text: &str, longest: usize) -> Result<Box<str>, Invalid> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if text.chars().all(inner)
        && outer(text.chars().next())
        && outer(text.chars().last())
        && !text.contains("..")
    {
        if text.len() <= longest {
            return Ok(text.into());
        }
        return Err(Invalid::new(format!(
            "must be at most {longest} characters long"
        )));
    }
    Err(Invalid::new(
        "must consist of letters, digits, `-`, `_` and single `.`, and begin and end with a letter or digit",
    ))
}

text_type!(
    /// An absolute path on the host that xl.cfg, units and scripts can contain.
    HostPath
);

impl FromText for HostPath {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str = "an absolute path";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if !text.starts_with('/') {
            return Err(Invalid::new("must be an absolute path"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("must not contain control characters"));
        }
        if text.len() > 1024 {
            return Err(Invalid::new("must be at most 1024 bytes long"));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(Invalid::new("must not contain `..`"));
        }
        let trimmed = text.trim_end_matches('/');
        if trimmed.is_empty() {
            return Err(Invalid::new("must not be `/`"));
        }
        Ok(Self(trimmed.into()))
    }
}

text_type!(
    /// The directory of image files: an absolute path that disks in xl.cfg can contain as it is.
    ImageDir
);

impl FromText for ImageDir {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str = "an absolute path";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let path = HostPath::from_text(text)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        if !path.as_str().chars().all(fits) {
            return Err(Invalid::new(
                "must consist of letters, digits, `/`, `.`, `_`, `+` and `-`, as xl splits disks at others",
            ));
        }
        Ok(Self(path.0))
    }
}

text_type!(
    /// Where a guest mounts a volume: a directory that nothing else in a guest needs before. It needs no escaping
    /// in fstab(5), units and shells.
    MountPoint
);

impl FromText for MountPoint {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str = "an absolute path such as `/srv`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        /// Directories of the system, which are not on disks, or without which nothing can be mounted.
        const TAKEN: [&str; 8] = ["bin", "dev", "etc", "lib", "proc", "run", "sbin", "sys"];
        let path = HostPath::from_text(text)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        if !path.as_str().chars().all(fits) {
            return Err(Invalid::new(
                "must consist of letters, digits, `/`, `.`, `_`, `+` and `-`",
            ));
        }
        let parts: Vec<_> = path.as_str().split('/').skip(1).collect();
        if parts.iter().any(|part| matches!(*part, "" | ".")) {
            return Err(Invalid::new("must not contain `//` or `/./`"));
        }
        if parts.first().is_some_and(|first| TAKEN.contains(first)) {
            return Err(Invalid::new("must not be in a directory of the system"));
        }
        Ok(Self(path.0))
    }
}

text_type!(
    /// The options of a mount, as in fstab(5).
    MountOptions
);

impl FromText for MountOptions {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "mount options such as `noatime,nodev`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || ",=._:/@%+-".contains(c);
        let is_list = text.split(',').all(|option| !option.is_empty());
        if is_list && text.chars().all(fits) && text.len() <= 1024 {
            return Ok(Self(text.into()));
        }
        Err(Invalid::new(
            "must be options that are separated by single `,`, without spaces and quotes",
        ))
    }
}

/// The kernel that the host keeps for guests, a link to the one that it runs.
pub(crate) const GUEST_KERNEL: &str = "/etc/xen/vmlinuz";

/// The initrd that belongs to it, a link, too.
pub(crate) const GUEST_INITRD: &str = "/etc/xen/initrd.img";

/// The initrd that the host builds for guests that run a kernel.
pub(crate) fn guest_initrd(kernel: &str) -> String {
    format!("{GUEST_INITRD}-{kernel}")
}

/// The initrd of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Initrd {
    /// None: the kernel needs no initrd.
    None,
    /// The path of an initrd.
    Path(HostPath),
}

impl FromText for Initrd {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str = "an absolute path, or `none`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "none" => Ok(Self::None),
            _ => HostPath::from_text(text).map(Self::Path),
        }
    }
}

impl fmt::Display for Initrd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Path(path) => path.fmt(f),
        }
    }
}

impl Serialize for Initrd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The path of a program that units start. systemd rejects quotes and backslashes in it, and does
/// not expand `$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProgramPath(HostPath);

impl ProgramPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromText for ProgramPath {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str = "the absolute path of a program";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let path = HostPath::from_text(text)?;
        if text.contains(['"', '\'', '\\', '$', '`']) {
            return Err(Invalid::new(
                "must not contain quotes, `\\`, `$` or backticks: systemd does not start such a program",
            ));
        }
        if matches!(text.rsplit('/').next(), Some("" | "." | "..")) {
            return Err(Invalid::new("must end in the name of a program"));
        }
        Ok(Self(path))
    }
}

impl fmt::Display for ProgramPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_type!(
    /// A shell command of one or more lines.
    ShellCommand
);

impl FromText for ShellCommand {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a command line";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.contains('\0') {
            return Err(Invalid::new("must not contain a NUL character"));
        }
        Ok(Self(text.into()))
    }
}
