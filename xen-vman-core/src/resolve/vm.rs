//! A VM.

use super::expression::Scene;
use super::lookup::Lookup;
use super::resolved::{ResolvedHost, ResolvedSpice, ResolvedVm, XlOption};
use super::{boot, debootstrap, identity, network, storage};
use crate::diag::{Diagnostic, DiagnosticId};
use crate::document::{Node, Value};
use crate::origin::{Origin, Scope, Sourced};
use crate::spec::{OsSpec, VmSpec};
use crate::values::{Builder, DomainName, GuestType, NamePart, OsType, OsVersion, XlOptions};
use uuid::Uuid;

/// Completes a VM. What it cannot do without is reported; without names there is no VM.
#[expect(clippy::too_many_lines, reason = "a line or two for each variable")]
pub(super) fn resolve(
    number: usize,
    spec: &VmSpec,
    node: &Node,
    host: &ResolvedHost,
    lookup: &mut Lookup<'_>,
) -> Option<ResolvedVm> {
    let scope = Scope::Vm(u32::try_from(number).ok()?);
    let scene = Scene::vm(node);
    let (org, name) = names(spec, node, scope, lookup);
    let (os_type, os_version) = os(spec.os.as_ref(), node, scope, lookup);
    if spec.interfaces.is_none() && node.get("interfaces").is_none() {
        missing(
            lookup,
            scope,
            "interfaces",
            "a VM without a network has an empty list",
        );
    }
    let (org, name) = (org?, name?);
    let domain = spec
        .domain
        .clone()
        .unwrap_or_else(|| DomainName::new(&org, &name));

    // Everything is looked up before anything is given up, so that all problems show.
    macro_rules! value {
        ($field:ident) => {
            value!($field, stringify!($field))
        };
        ($field:ident, $key:expr) => {
            lookup.vm(
                spec.$field.as_ref(),
                scope.key($key),
                |defaults| &defaults.$field,
                &scene,
            )
        };
    }
    let guest_type = guest_type(spec, scope, &scene, lookup);
    let memory_mib = value!(memory);
    let maxmem_mib = value!(maxmem);
    let vcpus = value!(vcpus);
    let cpus = value!(cpu_str);
    let storage_type = value!(storage_type);
    let manual_root_disk = value!(manual_root_disk);
    let filesystem = value!(filesystem);
    let disks = value!(disks);
    let auto_boot = value!(auto_boot);
    let boot_after_creation = value!(boot_after_creation);
    let auto_install = value!(auto_install);
    let debootstrap_mirror = value!(debootstrap_mirror);
    let debootstrap_keyring = value!(debootstrap_keyring);
    let debootstrap_components = value!(debootstrap_components);
    let spice_enabled = value!(spice);
    let spice = ResolvedSpiceParts {
        host: value!(spicehost),
        port: value!(spiceport),
        mouse: value!(mouse),
        share_clipboard: value!(share_clipboard),
        spicevdagent: value!(spicevdagent),
        max_usb_redirections: value!(max_usb_redirections),
    };
    let kernel = value!(kernel);
    let initrd = value!(initrd);
    let cmdline = value!(cmdline);
    let xl_options = xl_options(spec.additional_xen_options.as_ref(), scope, &scene, lookup);
    let mut interfaces = network::interfaces(number, spec, node, &org, &name, lookup);
    let boot_interface = network::place_connection_ip(spec.connection_ip, scope, &mut interfaces);
    let network = network::guest_network(spec, scope, &scene, &interfaces, boot_interface, lookup);

    let (guest_type, storage_type, manual_root_disk) =
        (guest_type?, storage_type?, manual_root_disk?);
    let root = storage::root(
        &org,
        &name,
        &domain,
        *guest_type,
        &storage_type,
        *manual_root_disk,
        host,
        lookup,
        scope,
    );
    let filesystem = filesystem?;
    let disks = disks?;
    let own_loader = xl_options
        .iter()
        .any(|option| option.key.as_str() == "bootloader");
    let direct_boot = match *guest_type {
        GuestType::Hvm => None,
        // The loader finds kernel and initrd in the guest, unless some are written.
        GuestType::Pv | GuestType::Pvh if own_loader => Some(super::DirectBoot {
            kernel: kernel.filter(|kernel| kernel.origin != Origin::BuiltIn),
            initrd: initrd.filter(|initrd| initrd.origin != Origin::BuiltIn),
            cmdline,
        }),
        GuestType::Pv | GuestType::Pvh => {
            let made_up = || {
                boot::cmdline(
                    &root,
                    &storage_type,
                    *filesystem,
                    &domain,
                    network.as_ref()?,
                )
            };
            let cmdline = cmdline.or_else(made_up);
            if cmdline.is_none() {
                storage::no_cmdline(&storage_type, scope, lookup);
            }
            Some(super::DirectBoot {
                kernel,
                initrd,
                cmdline,
            })
        }
    };
    let spice_enabled = spice_enabled?;
    let os_type = os_type?;
    let spice = (*spice_enabled && *guest_type == GuestType::Hvm)
        .then(|| spice.complete(spec, scope))
        .flatten();
    Some(ResolvedVm {
        number: u32::try_from(number).ok()?,
        written: VmSpec::KEYS
            .iter()
            .map(|key| key.name)
            .filter(|key| node.get(key).is_some_and(|node| !is_nothing(node)))
            .collect(),
        description: spec
            .description
            .clone()
            .map(|text| Sourced::written(text, scope.key("description"))),
        uuid: match spec.uuid {
            Some(uuid) => Sourced::written(uuid, scope.key("uuid")),
            None => Sourced::<Uuid>::derived(identity::uuid(&org, &name), "org and name"),
        },
        guest_type,
        memory_mib: memory_mib?,
        maxmem_mib,
        vcpus: vcpus?,
        cpus: cpus?,
        direct_boot,
        storage_type,
        root,
        manual_root_disk,
        filesystem,
        disks: items(disks),
        interfaces,
        connection_ip: spec
            .connection_ip
            .map(|ip| Sourced::written(ip, scope.key("connection_ip"))),
        network: network?,
        spice_enabled,
        spice,
        xl_options,
        debootstrap_mirror: debootstrap_mirror.or_else(|| debootstrap::mirror(&os_type)),
        debootstrap_keyring: debootstrap_keyring.or_else(|| debootstrap::keyring(&os_type)),
        debootstrap_components: debootstrap_components
            .unwrap_or_else(|| debootstrap::components(&os_type)),
        os_type,
        os_version: os_version?,
        auto_boot: auto_boot?,
        boot_after_creation: boot_after_creation?,
        auto_install: auto_install?,
        reinstall: match &spec.reinstall {
            Some(reinstall) => Sourced::written(reinstall.clone(), scope.key("reinstall")),
            None => Sourced {
                value: crate::values::Reinstall::No,
                origin: Origin::BuiltIn,
            },
        },
        after: spec.after.clone().map_or_else(Vec::new, |after| {
            items(Sourced::written(after, scope.key("after")))
        }),
        org,
        name,
        domain,
    })
}

/// The items of a list, each with the list's origin and its own place in it.
fn items<T>(list: Sourced<Vec<T>>) -> Vec<Sourced<T>> {
    let origin_of = |number: usize| match list.origin {
        Origin::Written(place) => Origin::Written(super::Place {
            item: u32::try_from(number).ok(),
            ..place
        }),
        Origin::Default(place) => Origin::Default(super::Place {
            item: u32::try_from(number).ok(),
            ..place
        }),
        other => other,
    };
    let items = list.value.into_iter().enumerate();
    items
        .map(|(number, value)| Sourced {
            value,
            origin: origin_of(number),
        })
        .collect()
}

fn missing(lookup: &mut Lookup<'_>, scope: Scope, key: &'static str, help: &str) {
    let path = key
        .split('.')
        .fold(scope.path(), crate::diag::FieldPath::key);
    let message = format!("`{key}` is missing");
    lookup
        .report
        .push(Diagnostic::new(DiagnosticId::MissingKey, path, message).help(help));
}

/// Reports a required key that is not there (rather than there and wrong, which is
/// reported already).
fn require(lookup: &mut Lookup<'_>, table: &Node, scope: Scope, key: &'static str, help: &str) {
    let mut node = Some(table);
    for part in key.split('.') {
        node = node.and_then(|node| node.get(part));
    }
    if node.is_none_or(is_nothing) {
        missing(lookup, scope, key, help);
    }
}

/// Whether a value counts as not written.
fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}

fn names(
    spec: &VmSpec,
    node: &Node,
    scope: Scope,
    lookup: &mut Lookup<'_>,
) -> (Option<NamePart>, Option<NamePart>) {
    if spec.org.is_none() {
        require(
            lookup,
            node,
            scope,
            "org",
            "write the organisation that owns the VM, such as `stuvus`",
        );
    }
    if spec.name.is_none() {
        require(
            lookup,
            node,
            scope,
            "name",
            "write the name of the VM, such as `web01`",
        );
    }
    (spec.org.clone(), spec.name.clone())
}

fn os(
    os: Option<&OsSpec>,
    node: &Node,
    scope: Scope,
    lookup: &mut Lookup<'_>,
) -> (Option<Sourced<OsType>>, Option<Sourced<OsVersion>>) {
    let Some(os) = os else {
        require(
            lookup,
            node,
            scope,
            "os",
            "write the operating system, as `type` (such as `debian`) and `version` (such as `bookworm`)",
        );
        return (None, None);
    };
    if os.r#type.is_none() {
        require(
            lookup,
            node,
            scope,
            "os.type",
            "write `debian`, `ubuntu` or another word",
        );
    }
    if os.version.is_none() {
        require(
            lookup,
            node,
            scope,
            "os.version",
            "write a suite such as `bookworm`, or a number such as \"12\"",
        );
    }
    (
        os.r#type
            .clone()
            .map(|value| Sourced::written(value, scope.key("os.type"))),
        os.version
            .clone()
            .map(|value| Sourced::written(value, scope.key("os.version"))),
    )
}

/// `type` says more than `builder`; on the VM both win over either under `defaults`.
fn guest_type(
    spec: &VmSpec,
    scope: Scope,
    scene: &Scene<'_>,
    lookup: &mut Lookup<'_>,
) -> Option<Sourced<GuestType>> {
    let of_builder = |builder: Builder| match builder {
        Builder::Generic => GuestType::Pv,
        Builder::Hvm => GuestType::Hvm,
    };
    if let (Some(guest_type), Some(builder)) = (spec.r#type, spec.builder)
        && (guest_type == GuestType::Hvm) != (builder == Builder::Hvm)
    {
        let message = format!("`builder` {builder} contradicts `type` {guest_type}");
        let diagnostic = Diagnostic::new(
            DiagnosticId::BuilderContradictsType,
            scope.key("builder").path(),
            message,
        )
        .help("leave `builder` out; `type` says it all")
        .related(scope.key("type").path(), "the type");
        lookup.report.push(diagnostic);
    }
    if let Some(guest_type) = spec.r#type {
        return Some(Sourced::written(guest_type, scope.key("type")));
    }
    if let Some(builder) = spec.builder {
        return Some(Sourced::written(of_builder(builder), scope.key("builder")));
    }
    let default_type = lookup.default("type", |defaults| &defaults.r#type, scene);
    match default_type {
        Some(guest_type) => Some(guest_type),
        None => Some(
            lookup
                .default("builder", |defaults| &defaults.builder, scene)?
                .map(of_builder),
        ),
    }
}

fn xl_options(
    written: Option<&XlOptions>,
    scope: Scope,
    scene: &Scene<'_>,
    lookup: &mut Lookup<'_>,
) -> Vec<XlOption> {
    let default = lookup.default(
        "additional_xen_options",
        |defaults| &defaults.additional_xen_options,
        scene,
    );
    let place = scope.key("additional_xen_options");
    let mut options: Vec<XlOption> = Vec::new();
    let mut add = |more: &XlOptions, origin| {
        for (key, value) in more.iter() {
            if !options.iter().any(|option| option.key == *key) {
                let value = Sourced {
                    value: value.clone(),
                    origin,
                };
                options.push(XlOption {
                    key: key.clone(),
                    value,
                });
            }
        }
    };
    if let Some(written) = written {
        add(written, Origin::Written(place));
    }
    if let Some(default) = default {
        add(&default.value, default.origin);
    }
    options
}

/// What SPICE needs, looked up for every VM so that every problem shows.
struct ResolvedSpiceParts {
    host: Option<Sourced<std::net::IpAddr>>,
    port: Option<Sourced<crate::values::SpicePort>>,
    mouse: Option<Sourced<bool>>,
    share_clipboard: Option<Sourced<bool>>,
    spicevdagent: Option<Sourced<bool>>,
    max_usb_redirections: Option<Sourced<crate::values::UsbRedirections>>,
}

impl ResolvedSpiceParts {
    fn complete(self, spec: &VmSpec, scope: Scope) -> Option<ResolvedSpice> {
        let share_clipboard = self.share_clipboard?;
        let written_agent = self.spicevdagent?;
        Some(ResolvedSpice {
            host: self.host?,
            port: self.port?,
            password: spec
                .spicepasswd
                .clone()
                .map(|value| Sourced::written(value, scope.key("spicepasswd"))),
            mouse: self.mouse?,
            // "Automatically enabled when clipboard sharing is enabled."
            spicevdagent: if *share_clipboard && !*written_agent {
                Sourced::derived(true, "share_clipboard")
            } else {
                written_agent
            },
            share_clipboard,
            max_usb_redirections: self.max_usb_redirections?,
        })
    }
}
