//! Runs commands and checks their output, files and exit codes, on the cases of the core.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let dir = root().join("xen-vman-core/tests/cases").join(kind);
    let mut cases: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

fn inputs(case: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(case)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.is_file()
                && path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("input")
        })
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files
}

/// The text files below a directory, by relative path.
fn tree(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(below) = dirs.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let place = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(place, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn render_to(dir: &Path, more: &[&str]) -> Output {
    let out = dir.to_str().unwrap();
    let mut arguments = vec!["render", "--out", out];
    arguments.extend(more);
    run(&arguments)
}

fn example(name: &str) -> String {
    root()
        .join("docs/examples")
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn good_cases_give_the_same_files_as_in_the_core() {
    for case in cases("ok") {
        let dir = tempfile::tempdir().unwrap();
        let files = inputs(&case);
        let output = render_to(
            dir.path(),
            &files.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}: {}",
            case.display(),
            stderr(&output)
        );
        let written = tree(dir.path());
        for (place, text) in tree(&case.join("expect"))
            .into_iter()
            .filter(|(place, _)| place != "report.txt")
        {
            let found = written.get(&place).map_or("", String::as_str);
            let diff = similar::TextDiff::from_lines(&text, found)
                .unified_diff()
                .to_string();
            assert!(diff.is_empty(), "{}: {place}\n{diff}", case.display());
        }
    }
}

#[test]
fn wrong_cases_give_the_same_report_as_in_the_core() {
    for case in cases("bad") {
        let files: Vec<_> = inputs(&case)
            .iter()
            .map(|file| file.rsplit('/').next().unwrap().to_owned())
            .collect();
        let is_xl = files
            .iter()
            .any(|file| [".cfg", ".xml"].iter().any(|one| file.ends_with(one)));
        // `lint` takes any name, as xl does.
        let is_name = case
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("renamed-domain"));
        let (command, rest): (&str, &[&str]) = if is_name {
            ("import", &["--format", "text"])
        } else if is_xl {
            ("lint", &["--format", "text"])
        } else {
            ("render", &["--stdout"])
        };
        let output = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"))
            .current_dir(&case)
            .arg(command)
            .args(&files)
            .args(rest)
            .output()
            .unwrap();
        let expected = fs::read_to_string(case.join("expect.txt")).unwrap();
        // Systems word a missing file differently.
        let settled =
            |text: &str| text.replace("No such file or directory (os error 2)", "entity not found");
        let said = settled(&stderr(&output));
        let is_report =
            |line: &&str| *line != "1 file: no errors\n" && !line.ends_with("--fix' shows how\n");
        let said: String = said.split_inclusive('\n').filter(is_report).collect();
        assert_eq!(said, expected, "{}", case.display());
        let code = i32::from(expected.contains("error["));
        assert_eq!(output.status.code(), Some(code), "{}", case.display());
        if code == 1 {
            assert!(output.stdout.is_empty(), "{}", case.display());
        }
    }
}

#[test]
fn the_example_and_its_role_variables_give_the_same_bytes() {
    let [toml, role] = ["hypervisor.toml", "role-variables.yml"].map(|file| {
        let dir = tempfile::tempdir().unwrap();
        let output = render_to(dir.path(), &[&example(file)]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        tree(dir.path())
    });
    assert!(toml.len() > 50);
    assert_eq!(toml, role);
}

#[test]
fn the_role_variables_of_the_example_are_what_convert_gives() {
    let text = stdout(&run(&[
        "convert",
        &example("hypervisor.toml"),
        "--to",
        "yaml",
    ]));
    let kept: String = fs::read_to_string(example("role-variables.yml")).unwrap();
    let kept: Vec<_> = kept.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), kept);
}

#[test]
fn convert_goes_there_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("there.yml");
    fs::write(
        &there,
        stdout(&run(&["convert", &example("hypervisor.toml")])),
    )
    .unwrap();
    let back = stdout(&run(&["convert", there.to_str().unwrap()]));
    let parse = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(
        parse(&back),
        parse(&fs::read_to_string(example("hypervisor.toml")).unwrap())
    );
}

#[test]
fn a_second_render_changes_nothing_and_removes_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let definition = dir.path().join("host.toml");
    let out = dir.path().join("out");
    let vm = |name: &str| {
        format!(
            "[[vms]]\norg = \"a\"\nname = \"{name}\"\nos = {{ type = \"debian\", version = \"12\" }}\ninterfaces = []\nstorage_type = \"lvm\"\ncmdline = \"\"\n"
        )
    };
    fs::write(&definition, vm("b") + &vm("c")).unwrap();
    let definition = definition.to_str().unwrap();
    assert!(render_to(&out, &[definition]).status.success());
    let config = out.join("host/etc/xen/vms/a-c.cfg");
    let before = fs::metadata(&config).unwrap().modified().unwrap();
    fs::write(out.join("notes.txt"), "mine").unwrap();

    let output = render_to(&out, &[definition]);
    assert!(
        stderr(&output).contains(" 0 files written"),
        "{}",
        stderr(&output)
    );
    assert_eq!(fs::metadata(&config).unwrap().modified().unwrap(), before);

    fs::write(definition, vm("b")).unwrap();
    let output = render_to(&out, &[definition]);
    assert!(stderr(&output).contains("1 removed"), "{}", stderr(&output));
    assert!(
        !config.exists()
            && out.join("notes.txt").exists()
            && out.join("host/etc/xen/vms/a-b.cfg").exists()
    );
}

#[test]
fn files_of_somebody_else_are_never_touched() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("host/etc/xen/vms/stuvus-web01.cfg");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "mine").unwrap();
    let output = render_to(dir.path(), &[&example("hypervisor.toml")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("exists and was not written by `render`"),
        "{}",
        stderr(&output)
    );
    assert_eq!(tree(dir.path()).len(), 1, "something was written");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("host")).unwrap();
    let output = render_to(dir.path(), &[&example("hypervisor.toml")]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(tree(elsewhere.path()).is_empty());
}

#[test]
fn a_password_is_for_root_alone() {
    let dir = tempfile::tempdir().unwrap();
    render_to(dir.path(), &[&example("hypervisor.toml")]);
    let mode = |name: &str| {
        fs::metadata(dir.path().join("host/etc/xen/vms").join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (mode("verw-win.cfg"), mode("stuvus-web01.cfg")),
        (0o600, 0o644)
    );
    for (place, text) in tree(dir.path()) {
        assert!(
            place.ends_with("verw-win.cfg") || !text.contains("correct horse"),
            "{place}"
        );
    }
}

#[test]
fn narrowed_output_has_path_headers() {
    let output = run(&[
        "render",
        &example("hypervisor.toml"),
        "--stdout",
        "--vm",
        "stuvus-web01",
        "--only",
        "/etc/xen",
    ]);
    let text = stdout(&output);
    let headers: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("=== "))
        .collect();
    assert_eq!(
        headers,
        [
            "=== host/etc/xen/vms/stuvus-web01.cfg (0644 root)",
            "=== host/etc/xen-vman/roots/stuvus-web01.nfs (0644 root)"
        ]
    );
}

#[test]
fn a_narrowed_render_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    render_to(dir.path(), &[&example("hypervisor.toml")]);
    let before = tree(dir.path());
    let output = render_to(
        dir.path(),
        &[&example("hypervisor.toml"), "--vm", "stuvus-web01"],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let after = tree(dir.path());
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    let files = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text).unwrap()["files"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        files(&before["manifest.json"]),
        files(&after["manifest.json"])
    );
}

#[test]
fn an_unknown_vm_is_named() {
    let output = run(&[
        "render",
        &example("hypervisor.toml"),
        "--stdout",
        "--vm",
        "web01",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no VM is called `web01`"));
}

#[test]
fn facts_and_templates_of_a_site_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let facts = dir.path().join("facts.json");
    fs::write(&facts, r#"{"xl_path": "/opt/xen/bin/xl"}"#).unwrap();
    let templates = dir.path().join("templates/guest");
    fs::create_dir_all(&templates).unwrap();
    fs::write(
        templates.join("hosts.tera"),
        "127.0.1.1 {{ hostname }} # of the site\n",
    )
    .unwrap();
    let (facts, templates) = (
        facts.to_str().unwrap(),
        templates.parent().unwrap().to_str().unwrap(),
    );
    let text = stdout(&run(&[
        "render",
        &example("hypervisor.toml"),
        "--stdout",
        "--facts",
        facts,
        "--templates",
        templates,
    ]));
    assert!(text.contains("ExecStart=/opt/xen/bin/xl create"));
    assert!(text.contains("127.0.1.1 stuvus-web01 # of the site"));
}

#[test]
fn a_broken_template_is_shown_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("xl")).unwrap();
    for (text, says) in [
        ("fine\n{{ nam", "xl/vm.cfg:2"),
        ("fine\n{{ unheard_of }}\n", "unheard_of"),
    ] {
        fs::write(dir.path().join("xl/vm.cfg.tera"), text).unwrap();
        let output = run(&[
            "render",
            &example("hypervisor.toml"),
            "--stdout",
            "--templates",
            dir.path().to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("template `xl/vm.cfg` is broken")
                && stderr(&output).contains(says),
            "{}",
            stderr(&output)
        );
    }
    fs::rename(
        dir.path().join("xl/vm.cfg.tera"),
        dir.path().join("xl/vm.conf.tera"),
    )
    .unwrap();
    let output = run(&[
        "render",
        &example("hypervisor.toml"),
        "--stdout",
        "--templates",
        dir.path().to_str().unwrap(),
    ]);
    assert!(
        stderr(&output).contains("no template is called `xl/vm.conf`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn problems_are_json_on_demand() {
    let case = root().join("xen-vman-core/tests/cases/bad/duplicate-mac/input.toml");
    let output = run(&[
        "render",
        case.to_str().unwrap(),
        "--stdout",
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report[0]["id"], "duplicate-mac");
    assert_eq!(report[0]["path"], "vms[1].interfaces[0].mac");
    assert_eq!(
        (report[0]["line"].as_u64(), report[0]["column"].as_u64()),
        (Some(13), Some(23))
    );
    assert_eq!(report[0]["related"][0]["line"], 7);
}

#[test]
fn check_says_the_same_as_render_and_writes_nothing() {
    let case = root().join("xen-vman-core/tests/cases/bad/duplicate-mac/input.toml");
    let case = case.to_str().unwrap();
    let output = run(&["check", case]);
    assert_eq!(output.status.code(), Some(1));
    let more = "for more information, try 'xen-vman-cli diagnostics duplicate-mac'\n";
    let rendered = stderr(&run(&["render", case, "--stdout"]));
    assert_eq!(stderr(&output), rendered + more);
    assert!(output.stdout.is_empty());
    let fine = run(&["check", &example("hypervisor.toml")]);
    assert_eq!(
        (fine.status.code(), stderr(&fine)),
        (Some(0), "6 VMs: no errors\n".to_owned())
    );
}

#[test]
fn strict_takes_warnings_for_errors() {
    let case = root().join("xen-vman-core/tests/cases/bad/unused-key/input.toml");
    let case = case.to_str().unwrap();
    assert_eq!(run(&["check", case]).status.code(), Some(0));
    assert_eq!(run(&["check", case, "--strict"]).status.code(), Some(1));
}

#[test]
fn short_form_has_one_line_each() {
    let case = root().join("xen-vman-core/tests/cases/bad/duplicate-mac/input.toml");
    let case = case.to_str().unwrap();
    let expected = format!(
        "{case}:13:23: error[duplicate-mac]: the MAC address `00:16:3e:00:00:01` of `stuvus-web02` \
         is already used by `stuvus-web01` (vms[1].interfaces[0].mac)\n"
    );
    assert_eq!(
        stderr(&run(&["check", case, "--format", "short"])),
        expected
    );
}

#[test]
fn sarif_form_has_rules_and_places() {
    let case = root().join("xen-vman-core/tests/cases/bad/duplicate-mac/input.toml");
    let output = run(&["check", case.to_str().unwrap(), "--format", "sarif"]);
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(
        (&log["version"], &result["ruleId"]),
        (&"2.1.0".into(), &"duplicate-mac".into())
    );
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (region["startLine"].as_u64(), region["startColumn"].as_u64()),
        (Some(13), Some(23))
    );
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "duplicate-mac"));
}

#[test]
fn every_diagnostic_is_listed_and_told() {
    let list = stdout(&run(&["diagnostics"]));
    assert!(list.lines().count() > 40 && list.contains("duplicate-mac"));
    assert!(stdout(&run(&["diagnostics", "duplicate-mac"])).contains("MAC address"));
    let output = run(&["diagnostics", "duplicate-cat"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_full_standard_output_is_a_failure() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"))
        .args(["convert", &example("hypervisor.toml")])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot write"));
}

#[test]
fn colour_is_for_those_who_ask() {
    let case = root().join("xen-vman-core/tests/cases/bad/bad-mac/input.toml");
    let case = case.to_str().unwrap();
    assert!(!stderr(&run(&["render", case, "--stdout"])).contains('\u{1b}'));
    assert!(stderr(&run(&["render", case, "--stdout", "--color", "always"])).contains('\u{1b}'));
}

#[test]
fn what_cannot_be_read_is_said() {
    for (arguments, says) in [
        (
            &["render", "/nonexistent/host.toml", "--stdout"][..],
            "cannot read /nonexistent/host.toml",
        ),
        (
            &["render", "/etc/hostname", "--stdout"],
            "cannot tell the format of /etc/hostname",
        ),
        (&["render", "/", "--stdout"], "cannot read /"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[test]
fn vif_p2p_prints_the_commands_of_the_specification() {
    let arguments = [
        "vif-p2p",
        "--main-ip",
        "10.0.0.1",
        "--dev",
        "vif10.0",
        "10.0.0.10",
        "2001:db8::10",
    ];
    let expected = "ip link set dev vif10.0 up\n\
        ip address replace 10.0.0.1/32 peer 10.0.0.10/32 dev vif10.0\n\
        ip address replace fe80::1/64 dev vif10.0 nodad\n\
        ip route replace 2001:db8::10/128 via fe80::2 dev vif10.0\n";
    assert_eq!(stdout(&run(&arguments)), expected);
    assert!(
        stdout(&run(&[&arguments[..], &["--offline"]].concat()))
            .ends_with("ip link set dev vif10.0 down\n")
    );
    let output = run(&[
        "vif-p2p",
        "--main-ip",
        "10.0.0.1",
        "--dev",
        "vif 10",
        "10.0.0.10",
    ]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn vifname_keeps_to_the_limit_of_the_kernel() {
    let name = |prefix: &str, more: &[&str]| {
        stdout(&run(&[
            &["vifname", "--prefix", prefix, "--domain", "a-b"],
            more,
        ]
        .concat()))
    };
    assert_eq!(name("example", &[]), "example.0\n");
    assert_eq!(name("example", &["--devid", "1"]), "example.1\n");
    assert!(name("a-very-long-prefix-indeed", &[]).trim().len() <= 15);
    assert!(name("a-very-long-prefix-indeed", &["--hvm"]).trim().len() <= 11);
    assert_ne!(name("example", &["--taken", "example.0"]), "example.0\n");
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            stdout(&run(&["completions", shell])).contains("xen-vman-cli"),
            "{shell}"
        );
    }
}

#[test]
fn completions_are_for_the_name_that_the_program_is_called_by() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("xen-vman");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_xen-vman-cli"), &other).unwrap();
    let script = Command::new(&other).args(["completions", "bash"]).output();
    let script = stdout(&script.unwrap());
    assert!(script.ends_with(" xen-vman\nfi\n"), "{script}");
}

/// A host's definition with one VM, written to a file.
fn host_file(dir: &Path, name: &str, vm: &str) -> String {
    let path = dir.join(name);
    let text = format!(
        "iscsi_server = \"10.0.0.6\"\niscsi_base_wwn = \"iqn.2017-01.de.example\"\n\n[[vms]]\n\
         os = {{ type = \"debian\", version = \"bookworm\" }}\nstorage_type = \"iscsi\"\n{vm}"
    );
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_two_hosts_share_is_reported_by_both_places() {
    let dir = tempfile::tempdir().unwrap();
    let vm = "org = \"stuvus\"\nname = \"web01\"\ninterfaces = [{ ip = \"10.0.0.15/24\", mac = \"00:16:3e:00:00:01\" }]\n";
    let a = host_file(dir.path(), "hosts/a.toml", vm);
    let b = host_file(dir.path(), "hosts/b.toml", vm);
    for alone in [&a, &b] {
        let output = run(&["check", alone]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let folder = dir.path().join("hosts");
    for arguments in [vec![a.as_str(), &b], vec![folder.to_str().unwrap()]] {
        let output = run(&[&["check", "--format", "short"], &arguments[..]].concat());
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1));
        for id in ["duplicate-vm", "repeated-mac", "repeated-address"] {
            let line = "b.toml:";
            let found = said
                .lines()
                .any(|one| one.contains(id) && one.contains(line));
            assert!(found, "{id}: {said}");
        }
        let whole = stderr(&run(&[&["check"], &arguments[..]].concat()));
        assert!(
            whole.contains("a.toml:") && whole.contains("on another host"),
            "{whole}"
        );
    }
}

#[test]
fn two_hosts_may_not_boot_from_one_root() {
    let dir = tempfile::tempdir().unwrap();
    let vm = "org = \"stuvus\"\nname = \"NAME\"\ninterfaces = []\ndomain = \"NAME\"\n";
    let a = host_file(dir.path(), "a.toml", &vm.replace("NAME", "web"));
    let disk = "disks = [\"script=block-iscsi,vdev=xvdb,target=iqn=iqn.2017-01.de.example:web,portal=10.0.0.6\"]\n";
    let b = host_file(dir.path(), "b.toml", &(vm.replace("NAME", "db") + disk));
    let output = run(&["check", "--deny", "shared-disk", &a, &b]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("shared-disk"),
        "{}",
        stderr(&output)
    );
    // Problems of common settings are reported once, however many hosts there are.
    let common = dir.path().join("common.toml");
    fs::write(&common, "public_keys = [\"no key\"]\n").unwrap();
    let output = run(&["check", "--common", common.to_str().unwrap(), &a, &b]);
    assert_eq!(
        stderr(&output).matches("error[bad-public-key]").count(),
        1,
        "{}",
        stderr(&output)
    );
}

#[test]
fn warnings_can_be_left_out_or_made_errors() {
    let case = root().join("xen-vman-core/tests/cases/bad/address-without-prefix/input.toml");
    let case = case.to_str().unwrap();
    let code = |arguments: &[&str]| run(&[&["check", case], arguments].concat()).status.code();
    assert_eq!(code(&[]), Some(0));
    assert_eq!(code(&["--deny", "address-without-prefix"]), Some(1));
    assert_eq!(code(&["--strict"]), Some(1));
    let quiet = run(&[
        "check",
        case,
        "--strict",
        "--allow",
        "address-without-prefix",
    ]);
    assert_eq!(stderr(&quiet), "1 VM: no errors\n");
    assert_eq!(code(&["--allow", "duplicate-mac"]), Some(2));
    assert_eq!(code(&["--deny", "no-such-thing"]), Some(2));
}

#[test]
fn explain_and_import_and_schema_print_data() {
    let example = example("hypervisor.toml");
    let whole = run(&["explain", "stuvus-web01", "--file", &example]);
    assert!(stdout(&whole).contains("hypervisor.toml:"));
    let one = run(&[
        "explain",
        "stuvus-web01",
        "--key",
        "memory",
        "--json",
        "-f",
        &example,
    ]);
    let rows: serde_json::Value = serde_json::from_str(&stdout(&one)).unwrap();
    assert_eq!(rows[0]["key"], "memory");
    assert_eq!(rows.as_array().unwrap().len(), 1);
    for (arguments, help) in [
        (
            vec!["explain", "stuvus-web1", "-f", &example],
            "stuvus-web01",
        ),
        (
            vec!["explain", "stuvus-web01", "-k", "memry", "-f", &example],
            "memory",
        ),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(help));
    }
    let case = root().join("xen-vman-core/tests/cases/import/loader");
    let file = case.join("input.cfg");
    let output = run(&["import", file.to_str().unwrap()]);
    let expected = fs::read_to_string(case.join("expect.toml")).unwrap();
    let body = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&stdout(&output)), body(&expected));
    for kind in ["definition", "role", "facts"] {
        let schema: serde_json::Value =
            serde_json::from_str(&stdout(&run(&["schema", kind]))).unwrap();
        assert!(schema["properties"].is_object());
    }
}
