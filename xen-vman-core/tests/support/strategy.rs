//! Definitions that proptest makes.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use toml::{Table, Value};

/// A key with a value, now and then.
fn key(
    name: &'static str,
    value: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Option<(String, Value)>> {
    of(value.prop_map(move |value| (name.to_owned(), value))).boxed()
}

fn number(range: std::ops::Range<i64>) -> impl Strategy<Value = Value> {
    range.prop_map(Value::from)
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(words).prop_map(Value::from)
}

fn flag() -> impl Strategy<Value = Value> {
    any::<bool>().prop_map(Value::from)
}

fn text(pattern: &'static str) -> impl Strategy<Value = Value> {
    pattern.prop_map(Value::from)
}

fn list(item: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    proptest::collection::vec(item, 0..most).prop_map(Value::Array)
}

fn table(keys: Vec<BoxedStrategy<Option<(String, Value)>>>) -> impl Strategy<Value = Table> {
    keys.prop_map(|keys| keys.into_iter().flatten().collect())
}

fn interface() -> impl Strategy<Value = Value> {
    let v4 = (1_u8..255).prop_map(|n| Value::from(format!("10.0.0.{n}/16")));
    let v6 = (1_u8..255).prop_map(|n| Value::from(format!("2001:db8::{n:x}/64")));
    let mac = "0[2a]:16:3e(:[0-9a-f]{2}){3}";
    table(vec![
        key("ip", v4),
        key("ipv6", v6),
        key("mac", text(mac)),
        key("mtu", number(1280..9000)),
        key("bridge", text("br[a-z0-9]{1,8}")),
        key("vifname", text("v[a-z0-9.]{1,9}")),
        key("vifname_prefix", one_of(&["v", "web", "database-server"])),
        key("script", one_of(&["vif-bridge", "vif-p2p", "/srv/vif-own"])),
        key("rate", one_of(&["10Mb/s", "1GB/s@20ms"])),
        key(
            "xen_str",
            one_of(&["model=e1000", "gatewaydev=eth0,type=vif", "untrusted"]),
        ),
    ])
    .prop_map(Value::Table)
}

fn options() -> impl Strategy<Value = Value> {
    table(vec![
        key("on_crash", one_of(&["destroy", "restart", "preserve"])),
        key("cap", number(0..400)),
        key("hap", flag()),
        key("nomigrate", flag()),
        key("cpu_weight", number(1..65536)),
        key("device_model_args", list(text("[ -~&&[^{'\"]]{0,12}"), 3)),
        key("pool", one_of(&["Pool-0"])),
    ])
    .prop_map(Value::Table)
}

fn vm() -> impl Strategy<Value = Value> {
    let cpus = prop_oneof![
        one_of(&["all", "0-3", "all,^1", "any", "1,3"]),
        list(one_of(&["0", "1-2", "all,^0"]), 3).prop_map(|list| match list {
            Value::Array(items) if items.is_empty() => Value::from("all"),
            list => list,
        }),
    ];
    let disk = ("[b-z]", select(&["w", "r", "rw"][..])).prop_map(|(letter, access)| {
        Value::from(format!("phy:/dev/vg0/{letter},xvd{letter},{access}"))
    });
    let name = "[a-z][a-z0-9]{0,9}";
    let rest = table(vec![
        key("domain", text("[A-Za-z][A-Za-z0-9.-]{0,20}[a-z0-9]")),
        key("memory", number(1..4096)),
        key("vcpus", number(1..64)),
        key("cpu_str", cpus),
        key("type", one_of(&["pv", "pvh", "hvm"])),
        key("storage_type", one_of(&["nfs", "iscsi", "lvm"])),
        key("disks", list(disk, 3)),
        key("auto_boot", flag()),
        key("auto_install", flag()),
        key("boot_after_creation", flag()),
        key(
            "debootstrap_mirror",
            text("https?://[a-z]{1,9}\\.example/[a-z~%,/]{0,9}[a-z]"),
        ),
        key("debootstrap_components", list(text("[a-z][a-z-]{0,9}"), 3)),
        key("description", text("[ -~&&[^{]]{0,30}")),
        key("cmdline", text("[ -~&&[^{]]{0,30}")),
        key("initrd", one_of(&["none", "/boot/initrd.img"])),
        key("kernel", text("/boot/[a-z \"'\\\\%$]{1,9}k")),
        key("gateway", one_of(&["10.0.0.1", "10.9.0.1"])),
        key("spice", flag()),
        key("spicehost", one_of(&["127.0.0.1", "0.0.0.0"])),
        key("spiceport", number(3000..4000)),
        key("spicepasswd", text("[ -~&&[^{,]]{1,20}")),
        key("max_usb_redirections", number(0..5)),
        key("additional_xen_options", options()),
    ]);
    (
        name,
        name,
        proptest::collection::vec(interface(), 0..4),
        rest,
    )
        .prop_map(|(org, name, interfaces, rest)| {
            let mut vm = Table::new();
            vm.insert("org".into(), org.into());
            vm.insert("name".into(), name.into());
            vm.insert("interfaces".into(), Value::Array(interfaces));
            let os = [("type", "debian"), ("version", "bookworm")];
            let os = os.map(|(key, value)| (key.to_owned(), value.into()));
            vm.insert("os".into(), Value::Table(os.into_iter().collect()));
            vm.extend(rest);
            Value::Table(vm)
        })
}

/// Definitions of a few VMs; most of them have no errors.
pub(crate) fn definition() -> impl Strategy<Value = Table> {
    proptest::collection::vec(vm(), 0..4).prop_map(|vms| {
        let mut table = Table::new();
        table.insert("nfsroot_base".into(), "10.0.0.5:/tank".into());
        table.insert("iscsi_server".into(), "10.0.0.6".into());
        table.insert("iscsi_base_wwn".into(), "iqn.2017-01.de.example".into());
        table.insert("vms".into(), Value::Array(vms));
        table
    })
}
