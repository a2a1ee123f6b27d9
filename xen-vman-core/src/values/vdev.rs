//! Virtual devices: the names of disks in a VM.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};

text_type!(
    /// The name of a whole disk in a VM (xen-vbd-interface(7)).
    Vdev
);

impl Vdev {
    /// The disk `xvdX` with this number, from 0 for `xvda` to 25.
    pub(crate) fn xvd(number: u8) -> Option<Self> {
        let letter = b'a'.checked_add(number).filter(u8::is_ascii_lowercase)?;
        Some(Self(format!("xvd{}", char::from(letter)).into()))
    }

    /// The first disk.
    pub(crate) fn first() -> Self {
        Self("xvda".into())
    }
}

impl FromText for Vdev {
    const ID: DiagnosticId = DiagnosticId::BadDisk;
    const EXPECTED: &'static str = "a device such as `xvdb`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let is_whole = ["xvd", "hd", "sd"]
            .iter()
            .any(|kind| text.starts_with(kind) && !text.ends_with(|c: char| c.is_ascii_digit()));
        if is_vdev(text) && is_whole {
            return Ok(Self(text.into()));
        }
        Err(Invalid::new(
            "must be a whole disk such as `xvdb`: `xvd`, `hd` or `sd` with letters",
        ))
    }
}

/// xen-vbd-interface(7): `xvd`, `hd` or `sd` with letters and a partition, `dNpM`, or a number.
pub(super) fn is_vdev(vdev: &str) -> bool {
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
        None => {
            let hex = vdev.strip_prefix("0x");
            hex.is_some_and(|hex| u32::from_str_radix(hex, 16).is_ok_and(|number| number > 0))
                || (vdev.len() <= 9 && number(vdev, u32::MAX) && vdev != "0")
        }
    }
}

/// The number of a virtual device (xen-vbd-interface(7)), by which libxl identifies devices:
/// `xvda`, `d0p0` and `51712` are the same.
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
        return match vdev.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => vdev.parse().ok(),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

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
