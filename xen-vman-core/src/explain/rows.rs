//! Resolved values → rows, in the order of the schema.

use super::Row;
use crate::diag::secret::{is_password, without_passwords};
use crate::resolve::{
    Origin, Resolved, ResolvedHost, ResolvedInterface, ResolvedSpice, ResolvedVm, Scope, Sourced,
};
use crate::spec::Extra;
use crate::storage::DataVolume;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// The placeholder for a password.
const HIDDEN: &str = "(hidden)";

#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add<T: Serialize>(&mut self, key: impl Into<String>, value: &Sourced<T>) {
        self.0.push(Row {
            key: key.into(),
            value: to_value(&value.value),
            words: None,
            origin: Some(value.origin),
        });
    }

    fn maybe<T: Serialize>(&mut self, key: impl Into<String>, value: Option<&Sourced<T>>) {
        match value {
            Some(value) => self.add(key, value),
            None => self.0.push(Row {
                key: key.into(),
                value: Value::Null,
                words: None,
                origin: None,
            }),
        }
    }

    /// The items of a list with a single origin.
    fn list<T: Serialize>(&mut self, key: &str, items: &[Sourced<T>]) {
        let values = items.iter().map(|item| to_value(&item.value)).collect();
        self.0.push(Row {
            key: key.into(),
            value: Value::Array(values),
            words: None,
            origin: Some(
                items
                    .first()
                    .map_or(Origin::BuiltIn, |item| whole(item.origin)),
            ),
        });
    }

    fn made(&mut self, key: impl Into<String>, value: Value, from: &'static str) {
        self.0.push(Row {
            key: key.into(),
            value,
            words: None,
            origin: Some(Origin::Derived(from)),
        });
    }
}

fn to_value(value: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(value)
        .unwrap_or_else(|error| unreachable!("checked values are plain: {error}"));
    hide(&mut value);
    value
}

/// Hides passwords in strings.
fn hide(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(hidden) = without_passwords(text) {
                *text = hidden;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(entries) => entries.values_mut().for_each(hide),
        _ => {}
    }
}

/// The position of a list, from that of an item.
fn whole(origin: Origin) -> Origin {
    let list = |place: crate::resolve::Place| crate::resolve::Place {
        item: None,
        ..place
    };
    match origin {
        Origin::Written(place) => Origin::Written(list(place)),
        Origin::Default(place) => Origin::Default(list(place)),
        Origin::StandIn(place) => Origin::StandIn(list(place)),
        other => other,
    }
}

/// The settings of a host.
pub fn host(host: &ResolvedHost) -> Vec<Row> {
    let mut rows = Rows::default();
    rows.add("header", &host.header);
    rows.add("xl_path", &host.xl_path);
    rows.add("vm_config_path", &host.vm_config_path);
    rows.add("dracut_modules", &host.dracut_modules);
    rows.maybe("dracut_extra_flags", host.dracut_extra_flags.as_ref());
    rows.add("start_timeout", &host.start_timeout);
    rows.add("stop_timeout", &host.stop_timeout);
    rows.add("mount_timeout", &host.mount_timeout);
    rows.add("umount_timeout", &host.umount_timeout);
    rows.add("generations_kept", &host.generations_kept);
    rows.add("generations_kept_days", &host.generations_kept_days);
    rows.add("public_keys", &host.public_keys);
    rows.0
        .extend(host.storage.rows().into_iter().map(|row| Row {
            key: row.key.to_owned(),
            value: row.value,
            words: None,
            origin: row.origin,
        }));
    rows.add("debootstrap_packages", &host.debootstrap_packages);
    rows.add(
        "additional_network_scripts",
        &host.additional_network_scripts,
    );
    rows.add("global_preparations", &host.global_preparations);
    rows.add(
        "global_preparations_timeout",
        &host.global_preparations_timeout,
    );
    rows.add("guest_user", &host.guest_user);
    rows.maybe("xen_version", host.xen_version.as_ref());
    rows.maybe("host_memory", host.host_memory_mib.as_ref());
    rows.maybe("host_cpus", host.host_cpus.as_ref());
    rows.add("network_script", &host.network_script);
    rows.maybe("network_bridge", host.network_bridge.as_ref());
    rows.0
}

/// All values of a VM, including those of its interfaces.
pub fn vm(vm: &ResolvedVm, resolved: &Resolved) -> Vec<Row> {
    let mut rows = Rows::default();
    let scope = Scope::Vm(vm.number);
    rows.add("org", &Sourced::written(vm.org.clone(), scope.key("org")));
    rows.add(
        "name",
        &Sourced::written(vm.name.clone(), scope.key("name")),
    );
    if vm.writes("domain") {
        let domain = Sourced::written(vm.domain.clone(), scope.key("domain"));
        rows.add("domain", &domain);
    } else {
        rows.made("domain", to_value(&vm.domain), "org and name");
    }
    rows.maybe("description", vm.description.as_ref());
    rows.add("uuid", &vm.uuid);
    rows.add("type", &vm.guest_type);
    rows.add("memory", &vm.memory_mib);
    rows.maybe("maxmem", vm.maxmem_mib.as_ref());
    rows.add("vcpus", &vm.vcpus);
    rows.add("cpu_str", &vm.cpus);
    for (key, action) in vm.actions.all() {
        rows.maybe(key, action);
    }
    xl_setting_rows(vm, &mut rows);
    for interface in &vm.interfaces {
        interface_rows(interface, resolved, &mut rows);
    }
    rows.maybe("connection_ip", vm.connection_ip.as_ref());
    rows.maybe("gateway", vm.network.gateway4.as_ref());
    rows.maybe("gateway6", vm.network.gateway6.as_ref());
    rows.add("nameserver", &vm.network.nameservers);
    rows.add("storage_type", &vm.storage_type);
    rows.list("disks", &vm.disks);
    rows.add("manual_root_disk", &vm.manual_root_disk);
    rows.add("filesystem", &vm.filesystem);
    rows.maybe("size", vm.size_mib.as_ref());
    rows.maybe("root_volume", vm.root_volume.as_ref());
    rows.add("snapshot_before", &vm.snapshot_before);
    let root = vm.root.managed();
    rows.0.push(Row {
        key: "root".to_owned(),
        value: root.map_or(Value::Null, |volume| volume.describe().into()),
        words: None,
        origin: Some(Origin::Derived("storage")),
    });
    for data in &vm.volumes {
        volume_rows(data, vm, &mut rows);
    }
    rows.add("os.type", &vm.os_type);
    rows.add("os.version", &vm.os_version);
    rows.add("boot_after_creation", &vm.boot_after_creation);
    rows.add("auto_boot", &vm.auto_boot);
    rows.list("after", &vm.after);
    if let Some(boot) = &vm.direct_boot {
        rows.maybe("kernel", boot.kernel.as_ref());
        rows.maybe("initrd", boot.initrd.as_ref());
        rows.maybe("cmdline", boot.cmdline.as_ref());
    }
    rows.add("spice", &vm.spice.enabled());
    if let Some(spice) = vm.spice.served() {
        spice_rows(spice, &mut rows);
    }
    for option in &vm.xl_options {
        let key = format!("additional_xen_options.{}", option.key);
        if is_password(option.key.as_str()) {
            rows.add(key, &hidden(option.value.origin));
        } else {
            rows.add(key, &option.value);
        }
    }
    rows.add("auto_install", &vm.auto_install);
    rows.add("reinstall", &vm.reinstall);
    let debootstrap = &vm.debootstrap;
    rows.maybe("debootstrap_mirror", debootstrap.mirror.as_ref());
    rows.maybe("debootstrap_keyring", debootstrap.keyring.as_ref());
    rows.add("debootstrap_components", &debootstrap.components);
    rows.add("debootstrap_variant", &debootstrap.variant);
    rows.add("guest_hostname", &vm.hostname);
    rows.maybe("extra", vm.extra.as_ref().map(keys_of).as_ref());
    rows.0
}

/// The keys of other data, whose values may be secret.
fn keys_of(extra: &Sourced<Extra>) -> Sourced<Vec<&str>> {
    Sourced {
        value: extra.keys().collect(),
        origin: extra.origin,
    }
}

fn hidden(origin: Origin) -> Sourced<&'static str> {
    Sourced {
        value: HIDDEN,
        origin,
    }
}

fn spice_rows(spice: &ResolvedSpice, rows: &mut Rows) {
    rows.add("spicehost", &spice.host);
    rows.add("spiceport", &spice.port);
    let password = spice.password.as_ref();
    rows.maybe(
        "spicepasswd",
        password.map(|password| hidden(password.origin)).as_ref(),
    );
    rows.add("mouse", &spice.mouse);
    rows.add("share_clipboard", &spice.share_clipboard);
    rows.add("spicevdagent", &spice.spicevdagent);
    rows.add("max_usb_redirections", &spice.max_usb_redirections);
}

/// Those that are set; xl has defaults for all others.
fn xl_setting_rows(vm: &ResolvedVm, rows: &mut Rows) {
    for setting in vm.xl_settings.all() {
        let own = setting.own.unwrap_or(setting.key);
        if is_password(own) {
            rows.add(own, &hidden(setting.value.origin));
        } else {
            rows.add(own, &setting.value);
        }
    }
}

fn volume_rows(data: &DataVolume, vm: &ResolvedVm, rows: &mut Rows) {
    let scope = Scope::Volume(vm.number, data.number);
    let mut add = |key: &'static str, value: Value, otherwise: Option<Origin>| {
        let origin = if vm.writes_in_volume(data.number, key) {
            Some(Origin::Written(scope.key(key)))
        } else {
            otherwise
        };
        rows.0.push(Row {
            key: format!("volumes[{}].{key}", data.number),
            value,
            words: None,
            origin,
        });
    };
    let root = Origin::Derived("storage_type of the VM");
    add("name", to_value(data.name()), None);
    add("storage_type", to_value(&data.volume.kind()), Some(root));
    let derived = Some(Origin::Derived("storage"));
    add("volume", data.volume.describe().into(), derived);
    add("size", to_value(&data.size_mib), None);
    let content = data.content();
    add(
        "filesystem",
        to_value(&content),
        content.map(|_| Origin::BuiltIn),
    );
    let (vdev, uuid) = (data.vdev.as_ref(), &data.uuid);
    add("vdev", to_value(&vdev), vdev.map(|vdev| vdev.origin));
    add("uuid", to_value(uuid), Some(uuid.origin));
    add("mount", to_value(&data.mount), None);
    add("mount_options", to_value(&data.options), None);
}

fn interface_rows(interface: &ResolvedInterface, resolved: &Resolved, rows: &mut Rows) {
    let key = |name: &str| format!("interfaces[{}].{name}", interface.devid);
    for (name, is_ipv4) in [("ip", true), ("ipv6", false)] {
        let family: Vec<_> = interface
            .addresses
            .iter()
            .filter(|address| address.addr.is_ipv4() == is_ipv4)
            .copied()
            .collect();
        match family.first() {
            Some(_) => rows.list(&key(name), &family),
            None => rows.maybe::<()>(key(name), None),
        }
    }
    rows.add(key("use_dhcp"), &interface.dhcp);
    rows.add(key("mac"), &interface.mac);
    rows.maybe(key("mtu"), interface.mtu.as_ref());
    let bridge = interface.bridge.as_ref();
    rows.maybe(
        key("bridge"),
        bridge.or(resolved.host.network_bridge.as_ref()),
    );
    rows.maybe(key("vifname"), interface.vifname.as_ref());
    let script = interface.script.as_ref();
    rows.add(
        key("script"),
        script.unwrap_or(&resolved.host.network_script),
    );
    rows.maybe(key("rate"), interface.rate.as_ref());
    rows.maybe(key("vif_type"), interface.vif_type.as_ref());
    rows.maybe(key("model"), interface.model.as_ref());
    rows.maybe(key("xen_str"), interface.xen_str.as_ref());
    rows.maybe(key("extra"), interface.extra.as_ref().map(keys_of).as_ref());
}
