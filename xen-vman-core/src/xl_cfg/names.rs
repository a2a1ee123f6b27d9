//! The keys of a VM, and the keys of xl.cfg(5) that they become.

/// The VMs whose configuration gets a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    /// PV and PVH VMs, which boot a kernel directly.
    DirectBoot,
    Hvm,
}

/// A key of a VM and its key in xl.cfg. Where one has several, the first is the one that is
/// written; the others are only read.
const VM: &[(&str, &str, Of)] = &[
    ("name", "name", Of::All),
    ("org", "name", Of::All),
    ("domain", "name", Of::All),
    ("uuid", "uuid", Of::All),
    ("type", "type", Of::All),
    ("type", "builder", Of::All),
    ("memory", "memory", Of::All),
    ("maxmem", "maxmem", Of::All),
    ("vcpus", "vcpus", Of::All),
    ("cpu_str", "cpus", Of::All),
    ("maxvcpus", "maxvcpus", Of::All),
    ("on_poweroff", "on_poweroff", Of::All),
    ("on_reboot", "on_reboot", Of::All),
    ("on_crash", "on_crash", Of::All),
    ("interfaces", "vif", Of::All),
    ("disks", "disk", Of::All),
    ("kernel", "kernel", Of::DirectBoot),
    ("initrd", "ramdisk", Of::DirectBoot),
    ("cmdline", "cmdline", Of::DirectBoot),
    ("cmdline", "root", Of::DirectBoot),
    ("cmdline", "extra", Of::DirectBoot),
    ("pci", "pci", Of::All),
    ("boot_order", "boot", Of::Hvm),
    ("vga", "vga", Of::Hvm),
    ("videoram", "videoram", Of::Hvm),
    ("vnc", "vnc", Of::Hvm),
    ("vnclisten", "vnclisten", Of::Hvm),
    ("vncdisplay", "vncdisplay", Of::Hvm),
    ("vncunused", "vncunused", Of::Hvm),
    ("vncpasswd", "vncpasswd", Of::Hvm),
    ("spice", "spice", Of::Hvm),
    ("spicehost", "spicehost", Of::Hvm),
    ("spiceport", "spiceport", Of::Hvm),
    ("spicepasswd", "spicepasswd", Of::Hvm),
    ("mouse", "spiceagent_mouse", Of::Hvm),
    ("spicevdagent", "spicevdagent", Of::Hvm),
    ("share_clipboard", "spice_clipboard_sharing", Of::Hvm),
    ("max_usb_redirections", "spiceusbredirection", Of::Hvm),
];

/// The keys of a vif that an interface has under the same name.
pub(crate) const INTERFACE: &[&str] =
    &["mac", "bridge", "vifname", "script", "mtu", "rate", "model"];

/// The key of xl.cfg that a key of a VM becomes, or the same key if it becomes none.
pub(crate) fn xl_key(key: &str) -> &str {
    VM.iter()
        .find(|(ours, _, _)| *ours == key)
        .map_or(key, |(_, xl, _)| xl)
}

/// The key of a VM that a key of xl.cfg is written from, for any type of VM.
pub(crate) fn vm_key(xl: &str) -> Option<&'static str> {
    VM.iter()
        .find(|(_, known, _)| *known == xl)
        .map(|(ours, _, _)| *ours)
}

/// Whether VMs of all types have a key of xl.cfg from a key of their own.
pub(crate) fn is_of_all(xl: &str) -> bool {
    let mut known = VM.iter().filter(|(_, known, _)| *known == xl);
    known.any(|(_, _, of)| *of == Of::All)
}

/// The same, for HVM VMs or for all others.
pub(crate) fn vm_key_of(xl: &str, is_hvm: bool) -> Option<&'static str> {
    let other = if is_hvm { Of::DirectBoot } else { Of::Hvm };
    VM.iter()
        .find(|(_, known, of)| *known == xl && *of != other)
        .map(|(ours, _, _)| *ours)
}
