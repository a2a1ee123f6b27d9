//! From xl.cfg to a definition and back: nothing is lost, and the meaning stays.
#![allow(clippy::disallowed_methods, reason = "tests read cases and run judges")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::{
    cases, compile_files, expect, finish, good_definitions, inputs, judges, name, settings, source,
};
use xen_vman_core::diag::Diagnostic;
use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::parse::{ImportOptions, import, import_with};
use xen_vman_core::{Assets, Compiled, Facts, Source, Templates, compile};

/// The definition that an xl.cfg makes, after all checks.
fn imported(source: &Source) -> Compiled {
    let (text, _) = import(std::slice::from_ref(source));
    compile(
        vec![Source::new("imported.toml", text).unwrap()],
        &Facts::default(),
    )
}

/// The configurations of all VMs.
fn configs(compiled: &Compiled) -> Vec<String> {
    let output = compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap();
    let configs = output
        .host
        .iter()
        .filter(|file| file.path.ends_with(".cfg"));
    configs.map(|file| file.text().into_owned()).collect()
}

#[test]
fn definitions_are_those_expected() {
    let mut problems = Vec::new();
    for case in cases("import") {
        let sources: Vec<_> = inputs(&case).iter().map(|path| source(path)).collect();
        let (text, _) = import(&sources);
        expect(&case.join("expect.toml"), &text, &mut problems);
        let found = compile_files(&inputs(&case));
        let report = render(&found.report, &found.sources, Colour::None);
        expect(&case.join("expect.txt"), &report, &mut problems);
        assert!(!found.report.has_errors(), "{}", name(&case));
    }
    finish(&problems);
}

/// Every character of every comment is in the definition.
#[test]
fn comments_are_kept() {
    for case in cases("import") {
        let text = fs::read_to_string(&inputs(&case)[0]).unwrap();
        let (definition, _) = import(&[source(&inputs(&case)[0])]);
        for line in text
            .lines()
            .filter(|line| !line.contains('"') || line.contains(" # "))
        {
            if let Some((_, comment)) = line.split_once('#') {
                let kept = definition
                    .lines()
                    .any(|line| line.trim_start() == format!("#{comment}"));
                assert!(kept, "{}: `{comment}` is lost", name(&case));
            }
        }
    }
}

/// What we write and read back is what we wrote.
#[test]
fn what_is_rendered_is_imported_as_it_was() {
    let mut count = 0;
    for (case, compiled) in good_definitions() {
        // A definition of older tools need not know newer words.
        if compiled.resolved.host.xen_version.is_some() {
            continue;
        }
        for config in configs(&compiled) {
            let back = imported(&Source::xl_cfg("a.cfg", config.clone().into_bytes()));
            let report = render(&back.report, &back.sources, Colour::None);
            assert!(!back.report.has_errors(), "{case}:\n{config}\n{report}");
            assert_eq!(settings(&configs(&back)[0]), settings(&config), "{case}");
            count += 1;
        }
    }
    assert!(count > 200, "only {count}");
}

/// The domain that xl makes of a file, without what differs from start to start.
fn meaning(config: &Value, original: &Value, written: &str) -> Value {
    let mut config = config.clone();
    if original["c_info"]["uuid"].is_null() || !written.contains("uuid =") {
        config["c_info"]["uuid"] = Value::Null;
    }
    // What xl takes if nothing is written.
    let defaults = [
        ("/b_info/max_memkb", json!(32768)),
        ("/b_info/target_memkb", json!(32768)),
        ("/b_info/max_vcpus", json!(1)),
        ("/b_info/avail_vcpus", json!([0])),
        ("/b_info/type.hvm/spice/agent_mouse", json!("True")),
        ("/b_info/type.hvm/spice/host", json!("0.0.0.0")),
    ];
    for (place, default) in defaults {
        let unset = original.pointer(place).is_none_or(Value::is_null);
        if let Some(value) = config.pointer_mut(place).filter(|value| **value == default)
            && unset
        {
            *value = Value::Null;
        }
    }
    // Without a display, its settings mean nothing.
    if let Some(spice) = config.pointer_mut("/b_info/type.hvm/spice")
        && spice["enable"] != "True"
    {
        *spice = Value::Null;
    }
    let nics = config.get_mut("nics").and_then(Value::as_array_mut);
    for (number, nic) in nics.into_iter().flatten().enumerate() {
        if let Some(ip) = nic["ip"].as_str() {
            nic["ip"] = ip.trim_end().into();
        }
        // xl makes one up at every start, we one for good.
        if original["nics"][number]["mac"].is_null() {
            nic["mac"] = Value::Null;
        }
    }
    plain(&config)
}

/// Without what stands for nothing: empty texts and lists, and switches that are off.
fn plain(value: &Value) -> Value {
    let nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "False",
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), plain(value)));
            let some: BTreeMap<_, _> = entries.filter(|(_, value)| !nothing(value)).collect();
            serde_json::to_value(some).unwrap()
        }
        other => other.clone(),
    }
}

#[test]
fn xl_reads_the_same_domain_after_an_import() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let examples = ["hvm", "pvlinux", "pvhlinux"]
        .map(|kind| judges.join(format!("root/etc/xen/xlexample.{kind}")));
    let own = cases("import")
        .into_iter()
        .map(|case| case.join("input.cfg"))
        .filter(|path| path.exists());
    let files: Vec<PathBuf> = examples.into_iter().chain(own).collect();
    let dir = tempfile::tempdir().unwrap();
    let again: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(number, file)| {
            let bytes = fs::read(file).unwrap();
            let back = imported(&Source::xl_cfg(file.display().to_string(), bytes));
            let report = render(&back.report, &back.sources, Colour::None);
            assert!(!back.report.has_errors(), "{}:\n{report}", file.display());
            let path = dir.path().join(format!("{number}.cfg"));
            fs::write(&path, &configs(&back)[0]).unwrap();
            path
        })
        .collect();
    let before = judges::xl(&judges, &files);
    let after = judges::xl(&judges, &again);
    for ((file, before), after) in files.iter().zip(before).zip(after) {
        assert_eq!(after.objections, before.objections, "{}", file.display());
        let written = read(file);
        assert_eq!(
            meaning(&after.config, &before.config, &written),
            meaning(&before.config, &before.config, &written),
            "{}",
            file.display()
        );
    }
}

/// A file without its comments.
fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter(|line| !line.starts_with('#')).collect()
}
/// Every file in `tests/cases/xl-shapes`.
fn shapes() -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(support::crate_dir().join("tests/cases/xl-shapes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

/// What xl accepts is imported and means the same; what it rejects is reported; a file that it takes
/// without a message has no warning, unless that names a risk.
#[test]
fn files_of_many_shapes_are_treated_as_xl_does() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let files = shapes();
    let before = judges::xl(&judges, &files);
    let dir = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    let mut rendered = Vec::new();
    for (file, verdict) in files.iter().zip(&before) {
        let shape = name(file);
        let source = Source::xl_cfg(shape.clone(), fs::read(file).unwrap());
        let linted = compile(vec![source.clone()], &Facts::default());
        let lint = render(&linted.report, &linted.sources, Colour::None);
        let is_rejected = verdict
            .objections
            .iter()
            .any(|said| said.starts_with("xl exits"));
        if is_rejected {
            if !linted.report.has_errors() {
                let why = verdict.objections.join("; ");
                problems.push(format!("{shape}: xl rejects it: {why}\n{lint}"));
            }
            continue;
        }
        if linted.report.has_errors() {
            if !CANNOT_START.contains(&&*shape) {
                problems.push(format!("{shape}: xl accepts it\n{lint}"));
            }
            continue;
        }
        assert!(!CANNOT_START.contains(&&*shape), "{shape} is accepted");
        let is_risk = |one: &Diagnostic| RISKS.contains(&one.id.as_str());
        if verdict.objections.is_empty() && !linted.report.iter().all(is_risk) {
            problems.push(format!("{shape}: xl has no message\n{lint}"));
        }
        let back = imported(&source);
        if back.report.has_errors() {
            let report = render(&back.report, &back.sources, Colour::None);
            problems.push(format!("{shape}: what is imported is wrong\n{report}"));
            continue;
        }
        let path = dir.path().join(&shape);
        fs::write(&path, &configs(&back)[0]).unwrap();
        rendered.push((path, file, verdict));
    }
    let again: Vec<PathBuf> = rendered.iter().map(|(path, ..)| path.clone()).collect();
    for ((path, file, before), after) in rendered.iter().zip(judges::xl(&judges, &again)) {
        let written = read(file);
        let (mut was, mut is) = (
            meaning(&before.config, &before.config, &written),
            meaning(&after.config, &before.config, &written),
        );
        // Words that are made up at each start.
        for config in [&mut was, &mut is] {
            if let Some(words) = config.pointer_mut("/b_info/type.hvm/ms_vm_genid") {
                *words = Value::Null;
            }
            if name(file).starts_with("name-") {
                config["c_info"]["name"] = Value::Null;
            }
        }
        let fresh = |said: &&String| !before.objections.contains(said);
        if was != is || after.objections.iter().any(|said| fresh(&said)) {
            let text = fs::read_to_string(path).unwrap();
            let said = after.objections.join("; ");
            problems.push(format!(
                "{}: {was}\nbecomes {is}\n{said}\n{text}",
                name(file)
            ));
        }
    }
    println!("{} accepted, {} in all", rendered.len(), files.len());
    finish(&problems);
}

/// What VMs have in common moves to the defaults, and stays what it is.
#[test]
fn files_that_are_imported_together_mean_the_same_as_alone() {
    let is_of_xen_tools = |path: &PathBuf| {
        let name = name(path);
        name.starts_with("xen-tools-") && name != "xen-tools-pygrub.cfg"
    };
    let files: Vec<_> = shapes().into_iter().filter(is_of_xen_tools).collect();
    let sources: Vec<_> = files.iter().map(|path| source(path)).collect();
    let (text, _) = import(&sources);
    let together = compile(
        vec![Source::new("together.toml", text.clone()).unwrap()],
        &Facts::default(),
    );
    assert!(!together.report.has_errors(), "{text}");
    assert_eq!(text.matches("memory =").count(), 1, "{text}");
    let alone = sources.iter().flat_map(|source| configs(&imported(source)));
    let alone: Vec<_> = alone.map(|config| settings(&config)).collect();
    let together: Vec<_> = configs(&together)
        .iter()
        .map(|config| settings(config))
        .collect();
    assert_eq!(together, alone);
    assert_eq!(alone.len(), 4);
}

/// The organisation is the given one, or that in the comments of the role and of xen-vman.
#[test]
fn names_are_split_where_it_is_known() {
    let vm = |text: &str, org: Option<&str>| {
        let mut options = ImportOptions::default();
        options.org = org.map(|org| org.parse().unwrap());
        let source = Source::xl_cfg("a.cfg", text.as_bytes().to_vec());
        let (text, _) = import_with(&[source], &options);
        let keys = ["org", "name", "domain"];
        let value = |key: &str| {
            let start = format!("{key} = ");
            let mut lines = text.lines();
            lines.find_map(|line| {
                line.strip_prefix(&start)
                    .map(|value| value.trim_matches('"').to_owned())
            })
        };
        keys.map(value).map(Option::unwrap_or_default)
    };
    let plain = "name = 'mail-01'\nkernel = '/k'\n";
    assert_eq!(vm(plain, None), ["local", "mail-01", "mail-01"]);
    assert_eq!(vm(plain, Some("mail")), ["mail", "01", ""]);
    assert_eq!(vm(plain, Some("acme")), ["acme", "mail-01", "mail-01"]);
    let of_the_role = "# 01 @mail\nname = 'mail-01'\nkernel = '/k'\n";
    assert_eq!(vm(of_the_role, None), ["mail", "01", ""]);
    let of_another = "# 02 @mail\nname = 'mail-01'\nkernel = '/k'\n";
    assert_eq!(vm(of_another, None), ["local", "mail-01", "mail-01"]);
}

/// What xl accepts in a dry run, though no such domain starts or can be managed.
const CANNOT_START: &[&str] = &[
    "hvm-spice-without-port.cfg",
    "name-empty.cfg",
    "pv-maxmem-below.cfg",
    "pv-memory-negative-text.cfg",
    "pv-memory-zero.cfg",
    "pv-vcpus-zero.cfg",
    "vif-multicast-mac.cfg",
    "vif-vifname-long.cfg",
];

/// Warnings about what xl accepts without a message.
const RISKS: &[&str] = &[
    "ignored-xl-key",
    "ignored-xl-value",
    "misread-xl-text",
    "missing-bridge",
    "open-vnc",
    "renamed-domain",
    "repeated-xl-key",
    "spice-listens-everywhere",
    "unrestricted-bootloader",
    "unused-xl-key",
    "weak-spice-password",
];

/// What libvirt's XML becomes is taken by xl as it is written.
#[test]
fn xl_accepts_domains_of_libvirt() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for case in cases("import") {
        let path = case.join("input.xml");
        if path.exists() {
            let file = dir.path().join(format!("{}.cfg", name(&case)));
            fs::write(&file, &configs(&imported(&source(&path)))[0]).unwrap();
            files.push(file);
        }
    }
    assert!(files.len() > 2);
    for (file, verdict) in files.iter().zip(judges::xl(&judges, &files)) {
        let objections = verdict.objections.into_iter();
        // It says so of every word.
        let objections = objections.filter(|text| !text.starts_with("got a tsc mode string"));
        assert_eq!(
            objections.collect::<Vec<_>>(),
            [""; 0],
            "{}",
            file.display()
        );
    }
}

#[test]
fn settings_of_xen_tools_become_defaults() {
    let conf = "# /etc/xen-tools/xen-tools.conf\ndir = /home/xen\nsize = 10G   # of the disk\nmemory = 256M\n\
                vcpus = 2\nfs = ext4\nfs = reiserfs\nbridge = xenbr0\ngateway = 192.0.2.1\n\
                kernel = /boot/vmlinuz-`uname -r`\nmirror = http://deb.debian.org/debian\ndhcp = 1\n";
    let mut options = ImportOptions::default();
    options.xen_tools_conf = Some(Source::domain("xen-tools.conf", conf.into()));
    let xl = Source::domain("a.cfg", b"name = 'a'\nkernel = '/k'\n".to_vec());
    let (text, _) = import_with(&[xl], &options);
    let (head, _) = text.split_once("\n\n# from").unwrap();
    assert_eq!(
        head,
        "# Settings of xen-tools that have no key here:\n# dir = /home/xen\n\
         # fs = reiserfs\n# kernel = /boot/vmlinuz-`uname -r`\n# dhcp = 1\n\n\
         [defaults]\nsize = \"10G\"\nmemory = \"256M\"\nvcpus = 2\nnetwork_bridge = \"xenbr0\"\n\
         gateway = \"192.0.2.1\"\ndebootstrap_mirror = \"http://deb.debian.org/debian\""
    );
    let compiled = compile(
        vec![Source::new("a.toml", text).unwrap()],
        &Facts::default(),
    );
    assert!(!compiled.report.has_errors());
}

/// No XML, however it is made, is a panic, and what is not XML is an error with its position.
#[test]
fn broken_xml_is_an_error() {
    for (text, line) in [
        ("<domain type='xen'>", 1),
        ("<domain type='kvm'/>", 1),
        ("<network/>", 1),
        ("<domain type='xen'>\n<name>a</nam></domain>", 2),
        (
            "<!DOCTYPE d [<!ENTITY a 'b'>]><domain type='xen'>&a;</domain>",
            1,
        ),
    ] {
        let found = compile(vec![Source::domain("a", text.into())], &Facts::default());
        let first = found.report.iter().next().unwrap();
        assert_eq!(first.id.as_str(), "syntax", "{text}");
        let position = xen_vman_core::diag::Places::position(&found.sources, first.span.unwrap());
        assert_eq!(position.line, line, "{text}");
        let (definition, _) = import(&[Source::domain("a", text.into())]);
        assert!(definition.starts_with("# a is not valid"), "{definition}");
    }
    let deep = "<a>".repeat(200_000);
    let text = format!("<domain type='xen'>{deep}");
    import(&[Source::domain("a", text.into())]);
    let closed = format!(
        "<domain type='xen'>{}{}</domain>",
        "<a>".repeat(20_000),
        "</a>".repeat(20_000)
    );
    import(&[Source::domain("a", closed.into())]);
}

/// What is written another way than usual, and what cannot be written for xl.
#[test]
fn libvirt_is_read_as_libvirt_reads_it() {
    let domain = |inner: &str| {
        let text = format!("<domain type='xen'><name>a</name><vcpu>2</vcpu>{inner}</domain>");
        import(&[Source::domain("a.xml", text.into())]).0
    };
    let hvm = "<memory unit='mib'>512</memory><os><type>hvm</type></os>";
    let pv = "<memory unit='GB'>1</memory><os><type>linux</type></os>";
    for (inner, lines) in [
        (
            format!("{hvm}<features><acpi/></features>"),
            &[
                "memory = 512",
                "acpi = 1",
                "pae = 0",
                "vnc = false",
                "boot_order = \"c\"",
            ][..],
        ),
        (pv.to_owned(), &["memory = 953", "bootloader = \"pygrub\""]),
        (
            format!("{hvm}<devices><graphics type='vnc' port='5907' passwd='007'/></devices>"),
            &["vncdisplay = 7", "vncunused = false", "vncpasswd = \"007\""],
        ),
        (
            format!("{hvm}<devices><graphics type='spice' autoport='yes' port='5910'/></devices>"),
            &["spiceport = 5910"],
        ),
        // Two words in one would be another device.
        (
            format!(
                "{pv}<devices><interface type='bridge'><source bridge='br0,script=/evil'/></interface></devices>"
            ),
            &["# <interface type='bridge'><source bridge='br0,script=/evil'/></interface>"],
        ),
        // Not ours, or not to be read.
        (
            format!("<x:memory xmlns:x='urn:x'>1</x:memory>{hvm}"),
            &["memory = 512"],
        ),
        (
            "<memory unit='furlong'>1</memory><os><type>hvm</type></os>".to_owned(),
            &["# <memory unit='furlong'>1</memory>"],
        ),
        (
            format!("{hvm}<devices><emulator>/opt/qemu-system-i386</emulator></devices>"),
            &["device_model_override = \"/opt/qemu-system-i386\""],
        ),
        (
            format!("{hvm}<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>"),
            &["  \"1\",", "  \"all\","],
        ),
    ] {
        let definition = domain(&inner);
        for line in lines {
            assert!(
                definition.lines().any(|one| one == *line),
                "{line} is not in\n{definition}"
            );
        }
    }
}
