//! Keys of a VM that xl.cfg has as well, and what they are together with the additional options.

use super::resolved::{ResolvedVm, XlOption};
use crate::diag::FieldPath;
use crate::origin::{Scope, Sourced};
use crate::values::{
    BootOrder, DisplayPassword, GraphicsCard, GuestType, PciDevice, VcpuCount, VideoMemoryMib,
    VncDisplay, VncHost, XlValue,
};
use crate::xl_cfg::names::xl_key;
use serde::Serialize;
use std::borrow::Cow;

/// Settings of a VM that are optional in xl.cfg, too; `None` is xl's default.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct XlSettings {
    /// How many virtual CPUs it may get while it runs.
    pub maxvcpus: Option<Sourced<VcpuCount>>,
    /// PCI devices of the host.
    pub pci: Option<Sourced<Vec<PciDevice>>>,
    /// The devices that it boots from.
    pub boot_order: Option<Sourced<BootOrder>>,
    /// Its graphics card.
    pub vga: Option<Sourced<GraphicsCard>>,
    /// The memory of that card, in MiB.
    pub videoram_mib: Option<Sourced<VideoMemoryMib>>,
    /// Whether its display is served over VNC.
    pub vnc: Option<Sourced<bool>>,
    /// The address that VNC listens on.
    pub vnclisten: Option<Sourced<VncHost>>,
    /// The number of the display.
    pub vncdisplay: Option<Sourced<VncDisplay>>,
    /// Whether it is the next display that is free.
    pub vncunused: Option<Sourced<bool>>,
    /// The password.
    pub vncpasswd: Option<Sourced<DisplayPassword>>,
}

/// What xl.cfg gets: from a key of the VM, or from an additional option.
#[derive(Debug, Clone)]
pub(crate) struct XlSetting<'v> {
    /// The key of xl.cfg.
    pub(crate) key: &'v str,
    /// The value.
    pub(crate) value: Cow<'v, Sourced<XlValue>>,
    /// The key of the VM; `None` for an option.
    pub(crate) own: Option<&'static str>,
}

impl XlSetting<'_> {
    /// Where it is set.
    pub(crate) fn path(&self, vm: &ResolvedVm) -> FieldPath {
        let scope = Scope::Vm(vm.number);
        match self.own {
            Some(own) => self.value.path_or(scope.key(own)),
            None => {
                let options = scope.key("additional_xen_options");
                self.value.path_or(options).key(self.key)
            }
        }
    }
}

impl XlSettings {
    /// The keys of those that all VMs can have.
    pub(crate) const OF_ALL: &[&str] = &["maxvcpus", "pci"];
    /// The keys of those that only HVM VMs can have.
    pub(crate) const OF_HVM: &[&str] = &[
        "boot_order",
        "vga",
        "videoram",
        "vnc",
        "vnclisten",
        "vncdisplay",
        "vncunused",
        "vncpasswd",
    ];

    /// Those that a type of VM can have.
    pub(super) fn on(self, guest_type: GuestType) -> Self {
        match guest_type {
            GuestType::Hvm => self,
            GuestType::Pv | GuestType::Pvh => Self {
                maxvcpus: self.maxvcpus,
                pci: self.pci,
                ..Self::default()
            },
        }
    }

    /// All that are set, in the order of xl.cfg.
    pub(crate) fn all(&self) -> Vec<XlSetting<'static>> {
        let flag = |value: bool| XlValue::Integer(value.into());
        let settings = [
            setting("maxvcpus", self.maxvcpus.as_ref(), |count| {
                XlValue::Integer(count.get().into())
            }),
            setting("boot_order", self.boot_order.as_ref(), |order| {
                XlValue::Text(order.as_str().into())
            }),
            setting("pci", self.pci.as_ref(), |devices| {
                let texts = devices.iter().map(|device| device.as_str().into());
                XlValue::List(texts.map(XlValue::Text).collect())
            }),
            setting("vga", self.vga.as_ref(), |card| {
                XlValue::Text(card.as_str().into())
            }),
            setting("videoram", self.videoram_mib.as_ref(), |size| {
                XlValue::Integer(size.get().into())
            }),
            setting("vnc", self.vnc.as_ref(), |on| flag(*on)),
            setting("vnclisten", self.vnclisten.as_ref(), |host| {
                XlValue::Text(host.as_str().into())
            }),
            setting("vncdisplay", self.vncdisplay.as_ref(), |display| {
                XlValue::Integer(display.get().into())
            }),
            setting("vncunused", self.vncunused.as_ref(), |on| flag(*on)),
            setting("vncpasswd", self.vncpasswd.as_ref(), |password| {
                XlValue::Text(password.reveal().into())
            }),
        ];
        settings.into_iter().flatten().collect()
    }
}

fn setting<T>(
    own: &'static str,
    value: Option<&Sourced<T>>,
    written: impl Fn(&T) -> XlValue,
) -> Option<XlSetting<'static>> {
    let value = value?;
    Some(XlSetting {
        key: xl_key(own),
        value: Cow::Owned(Sourced {
            value: written(&value.value),
            origin: value.origin,
        }),
        own: Some(own),
    })
}

impl ResolvedVm {
    /// What sets a key of xl.cfg that is optional: a key of the VM, or additional options.
    pub(crate) fn xl_settings_of(&self, key: &str) -> impl Iterator<Item = XlSetting<'_>> {
        let own = self.xl_settings.all().into_iter();
        let options = self.xl_options.iter().map(XlSetting::from);
        own.chain(options)
            .filter(move |setting| setting.key == key)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl<'v> From<&'v XlOption> for XlSetting<'v> {
    fn from(option: &'v XlOption) -> Self {
        Self {
            key: option.key.as_str(),
            value: Cow::Borrowed(&option.value),
            own: None,
        }
    }
}
