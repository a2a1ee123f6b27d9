//! Additional options for xl.cfg.

use super::disks::newer_xen;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Fix, Report};
use crate::document::decode::{FromText as _, closest};
use crate::resolve::{Origin, Resolved, ResolvedVm, Scope, XlOption, XlSetting, XlSettings};
use crate::values::{
    GuestType, GuestUser, PciDevice, XlValue, xl_key_info, xl_keys, xl_value_problem, xl_variable,
};
use crate::xl_cfg::names::{is_of_all, vm_key_of};
use std::collections::HashMap;
use std::net::IpAddr;

/// xl silently uses the last of several assignments.
pub(super) fn option_shadows_key(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let is_hvm = *vm.guest_type == GuestType::Hvm;
        for option in &vm.xl_options {
            let key = option.key.as_str();
            let own = vm_key_of(key, is_hvm).filter(|variable| is_set(vm, variable));
            if let Some(variable) = own {
                let message =
                    format!("`{key}` has its own variable and must not be an additional option");
                let diagnostic =
                    Diagnostic::new(DiagnosticId::OptionShadowsKey, path(vm, option), message)
                        .help(format!("set `{variable}` on the VM or under `defaults`"));
                // Under `defaults`, VMs of other types may have it as an option.
                let is_own = matches!(option.value.origin, Origin::Written(_));
                report.push(if is_own || is_of_all(key) {
                    diagnostic.fix(Fix::OwnKey(variable))
                } else {
                    diagnostic
                });
            }
        }
    }
}

/// Whether a VM has a value for a key. Without one, an option is the only one to set it.
fn is_set(vm: &ResolvedVm, key: &str) -> bool {
    match key {
        "maxmem" => vm.maxmem_mib.is_some(),
        _ if XlSettings::OF_ALL.contains(&key) || XlSettings::OF_HVM.contains(&key) => {
            let mut own = vm.xl_settings.all().into_iter();
            own.any(|setting| setting.own == Some(key))
        }
        _ => {
            let mut actions = vm.actions.all().into_iter();
            actions.all(|(name, action)| name != key || action.is_some())
        }
    }
}

/// xl refuses `maxvcpus` below `vcpus`.
pub(super) fn fewer_cpus_than_asked_for(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for option in vm.xl_settings_of("maxvcpus") {
            let vcpus = u32::from(vm.vcpus.get());
            if matches!(option.value.value, XlValue::Integer(most) if most < vcpus)
                && vm.vcpus.is_meant()
            {
                let message = format!(
                    "`maxvcpus` of `{}` must not be less than its {vcpus} vcpus",
                    vm.domain
                );
                report.push(Diagnostic::new(
                    DiagnosticId::MaxvcpusBelowVcpus,
                    option.path(vm),
                    message,
                ));
            }
        }
    }
}

/// Options that libxl does not accept together (`libxl_create.c`, `libxl_x86.c`).
pub(super) fn contradictions(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let mut wrong = |setting: &XlSetting<'_>, message: String, help: &str| {
            let id = DiagnosticId::ContradictingXlOptions;
            report.push(Diagnostic::new(id, setting.path(vm), message).help(help));
        };
        let is_hvm = *vm.guest_type == GuestType::Hvm;
        let set = |key| {
            vm.xl_settings_of(key)
                .find(|setting| is_on(&setting.value.value))
        };
        if is_hvm {
            let loads_kernel =
                set("kernel").is_some_and(|option| !is_hvmloader(&option.value.value));
            // Even an empty one is an argument.
            let arguments = ["cmdline", "root", "extra", "ramdisk"];
            if let Some(option) = arguments
                .into_iter()
                .find_map(|key| vm.xl_settings_of(key).next())
                .filter(|_| !loads_kernel)
            {
                let key = option.key;
                let message = format!("`{key}` of an HVM VM needs `kernel` among the options");
                wrong(&option, message, "remove it; HVM VMs boot from their disks");
            }
            if let Some((option, least, card)) = small_videoram(vm) {
                let message = format!("`videoram` must be at least {least} MiB for `{card}`");
                wrong(&option, message, "set more, or remove it");
            }
        }
        if let (Some(_), Some(option)) = (set("nestedhvm"), set("altp2m")) {
            let message = "`altp2m` cannot be used together with `nestedhvm`".to_owned();
            wrong(&option, message, "remove one of them");
        }
        let Some(pci) = set("pci") else { continue };
        let most = vm.maxmem_mib.as_ref().map(|most| most.value);
        if *vm.guest_type == GuestType::Pvh {
            let message = "PVH VMs cannot have PCI devices".to_owned();
            wrong(&pci, message, "remove it, or set `type = \"hvm\"`");
        } else if is_hvm && most.is_some_and(|most| most > vm.memory_mib.value) {
            let message = "an HVM VM with PCI devices must not have more `maxmem` than memory";
            wrong(&pci, message.to_owned(), "remove `maxmem`, or the devices");
        }
    }
}

/// Xen assigns a PCI device to one domain at a time.
pub(super) fn shared_pci_device(resolved: &Resolved, report: &mut Report) {
    let options = resolved.vms.iter().flat_map(|vm| {
        let options = vm.xl_settings_of("pci");
        options.map(move |option| (vm, option))
    });
    let devices = options.flat_map(|(vm, option)| {
        let addresses = option
            .value
            .texts()
            .filter_map(|text| text.parse::<PciDevice>().ok()?.address());
        let path = option.path(vm);
        addresses
            .map(|address| (address, vm, path.clone()))
            .collect::<Vec<_>>()
    });
    let mut seen: HashMap<String, (&ResolvedVm, FieldPath)> = HashMap::new();
    for (address, vm, path) in devices {
        let (first, other) = seen
            .entry(address.clone())
            .or_insert_with(|| (vm, path.clone()));
        if first.number == vm.number {
            continue;
        }
        let message = format!(
            "the PCI device `{address}` of `{}` is also that of `{}`, and only one of them can run",
            vm.domain, first.domain
        );
        let id = DiagnosticId::SharedPciDevice;
        let diagnostic = Diagnostic::new(id, path, message)
            .help("give it to one of them, unless they never run together")
            .related(
                other.clone(),
                format!("also a device of `{}`", first.domain),
            );
        report.push(diagnostic);
    }
}

/// Whether an option is neither empty nor off.
fn is_on(value: &XlValue) -> bool {
    match value {
        XlValue::Integer(number) => *number != 0,
        XlValue::Text(text) => !matches!(&**text, "" | "0" | "disabled"),
        XlValue::List(items) => !items.is_empty(),
    }
}

/// xl ignores it as a kernel: it is the firmware of all HVM VMs.
fn is_hvmloader(value: &XlValue) -> bool {
    matches!(value, XlValue::Text(path) if path.rsplit('/').next() == Some("hvmloader"))
}

/// Too little memory for a graphics card, with the least in MiB, and the card.
fn small_videoram(vm: &ResolvedVm) -> Option<(XlSetting<'_>, u32, &'static str)> {
    let text = |key| match &vm.xl_settings_of(key).next()?.value.value {
        XlValue::Text(text) => Some(text.clone()),
        _ => None,
    };
    let stdvga = vm
        .xl_settings_of("stdvga")
        .any(|option| is_on(&option.value.value));
    let card = match text("vga").as_deref() {
        Some("qxl") => "qxl",
        Some("stdvga") => "stdvga",
        Some("none") => return None,
        None if stdvga => "stdvga",
        _ => "cirrus",
    };
    let is_old = text("device_model_version").as_deref() == Some("qemu-xen-traditional");
    let least = match (card, is_old) {
        ("qxl", _) => 128,
        ("stdvga", false) => 16,
        ("stdvga", true) | ("cirrus", false) => 8,
        _ => 4,
    };
    let option = vm.xl_settings_of("videoram").next()?;
    let amount = match &option.value.value {
        XlValue::Integer(amount) => Some(*amount),
        XlValue::Text(text) => text.parse().ok(),
        XlValue::List(_) => None,
    };
    amount
        .filter(|amount| *amount < least)
        .map(|_| (option, least, card))
}

/// Options that xl ignores or misreads: unknown keys, values of the wrong type, and keys that it
/// only reads for other types of VMs.
pub(super) fn options_that_xl_ignores(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for option in &vm.xl_options {
            let key = option.key.as_str();
            let Some(info) = xl_key_info(key) else {
                report.push(unknown_key(vm, option));
                continue;
            };
            if let Some(since) = info
                .since
                .filter(|since| *since > resolved.host.xen_version())
                .filter(|_| xl_variable(key).is_none())
            {
                let what = format!("`{key}`");
                report.push(newer_xen(&what, since, resolved, path(vm, option)));
                continue;
            }
            if let Some(problem) = xl_value_problem(key, info, &option.value, &path(vm, option)) {
                report.push(problem);
            }
            // Under `defaults`, it may be meant for other VMs.
            if !info.is_read_for(*vm.guest_type)
                && matches!(option.value.origin, Origin::Written(_))
            {
                let message = format!(
                    "xl does not read `{key}` for {} VMs, so it is not written",
                    *vm.guest_type
                );
                report.push(
                    Diagnostic::new(DiagnosticId::UnusedXlKey, path(vm, option), message)
                        .help("remove it"),
                );
            }
        }
    }
}

/// pygrub(1) reads file systems that the guest writes.
pub(super) fn unrestricted_bootloader(resolved: &Resolved, report: &mut Report) {
    for vm in resolved.vms.iter().filter(|vm| !vm.restricts_loader()) {
        let is_pygrub = |option: &&XlOption| match &*option.value {
            XlValue::Text(path) => path.rsplit('/').next() == Some("pygrub"),
            _ => false,
        };
        if let Some(option) = vm.xl_options_of("bootloader").find(is_pygrub) {
            let message = format!(
                "pygrub reads the disk of `{}`, which the guest writes, with the rights of root",
                vm.domain
            );
            let id = DiagnosticId::UnrestrictedBootloader;
            let help = "set `bootloader_restrict` and `bootloader_user`, or `kernel` and `initrd`";
            report.push(Diagnostic::new(id, path(vm, option), message).help(help));
        }
    }
}

/// The name of the user is passed on in the environment.
pub(super) fn bad_bootloader_user(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        for option in vm.xl_options_of("bootloader_user") {
            if let XlValue::Text(name) = &*option.value
                && let Err(invalid) = GuestUser::from_text(name)
            {
                let message = format!("`bootloader_user` {}", invalid.why);
                let id = DiagnosticId::BadName;
                report.push(Diagnostic::new(id, path(vm, option), message));
            }
        }
    }
}

/// QEMU asks for a password only if there is one.
pub(super) fn open_vnc(resolved: &Resolved, report: &mut Report) {
    for vm in &resolved.vms {
        let text = |key| {
            let setting = vm.xl_settings_of(key).next()?;
            match &setting.value.value {
                XlValue::Text(text) => Some((setting.path(vm), text.clone())),
                _ => None,
            }
        };
        let local = |address: &str| {
            // A display may follow.
            let address = match address.rsplit_once(':') {
                Some((host, display)) if display.bytes().all(|byte| byte.is_ascii_digit()) => {
                    host.trim_matches(['[', ']'])
                }
                _ => address,
            };
            let loopback = address
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback());
            loopback || address.is_empty() || address == "localhost"
        };
        let Some((path, address)) = text("vnclisten").filter(|(_, address)| !local(address)) else {
            continue;
        };
        let set =
            |key, fits: fn(&XlValue) -> bool| vm.xl_settings_of(key).any(|one| fits(&one.value));
        let off = |value: &XlValue| matches!(value, XlValue::Integer(0));
        let served = match *vm.guest_type {
            GuestType::Hvm => !set("vnc", off),
            GuestType::Pv | GuestType::Pvh => set("vnc", |value| *value != XlValue::Integer(0)),
        };
        let empty = XlValue::Text("".into());
        let has_password = vm
            .xl_settings_of("vncpasswd")
            .any(|one| one.value.value != empty);
        if !served || has_password {
            continue;
        }
        let message = format!(
            "`{}` serves its display over VNC on `{address}` without a password",
            vm.domain
        );
        report.push(
            Diagnostic::new(DiagnosticId::OpenVnc, path, message)
                .help("remove `vnclisten` and use `ssh -L`, or set `vncpasswd`"),
        );
    }
}

fn unknown_key(vm: &ResolvedVm, option: &XlOption) -> Diagnostic {
    let key = option.key.as_str();
    let known: Vec<_> = xl_keys().collect();
    let message = format!("xl does not know the key `{key}` and would silently ignore it");
    let diagnostic = Diagnostic::new(DiagnosticId::UnknownXlKey, path(vm, option), message);
    match closest(key, &known) {
        Some(near) => diagnostic.did_you_mean_key(key, near),
        None => diagnostic.help("remove it; xl.cfg(5) lists all keys"),
    }
}

fn path(vm: &ResolvedVm, option: &XlOption) -> FieldPath {
    let place = Scope::Vm(vm.number).key("additional_xen_options");
    option.value.path_or(place).key(option.key.as_str())
}
