//! One wrong value gives one diagnostic: none about what follows from it.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use toml::{Table, Value};
use xen_vman_core::diag::{Diagnostic, Severity};
use xen_vman_core::{Facts, Source, compile};

const HOST: &str = r#"
nfsroot_base = "10.0.0.5:/tank/vms"
iscsi_server = "10.0.0.6"
iscsi_base_wwn = "iqn.2017-01.de.example"
"#;

/// VMs that set many keys, without any diagnostic.
const VMS: &[&str] = &[
    r#"
org = "a"
name = "nfs"
os = { type = "debian", version = "12" }
memory = 1024
maxmem = 2048
vcpus = 2
cpu_str = "all"
connection_ip = "10.0.0.15"
gateway = "10.0.0.1"
nameserver = ["10.0.0.2"]
storage_type = "nfs"
disks = ["phy:/dev/vg0/a,xvdb,w"]
auto_boot = true
type = "pv"
auto_install = true
interfaces = [{ ip = "10.0.0.15/24", mac = "00:16:3e:00:00:01", mtu = 1500, bridge = "br0", vifname = "v0", script = "vif-bridge", rate = "10Mb/s", xen_str = "model=e1000" }]
"#,
    r#"
org = "a"
name = "iscsi"
os = { type = "debian", version = "12" }
interfaces = []
storage_type = "iscsi"
filesystem = "xfs"
manual_root_disk = false
kernel = "/boot/vmlinuz"
initrd = "/boot/initrd.img"
"#,
    r#"
org = "a"
name = "hvm"
os = { type = "windows", version = "11" }
interfaces = []
storage_type = "lvm"
type = "hvm"
disks = ["phy:/dev/vg0/b,xvda,w"]
spice = true
spicehost = "127.0.0.1"
spiceport = 3100
spicepasswd = "a-long-password"
mouse = true
share_clipboard = true
spicevdagent = true
max_usb_redirections = 4
auto_install = false
additional_xen_options = { vga = "qxl" }
"#,
    r#"
org = "a"
name = "manual"
os = { type = "debian", version = "12" }
interfaces = []
storage_type = "iscsi"
manual_root_disk = true
disks = ["/dev/vg0/mail,raw,xvda,rw"]
"#,
];

fn found(vm: &Table) -> Vec<Diagnostic> {
    let mut definition: Table = HOST.parse().unwrap();
    definition.insert("vms".into(), Value::Array(vec![vm.clone().into()]));
    let source = Source::new("host.toml", definition.to_string()).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    compiled.report.iter().cloned().collect()
}

/// The places of a VM: its keys, and those of its first interface and its operating system.
fn places(vm: &Table) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vm.keys().map(|key| vec![key.clone()]).collect();
    let inner = |key: &str, table: &Table| -> Vec<Vec<String>> {
        let keys = table.keys();
        keys.map(|inner| vec![key.to_owned(), inner.clone()])
            .collect()
    };
    all.extend(inner("os", vm["os"].as_table().unwrap()));
    if let Some(Value::Table(first)) = vm["interfaces"].as_array().unwrap().first() {
        all.extend(inner("interfaces", first));
    }
    all
}

fn table<'t>(vm: &'t mut Table, place: &[String]) -> &'t mut Table {
    match (place, place[0].as_str()) {
        ([_], _) => vm,
        (_, "interfaces") => vm["interfaces"][0].as_table_mut().unwrap(),
        (_, key) => vm[key].as_table_mut().unwrap(),
    }
}

#[test]
fn one_wrong_value_gives_one_diagnostic() {
    let mut count = 0;
    for text in VMS {
        let vm: Table = text.parse().unwrap();
        assert_eq!(found(&vm), []);
        for place in places(&vm) {
            let last = place.last().unwrap();
            // A list in a list is no value of any key.
            let mut wrong = vm.clone();
            let value = Value::Array(vec![Value::Array(vec![1.into()])]);
            table(&mut wrong, &place).insert(last.clone(), value);
            let reported = found(&wrong);
            assert_eq!(reported.len(), 1, "{place:?}: {reported:#?}");
            assert_eq!(reported[0].severity, Severity::Error);
            assert!(reported[0].path.to_string().contains(last.as_str()));
            count += 1;
        }
        for key in ["org", "name", "os", "interfaces"] {
            let mut without = vm.clone();
            without.remove(key);
            let reported = found(&without);
            assert_eq!(reported.len(), 1, "{key}: {reported:#?}");
        }
    }
    assert!(count > 60, "{count}");
}
