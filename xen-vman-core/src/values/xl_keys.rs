//! The keys of xl.cfg that xl 4.17 reads, with the types of their values and of the VMs for which it
//! reads them. xl silently ignores any other key.

use super::{GuestType, XenVersion, XlValue};

/// The type of a value in xl.cfg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// A string.
    Text,
    /// A number.
    Integer,
    /// 0 or 1.
    Boolean,
    /// A list.
    List,
    /// A list or a string.
    ListOrText,
    /// A number or a string.
    IntegerOrText,
    /// A list, 0 or 1.
    ListOrBoolean,
}

impl Shape {
    /// Whether a value has this type. A number may be written as a string: xl also reads `"512"`.
    pub fn fits(self, value: &XlValue) -> bool {
        let decimal = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_digit())
                && (text == "0" || !text.starts_with('0'))
        };
        match (self, value) {
            (Self::Text | Self::ListOrText | Self::IntegerOrText, XlValue::Text(_))
            | (Self::List | Self::ListOrText | Self::ListOrBoolean, XlValue::List(_))
            // xl also accepts a number where it expects a string.
            | (Self::Integer | Self::IntegerOrText | Self::Text | Self::ListOrText, XlValue::Integer(_)) => true,
            (Self::Boolean | Self::ListOrBoolean, XlValue::Integer(value)) => *value <= 1,
            (Self::Integer, XlValue::Text(text)) => decimal(text),
            (Self::Boolean | Self::ListOrBoolean, XlValue::Text(text)) => matches!(&**text, "0" | "1"),
            _ => false,
        }
    }

    /// Whether a number fits.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Boolean | Self::IntegerOrText)
    }

    /// The type, for messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a number",
            Self::Boolean => "a boolean",
            Self::List => "a list",
            Self::ListOrText => "a list or a string",
            Self::IntegerOrText => "a number or a string",
            Self::ListOrBoolean => "a list or a boolean",
        }
    }
}

const PV: u8 = 1;
const PVH: u8 = 2;
const HVM: u8 = 4;
const ALL: u8 = PV | PVH | HVM;

/// A key of xl.cfg.
#[derive(Debug, Clone, Copy)]
pub struct XlKeyInfo {
    /// The type of its values.
    pub shape: Shape,
    /// The first version that reads it, if that is newer than 4.17.
    pub since: Option<XenVersion>,
    guests: u8,
}

impl XlKeyInfo {
    /// Whether xl reads the key for a type of VM.
    pub const fn is_read_for(self, guest_type: GuestType) -> bool {
        let bit = match guest_type {
            GuestType::Pv => PV,
            GuestType::Pvh => PVH,
            GuestType::Hvm => HVM,
        };
        self.guests & bit != 0
    }
}

/// What is known about a key; `None` if xl never reads it.
pub fn xl_key_info(key: &str) -> Option<XlKeyInfo> {
    if let Ok(at) = KEYS.binary_search_by(|(known, ..)| known.cmp(&key)) {
        let (_, shape, guests) = KEYS[at];
        return Some(XlKeyInfo {
            shape,
            since: None,
            guests,
        });
    }
    let (_, shape, minor) = NEWER_KEYS.iter().find(|(known, ..)| *known == key)?;
    Some(XlKeyInfo {
        shape: *shape,
        since: Some(XenVersion::new(4, *minor)),
        guests: ALL,
    })
}

/// The environment variable of xl that stands for a key, which Xen 4.17 reads, too (xl(1)).
pub fn xl_variable(key: &str) -> Option<&'static str> {
    match key {
        "bootloader_restrict" => Some("LIBXL_BOOTLOADER_RESTRICT"),
        "bootloader_user" => Some("LIBXL_BOOTLOADER_USER"),
        _ => None,
    }
}

/// All keys.
pub fn xl_keys() -> impl Iterator<Item = &'static str> {
    let newer = NEWER_KEYS.iter().map(|(key, ..)| *key);
    KEYS.iter().map(|(key, ..)| *key).chain(newer)
}

/// Keys that are newer than Xen 4.17, with the minor version that introduced them.
const NEWER_KEYS: &[(&str, Shape, u8)] = &[
    ("altp2m_count", Shape::Integer, 21),
    ("arm_sci", Shape::Text, 21),
    ("bootloader_restrict", Shape::Boolean, 18),
    ("bootloader_user", Shape::Text, 18),
    ("hvm_pirq", Shape::Boolean, 19),
    ("llc_colors", Shape::List, 20),
    ("nr_spis", Shape::Integer, 19),
    ("smbios", Shape::List, 18),
    ("sve", Shape::IntegerOrText, 18),
    ("trap_unmapped_accesses", Shape::Boolean, 21),
    ("virtio", Shape::List, 18),
    ("xen_platform_pci_bar_uc", Shape::Boolean, 21),
    ("xenstore_feature_mask", Shape::Integer, 21),
    ("xenstore_quota", Shape::List, 22),
];

#[rustfmt::skip]
const KEYS: &[(&str, Shape, u8)] = &[
    ("acpi", Shape::Boolean, ALL),
    ("acpi_firmware", Shape::Text, HVM),
    ("acpi_laptop_slate", Shape::Boolean, HVM),
    ("acpi_s3", Shape::Boolean, HVM),
    ("acpi_s4", Shape::Boolean, HVM),
    ("altp2m", Shape::IntegerOrText, ALL),
    ("altp2mhvm", Shape::Boolean, HVM),
    ("apic", Shape::Boolean, HVM),
    ("bios", Shape::Text, HVM),
    ("bios_path_override", Shape::Text, HVM),
    ("boot", Shape::Text, HVM),
    ("bootloader", Shape::Text, ALL),
    ("bootloader_args", Shape::ListOrText, ALL),
    ("builder", Shape::Text, ALL),
    ("cap", Shape::Integer, ALL),
    ("channel", Shape::List, ALL),
    ("cmdline", Shape::Text, ALL),
    ("cpu_weight", Shape::Integer, ALL),
    ("cpuid", Shape::ListOrText, ALL),
    ("cpus", Shape::ListOrText, ALL),
    ("cpus_soft", Shape::ListOrText, ALL),
    ("device_model", Shape::Text, ALL),
    ("device_model_args", Shape::List, ALL),
    ("device_model_args_hvm", Shape::List, ALL),
    ("device_model_args_pv", Shape::List, ALL),
    ("device_model_override", Shape::Text, ALL),
    ("device_model_stubdomain_override", Shape::Boolean, ALL),
    ("device_model_stubdomain_seclabel", Shape::Text, ALL),
    ("device_model_user", Shape::Text, ALL),
    ("device_model_version", Shape::Text, ALL),
    ("device_tree", Shape::Text, ALL),
    ("disk", Shape::List, ALL),
    ("display", Shape::Text, ALL),
    ("dm_restrict", Shape::Boolean, ALL),
    ("driver_domain", Shape::Boolean, ALL),
    ("dtdev", Shape::List, ALL),
    ("e820_host", Shape::Boolean, PV),
    ("extra", Shape::Text, ALL),
    ("extratime", Shape::Integer, ALL),
    ("firmware", Shape::Text, ALL),
    ("firmware_override", Shape::Text, HVM),
    ("gfx_passthru", Shape::IntegerOrText, HVM),
    ("gic_version", Shape::Text, ALL),
    ("hap", Shape::Boolean, ALL),
    ("hdtype", Shape::Text, HVM),
    ("hpet", Shape::Boolean, HVM),
    ("init_seclabel", Shape::Text, ALL),
    ("iomem", Shape::List, ALL),
    ("ioports", Shape::List, ALL),
    ("irqs", Shape::List, ALL),
    ("kernel", Shape::Text, ALL),
    ("keymap", Shape::Text, PV | HVM),
    ("latency", Shape::Integer, ALL),
    ("localtime", Shape::Boolean, ALL),
    ("max_event_channels", Shape::Integer, ALL),
    ("max_grant_frames", Shape::Integer, ALL),
    ("max_grant_version", Shape::Integer, ALL),
    ("max_maptrack_frames", Shape::Integer, ALL),
    ("maxmem", Shape::Integer, ALL),
    ("maxvcpus", Shape::Integer, ALL),
    ("mca_caps", Shape::List, HVM),
    ("memory", Shape::Integer, ALL),
    ("mmio_hole", Shape::Integer, HVM),
    ("ms_vm_genid", Shape::Text, HVM),
    ("msr_relaxed", Shape::Boolean, ALL),
    ("name", Shape::Text, ALL),
    ("nestedhvm", Shape::Boolean, ALL),
    ("nographic", Shape::Boolean, HVM),
    ("nomigrate", Shape::Boolean, ALL),
    ("nx", Shape::Boolean, HVM),
    ("on_crash", Shape::Text, ALL),
    ("on_poweroff", Shape::Text, ALL),
    ("on_reboot", Shape::Text, ALL),
    ("on_soft_reset", Shape::Text, ALL),
    ("on_watchdog", Shape::Text, ALL),
    ("oos", Shape::Boolean, ALL),
    ("opengl", Shape::Boolean, ALL),
    ("p9", Shape::List, ALL),
    ("pae", Shape::Boolean, HVM),
    ("passthrough", Shape::Text, ALL),
    ("pci", Shape::List, ALL),
    ("pci_msitranslate", Shape::Integer, ALL),
    ("pci_permissive", Shape::Integer, ALL),
    ("pci_power_mgmt", Shape::Integer, ALL),
    ("pci_seize", Shape::Integer, ALL),
    ("period", Shape::Integer, ALL),
    ("pool", Shape::Text, ALL),
    ("pvcalls", Shape::List, ALL),
    ("pvshim", Shape::Boolean, PVH),
    ("pvshim_cmdline", Shape::Text, PVH),
    ("pvshim_extra", Shape::Text, PVH),
    ("pvshim_path", Shape::Text, PVH),
    ("ramdisk", Shape::Text, ALL),
    ("rdm", Shape::Text, ALL),
    ("rdm_mem_boundary", Shape::Integer, HVM),
    ("root", Shape::Text, ALL),
    ("rtc_timeoffset", Shape::IntegerOrText, ALL),
    ("sdl", Shape::Boolean, ALL),
    ("seclabel", Shape::Text, ALL),
    ("serial", Shape::ListOrText, HVM),
    ("shadow_memory", Shape::Integer, ALL),
    ("slice", Shape::Integer, ALL),
    ("smbios_firmware", Shape::Text, HVM),
    ("soundhw", Shape::Text, HVM),
    ("spice", Shape::Boolean, HVM),
    ("spice_clipboard_sharing", Shape::Boolean, HVM),
    ("spice_image_compression", Shape::Text, HVM),
    ("spice_streaming_video", Shape::Text, HVM),
    ("spiceagent_mouse", Shape::Boolean, HVM),
    ("spicedisable_ticketing", Shape::Boolean, HVM),
    ("spicehost", Shape::Text, HVM),
    ("spicepasswd", Shape::Text, HVM),
    ("spiceport", Shape::Integer, HVM),
    ("spicetls_port", Shape::Integer, HVM),
    ("spiceusbredirection", Shape::Integer, HVM),
    ("spicevdagent", Shape::Boolean, HVM),
    ("stdvga", Shape::Integer, HVM),
    ("stubdomain_cmdline", Shape::Text, ALL),
    ("stubdomain_kernel", Shape::Text, ALL),
    ("stubdomain_memory", Shape::Integer, ALL),
    ("stubdomain_ramdisk", Shape::Text, ALL),
    ("tee", Shape::Text, ALL),
    ("timer_mode", Shape::IntegerOrText, PVH | HVM),
    ("tsc_mode", Shape::IntegerOrText, ALL),
    ("type", Shape::Text, ALL),
    ("usb", Shape::Boolean, HVM),
    ("usbctrl", Shape::List, ALL),
    ("usbdev", Shape::List, ALL),
    ("usbdevice", Shape::ListOrText, HVM),
    ("usbversion", Shape::Integer, HVM),
    ("uuid", Shape::Text, ALL),
    ("vcpus", Shape::Integer, ALL),
    ("vdispl", Shape::List, ALL),
    ("vendor_device", Shape::Text, HVM),
    ("vfb", Shape::List, ALL),
    ("vga", Shape::Text, HVM),
    ("videoram", Shape::Integer, ALL),
    ("vif", Shape::List, ALL),
    ("vif2", Shape::List, ALL),
    ("viridian", Shape::ListOrBoolean, HVM),
    ("vkb", Shape::List, ALL),
    ("vkb_device", Shape::Boolean, HVM),
    ("vmtrace_buf_kb", Shape::Integer, ALL),
    ("vnc", Shape::Integer, ALL),
    ("vncdisplay", Shape::Integer, ALL),
    ("vnclisten", Shape::Text, ALL),
    ("vncpasswd", Shape::Text, ALL),
    ("vncunused", Shape::Boolean, ALL),
    ("vncviewer", Shape::Integer, ALL),
    ("vnuma", Shape::List, ALL),
    ("vpmu", Shape::Boolean, ALL),
    ("vpt_align", Shape::Boolean, HVM),
    ("vsnd", Shape::List, ALL),
    ("vtpm", Shape::List, ALL),
    ("vuart", Shape::Text, ALL),
    ("xauthority", Shape::Text, ALL),
    ("xen_platform_pci", Shape::Boolean, HVM),
    ("xend_suspend_evtchn_compat", Shape::Boolean, ALL),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_complete() {
        assert!(KEYS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(KEYS.len(), 158);
    }
}
