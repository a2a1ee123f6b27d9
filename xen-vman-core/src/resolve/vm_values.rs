//! The values of a VM, looked up group by group, so that all problems of a group are reported.

use super::expression::Scene;
use super::guest_network::GuestNetwork;
use super::lookup::Lookup;
use super::resolved::{
    DirectBoot, DomainActions, ResolvedHost, ResolvedInterface, ResolvedSpice, Spice, XlOption,
};
use super::xl_settings::XlSettings;
use super::{identity, network};
use crate::diag::{Diagnostic, DiagnosticId};
use crate::document::decode::{FromNode, closest};
use crate::document::table::{Templated, plain_name};
use crate::document::{Node, Value};
use crate::install::DebootstrapSettings;
use crate::origin::{Origin, Scope, Sourced};
use crate::spec::{DefaultsSpec, VmSpec};
use crate::storage::{BackendKind, ProblemAt, RootRequest, RootVolume, StorageType, VolumeRequest};
use crate::values::{
    ArchiveComponent, ArchiveUrl, Builder, CpuList, DebootstrapVariant, DiskSpec, DomainName,
    Filesystem, GuestType, HostPath, Hostname, KernelCmdline, MemoryMib, NamePart, OsType,
    Reinstall, Risk, VcpuCount, VolumeKey, VolumeName, VolumeSizeMib,
};
use uuid::Uuid;

/// A VM that is being completed.
pub(super) struct Vm<'v, 'l> {
    pub(super) spec: &'v VmSpec,
    pub(super) node: &'v Node,
    pub(super) scope: Scope,
    pub(super) scene: Scene<'v>,
    pub(super) lookup: &'v mut Lookup<'l>,
}

/// The value of a key that `defaults` have as well.
macro_rules! value {
    ($vm:ident, $field:ident) => {
        $vm.value($vm.spec.$field.as_ref(), stringify!($field), |defaults| {
            &defaults.$field
        })
    };
}

pub(super) struct Machine {
    pub(super) memory_mib: Sourced<MemoryMib>,
    pub(super) maxmem_mib: Option<Sourced<MemoryMib>>,
    pub(super) vcpus: Sourced<VcpuCount>,
    pub(super) cpus: Sourced<CpuList>,
    pub(super) actions: DomainActions,
}

pub(super) struct Disks {
    pub(super) storage_type: Sourced<StorageType>,
    pub(super) manual_root_disk: Sourced<bool>,
    pub(super) filesystem: Sourced<Filesystem>,
    pub(super) size_mib: Option<Sourced<VolumeSizeMib>>,
    pub(super) root_volume: Option<Sourced<VolumeName>>,
    pub(super) snapshot_before: Sourced<Vec<Risk>>,
    pub(super) further: Sourced<Vec<DiskSpec>>,
}

impl Disks {
    /// What is asked of the backend of the root.
    pub(super) fn root_request<'a>(
        &'a self,
        org: &'a NamePart,
        name: &'a NamePart,
        domain: &DomainName,
        root: RootRequest,
        needs_size: bool,
    ) -> VolumeRequest<'a> {
        VolumeRequest {
            org,
            name,
            key: VolumeKey::root(domain.clone()),
            root: Some(root),
            content: self.filesystem.value.into(),
            size_mib: self.size_mib.as_deref().copied(),
            called: self.root_volume.as_ref(),
            needs_size,
        }
    }
}

pub(super) struct Life {
    pub(super) auto_boot: Sourced<bool>,
    pub(super) boot_after_creation: Sourced<bool>,
    pub(super) auto_install: Sourced<bool>,
}

pub(super) struct Packages {
    pub(super) mirror: Option<Sourced<ArchiveUrl>>,
    pub(super) keyring: Option<Sourced<HostPath>>,
    pub(super) components: Option<Sourced<Vec<ArchiveComponent>>>,
    pub(super) variant: Sourced<DebootstrapVariant>,
}

impl Packages {
    pub(super) fn settings(self, os: &OsType) -> DebootstrapSettings {
        DebootstrapSettings::new(os, self.mirror, self.keyring, self.components, self.variant)
    }
}

impl Vm<'_, '_> {
    /// A value that only the VM itself has.
    pub(super) fn own<T: Clone>(
        &self,
        written: Option<&T>,
        key: &'static str,
    ) -> Option<Sourced<T>> {
        written.map(|value| Sourced::written(value.clone(), self.scope.key(key)))
    }

    /// A value as written on the VM, or else the default, which also replaces an invalid value.
    fn value<T: Clone + FromNode>(
        &mut self,
        written: Option<&T>,
        key: &'static str,
        field: fn(&DefaultsSpec) -> &Option<Templated<T>>,
    ) -> Option<Sourced<T>> {
        let key = plain_name(key);
        let place = self.scope.key(key);
        let value = self.lookup.vm(written, place, field, &self.scene)?;
        let misread = written.is_none() && self.writes(key);
        Some(if misread {
            Sourced {
                origin: Origin::StandIn(place),
                ..value
            }
        } else {
            value
        })
    }

    /// Whether a key is written on the VM, valid or not.
    pub(super) fn writes(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| !is_nothing(node))
    }

    pub(super) fn written(&self) -> Vec<&'static str> {
        let keys = VmSpec::KEYS.iter().map(|key| key.name);
        keys.filter(|key| self.writes(key)).collect()
    }

    pub(super) fn machine(&mut self) -> Option<(Sourced<GuestType>, Option<Machine>)> {
        let guest_type = self.guest_type();
        let memory_mib = value!(self, memory);
        let maxmem_mib = value!(self, maxmem);
        let vcpus = value!(self, vcpus);
        let cpus = value!(self, cpu_str);
        let actions = DomainActions {
            on_poweroff: value!(self, on_poweroff),
            on_reboot: value!(self, on_reboot),
            on_crash: value!(self, on_crash),
        };
        let machine = || {
            Some(Machine {
                memory_mib: memory_mib?,
                maxmem_mib,
                vcpus: vcpus?,
                cpus: cpus?,
                actions,
            })
        };
        let machine = machine();
        Some((guest_type?, machine))
    }

    pub(super) fn disks(&mut self) -> Option<Disks> {
        let storage_type = value!(self, storage_type);
        let manual_root_disk = value!(self, manual_root_disk);
        let filesystem = value!(self, filesystem);
        let size_mib = value!(self, size);
        let root_volume = self.own(self.spec.root_volume.as_ref(), "root_volume");
        let snapshot_before = value!(self, snapshot_before);
        let disks = value!(self, disks);
        Some(Disks {
            storage_type: storage_type?,
            manual_root_disk: manual_root_disk?,
            filesystem: filesystem?,
            size_mib,
            root_volume,
            snapshot_before: snapshot_before?,
            further: disks?,
        })
    }

    pub(super) fn life(&mut self) -> Option<Life> {
        let auto_boot = value!(self, auto_boot);
        let boot_after_creation = value!(self, boot_after_creation);
        let auto_install = value!(self, auto_install);
        Some(Life {
            auto_boot: auto_boot?,
            boot_after_creation: boot_after_creation?,
            auto_install: auto_install?,
        })
    }

    pub(super) fn packages(&mut self) -> Option<Packages> {
        let mirror = value!(self, debootstrap_mirror);
        let keyring = value!(self, debootstrap_keyring);
        let components = value!(self, debootstrap_components);
        Some(Packages {
            mirror,
            keyring,
            components,
            variant: value!(self, debootstrap_variant)?,
        })
    }

    pub(super) fn hostname(&mut self, domain: &DomainName) -> Sourced<Hostname> {
        let hostname = value!(self, guest_hostname);
        hostname.unwrap_or_else(|| Sourced::derived(domain.hostname(), "domain"))
    }

    pub(super) fn kernel(&mut self) -> DirectBoot {
        DirectBoot {
            kernel: value!(self, kernel),
            initrd: value!(self, initrd),
            cmdline: value!(self, cmdline),
        }
    }

    pub(super) fn xl_settings(&mut self) -> XlSettings {
        let spec = self.spec;
        XlSettings {
            maxvcpus: value!(self, maxvcpus),
            pci: self.own(spec.pci.as_ref(), "pci"),
            boot_order: value!(self, boot_order),
            vga: value!(self, vga),
            videoram_mib: value!(self, videoram),
            vnc: value!(self, vnc),
            vnclisten: value!(self, vnclisten),
            vncdisplay: self.own(spec.vncdisplay.as_ref(), "vncdisplay"),
            vncunused: value!(self, vncunused),
            vncpasswd: self.own(spec.vncpasswd.as_ref(), "vncpasswd"),
        }
    }

    pub(super) fn spice(&mut self) -> Option<AskedSpice> {
        let enabled = value!(self, spice);
        let host = value!(self, spicehost);
        let port = value!(self, spiceport);
        let mouse = value!(self, mouse);
        let share_clipboard = value!(self, share_clipboard);
        let spicevdagent = value!(self, spicevdagent);
        let max_usb_redirections = value!(self, max_usb_redirections);
        let (share_clipboard, spicevdagent) = (share_clipboard?, spicevdagent?);
        Some(AskedSpice {
            enabled: enabled?,
            settings: ResolvedSpice {
                host: host?,
                port: port?,
                password: self.own(self.spec.spicepasswd.as_ref(), "spicepasswd"),
                mouse: mouse?,
                // "Automatically enabled when clipboard sharing is enabled."
                spicevdagent: if *share_clipboard && !*spicevdagent {
                    Sourced::derived(true, "share_clipboard")
                } else {
                    spicevdagent
                },
                share_clipboard,
                max_usb_redirections: max_usb_redirections?,
            },
        })
    }

    pub(super) fn guest_network(
        &mut self,
        interfaces: &[ResolvedInterface],
        main_interface: Option<usize>,
    ) -> Option<GuestNetwork> {
        let nameservers = value!(self, nameserver);
        let gateway = value!(self, gateway);
        let gateway6 = value!(self, gateway6);
        Some(network::guest_network(
            interfaces,
            main_interface,
            gateway,
            gateway6,
            nameservers?,
        ))
    }

    /// `type` overrides `builder`; either of them on the VM overrides both under `defaults`.
    fn guest_type(&mut self) -> Option<Sourced<GuestType>> {
        let of_builder = |builder: Builder| match builder {
            Builder::Generic => GuestType::Pv,
            Builder::Hvm => GuestType::Hvm,
        };
        if let (Some(guest_type), Some(builder)) = (self.spec.r#type, self.spec.builder)
            && (guest_type == GuestType::Hvm) != (builder == Builder::Hvm)
        {
            self.builder_contradicts(builder, guest_type);
        }
        if let Some(guest_type) = self.own(self.spec.r#type.as_ref(), "type") {
            return Some(guest_type);
        }
        if let Some(builder) = self.own(self.spec.builder.as_ref(), "builder") {
            return Some(builder.map(of_builder));
        }
        let scene = &self.scene;
        let default = self
            .lookup
            .default("type", |defaults| &defaults.r#type, scene);
        default.or_else(|| {
            let builder = self
                .lookup
                .default("builder", |defaults| &defaults.builder, scene)?;
            Some(builder.map(of_builder))
        })
    }

    fn builder_contradicts(&mut self, builder: Builder, guest_type: GuestType) {
        let message = format!("`builder` {builder} contradicts `type` {guest_type}");
        let path = self.scope.key("builder").path();
        let diagnostic = Diagnostic::new(DiagnosticId::BuilderContradictsType, path, message)
            .help("remove `builder`")
            .related(self.scope.key("type").path(), "`type` is set here");
        self.lookup.report.push(diagnostic);
    }

    pub(super) fn root(
        &mut self,
        storage_type: &Sourced<StorageType>,
        request: &VolumeRequest<'_>,
        host: &ResolvedHost,
    ) -> RootVolume {
        let (scope, report) = (self.scope, &mut *self.lookup.report);
        host.storage.root(storage_type, request, &mut |problem| {
            let name = scope.key("name");
            let (path, message) = match problem.at {
                ProblemAt::Key(key) => (scope.key(key).path(), problem.message),
                ProblemAt::Setting(key) => (
                    storage_type.path_or(name),
                    format!(
                        "`{}` has its root on {}, which requires `{key}`",
                        request.key.domain,
                        storage_type.as_str()
                    ),
                ),
            };
            report.push(Diagnostic::new(problem.id, path, message).help(problem.help));
        })
    }

    /// The kernel that Xen loads: as written, or else with the command line for the root.
    pub(super) fn direct_boot(
        &mut self,
        written: DirectBoot,
        made: Option<Sourced<KernelCmdline>>,
        storage_type: &Sourced<StorageType>,
    ) -> DirectBoot {
        let cmdline = written.cmdline.or(made);
        if cmdline.is_none() {
            self.no_cmdline(storage_type);
        }
        DirectBoot { cmdline, ..written }
    }

    /// Reports that the root of the VM is unknown.
    fn no_cmdline(&mut self, storage_type: &Sourced<StorageType>) {
        let message = format!(
            "xen-vman does not manage the storage type `{}`, so `cmdline` must specify the root",
            storage_type.as_str()
        );
        let path = self.scope.key("cmdline").path();
        let help = match closest(storage_type.as_str(), BackendKind::WORDS) {
            _ if matches!(**storage_type, StorageType::Managed(_)) && !self.writes("disks") => {
                "set `size` if xen-vman is to make the root; if not, set `cmdline`".to_owned()
            }
            Some(near) if near != storage_type.as_str() => {
                format!("did you mean `{near}`? If not, set `cmdline`")
            }
            _ => "set it, for example to `root=/dev/xvda rw net.ifnames=0`".to_owned(),
        };
        let diagnostic = Diagnostic::new(DiagnosticId::MissingCmdline, path, message).help(help);
        self.lookup.report.push(diagnostic);
    }

    pub(super) fn xl_options(&mut self) -> Vec<XlOption> {
        let default = self.lookup.default(
            "additional_xen_options",
            |defaults| &defaults.additional_xen_options,
            &self.scene,
        );
        let key = "additional_xen_options";
        let written = self.own(self.spec.additional_xen_options.as_ref(), key);
        let mut options: Vec<XlOption> = Vec::new();
        for Sourced { value, origin } in written.into_iter().chain(default) {
            for (key, value) in value.iter() {
                if !options.iter().any(|option| option.key == *key) {
                    let (key, value) = (key.clone(), value.clone());
                    let value = Sourced { value, origin };
                    options.push(XlOption { key, value });
                }
            }
        }
        options
    }

    pub(super) fn uuid(&self, org: &NamePart, name: &NamePart) -> Sourced<Uuid> {
        self.own(self.spec.uuid.as_ref(), "uuid")
            .unwrap_or_else(|| Sourced::derived(identity::uuid(org, name), "org and name"))
    }

    pub(super) fn reinstall(&self) -> Sourced<Reinstall> {
        let written = self.own(self.spec.reinstall.as_ref(), "reinstall");
        written.unwrap_or(Sourced {
            value: Reinstall::No,
            origin: Origin::BuiltIn,
        })
    }
}

/// The SPICE settings of a VM.
pub(super) struct AskedSpice {
    pub(super) enabled: Sourced<bool>,
    pub(super) settings: ResolvedSpice,
}

impl AskedSpice {
    /// The display for a type of VM: only HVM VMs have one.
    pub(super) fn on(self, guest_type: GuestType) -> Spice {
        let origin = self.enabled.origin;
        match (*self.enabled, guest_type) {
            (false, _) => Spice::Off(origin),
            (true, GuestType::Hvm) => Spice::Serves(origin, Box::new(self.settings)),
            (true, GuestType::Pv | GuestType::Pvh) => Spice::NoDisplay(origin),
        }
    }
}

pub(super) fn has_loader(options: &[XlOption]) -> bool {
    let mut keys = options.iter().map(|option| option.key.as_str());
    keys.any(|key| matches!(key, "bootloader" | "firmware"))
}

/// Whether a value counts as unset.
pub(super) fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}
