//! A VM.

use super::expression::Scene;
use super::lookup::Lookup;
use super::resolved::{ResolvedHost, ResolvedVm};
use super::vm_values::{Vm, has_loader};
use super::volumes::Devices;
use super::{boot, network};
use crate::document::Node;
use crate::install::Installation;
use crate::origin::{Origin, Place, Scope, Sourced};
use crate::spec::VmSpec;
use crate::storage::RootRequest;
use crate::values::GuestType;

/// Completes a VM. Missing required keys are reported; other values stand in for them, so that all
/// else is checked. `None` if an expression fails.
pub(super) fn resolve(
    number: usize,
    spec: &VmSpec,
    node: &Node,
    host: &ResolvedHost,
    lookup: &mut Lookup<'_>,
) -> Option<ResolvedVm> {
    let number = u32::try_from(number).ok()?;
    let mut vm = Vm {
        spec,
        node,
        scope: Scope::Vm(number),
        scene: Scene::vm(node),
        lookup,
    };
    let (org, name, domain) = vm.names(number);
    let (os_type, os_version) = vm.os();
    vm.require_interfaces();

    // All values are looked up before returning, so that all problems are reported.
    let machine = vm.machine();
    let disks = vm.disks();
    let life = vm.life();
    let packages = vm.packages();
    let hostname = vm.hostname(&domain);
    let spice = vm.spice();
    let kernel = vm.kernel();
    let xl_settings = vm.xl_settings();
    let xl_options = vm.xl_options();
    let mut interfaces = network::interfaces(number, spec, node, &org, &name, vm.lookup);
    let main_interface =
        network::place_connection_ip(spec.connection_ip, vm.scope, &mut interfaces);
    let network = vm.guest_network(&interfaces, main_interface);

    let (guest_type, machine) = machine?;
    let disks = disks?;
    let root_request = RootRequest {
        guest_type: *guest_type,
        manual_root_disk: *disks.manual_root_disk,
        has_disks: vm.writes("disks") || !disks.further.value.is_empty(),
    };
    // One that is written, but wrong, is reported where it is.
    let needs_size = !vm.writes("size")
        && life.as_ref().is_none_or(|life| *life.auto_install)
        && Installation::is_possible(&os_type, *guest_type);
    let request = disks.root_request(&org, &name, &domain, root_request, needs_size);
    let root = vm.root(&disks.storage_type, &request, host);
    let volumes = vm.volumes(
        &request,
        &disks.storage_type,
        Devices::beside(&root, &disks.further),
        host,
    );
    let (machine, network, life) = (machine?, network?, life?);
    let direct_boot = match *guest_type {
        GuestType::Hvm => None,
        GuestType::Pv | GuestType::Pvh => {
            if has_loader(&xl_options) {
                Some(kernel.found_by_loader())
            } else {
                let made = boot::cmdline(&root, *disks.filesystem, &hostname, &network, &volumes);
                Some(vm.direct_boot(kernel, made, &disks.storage_type))
            }
        }
    };
    Some(ResolvedVm {
        number,
        written: vm.written(),
        misread: vm.misread(),
        written_in_volumes: vm.written_in_volumes(),
        description: vm.own(spec.description.as_ref(), "description"),
        uuid: vm.uuid(&org, &name),
        memory_mib: machine.memory_mib,
        maxmem_mib: machine.maxmem_mib,
        vcpus: machine.vcpus,
        cpus: machine.cpus,
        actions: machine.actions,
        xl_settings: xl_settings.on(*guest_type),
        direct_boot,
        installation: Installation::of(&root, &os_type, *guest_type),
        debootstrap: packages?.settings(&os_type),
        hostname,
        spice: spice?.on(*guest_type),
        guest_type,
        storage_type: disks.storage_type,
        root,
        manual_root_disk: disks.manual_root_disk,
        filesystem: disks.filesystem,
        size_mib: disks.size_mib,
        root_volume: disks.root_volume,
        snapshot_before: disks.snapshot_before,
        disks: items(disks.further),
        volumes,
        interfaces,
        connection_ip: vm.own(spec.connection_ip.as_ref(), "connection_ip"),
        network,
        xl_options,
        os_type,
        os_version,
        auto_boot: life.auto_boot,
        boot_after_creation: life.boot_after_creation,
        auto_install: life.auto_install,
        reinstall: vm.reinstall(),
        after: vm
            .own(spec.after.as_ref(), "after")
            .map_or_else(Vec::new, items),
        extra: vm.own(spec.extra.as_ref(), "extra"),
        org,
        name,
        domain,
    })
}

/// The items of a list, each with the list's origin and its own index.
fn items<T>(list: Sourced<Vec<T>>) -> Vec<Sourced<T>> {
    let origin_of = |number: usize| match list.origin {
        Origin::Written(place) => Origin::Written(Place {
            item: u32::try_from(number).ok(),
            ..place
        }),
        Origin::Default(place) => Origin::Default(Place {
            item: u32::try_from(number).ok(),
            ..place
        }),
        Origin::StandIn(place) => Origin::StandIn(Place {
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
