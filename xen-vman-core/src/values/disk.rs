//! Disk specifications in the grammar of xl-disk-configuration(5).

use super::XenVersion;
use super::vdev::is_vdev;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid, closest};
use serde::Serialize;
use std::fmt;

/// A disk of a VM, as written, and parsed far enough to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpec {
    text: Box<str>,
    target: Box<str>,
    vdev: Box<str>,
    access: DiskAccess,
    needs: Option<(&'static str, XenVersion)>,
}

/// The storage of a disk, regardless of the path used to reach it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backing {
    /// A logical unit of an iSCSI target, which is the same on all hosts.
    Iscsi {
        /// The name of the target.
        iqn: String,
        /// The logical unit number.
        lun: String,
    },
    /// A device or file of one host.
    Local(String),
}

impl Backing {
    /// Parses a path, or the argument of a block script. An iSCSI disk is recognised by its link in
    /// `/dev/disk/by-path` or by block-iscsi's `iqn=`; a logical volume has two names.
    pub fn of(target: &str) -> Self {
        if let Some((_, rest)) = target.split_once("-iscsi-")
            && let Some((iqn, lun)) = rest.rsplit_once("-lun-")
        {
            return Self::Iscsi {
                iqn: iqn.to_ascii_lowercase(),
                lun: lun.to_owned(),
            };
        }
        let words = target.trim_start_matches("iqn=");
        if words.len() < target.len() {
            let iqn = words.split(',').next().unwrap_or_default();
            return Self::Iscsi {
                iqn: iqn.to_ascii_lowercase(),
                lun: "0".to_owned(),
            };
        }
        if let Some(name) = target.strip_prefix("/dev/mapper/") {
            // Device mapper doubles the dashes in both names and joins them with a single one.
            let marked = name.replace("--", "\0");
            if let Some((group, volume)) = marked.split_once('-') {
                let plain = |name: &str| name.replace('\0', "-");
                return Self::Local(format!("/dev/{}/{}", plain(group), plain(volume)));
            }
        }
        Self::Local(target.to_owned())
    }
}

impl std::fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iscsi { iqn, lun } => write!(f, "{iqn}, LUN {lun}"),
            Self::Local(path) => f.write_str(path),
        }
    }
}

/// Whether a VM may write to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskAccess {
    /// Read-write.
    ReadWrite,
    /// Read-only.
    ReadOnly,
}

const FORMATS: &[&str] = &["raw", "qcow", "qcow2", "vhd", "qed", "empty"];
/// Deprecated prefixes that set the format or script, so that the positional format is absent.
const PREFIXES: &[&str] = &[
    "raw:", "qcow:", "qcow2:", "vhd:", "phy:", "file:", "tap:", "tap2:", "aio:", "ioemu:",
    "tapdisk:", "iscsi:", "nbd:", "enbd:", "drbd:",
];
const FLAGS: &[&str] = &[
    "cdrom",
    "direct-io-safe",
    "discard",
    "no-discard",
    "trusted",
    "untrusted",
];
/// What is newer than Xen 4.17; older versions reject the disk.
const SINCE: &[(&str, XenVersion)] = &[
    ("grant_usage", XenVersion::new(4, 19)),
    ("trusted", XenVersion::new(4, 20)),
    ("untrusted", XenVersion::new(4, 20)),
];
const KEYS: &[&str] = &[
    "access",
    "backend",
    "backendtype",
    "devtype",
    "format",
    "script",
    "target",
    "vdev",
    "specification",
    "grant_usage",
];

impl DiskSpec {
    /// The specification, in xl's syntax.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The target: a device, a file, or the argument of a script.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The virtual device in the VM.
    pub fn vdev(&self) -> &str {
        &self.vdev
    }

    /// What needs a Xen newer than 4.17, with the version that introduced it.
    pub const fn needs(&self) -> Option<(&'static str, XenVersion)> {
        self.needs
    }

    /// The storage that holds the data.
    pub fn backing(&self) -> Backing {
        Backing::of(&self.target)
    }

    /// Whether the VM may write to it.
    pub const fn access(&self) -> DiskAccess {
        self.access
    }
}

impl FromText for DiskSpec {
    const ID: DiagnosticId = DiagnosticId::BadDisk;
    const EXPECTED: &'static str = "a disk specification such as `phy:/dev/vg0/data,xvdb,w`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("must not contain control characters"));
        }
        let mut parser = Parser::default();
        let mut rest = text;
        loop {
            // xl skips these blanks, but no others of Unicode.
            rest = rest.trim_start_matches(' ');
            if let Some(target) = rest.strip_prefix("target=") {
                if target.ends_with(',') {
                    return Err(Invalid::new(
                        "must not end in `,`: xl removes it from the target",
                    ));
                }
                parser.set(Slot::Target, target)?;
                break;
            }
            let (item, more) = match rest.split_once(',') {
                Some((item, more)) => (item, Some(more)),
                None => (rest, None),
            };
            parser.item(item)?;
            match more {
                Some(more) => rest = more,
                None => break,
            }
        }
        parser.finish(text)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Slot {
    Target,
    Format,
    Vdev,
    Access,
}

#[derive(Default)]
struct Parser<'t> {
    slots: [Option<&'t str>; 4],
    position: usize,
    needs: Option<(&'static str, XenVersion)>,
    cdrom: bool,
    named: Vec<&'t str>,
}

impl<'t> Parser<'t> {
    fn set(&mut self, slot: Slot, value: &'t str) -> Result<(), Invalid> {
        let name = ["target", "format", "vdev", "access"][slot as usize];
        if self.slots[slot as usize].replace(value).is_some() {
            return Err(Invalid::new(format!("must set the {name} only once")));
        }
        Ok(())
    }

    fn need(&mut self, word: &str) {
        let newer = SINCE.iter().find(|(known, _)| *known == word);
        self.needs = self.needs.or(newer.copied());
    }

    fn item(&mut self, item: &'t str) -> Result<(), Invalid> {
        if let Some((key, value)) = item.split_once('=') {
            if self.named.contains(&key) {
                return Err(Invalid::new(format!("must set `{key}` only once")));
            }
            self.named.push(key);
            self.need(key);
            return self.named_item(key, value);
        }
        if FLAGS.contains(&item) {
            self.cdrom |= item == "cdrom";
            self.need(item);
            return Ok(());
        }
        let slot = [Slot::Target, Slot::Format, Slot::Vdev, Slot::Access].get(self.position);
        if slot.is_none() && item.is_empty() {
            return Ok(());
        }
        let Some(&slot) = slot else {
            return Err(Invalid::new(format!(
                "must be target, format, vdev and access; `{item}` is a fifth part"
            )));
        };
        self.position += 1;
        // With a prefix, or with the old form of an empty drive, there is no format.
        let has_prefix = PREFIXES.iter().any(|prefix| item.starts_with(prefix));
        if slot == Slot::Target && has_prefix {
            self.position += 1;
        }
        if slot == Slot::Format && item.ends_with(":cdrom") {
            self.position += 1;
            return self.set(Slot::Vdev, item);
        }
        if item.is_empty() && slot != Slot::Vdev {
            return Ok(());
        }
        self.set(slot, item)
    }

    fn named_item(&mut self, key: &'t str, value: &'t str) -> Result<(), Invalid> {
        match key {
            "format" => self.set(Slot::Format, value),
            "vdev" => self.set(Slot::Vdev, value),
            "access" => self.set(Slot::Access, value),
            "devtype" if matches!(value, "cdrom" | "disk") => {
                self.cdrom |= value == "cdrom";
                Ok(())
            }
            "devtype" => Err(Invalid::new(format!(
                "must have the devtype `cdrom` or `disk`, not `{value}`"
            ))),
            "backendtype" if !matches!(value, "phy" | "qdisk" | "tap" | "standalone") => {
                Err(Invalid::new(format!(
                    "must have the backendtype `phy`, `qdisk` or `tap`, not `{value}`"
                )))
            }
            _ if KEYS.contains(&key) => Ok(()),
            _ => {
                let invalid = Invalid::new(format!("has an unknown key `{key}`"));
                Err(match closest(key, KEYS) {
                    Some(near) => invalid.did_you_mean(key, near),
                    None => invalid
                        .help("write a target that contains `=` or `,` last, as `target=...`"),
                })
            }
        }
    }

    fn finish(mut self, text: &str) -> Result<DiskSpec, Invalid> {
        let [target, format, mut vdev, access] = self.slots;
        vdev = vdev.map(|vdev| vdev.strip_prefix("ioemu:").unwrap_or(vdev));
        // The deprecated form of the device type.
        for (ending, is_cdrom) in [(":cdrom", true), (":disk", false)] {
            if let Some(plain) = vdev.and_then(|vdev| vdev.strip_suffix(ending)) {
                vdev = Some(plain);
                self.cdrom |= is_cdrom;
            }
        }
        let help = "write for example `phy:/dev/vg0/data,xvdb,w` or `/srv/data.img,raw,xvdb,rw`";
        let Some(vdev) = vdev.filter(|vdev| !vdev.is_empty()) else {
            return Err(Invalid::new("must include a virtual device such as `xvdb`").help(help));
        };
        if !is_vdev(vdev) {
            return Err(Invalid::new(format!(
                "must have a virtual device such as `xvda` or `xvdb1`, not `{vdev}`"
            ))
            .help(help));
        }
        if let Some(format) = format.filter(|format| !FORMATS.contains(format)) {
            return Err(Invalid::new(format!(
                "must have one of the formats {}, not `{format}`",
                FORMATS.join(", ")
            ))
            .help(help));
        }
        let access = match access {
            None if self.cdrom => DiskAccess::ReadOnly,
            None | Some("w" | "rw") => DiskAccess::ReadWrite,
            Some("r" | "ro") => DiskAccess::ReadOnly,
            Some(other) => {
                return Err(Invalid::new(format!(
                    "must have the access `r` or `w`, not `{other}`"
                ))
                .help(help));
            }
        };
        let target = target.unwrap_or_default();
        if target.is_empty() && format != Some("empty") && !self.cdrom {
            return Err(Invalid::new("must include a target").help(help));
        }
        Ok(DiskSpec {
            text: text.into(),
            target: PREFIXES
                .iter()
                .fold(target, |t, prefix| t.strip_prefix(prefix).unwrap_or(t))
                .into(),
            vdev: vdev.into(),
            access,
            needs: self.needs,
        })
    }
}

impl fmt::Display for DiskSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for DiskSpec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), String> {
        DiskSpec::from_text(text)
            .map(|disk| (disk.target().to_owned(), disk.vdev().to_owned()))
            .map_err(|invalid| invalid.why)
    }

    #[test]
    fn old_prefix_takes_the_place_of_the_format() {
        assert_eq!(
            read("phy:/dev/vg0/a,xvda,w"),
            Ok(("/dev/vg0/a".into(), "xvda".into()))
        );
        assert_eq!(
            read("/dev/vg0/a,raw,xvda,rw"),
            Ok(("/dev/vg0/a".into(), "xvda".into()))
        );
        assert!(read("/dev/vg0/a,xvda,rw").is_err_and(|why| why.contains("virtual device")));
    }

    #[test]
    fn only_plain_blanks_are_skipped() {
        let disk = read("\u{a0}/srv/a,raw,xvda,rw");
        assert_eq!(disk, Ok(("\u{a0}/srv/a".into(), "xvda".into())));
        let disk = read("  /srv/a, raw,  xvda");
        assert_eq!(disk, Ok(("/srv/a".into(), "xvda".into())));
    }

    #[test]
    fn target_comes_last_and_may_hold_anything() {
        let disk = read("format=raw, vdev=xvdb, access=ro, target=/srv/a,b=c.img");
        assert_eq!(disk, Ok(("/srv/a,b=c.img".into(), "xvdb".into())));
        let disk = read("format=raw, vdev=xvdb, target=/srv/a,");
        assert!(disk.is_err_and(|why| why.contains("must not end in")));
    }
}
