//! Renders the configuration of a VM for xl (xl.cfg(5)).

use super::templates::Filler;
use crate::diag::secret::{has_password, is_password};
use crate::error::Error;
use crate::object::{Object, RenderedFile, Role};
use crate::quote::{comment_lines, xl_string};
use crate::resolve::{Resolved, ResolvedInterface, ResolvedSpice, ResolvedVm, XlOption};
use crate::storage::{DataVolume, RootVolume, Volume};
use crate::values::{CpuList, Initrd, XenVersion, XlValue, xl_key_info};
use crate::xl_cfg::names::xl_key;
use serde::Serialize;

/// The values for the template, which are tokens of xl.cfg or comments.
#[derive(Serialize)]
struct Context<'a> {
    name: &'a str,
    org: &'a str,
    description: Vec<String>,
    facts: Vec<(&'static str, String)>,
    assignments: Vec<Assignment>,
}

#[derive(Serialize)]
struct Assignment {
    key: String,
    /// A token; `None` for a list.
    value: Option<String>,
    /// The tokens of a list, one per line.
    items: Vec<String>,
}

impl Assignment {
    /// Whether it contains a password, by its key or in its value.
    fn is_secret(&self) -> bool {
        let mut values = self.value.iter().chain(&self.items);
        is_password(&self.key) || values.any(|value| has_password(value))
    }
}

/// The path of a VM's `xl.cfg`.
pub(super) fn path(vm: &ResolvedVm, resolved: &Resolved) -> String {
    format!("{}/{}.cfg", *resolved.host.vm_config_path, vm.domain)
}

/// The `xl.cfg` of a VM. Only root may read it if it contains a password.
pub(super) fn file(
    vm: &ResolvedVm,
    resolved: &Resolved,
    templates: &Filler<'_>,
) -> Result<RenderedFile, Error> {
    let context = Context {
        name: vm.name.as_str(),
        org: vm.org.as_str(),
        description: vm
            .description
            .as_ref()
            .map_or_else(Vec::new, |text| comment_lines(text.as_str())),
        facts: facts(vm),
        assignments: assignments(vm, resolved.host.xen_version()),
    };
    let mut object = Object::of_vm(&vm.domain, Role::XlConfig);
    object.is_secret = context.assignments.iter().any(Assignment::is_secret);
    let mode = if object.is_secret { 0o600 } else { 0o644 };
    let file = templates.file(object, "xl/vm.cfg", path(vm, resolved), &context)?;
    Ok(file.mode(mode))
}

/// The facts in the comment at the top.
fn facts(vm: &ResolvedVm) -> Vec<(&'static str, String)> {
    let yes = |value: bool| if value { "yes" } else { "no" }.to_owned();
    let root = match &vm.root {
        RootVolume::Managed(volume) => volume.describe(),
        RootVolume::Unmanaged(_) => "not managed".to_owned(),
    };
    let mut facts = vec![
        ("os", format!("{} {}", vm.os_type.as_str(), *vm.os_version)),
        ("storage type", vm.storage_type.as_str().to_owned()),
        ("root", root),
        ("starts with the host", yes(*vm.auto_boot)),
    ];
    if !vm.after.is_empty() {
        let names: Vec<_> = vm.after.iter().map(|other| other.as_str()).collect();
        facts.push(("after", names.join(", ")));
    }
    facts
}

fn assignments(vm: &ResolvedVm, xen_version: XenVersion) -> Vec<Assignment> {
    let mut all = vec![
        text(xl_key("name"), vm.domain.as_str()),
        text(xl_key("uuid"), &vm.uuid.to_string()),
        text(xl_key("type"), vm.guest_type.as_str()),
        number(xl_key("memory"), vm.memory_mib.get()),
    ];
    all.extend(
        vm.maxmem_mib
            .as_ref()
            .map(|maxmem| number(xl_key("maxmem"), maxmem.get())),
    );
    all.push(number(xl_key("vcpus"), vm.vcpus.get().into()));
    match &*vm.cpus {
        CpuList::Any => {}
        CpuList::Same(items) => all.push(text(xl_key("cpu_str"), items.as_str())),
        CpuList::Each(items) => {
            let items = items.iter().map(|item| Token(xl_string(item.as_str())));
            all.push(list(xl_key("cpu_str"), items));
        }
    }
    for (key, action) in vm.actions.all() {
        all.extend(action.map(|action| text(xl_key(key), action.as_str())));
    }
    if let Some(boot) = &vm.direct_boot {
        all.extend(
            boot.kernel
                .iter()
                .map(|kernel| text(xl_key("kernel"), kernel.as_str())),
        );
        if let Some(Initrd::Path(initrd)) = boot.initrd.as_deref() {
            all.push(text(xl_key("initrd"), initrd.as_str()));
        }
        let cmdline = boot.cmdline.iter();
        all.extend(cmdline.map(|line| text(xl_key("cmdline"), line.as_str())));
    } else {
        let served = vm.spice.served();
        all.push(number(xl_key("spice"), served.is_some().into()));
        all.extend(served.into_iter().flat_map(spice));
    }
    all.push(list(xl_key("disks"), disks(vm)));
    all.push(list(xl_key("interfaces"), vm.interfaces.iter().map(vif)));
    let own = vm.xl_settings.all().into_iter();
    all.extend(own.map(|setting| assignment(setting.key, &setting.value)));
    let read = |option: &&XlOption| {
        xl_key_info(option.key.as_str()).is_some_and(|info| {
            info.is_read_for(*vm.guest_type) && info.since.is_none_or(|since| since <= xen_version)
        })
    };
    all.extend(
        vm.xl_options
            .iter()
            .filter(read)
            .map(|option| assignment(option.key.as_str(), &option.value)),
    );
    all
}

fn assignment(key: &str, value: &XlValue) -> Assignment {
    match value {
        XlValue::List(items) => list(key, items.iter().map(token_text)),
        value => Assignment {
            key: key.into(),
            value: Some(token(value)),
            items: Vec::new(),
        },
    }
}

fn text(key: &str, value: &str) -> Assignment {
    Assignment {
        key: key.into(),
        value: Some(xl_string(value)),
        items: Vec::new(),
    }
}

fn number(key: &str, value: u32) -> Assignment {
    Assignment {
        key: key.into(),
        value: Some(value.to_string()),
        items: Vec::new(),
    }
}

fn list(key: &str, items: impl IntoIterator<Item = Token>) -> Assignment {
    Assignment {
        key: key.into(),
        value: None,
        items: items.into_iter().map(|Token(text)| text).collect(),
    }
}

/// A token of xl.cfg.
struct Token(String);

fn token_text(value: &XlValue) -> Token {
    Token(token(value))
}

fn token(value: &XlValue) -> String {
    match value {
        XlValue::Integer(value) => value.to_string(),
        XlValue::Text(text) => xl_string(text),
        XlValue::List(items) => {
            let items: Vec<_> = items.iter().map(token).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

fn disks(vm: &ResolvedVm) -> Vec<Token> {
    let root = vm.root.managed().and_then(Volume::xl_disk);
    let root = root.map(|disk| Token(xl_string(&disk.to_string())));
    let data = vm.volumes.iter().filter_map(DataVolume::xl_disk);
    let data = data.map(|disk| Token(xl_string(&disk.to_string())));
    root.into_iter()
        .chain(vm.disks.iter().map(|disk| Token(xl_string(disk.as_str()))))
        .chain(data)
        .collect()
}

/// A vif: `key=value` parts joined by commas; no part contains a comma
/// (xl-network-configuration(5)).
fn vif(interface: &ResolvedInterface) -> Token {
    let mut parts = vec![format!("mac={}", *interface.mac)];
    let mut part = |key: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{key}={value}")));
    };
    part(
        "bridge",
        interface.bridge.as_ref().map(|bridge| bridge.to_string()),
    );
    part(
        "script",
        interface.script.as_ref().map(|script| script.to_string()),
    );
    part(
        "vifname",
        interface.vifname.as_ref().map(|name| name.to_string()),
    );
    // Scripts set up routes to these addresses, which link-local addresses do not need.
    let routed = interface
        .addresses
        .iter()
        .filter(|address| !address.is_link_local());
    let addresses: Vec<_> = routed.map(|address| address.addr.to_string()).collect();
    part("ip", (!addresses.is_empty()).then(|| addresses.join(" ")));
    part("mtu", interface.mtu.as_ref().map(|mtu| mtu.to_string()));
    part("rate", interface.rate.as_ref().map(|rate| rate.to_string()));
    part(
        "type",
        interface.vif_type.as_ref().map(|kind| kind.to_string()),
    );
    part(
        "model",
        interface.model.as_ref().map(|model| model.to_string()),
    );
    parts.extend(
        interface
            .xen_str
            .as_ref()
            .filter(|s| !s.as_str().is_empty())
            .map(|parameters| parameters.to_string()),
    );
    Token(xl_string(&parts.join(",")))
}

fn spice(spice: &ResolvedSpice) -> Vec<Assignment> {
    let flag = |key, value: bool| number(key, value.into());
    let mut all = vec![
        text(xl_key("spicehost"), &spice.host.to_string()),
        flag(xl_key("mouse"), *spice.mouse),
        flag(xl_key("spicevdagent"), *spice.spicevdagent),
        flag(xl_key("share_clipboard"), *spice.share_clipboard),
        number(
            xl_key("max_usb_redirections"),
            spice.max_usb_redirections.get().into(),
        ),
    ];
    if spice.port.get() != 0 {
        all.insert(1, number(xl_key("spiceport"), spice.port.get().into()));
    }
    if let Some(password) = &spice.password {
        // Explicit, so that the password is required whatever xl's default is.
        all.push(flag("spicedisable_ticketing", false));
        all.push(text(xl_key("spicepasswd"), password.reveal()));
    }
    all
}
