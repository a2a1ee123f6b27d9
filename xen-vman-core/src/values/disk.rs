//! Disk specifications in the grammar of xl-disk-configuration(5).

use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid, closest};
use serde::Serialize;
use std::fmt;

/// One disk of a domU, kept as written and understood well enough to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpec {
    text: Box<str>,
    target: Box<str>,
    vdev: Box<str>,
    access: DiskAccess,
}

/// Whether a domU may write to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskAccess {
    /// Reads and writes.
    ReadWrite,
    /// Reads only.
    ReadOnly,
}

const FORMATS: &[&str] = &["raw", "qcow", "qcow2", "vhd", "qed", "empty"];
/// Prefixes of old that name format or script, so that the format's position is absent.
const PREFIXES: &[&str] = &[
    "raw:", "qcow:", "qcow2:", "vhd:", "phy:", "file:", "tap:", "tap2:", "aio:", "ioemu:",
    "tapdisk:", "iscsi:", "nbd:", "enbd:", "drbd:",
];
const FLAGS: &[&str] = &["cdrom", "direct-io-safe", "discard", "no-discard"];
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
];

impl DiskSpec {
    /// The specification as xl reads it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is given to the domU: a device, a file, or what a script understands.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The virtual device in the domU.
    pub fn vdev(&self) -> &str {
        &self.vdev
    }

    /// Whether the domU may write.
    pub const fn access(&self) -> DiskAccess {
        self.access
    }
}

impl FromText for DiskSpec {
    const ID: DiagnosticId = DiagnosticId::BadDisk;
    const EXPECTED: &'static str = "a disk specification as `phy:/dev/vg0/data,xvdb,w`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("must not hold control characters"));
        }
        let mut parser = Parser::default();
        let mut rest = text;
        loop {
            rest = rest.trim_start();
            if let Some(target) = rest.strip_prefix("target=") {
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
    cdrom: bool,
    named: Vec<&'t str>,
}

impl<'t> Parser<'t> {
    fn set(&mut self, slot: Slot, value: &'t str) -> Result<(), Invalid> {
        let name = ["target", "format", "vdev", "access"][slot as usize];
        if self.slots[slot as usize].replace(value).is_some() {
            return Err(Invalid::new(format!("must name the {name} once")));
        }
        Ok(())
    }

    fn item(&mut self, item: &'t str) -> Result<(), Invalid> {
        if let Some((key, value)) = item.split_once('=') {
            if self.named.contains(&key) {
                return Err(Invalid::new(format!("must name `{key}` once")));
            }
            self.named.push(key);
            return self.named_item(key, value);
        }
        if FLAGS.contains(&item) {
            self.cdrom |= item == "cdrom";
            return Ok(());
        }
        let slot = [Slot::Target, Slot::Format, Slot::Vdev, Slot::Access].get(self.position);
        let Some(&slot) = slot else {
            return Err(Invalid::new(format!(
                "has more than target, format, vdev and access; `{item}` is too much"
            )));
        };
        self.position += 1;
        if slot == Slot::Target && PREFIXES.iter().any(|prefix| item.starts_with(prefix)) {
            self.position += 1;
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
                "must have devtype `cdrom` or `disk`, not `{value}`"
            ))),
            "backendtype" if !matches!(value, "phy" | "qdisk" | "tap" | "standalone") => {
                Err(Invalid::new(format!(
                    "must have backendtype `phy`, `qdisk` or `tap`, not `{value}`"
                )))
            }
            _ if KEYS.contains(&key) => Ok(()),
            _ => {
                let invalid = Invalid::new(format!("has an unknown key `{key}`"));
                Err(match closest(key, KEYS) {
                    Some(near) => invalid.help(format!("did you mean `{near}`?")),
                    None => invalid
                        .help("a target with `=` or `,` in it is written last, as `target=...`"),
                })
            }
        }
    }

    fn finish(self, text: &str) -> Result<DiskSpec, Invalid> {
        let [target, format, vdev, access] = self.slots;
        let help = "as `phy:/dev/vg0/data,xvdb,w` or `/srv/data.img,raw,xvdb,rw`";
        let Some(vdev) = vdev.filter(|vdev| !vdev.is_empty()) else {
            return Err(Invalid::new("must name the virtual device, as xvdb").help(help));
        };
        if !is_vdev(vdev) {
            return Err(Invalid::new(format!(
                "must have a virtual device such as xvda or xvdb1, not `{vdev}`"
            ))
            .help(help));
        }
        if let Some(format) = format.filter(|format| !FORMATS.contains(format)) {
            return Err(Invalid::new(format!(
                "must have a format of {}, not `{format}`",
                FORMATS.join(", ")
            ))
            .help(help));
        }
        let access = match access {
            None if self.cdrom => DiskAccess::ReadOnly,
            None | Some("w" | "rw") => DiskAccess::ReadWrite,
            Some("r" | "ro") => DiskAccess::ReadOnly,
            Some(other) => {
                return Err(
                    Invalid::new(format!("must have access r or w, not `{other}`")).help(help),
                );
            }
        };
        let target = target.unwrap_or_default();
        if target.is_empty() && format != Some("empty") && !self.cdrom {
            return Err(Invalid::new("must name a target").help(help));
        }
        Ok(DiskSpec {
            text: text.into(),
            target: PREFIXES
                .iter()
                .fold(target, |t, prefix| t.strip_prefix(prefix).unwrap_or(t))
                .into(),
            vdev: vdev.into(),
            access,
        })
    }
}

/// xen-vbd-interface(7): `xvd`, `hd` or `sd` with letters and a partition, `dNpM`, or a number.
fn is_vdev(vdev: &str) -> bool {
    let digits = |text: &str, most: u32| {
        text.is_empty()
            || (text.bytes().all(|b| b.is_ascii_digit())
                && !text.starts_with('0')
                && text.parse::<u32>().is_ok_and(|n| n <= most))
    };
    let lettered = |rest: &str, longest: usize, last: char, most: u32| {
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        (1..=longest).contains(&letters)
            && (letters > 1 || rest.starts_with(|c| c <= last))
            && digits(&rest[letters..], most)
    };
    if let Some(rest) = vdev.strip_prefix("xvd") {
        return lettered(rest, 3, 'z', 255);
    }
    if let Some(rest) = vdev.strip_prefix("sd") {
        return lettered(rest, 1, 'p', 15);
    }
    if let Some(rest) = vdev.strip_prefix("hd") {
        return lettered(rest, 1, 'd', 63);
    }
    let number = |text: &str, most: u32| !text.is_empty() && (text == "0" || digits(text, most));
    match vdev.strip_prefix('d').and_then(|rest| rest.split_once('p')) {
        Some((disk, partition)) => number(disk, (1 << 20) - 1) && number(partition, 255),
        // The number itself: 202 << 8 and above, or 1 << 28 and above for large ones.
        None => vdev.len() <= 9 && number(vdev, u32::MAX) && vdev != "0",
    }
}

/// The number of a virtual device (xen-vbd-interface(7)), by which libxl tells devices
/// apart: `xvda`, `d0p0` and `51712` are the same one.
pub(crate) fn device_number(vdev: &str) -> Option<u32> {
    let extended = |disk: u32, partition: u32| {
        if disk < 16 && partition < 16 {
            202 << 8 | disk << 4 | partition
        } else {
            1 << 28 | disk << 8 | partition
        }
    };
    let (kind, rest) = ["xvd", "hd", "sd"]
        .iter()
        .find_map(|kind| Some((*kind, vdev.strip_prefix(kind)?)))
        .or_else(|| Some(("d", vdev.strip_prefix('d')?)))
        .unwrap_or(("", vdev));
    if kind == "d" {
        let (disk, partition) = rest.split_once('p')?;
        return Some(extended(disk.parse().ok()?, partition.parse().ok()?));
    }
    if kind.is_empty() {
        return vdev.parse().ok();
    }
    let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    let partition = match &rest[letters.len()..] {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let disk = letters.bytes().try_fold(0_u32, |number, letter| {
        let letter = u32::from(letter.checked_sub(b'a')?);
        number.checked_mul(26)?.checked_add(letter + 1)
    })?;
    let disk = disk.checked_sub(1)?;
    Some(match kind {
        "xvd" => extended(disk, partition),
        "sd" => 8 << 8 | disk << 4 | partition,
        _ if disk < 2 => 3 << 8 | disk << 6 | partition,
        _ => 22 << 8 | (disk - 2) << 6 | partition,
    })
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
    fn target_comes_last_and_may_hold_anything() {
        let disk = read("format=raw, vdev=xvdb, access=ro, target=/srv/a,b=c.img");
        assert_eq!(disk, Ok(("/srv/a,b=c.img".into(), "xvdb".into())));
    }

    #[test]
    fn devices_have_the_numbers_of_libxl() {
        let numbers = [
            ("xvda", 51712),
            ("d0p0", 51712),
            ("51712", 51712),
            ("xvdb1", 51729),
            ("hda", 768),
            ("hdc", 5632),
            ("sda1", 2049),
            ("xvdq", 268_439_552),
        ];
        for (vdev, number) in numbers {
            assert_eq!(device_number(vdev), Some(number), "{vdev}");
        }
    }

    #[test]
    fn vdevs_that_libxl_has_no_number_for_are_refused() {
        for vdev in [
            "vda", "xvd", "xvdA", "xvda256", "hde", "sdq", "d", "d0", "d0p256",
        ] {
            assert!(!is_vdev(vdev), "{vdev}");
        }
        for vdev in ["xvda", "xvdaa1", "hdd63", "sdp15", "d0p0", "d12p3", "51728"] {
            assert!(is_vdev(vdev), "{vdev}");
        }
    }
}
