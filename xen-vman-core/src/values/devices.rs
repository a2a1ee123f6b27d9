//! Devices of a VM: PCI, the graphics card, VNC, vifs.

use super::net::DisplayHost;
use super::text::text_type;
use super::words::words;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};
use std::net::IpAddr;

text_type!(
    /// The order in which an HVM VM tries to boot: letters for its devices.
    BootOrder
);

impl FromText for BootOrder {
    const ID: DiagnosticId = DiagnosticId::UnknownWord;
    const EXPECTED: &'static str = "letters such as `cd`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let is_once = |letter: char| text.matches(letter).count() == 1;
        let fits = |letter: char| "acdn".contains(letter) && is_once(letter);
        if !text.is_empty() && text.chars().all(fits) {
            return Ok(Self(text.into()));
        }
        let invalid = Invalid::new("must be one or more of the letters a, c, d and n, each once");
        Err(invalid.help(
            "write `c` for the disk, `d` for the CD drive, `n` for the network, `a` for a floppy",
        ))
    }
}

text_type!(
    /// The address or host name that VNC listens on. xl reads what follows a colon as a display.
    VncHost
);

impl VncHost {
    /// The address, unless it is a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.as_str().parse().ok()
    }
}

impl FromText for VncHost {
    const ID: DiagnosticId = DiagnosticId::BadAddress;
    const EXPECTED: &'static str = "an IPv4 address";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.contains(':') {
            let invalid = Invalid::new("must not contain a colon: xl reads a display after it");
            return Err(invalid.help("write an IPv4 address, or a host name"));
        }
        Ok(Self(DisplayHost::from_text(text)?.as_str().into()))
    }
}

text_type!(
    /// A PCI device of the host (xl-pci-configuration(5)).
    PciDevice
);

impl PciDevice {
    /// Its address, `DOMAIN:BUS:DEVICE.FUNCTION`; `None` if it only has a name.
    pub fn address(&self) -> Option<String> {
        let mut parts = self.as_str().split(',').map(str::trim);
        let named = parts.clone().find_map(|part| part.strip_prefix("bdf="));
        let written = named.or_else(|| parts.next())?;
        pci_address(written.split('@').next()?)
    }
}

impl FromText for PciDevice {
    const ID: DiagnosticId = DiagnosticId::BadXlOption;
    const EXPECTED: &'static str = "a PCI device such as `01:00.0`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let mut parts = text.split(',').peekable();
        let is_device = |part: &str| {
            let (address, slot) = match part.split_once('@') {
                Some((address, slot)) => (address, Some(slot)),
                None => (part, None),
            };
            pci_address(address).is_some() && slot.is_none_or(is_slot)
        };
        // The device may come first, without a key.
        let mut devices = usize::from(parts.next_if(|first| is_device(first)).is_some());
        let fits = |option: &str| {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            devices += usize::from(matches!(key, "bdf" | "name"));
            match key {
                "bdf" => is_device(value),
                "name" => !value.is_empty() && !value.chars().any(char::is_control),
                "vslot" => is_slot(value),
                "rdm_policy" => matches!(value, "strict" | "relaxed"),
                "msitranslate" | "permissive" | "power_mgmt" | "seize" => {
                    value.parse::<u32>().is_ok() || value.strip_prefix("0x").and_then(hex).is_some()
                }
                _ => false,
            }
        };
        if parts.all(fits) && devices == 1 {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new("must be a PCI device such as `01:00.0`"))
        }
    }
}

fn is_slot(text: &str) -> bool {
    hex(text.strip_prefix("0x").unwrap_or(text)).is_some_and(|slot| slot <= 0x1f)
}

fn hex(digits: &str) -> Option<u32> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// An address `[DOMAIN:]BUS:DEVICE.FUNCTION`, whose function may be `*`, in full.
fn pci_address(written: &str) -> Option<String> {
    let (place, function) = written.rsplit_once('.')?;
    let numbers: Option<Vec<u32>> = place.split(':').map(hex).collect();
    let (domain, bus, device) = match *numbers? {
        [bus, device] => (0, bus, device),
        [domain, bus, device] => (domain, bus, device),
        _ => return None,
    };
    let function = match function {
        "*" => "*".to_owned(),
        number => hex(number).filter(|number| *number <= 7)?.to_string(),
    };
    let fits = domain <= 0xffff && bus <= 0xff && device <= 0x1f;
    fits.then(|| format!("{domain:04x}:{bus:02x}:{device:02x}.{function}"))
}

words!(
    /// The graphics card of an HVM VM.
    GraphicsCard {
        /// A VGA card with VESA modes.
        Stdvga = "stdvga",
        /// A Cirrus Logic card.
        Cirrus = "cirrus",
        /// QXL, for SPICE.
        Qxl = "qxl",
        /// No card.
        None = "none",
    },
    "`stdvga`, `cirrus`, `qxl` or `none`"
);

words!(
    /// The devices of a vif.
    VifType {
        /// Only that of Xen's drivers.
        Vif = "vif",
        /// That, and one that QEMU emulates.
        Ioemu = "ioemu",
    },
    "`vif` or `ioemu`"
);
