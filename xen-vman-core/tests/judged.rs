//! Everything generated, before judges that nobody here wrote.
#![allow(clippy::disallowed_methods, reason = "tests run judges")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::strategy::definition;
use support::{cases, compile_files, good_definitions, inputs, judges, skipped, write_host};
use xen_vman_core::render::vif_p2p::vif_p2p;
use xen_vman_core::resolve::ResolvedVm;
use xen_vman_core::storage::{DataVolume, NfsVolume, RootVolume, Volume};
use xen_vman_core::values::{
    CpuList, DiskAccess, GuestType, Initrd, VifName, XenVersion, xl_keys, xl_words,
};
use xen_vman_core::{Assets, Compiled, Facts, Source, Templates, compile};

/// The realistic host.
fn whole_host() -> Compiled {
    compile_files(&inputs(
        &support::crate_dir().join("tests/cases/ok/whole-host"),
    ))
}

/// It, written below a directory as on the host.
fn whole_host_tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_host(&whole_host(), dir.path());
    dir
}

#[test]
fn xl_accepts_every_configuration_and_reads_what_the_model_says() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut vms = Vec::new();
    for (number, (case, compiled)) in good_definitions().into_iter().enumerate() {
        // The judge is an xl 4.17.
        if compiled.resolved.host.xen_version() > XenVersion::OLDEST {
            continue;
        }
        let output = compiled
            .render(&Templates::embedded(), &Assets::default())
            .unwrap();
        for vm in &compiled.resolved.vms {
            let file = output
                .host_file(&format!(
                    "{}/{}.cfg",
                    *compiled.resolved.host.vm_config_path, vm.domain
                ))
                .unwrap();
            let path = dir.path().join(format!("{number}-{}.cfg", vm.domain));
            fs::write(&path, &file.content).unwrap();
            files.push(path);
            vms.push((case.clone(), vm.clone()));
        }
    }
    assert!(files.len() > 200, "only {} configurations", files.len());
    let mut problems = Vec::new();
    for (verdict, (case, vm)) in judges::xl(&judges, &files).iter().zip(&vms) {
        problems.extend(
            verdict
                .objections
                .iter()
                .map(|objection| format!("{case}: {}: {objection}", vm.domain)),
        );
        problems.extend(
            meaning(vm, &verdict.config)
                .into_iter()
                .map(|problem| format!("{case}: {}: {problem}", vm.domain)),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Whatever is written: what has no errors, xl accepts silently and as intended.
#[test]
fn xl_accepts_whatever_check_calls_fine() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let wanted = std::env::var("XEN_VMAN_XL_DEFINITIONS");
    let wanted: usize = wanted.map_or(60, |text| text.parse().unwrap());
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, b"definitions for xl to be judged!"),
    );
    let dir = tempfile::tempdir().unwrap();
    let (mut files, mut vms, mut refused) = (Vec::new(), Vec::new(), 0);
    for number in 0..wanted {
        let table = definition().new_tree(&mut runner).unwrap().current();
        let source = Source::new("host.toml", table.to_string()).unwrap();
        let compiled = compile(vec![source], &Facts::default());
        if compiled.report.has_errors() {
            refused += 1;
            continue;
        }
        let output = compiled
            .render(&Templates::embedded(), &Assets::default())
            .unwrap();
        for vm in compiled.resolved.vms {
            let file = output.host_file(&format!("/etc/xen/vms/{}.cfg", vm.domain));
            let path = dir.path().join(format!("{number}-{}.cfg", vm.domain));
            fs::write(&path, &file.unwrap().content).unwrap();
            files.push(path);
            vms.push(vm);
        }
    }
    println!("{wanted} definitions, {refused} refused, {} VMs", vms.len());
    assert!(vms.len() > wanted / 3, "hardly any is fine");
    let mut problems = Vec::new();
    for (verdict, vm) in judges::xl(&judges, &files).iter().zip(&vms) {
        let config = || fs::read_to_string(&verdict.file).unwrap();
        for objection in &verdict.objections {
            problems.push(format!("{objection}\n{}", config()));
        }
        for problem in meaning(vm, &verdict.config) {
            problems.push(format!("{problem}\n{}", config()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The words that `check` allows are those that xl takes.
#[test]
fn words_of_xl_cfg_are_those_that_xl_takes() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    // Fine as words, but not on the judge's host or with its device model.
    let elsewhere = [("bios", "rombios"), ("passthrough", "share_pt")];
    let dir = tempfile::tempdir().unwrap();
    let (mut files, mut expected) = (Vec::new(), Vec::new());
    for key in xl_keys() {
        let Some(words) = xl_words(key) else { continue };
        for word in words.iter().copied().chain(["nonsense"]) {
            if elsewhere.contains(&(key, word)) {
                continue;
            }
            let value = match key {
                "viridian" => format!("[\"{word}\"]"),
                _ => format!("\"{word}\""),
            };
            let kind = match key {
                "type" | "builder" => "",
                _ => "type = \"hvm\"\n",
            };
            let text =
                format!("name = \"a\"\nkernel = \"/k\"\nmemory = 64\n{kind}{key} = {value}\n");
            let path = dir.path().join(format!("{key}-{word}.cfg"));
            fs::write(&path, text).unwrap();
            files.push(path);
            expected.push((key, word));
        }
    }
    for (verdict, (key, word)) in judges::xl(&judges, &files).iter().zip(expected) {
        // It reports every tsc_mode given as a string.
        let said = |text: &&String| !text.starts_with("got a tsc mode string");
        let objects = verdict.objections.iter().any(|text| said(&text));
        assert_eq!(objects, word == "nonsense", "{key} = {word}: {verdict:?}");
    }
}

/// Where xl's domain differs from the model.
#[expect(clippy::too_many_lines, reason = "a line or two for each value")]
fn meaning(vm: &ResolvedVm, config: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut same = |path: &str, expected: Value| {
        let found = config.pointer(path).cloned().unwrap_or(Value::Null);
        if found != expected {
            problems.push(format!("{path} is {found}, not {expected}"));
        }
    };
    same("/c_info/name", vm.domain.as_str().into());
    same("/c_info/uuid", vm.uuid.to_string().into());
    same("/c_info/type", vm.guest_type.as_str().into());
    same(
        "/b_info/target_memkb",
        (u64::from(vm.memory_mib.get()) * 1024).into(),
    );
    let maxmem = vm.maxmem_mib.as_ref().map(|maxmem| maxmem.get());
    let by_option = vm
        .xl_options
        .iter()
        .any(|option| option.key.as_str() == "maxmem");
    if !by_option {
        same(
            "/b_info/max_memkb",
            (u64::from(maxmem.unwrap_or(vm.memory_mib.get())) * 1024).into(),
        );
    }
    let own = &vm.xl_settings;
    let most = own.maxvcpus.as_ref().map_or(*vm.vcpus, |most| **most);
    same("/b_info/max_vcpus", most.get().into());
    for vcpu in 0..vm.vcpus.get() {
        let items = match &*vm.cpus {
            CpuList::Any => continue,
            CpuList::Same(items) => Some(items),
            CpuList::Each(all) => all.get(usize::from(vcpu)),
        };
        let Some(items) = items else { continue };
        let cpus = allowed_cpus(items.as_str());
        if cpus.len() < JUDGED_CPUS || matches!(&*vm.cpus, CpuList::Each(_)) {
            same(
                &format!("/b_info/vcpu_hard_affinity/{vcpu}"),
                cpus.into_iter().map(Value::from).collect(),
            );
        }
    }
    let boot = vm.direct_boot.as_ref();
    let or_null = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    same(
        "/b_info/kernel",
        or_null(boot.and_then(|boot| Some(boot.kernel.as_ref()?.as_str()))),
    );
    same(
        "/b_info/ramdisk",
        or_null(boot.and_then(|boot| match boot.initrd.as_deref()? {
            Initrd::Path(path) => Some(path.as_str()),
            Initrd::None => None,
        })),
    );
    same(
        "/b_info/cmdline",
        or_null(boot.and_then(|boot| Some(boot.cmdline.as_ref()?.as_str()))),
    );
    if *vm.guest_type == GuestType::Hvm {
        let spice = "/b_info/type.hvm/spice";
        let on = |value: bool| Value::from(if value { "True" } else { "False" });
        if let Some(order) = &own.boot_order {
            same("/b_info/type.hvm/boot", order.as_str().into());
        }
        if let Some(card) = &own.vga {
            let kind = card.as_str().replace("stdvga", "std");
            same("/b_info/type.hvm/vga/kind", kind.into());
        }
        if let Some(size) = &own.videoram_mib {
            same("/b_info/video_memkb", (u32::from(size.get()) << 10).into());
        }
        let vnc = "/b_info/type.hvm/vnc";
        for (key, flag) in [("enable", &own.vnc), ("findunused", &own.vncunused)] {
            if let Some(flag) = flag {
                same(&format!("{vnc}/{key}"), on(**flag));
            }
        }
        if let Some(display) = &own.vncdisplay {
            same(&format!("{vnc}/display"), display.get().into());
        }
        if let Some(host) = &own.vnclisten {
            same(&format!("{vnc}/listen"), host.as_str().into());
        }
        if let Some(password) = &own.vncpasswd {
            same(&format!("{vnc}/passwd"), password.reveal().into());
        }
        same(&format!("{spice}/enable"), on(vm.spice.served().is_some()));
        if let Some(settings) = vm.spice.served() {
            same(&format!("{spice}/port"), settings.port.get().into());
            same(&format!("{spice}/host"), settings.host.to_string().into());
            same(
                &format!("{spice}/passwd"),
                or_null(settings.password.as_ref().map(|password| password.reveal())),
            );
            same(&format!("{spice}/agent_mouse"), on(*settings.mouse));
            same(&format!("{spice}/vdagent"), on(*settings.spicevdagent));
            same(
                &format!("{spice}/clipboard_sharing"),
                on(*settings.share_clipboard),
            );
            let usb = settings.max_usb_redirections.get();
            same(
                &format!("{spice}/usbredirection"),
                if usb == 0 { Value::Null } else { usb.into() },
            );
        }
    }
    let disk = vm.root.managed().and_then(Volume::xl_disk);
    let root = disk
        .as_ref()
        .map(|disk| (disk.target.as_str(), disk.vdev.as_str(), true));
    let disks = vm.disks.iter().map(|disk| {
        (
            disk.target(),
            disk.vdev(),
            disk.access() == DiskAccess::ReadWrite,
        )
    });
    let data: Vec<_> = vm.volumes.iter().filter_map(DataVolume::xl_disk).collect();
    let data = data
        .iter()
        .map(|disk| (disk.target.as_str(), disk.vdev.as_str(), true));
    let disks: Vec<_> = root.into_iter().chain(disks).chain(data).collect();
    same("/disks", list_length(config, "disks", disks.len()));
    for (number, (target, vdev, writable)) in disks.into_iter().enumerate() {
        same(&format!("/disks/{number}/pdev_path"), target.into());
        same(&format!("/disks/{number}/vdev"), vdev.into());
        same(
            &format!("/disks/{number}/readwrite"),
            if writable { 1.into() } else { Value::Null },
        );
    }
    same("/nics", list_length(config, "nics", vm.interfaces.len()));
    for (number, interface) in vm.interfaces.iter().enumerate() {
        let nic = |key: &str| format!("/nics/{number}/{key}");
        same(&nic("devid"), interface.devid.into());
        same(&nic("mac"), interface.mac.to_string().into());
        same(
            &nic("bridge"),
            or_null(interface.bridge.as_ref().map(|bridge| bridge.as_str())),
        );
        same(
            &nic("script"),
            or_null(interface.script.as_ref().map(|script| script.as_str())),
        );
        same(
            &nic("ifname"),
            or_null(interface.vifname.as_ref().map(|name| name.as_str())),
        );
        same(
            &nic("mtu"),
            interface
                .mtu
                .as_ref()
                .map_or(Value::Null, |mtu| mtu.get().into()),
        );
        let link_local = |text: &str| text.starts_with("fe80:");
        let addresses: Vec<_> = interface
            .addresses
            .iter()
            .map(|a| a.addr.to_string())
            .filter(|a| !link_local(a))
            .collect();
        same(
            &nic("ip"),
            or_null(
                (!addresses.is_empty())
                    .then_some(addresses.join(" "))
                    .as_deref()
                    .or_else(|| interface.xen_str.as_ref()?.get("ip")),
            ),
        );
    }
    problems
}

/// How many CPUs the judge pretends to have.
const JUDGED_CPUS: usize = 8;

/// The CPUs that a list allows, read from left to right as xl.cfg(5) says.
fn allowed_cpus(list: &str) -> Vec<usize> {
    let mut allowed = BTreeSet::new();
    for item in list.split(',') {
        let (excludes, body) = item
            .strip_prefix('^')
            .map_or((false, item), |body| (true, body));
        let number = |text: &str| text.parse::<usize>().unwrap();
        let range: Vec<usize> = match body.split_once('-') {
            _ if body == "all" || body.starts_with("node") => (0..JUDGED_CPUS).collect(),
            Some((from, to)) => (number(from)..=number(to)).collect(),
            None => vec![number(body)],
        };
        for cpu in range.into_iter().filter(|cpu| *cpu < JUDGED_CPUS) {
            if excludes {
                allowed.remove(&cpu)
            } else {
                allowed.insert(cpu)
            };
        }
    }
    allowed.into_iter().collect()
}

/// The list itself if it has the length expected, else something that it is not.
fn list_length(config: &Value, key: &str, length: usize) -> Value {
    let found = config
        .get(key)
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if found == length {
        config.get(key).cloned().unwrap_or(Value::Null)
    } else {
        Value::from(format!("{length} items"))
    }
}

#[test]
fn systemd_verifies_every_unit_as_an_instance() {
    if !judges::has_program("systemd-analyze") {
        return;
    }
    let tree = whole_host_tree();
    let units = [
        "vm@stuvus-web01.service",
        "vm@stuvus-db01.service",
        "vm_iscsi@stuvus-db01.service",
        "vm_iscsi_session@stuvus-db01.service",
        "vm_mount@stuvus-web01.service",
        "xen_vman_global_preparation.service",
    ];
    let mut arguments = vec![tree.path()];
    arguments.extend(units.map(Path::new));
    judges::script("units/verify.sh", &arguments);
    let strange = strange_host_tree();
    judges::script(
        "units/verify.sh",
        &[
            strange.path(),
            Path::new("vm@stuvus-web01.service"),
            Path::new("vm_iscsi@a.service"),
        ],
    );
}

#[test]
fn shellcheck_finds_nothing_in_any_script() {
    if !judges::has_program("shellcheck") {
        return;
    }
    let strange = strange_host_tree();
    // In the strange tree `$` and backticks are meant literally, which shellcheck asks about.
    for (dir, excluded) in [
        (whole_host_tree(), &[][..]),
        (strange, &["-e", "SC2016,SC1003"]),
    ] {
        let scripts: Vec<PathBuf> = support::files_below(dir.path())
            .into_iter()
            .filter(|path| fs::read(path).unwrap().starts_with(b"#!"))
            .collect();
        assert!(scripts.len() >= 6, "only {scripts:?}");
        let output = Command::new("shellcheck")
            .args(["-S", "style"])
            .args(excluded)
            .args(&scripts)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", judges::said(&output));
    }
}

/// A host whose settings need every kind of quoting.
fn strange_host_tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_host(
        &compile_files(&inputs(
            &support::crate_dir().join("tests/cases/ok/settings-that-need-quotes"),
        )),
        dir.path(),
    );
    dir
}

#[test]
fn dracut_reads_every_command_line_made_up_as_it_is_meant() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for (case, compiled) in good_definitions() {
        for vm in &compiled.resolved.vms {
            let boot = vm.direct_boot.as_ref();
            let Some(cmdline) = boot.and_then(|boot| boot.cmdline.as_ref()) else {
                continue;
            };
            let made_up = matches!(cmdline.origin, xen_vman_core::resolve::Origin::Derived(_));
            if !made_up || vm.root.managed().is_none() || !seen.insert(cmdline.as_str().to_owned())
            {
                continue;
            }
            let output = Command::new(judges.join("bin/dracut-cmdline"))
                .arg(cmdline.as_str())
                .output()
                .unwrap();
            let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
            if let Err(problem) = dracut_meaning(vm, &verdict) {
                problems.push(format!(
                    "{case}: {}: {problem}\n{verdict:#}",
                    cmdline.as_str()
                ));
            }
        }
    }
    assert!(seen.len() > 10, "only {} command lines", seen.len());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn dracut_meaning(vm: &ResolvedVm, verdict: &Value) -> Result<(), String> {
    let check = |what: &str, found: &Value, expected: Value| {
        if *found == expected {
            Ok(())
        } else {
            Err(format!("{what} is {found}, not {expected}"))
        }
    };
    check("ok", &verdict["ok"], true.into())?;
    check("messages", &verdict["messages"], Value::Array(Vec::new()))?;
    check("root.handled", &verdict["root"]["handled"], true.into())?;
    check("root.rw", &verdict["root"]["rw"], true.into())?;
    let RootVolume::Managed(Volume::Nfs(NfsVolume { export, .. })) = &vm.root else {
        return check("root.type", &verdict["root"]["type"], "block".into());
    };
    check(
        "root.server",
        &verdict["root"]["server"],
        (*export.server).into(),
    )?;
    check("root.path", &verdict["root"]["path"], (*export.path).into())?;
    let ip = &verdict["ip"][0];
    let link = vm.network.boot_link(export.server_address());
    let number = link.map_or(0, |link| link.interface);
    check("ip.hostname", &ip["hostname"], vm.hostname.as_str().into())?;
    check("ip.device", &ip["device"], format!("eth{number}").into())?;
    match link.and_then(|link| link.address) {
        None if export
            .server_address()
            .is_some_and(|server| server.is_ipv6()) =>
        {
            check("ip.autoconf", &ip["autoconf"], "either6".into())
        }
        None => check("ip.autoconf", &ip["autoconf"], "dhcp".into()),
        Some(address) => {
            check("ip.autoconf", &ip["autoconf"], "none".into())?;
            let client = ip["client"]
                .as_str()
                .unwrap_or_default()
                .trim_matches(['[', ']']);
            check("ip.client", &client.into(), address.addr.to_string().into())
        }
    }
}

#[test]
fn vif_p2p_sets_up_what_the_specification_says() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let tree = whole_host_tree();
    let script = tree.path().join("etc/xen/scripts/vif-p2p");
    judges::script(
        "vif/run.sh",
        &[&script, &judges.join("root/etc/xen/scripts")],
    );
}

/// The script, run with an `ip` that only writes down what it is told, against the function.
#[test]
fn vif_p2p_script_and_function_say_the_same() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let tree = whole_host_tree();
    let dir = tempfile::tempdir().unwrap();
    let script = tree.path().join("etc/xen/scripts/vif-p2p");
    let scripts = judges.join("root/etc/xen/scripts");
    let addresses = ["10.0.0.10", "10.0.0.11", "2001:db8::10", "2001:db8::11"];
    // The loopback device is there on every machine, so that `offline` has something to do.
    let commands = vif_p2p(
        "10.0.0.1".parse().unwrap(),
        &<VifName as xen_vman_core::document::decode::FromText>::from_text("lo").unwrap(),
        &addresses.map(|address| address.parse().unwrap()),
    );
    for (command, expected) in [("online", commands.online), ("offline", commands.offline)] {
        let log = dir.path().join(command);
        let run = Command::new(support::crate_dir().join("tests/judges/vif/record.sh"))
            .args([
                script.as_os_str(),
                scripts.as_os_str(),
                command.as_ref(),
                log.as_os_str(),
                "lo".as_ref(),
                "10.0.0.1".as_ref(),
            ])
            .arg(addresses.join(" "))
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", judges::said(&run));
        let recorded = fs::read_to_string(&log).unwrap();
        let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(recorded.lines().collect::<Vec<_>>(), expected, "{command}");
    }
}

#[test]
fn units_behave_under_a_real_systemd() {
    if !is_root() {
        return;
    }
    judges::script("units/run.sh", &[whole_host_tree().path()]);
}

/// Only by hand, or where guests have an initrd, is it an error that dracut is missing.
#[test]
fn a_kernel_can_be_upgraded_without_dracut() {
    let has_initrd = std::fs::read_dir("/etc/xen").is_ok_and(|mut files| {
        files.any(|file| {
            let name = file.unwrap().file_name();
            name.to_string_lossy().starts_with("initrd.img-")
        })
    });
    if has_initrd {
        return skipped::judge("this machine has initrds for guests");
    }
    let tree = whole_host_tree();
    let hook = tree.path().join("etc/kernel/postinst.d/xen-dracut");
    let run = |variable: &str| {
        let mut command = Command::new(&hook);
        command.arg("6.1").env("PATH", "/nonexistent");
        command.env("DEB_MAINT_PARAMS", variable);
        command.output().unwrap()
    };
    let upgraded = run("configure 6.0");
    assert!(upgraded.status.success());
    assert!(judges::said(&upgraded).contains("no initrd for guests is built: dracut is missing"));
    assert_eq!(run("").status.code(), Some(1));
}

#[test]
fn initrd_holds_what_guests_boot_from() {
    if !is_root() || !skipped::is_slow_run() {
        return;
    }
    let tree = whole_host_tree();
    let hooks = [
        "etc/kernel/postinst.d/xen-dracut",
        "etc/kernel/postrm.d/xen-dracut",
    ]
    .map(|hook| tree.path().join(hook));
    let cache = support::crate_dir()
        .parent()
        .unwrap()
        .join("target/initrd-judge");
    judges::script("initrd/run.sh", &[&hooks[0], &hooks[1], &cache]);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    judges::present(id.stdout.starts_with(b"0"), "this needs root")
}

#[test]
fn every_case_is_judged() {
    // The cases of this folder are what the tests above go through.
    let all: usize = ["ok", "role", "variables"]
        .iter()
        .map(|kind| cases(kind).len())
        .sum();
    assert!(all > 130, "only {all} cases");
}
