//! The settings of a host.

use super::expression::Scene;
use super::lookup::Lookup;
use super::resolved::ResolvedHost;
use crate::origin::{Origin, Sourced};
use crate::storage::StorageSettings;
use crate::values::ProgramPath;

/// Completes the settings of the host.
pub(super) fn resolve(lookup: &mut Lookup<'_>) -> ResolvedHost {
    macro_rules! required {
        ($field:ident) => {
            lookup
                .host(stringify!($field), |host| &host.$field)
                .unwrap_or_else(|| {
                    unreachable!(concat!("built_in.toml has `", stringify!($field), "`"))
                })
        };
    }
    let network_script = lookup
        .default(
            "network_script",
            |defaults| &defaults.network_script,
            &Scene::HOST,
        )
        .or_else(built_in_script);
    ResolvedHost {
        header: required!(header),
        xl_path: fact(required!(xl_path), lookup.facts.xl_path.as_ref(), "xl_path"),
        vm_config_path: required!(vm_config_path),
        dracut_modules: required!(dracut_modules),
        dracut_extra_flags: lookup.host("dracut_extra_flags", |host| &host.dracut_extra_flags),
        start_timeout: required!(start_timeout),
        stop_timeout: required!(stop_timeout),
        mount_timeout: required!(mount_timeout),
        umount_timeout: required!(umount_timeout),
        generations_kept: required!(generations_kept),
        generations_kept_days: required!(generations_kept_days),
        public_keys: required!(public_keys),
        storage: StorageSettings::new(
            &lookup.definition.storage,
            &super::built_in().storage,
            &|fact| lookup.facts.program(fact).cloned(),
        ),
        debootstrap_packages: required!(debootstrap_packages),
        additional_network_scripts: required!(additional_network_scripts),
        global_preparations: required!(global_preparations),
        global_preparations_timeout: required!(global_preparations_timeout),
        guest_user: required!(guest_user),
        network_script: network_script
            .unwrap_or_else(|| unreachable!("built_in.toml has `network_script`")),
        network_bridge: lookup.default(
            "network_bridge",
            |defaults| &defaults.network_bridge,
            &Scene::HOST,
        ),
        xen_version: or_fact(
            lookup.host("xen_version", |host| &host.xen_version),
            lookup.facts.xen_version,
            "xen_version",
        ),
        host_memory_mib: or_fact(
            lookup.host("host_memory", |host| &host.host_memory),
            lookup.facts.host_memory_mib,
            "host_memory",
        ),
        host_cpus: or_fact(
            lookup.host("host_cpus", |host| &host.host_cpus),
            lookup.facts.host_cpus,
            "host_cpus",
        ),
        allow_diagnostics: lookup
            .definition
            .host
            .allow_diagnostics
            .clone()
            .unwrap_or_default(),
        deny_diagnostics: lookup
            .definition
            .host
            .deny_diagnostics
            .clone()
            .unwrap_or_default(),
    }
}

/// A substitute for an expression that could not be evaluated, which was reported.
fn built_in_script() -> Option<Sourced<crate::values::NetworkScript>> {
    match &super::built_in().defaults.network_script {
        Some(crate::spec::Templated::Plain(value)) => Some(Sourced {
            value: value.clone(),
            origin: Origin::BuiltIn,
        }),
        _ => None,
    }
}

/// The value as written, or else from the facts.
fn or_fact<T>(
    written: Option<Sourced<T>>,
    fact: Option<T>,
    name: &'static str,
) -> Option<Sourced<T>> {
    written.or(fact.map(|value| Sourced {
        value,
        origin: Origin::Fact(name),
    }))
}

/// A path from the facts, which override the built-in default but not the user.
fn fact(
    path: Sourced<ProgramPath>,
    fact: Option<&ProgramPath>,
    name: &'static str,
) -> Sourced<ProgramPath> {
    match (path.origin, fact) {
        (Origin::BuiltIn, Some(found)) => Sourced {
            value: found.clone(),
            origin: Origin::Fact(name),
        },
        _ => path,
    }
}
