//! Renders the units, and the scripts that they run.

use super::host::{LIBRARY, MOUNT_PATH, ROOTS};
use super::templates::Filler;
use crate::error::Error;
use crate::object::{Object, RenderedFile, Role, UNITS, instance};
use crate::quote::{sh_word, systemd_path, systemd_word, systemd_word_of_instance};
use crate::resolve::{Resolved, ResolvedVm};
use crate::storage::BackendKind;
use crate::values::{XlValue, xl_variable};
use serde::Serialize;
use std::collections::BTreeMap;

/// The values for templates of units: words of command lines, parts of settings, and seconds.
#[derive(Serialize)]
struct UnitContext {
    xl: String,
    roots_path: String,
    config_of_instance: String,
    helper_domain: String,
    helper_root: String,
    helper_preparation: String,
    #[serde(flatten)]
    timeouts: Timeouts,
}

/// The values for templates of scripts: quoted shell words, and seconds.
#[derive(Serialize)]
struct ScriptContext {
    xl: String,
    /// Programs of the storage backends.
    #[serde(flatten)]
    programs: BTreeMap<&'static str, String>,
    vm_config_path: String,
    roots_path: String,
    /// The words for the storage backends.
    storage_backends: &'static [&'static str],
    mount_path: String,
    helper_domain: String,
    preparations: Vec<String>,
    #[serde(flatten)]
    timeouts: Timeouts,
}

/// Time limits in seconds, by their names in the templates.
type Timeouts = BTreeMap<&'static str, u32>;

fn timeouts(resolved: &Resolved) -> Timeouts {
    let host = &resolved.host;
    let common = [
        ("start_timeout", *host.start_timeout),
        ("stop_timeout", *host.stop_timeout),
        ("mount_timeout", *host.mount_timeout),
        ("umount_timeout", *host.umount_timeout),
        (
            "global_preparations_timeout",
            *host.global_preparations_timeout,
        ),
    ];
    let all = common.into_iter().chain(host.storage.timeouts());
    all.map(|(name, limit)| (name, limit.get())).collect()
}

/// The units that all VMs share, and their scripts.
pub(super) fn units(
    resolved: &Resolved,
    templates: &Filler<'_>,
) -> Result<Vec<RenderedFile>, Error> {
    let host = &resolved.host;
    let helper = |name: &str| format!("{LIBRARY}/{name}");
    let units = UnitContext {
        xl: systemd_word(host.xl_path.as_str()),
        roots_path: systemd_path(ROOTS),
        config_of_instance: systemd_word_of_instance(&format!("{}/", *host.vm_config_path), ".cfg"),
        helper_domain: systemd_word(&helper("vm-domain")),
        helper_root: systemd_word(&helper("vm-root")),
        helper_preparation: systemd_word(&helper("global-preparation")),
        timeouts: timeouts(resolved),
    };
    let programs = host.storage.programs().into_iter();
    let programs = programs.map(|(name, path)| (name, sh_word(path.as_str())));
    let scripts = ScriptContext {
        xl: sh_word(host.xl_path.as_str()),
        programs: programs.collect(),
        vm_config_path: sh_word(host.vm_config_path.as_str()),
        roots_path: sh_word(ROOTS),
        storage_backends: BackendKind::WORDS,
        mount_path: sh_word(MOUNT_PATH),
        helper_domain: sh_word(&helper("vm-domain")),
        preparations: host
            .global_preparations
            .iter()
            .map(|command| sh_word(command.as_str()))
            .collect(),
        timeouts: timeouts(resolved),
    };
    let unit = |template, name| {
        let object = Object::of_host(Role::Unit);
        templates.file(object, template, format!("{UNITS}/{name}"), &units)
    };
    let script = |template, name| {
        let object = Object::of_host(Role::Script);
        let file = templates.file(object, template, helper(name), &scripts)?;
        Ok::<_, Error>(file.mode(0o755))
    };
    Ok(vec![
        unit("systemd/vm@.service", "vm@.service")?,
        unit("systemd/vm_iscsi@.service", "vm_iscsi@.service")?,
        unit(
            "systemd/vm_iscsi_session@.service",
            "vm_iscsi_session@.service",
        )?,
        unit("systemd/vm_mount@.service", "vm_mount@.service")?,
        unit(
            "systemd/xen_vman_global_preparation.service",
            "xen_vman_global_preparation.service",
        )?,
        script("scripts/vm-domain", "vm-domain")?,
        script("scripts/vm-root", "vm-root")?,
        script("scripts/global-preparation", "global-preparation")?,
    ])
}

/// The drop-in that starts a VM after others.
pub(super) fn after_drop_in(
    vm: &ResolvedVm,
    templates: &Filler<'_>,
) -> Result<Option<RenderedFile>, Error> {
    // Domain names need no escaping in units: letters, digits, `-`, `_` and `.`.
    let units = vm
        .after
        .iter()
        .map(|other| format!("vm@{}.service", other.as_str()))
        .collect();
    units_drop_in(vm, templates, "systemd/vm-after.conf", "after", units)
}

/// The drop-in that takes the rights of root from the boot loader.
pub(super) fn loader_drop_in(
    vm: &ResolvedVm,
    templates: &Filler<'_>,
) -> Result<Option<RenderedFile>, Error> {
    #[derive(Serialize)]
    struct Context {
        variables: Vec<String>,
    }
    if !vm.restricts_loader() {
        return Ok(None);
    }
    let variables = vm.xl_options.iter().filter_map(|option| {
        let name = xl_variable(option.key.as_str())?;
        Some(match &*option.value {
            XlValue::Text(text) => systemd_word(&format!("{name}={text}")),
            _ => format!("{name}=1"),
        })
    });
    let context = Context {
        variables: variables.collect(),
    };
    let template = "systemd/vm-bootloader.conf";
    drop_in(vm, templates, template, "bootloader", &context).map(Some)
}

/// The drop-in that attaches the data disks of a VM before it starts.
pub(super) fn sessions_drop_in(
    vm: &ResolvedVm,
    templates: &Filler<'_>,
) -> Result<Option<RenderedFile>, Error> {
    let attached = vm.volumes.iter().filter_map(|data| {
        let attachment = data.volume.attachment()?;
        Some(instance(attachment.unit, &data.key))
    });
    let template = "systemd/vm-sessions.conf";
    units_drop_in(vm, templates, template, "sessions", attached.collect())
}

/// A drop-in for the unit of a VM that names other units, if there are any.
fn units_drop_in(
    vm: &ResolvedVm,
    templates: &Filler<'_>,
    template: &'static str,
    name: &str,
    units: Vec<String>,
) -> Result<Option<RenderedFile>, Error> {
    #[derive(Serialize)]
    struct Context {
        units: Vec<String>,
    }
    if units.is_empty() {
        return Ok(None);
    }
    drop_in(vm, templates, template, name, &Context { units }).map(Some)
}

/// A drop-in for the unit of a VM.
fn drop_in(
    vm: &ResolvedVm,
    templates: &Filler<'_>,
    template: &'static str,
    name: &str,
    context: &impl Serialize,
) -> Result<RenderedFile, Error> {
    let path = format!("{UNITS}/vm@{}.service.d/{name}.conf", vm.domain);
    templates.file(
        Object::of_vm(&vm.domain, Role::Unit),
        template,
        path,
        context,
    )
}
