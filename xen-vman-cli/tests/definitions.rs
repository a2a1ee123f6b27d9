//! Where commands read the definition from (arguments, `--file`, standard input, /etc/xen-vman),
//! and the names of VMs that they take.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use support::{code, example, fed, stderr, stdout, text, xen_vman as run};

fn vm(name: &str) -> String {
    format!(
        "[[vms]]\norg = \"a\"\nname = \"{name}\"\nos = {{ type = \"debian\", version = \"12\" }}\n\
         interfaces = [{{}}]\n"
    )
}

/// Runs a command that works on no host, with this directory in place of /etc/xen-vman.
fn run_in(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xen-vman-cli"));
    command.env("XEN_VMAN_DEFINITION_DIR", dir);
    command.args(arguments).output().unwrap()
}

/// The root directory of a host whose definition is in two files.
fn host() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("etc/xen-vman");
    fs::create_dir_all(dir.join("files")).unwrap();
    let settings = "nfsroot_base = \"10.0.0.5:/tank\"\nadditional_network_scripts = [\"mine\"]\n";
    fs::write(dir.join("10-host.toml"), settings.to_owned() + &vm("one")).unwrap();
    fs::write(
        dir.join("20-more.toml"),
        "[defaults]\nmemory = 512\n".to_owned() + &vm("two"),
    )
    .unwrap();
    fs::write(dir.join("files/mine"), "#!/bin/sh\n").unwrap();
    // None of these is read.
    for name in [".hidden.toml", "notes.yml", "old.toml.bak"] {
        fs::write(dir.join(name), "not = a = definition").unwrap();
    }
    root
}

#[test]
fn without_a_file_the_definition_is_that_of_the_host() {
    let host = host();
    let (root, dir) = (host.path(), host.path().join("etc/xen-vman"));
    let out = root.join("out");
    for arguments in [
        &["render", "--out", text(&out)][..],
        &["check"],
        &["explain"],
        &["explain", "a-one", "a-two"],
    ] {
        let output = run_in(&dir, arguments);
        code(&output, 0);
    }
    let config = fs::read_to_string(out.join("host/etc/xen/vms/a-one.cfg")).unwrap();
    assert!(config.contains("512"), "both files count for both VMs");
    assert!(out.join("host/etc/xen/vms/a-two.cfg").exists());
    assert!(out.join("host/etc/xen/scripts/mine").exists());
    for arguments in [
        &["plan"][..],
        &["apply"],
        &["status"],
        &["status", "a-one", "a-two"],
    ] {
        let output = run(&[arguments, &["--root", text(root)]].concat());
        assert!(output.status.code() != Some(2), "{}", stderr(&output));
        assert!((stdout(&output) + &stderr(&output)).contains("a-two"));
    }
    // Converting joined files would mix their settings.
    let output = run_in(&dir, &["convert"]);
    code(&output, 2);
    let said = stderr(&output);
    assert!(said.contains("10-host.toml, ") && said.contains("20-more.toml"));
    fs::remove_file(dir.join("20-more.toml")).unwrap();
    let output = run_in(&dir, &["convert"]);
    code(&output, 0);
    assert!(stdout(&output).contains("xen_vman_nfsroot_base"));
}

#[test]
fn a_host_without_a_definition_is_told_where_it_goes() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("etc/xen-vman");
    for why in ["does not exist", "contains no *.toml file"] {
        for (arguments, help) in [
            (
                &["plan", "--root", text(root.path())][..],
                "name its file, or",
            ),
            (&["apply", "--root", text(root.path())], "name its file, or"),
            (&["status", "--root", text(root.path())], "`--file`"),
            (&["doctor", "--root", text(root.path())], "`--file`"),
            (&["explain"], "`--file`"),
            (&["check"], "name its file"),
            (&["render", "--stdout"], "name its file"),
            (&["convert"], "name its file"),
        ] {
            let output = run_in(&dir, arguments);
            code(&output, 2);
            let said = stderr(&output);
            let message = format!("no definition: no file is given, and {} {why}", text(&dir));
            assert!(said.contains(&message), "{said}");
            assert!(said.contains(help), "{said}");
            let place = format!("{}/hypervisor.toml", text(&dir));
            assert!(said.contains(&place), "{said}");
        }
        fs::create_dir_all(&dir).unwrap();
    }
}

#[test]
fn standard_input_is_a_definition_like_any_other() {
    let toml = "nfsroot_base = \"10.0.0.5:/tank\"\n".to_owned() + &vm("one");
    let yaml = stdout(&fed(&["convert", "-", "--to", "yaml"], &toml));
    let json = stdout(&fed(&["convert", "-", "--to", "json"], &toml));
    assert!(yaml.starts_with("---\n") && json.starts_with('{'));
    let commented = format!("# managed by somebody\n\n{yaml}");
    let marked = format!("\u{feff}{json}");
    for input in [&toml, &yaml, &json, &commented, &marked] {
        let output = fed(&["check", "-"], input);
        code(&output, 0);
        assert_eq!(stderr(&output), "1 VM: no errors\n");
    }
    let root = tempfile::tempdir().unwrap();
    for arguments in [
        &["render", "-", "--stdout"][..],
        &["explain", "a-one", "--file", "-"],
        &["plan", "-", "--root", text(root.path())],
        &["apply", "-", "--root", text(root.path())],
        &["status", "-f", "-", "--root", text(root.path())],
    ] {
        let output = fed(arguments, &toml);
        assert!(output.status.code() != Some(2), "{}", stderr(&output));
        assert!((stdout(&output) + &stderr(&output)).contains("a-one"));
    }
    let output = fed(&["doctor", "-f", "-", "--root", text(root.path())], &toml);
    code(&output, 3);
    let xl = "name = \"web\"\nmemory = 512\nbootloader = \"pygrub\"\n";
    let output = fed(&["lint", "-"], xl);
    assert!(
        stderr(&output).contains("1 file: no errors"),
        "{}",
        stderr(&output)
    );
    let xml = "<domain type='xen'><name>mail</name><memory unit='MiB'>512</memory>\
               <os><type>xenpvh</type><kernel>/boot/vmlinuz</kernel></os></domain>";
    let output = fed(&["import", "-"], xml);
    code(&output, 0);
    assert!(
        stdout(&output).contains("name = \"mail\"") && stdout(&output).contains("type = \"pvh\"")
    );
    let output = fed(&["import", "-"], xl);
    assert!(stdout(&output).contains("memory = 512"));
    // Facts are read by the same rule.
    let file = example();
    let facts = ["check", text(&file), "--facts", "-"];
    code(&fed(&facts, "xl_path = \"/usr/sbin/xl\"\n"), 0);
    code(&fed(&facts, "{\"xl_path\": 1}\n"), 1);
}

#[test]
fn problems_of_standard_input_have_their_line() {
    let output = fed(&["check", "-", "--format", "short"], "gatway = 1\n");
    code(&output, 1);
    assert!(
        stderr(&output).starts_with("<stdin>:1:1: error["),
        "{}",
        stderr(&output)
    );
}

/// As bash's `<(command)`, whose names have no suffix.
#[test]
fn the_format_of_a_pipe_is_found_in_its_content() {
    for definition in [
        "vms = []\n",
        "---\nxen_vman_vms: []\n",
        "{\"xen_vman_vms\": []}\n",
    ] {
        let output = fed(&["check", "/dev/stdin"], definition);
        code(&output, 0);
    }
}

#[test]
fn standard_input_is_read_once() {
    for arguments in [
        &["check", "--common", "-", "-"][..],
        &["render", "--stdout", "-", "-"],
        &["explain", "-f", "-", "--facts", "-"],
    ] {
        let output = fed(arguments, "");
        code(&output, 2);
        assert!(stderr(&output).contains("standard input can be read only once"));
    }
}

#[test]
fn a_plan_file_is_made_from_files_alone() {
    let root = tempfile::tempdir().unwrap();
    let plan = root.path().join("plan");
    let arguments = [
        "plan",
        "-",
        "--root",
        text(root.path()),
        "--out",
        text(&plan),
    ];
    let output = fed(&arguments, "");
    code(&output, 2);
    assert!(stderr(&output).contains("cannot refer to standard input"));
    assert!(!plan.exists());
}

#[test]
fn a_plan_of_the_hosts_definition_knows_its_files() {
    let host = host();
    let (root, plan) = (host.path(), host.path().join("tonight.plan"));
    let planned = run(&["plan", "--root", text(root), "--out", text(&plan)]);
    assert!(planned.status.code() != Some(2), "{}", stderr(&planned));
    let third = root.join("etc/xen-vman/30-third.toml");
    fs::write(&third, vm("three")).unwrap();
    let output = run(&["apply", text(&plan)]);
    code(&output, 2);
    assert!(stderr(&output).contains("etc/xen-vman contains other files now"));
    fs::remove_file(third).unwrap();
    code(&run(&["apply", text(&plan)]), 0);
}

#[test]
fn vms_that_are_not_there_are_all_named_with_a_suggestion() {
    let (file, root) = (example(), tempfile::tempdir().unwrap());
    let (file, root) = (text(&file), text(root.path()));
    for (names, message, help) in [
        (
            &["web01"][..],
            "no VM is called `web01`\n",
            "did you mean `stuvus-web01`?",
        ),
        (
            &["stuvus-web1", "stuvus-web01", "verw-wn"],
            "no VMs are called `stuvus-web1`, `verw-wn`\n",
            "did you mean `stuvus-web01`, `verw-win`?",
        ),
        (
            &["nonesuch"],
            "no VM is called `nonesuch`\n",
            "help: VMs are `",
        ),
    ] {
        let render: Vec<_> = names.iter().flat_map(|name| ["--vm", name]).collect();
        for output in [
            run(&[&["status", "--file", file, "--root", root], names].concat()),
            run(&[&["explain", "--file", file], names].concat()),
            run(&[&["render", "--stdout", file], &render[..]].concat()),
        ] {
            code(&output, 2);
            let said = stderr(&output);
            assert!(said.contains(message) && said.contains(help), "{said}");
            assert!(output.stdout.is_empty());
        }
    }
    let output = fed(
        &["status", "web", "--file", "-", "--root", root],
        "vms = []",
    );
    code(&output, 2);
    assert!(stderr(&output).contains("there are no VMs"));
}

#[test]
fn a_file_among_vms_is_pointed_out() {
    let file = example();
    for arguments in [
        ["status", text(&file)],
        ["explain", text(&file)],
        ["status", "-"],
    ] {
        let output = run(&arguments);
        code(&output, 2);
        let help = format!("give the definition with `--file {}`", arguments[1]);
        assert!(stderr(&output).contains(&help), "{}", stderr(&output));
    }
}

#[test]
fn vms_that_are_named_are_the_only_ones_shown() {
    let (file, root) = (example(), tempfile::tempdir().unwrap());
    let root = text(root.path());
    let words = [
        "status",
        "verw-win",
        "stuvus-web01",
        "--root",
        root,
        "--file",
        text(&file),
    ];
    let shown = run(&words);
    code(&shown, 0);
    let shown = stdout(&shown);
    let vms: Vec<_> = shown
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(vms, ["VM", "stuvus-web01", "verw-win"]);
}

#[test]
fn values_of_several_vms_tell_whose_they_are() {
    let file = example();
    let two = ["explain", "stuvus-web01", "verw-win", "-f", text(&file)];
    let shown = run(&[&two[..], &["--key", "memory", "-k", "vcpus"]].concat());
    code(&shown, 0);
    let shown = stdout(&shown);
    let first: Vec<_> = shown
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let expected = [
        "stuvus-web01:",
        "memory",
        "vcpus",
        "",
        "verw-win:",
        "memory",
        "vcpus",
    ];
    assert_eq!(first, expected);

    let of = |arguments: &[&str]| {
        let words = [
            &["explain", "--json", "-k", "memory", "-f", text(&file)],
            arguments,
        ]
        .concat();
        serde_json::from_slice::<serde_json::Value>(&run(&words).stdout).unwrap()
    };
    let rows = of(&["stuvus-web01", "verw-win"]);
    assert_eq!(
        (&rows[0]["vm"], &rows[1]["vm"]),
        (&"stuvus-web01".into(), &"verw-win".into())
    );
    assert_eq!(rows[1]["key"], "memory");
    let host = run(&["explain", "--json", "-k", "nfsroot_base", "-f", text(&file)]);
    let rows: serde_json::Value = serde_json::from_slice(&host.stdout).unwrap();
    assert_eq!(rows[0]["vm"], serde_json::Value::Null);

    // Not every VM has as many interfaces.
    let interface = run(&[&two[..], &["stuvus-db01", "--key", "interfaces[1]"]].concat());
    code(&interface, 0);
    let output = run(&[&two[..], &["-k", "memry", "-k", "vcpus", "-k", "vcpu"]].concat());
    code(&output, 2);
    assert!(stderr(&output).contains("unknown key `memry`, `vcpu`\n"));

    let output = run(&[&two[..], &["stuvus-db01", "--diff"]].concat());
    code(&output, 2);
    assert!(stderr(&output).contains("--diff compares two VMs, not 3"));
    let output = run(&[&two[..], &["--diff"]].concat());
    code(&output, 0);
    assert!(stdout(&output).contains("verw-win: "));
}

/// A directory as on a host: configurations, `xl.conf`, scripts, and links of domains that start
/// with it.
#[test]
fn import_takes_whole_directories() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for folder in ["auto", "scripts"] {
        std::fs::create_dir(path(folder)).unwrap();
    }
    let vm =
        |name: &str| format!("name = '{name}'\nkernel = '/boot/vmlinuz'\nmemory = 512\ndhcp = 1\n");
    for name in ["one", "two"] {
        std::fs::write(path(&format!("{name}.cfg")), vm(name)).unwrap();
    }
    std::fs::write(path("broken.cfg"), "name = broken\n").unwrap();
    std::fs::write(path("scripts/vif-own"), "#!/bin/sh\n").unwrap();
    std::fs::write(path("xl.conf"), "vif.default.bridge=\"br0\"\n").unwrap();
    std::os::unix::fs::symlink("../two.cfg", path("auto/10-two")).unwrap();
    let auto = path("auto").display().to_string();
    let whole = dir.path().display().to_string();
    let conf = path("xl.conf").display().to_string();
    for arguments in [vec![whole.as_str(), &conf], vec![&whole, &auto, &conf]] {
        let output = run_in(
            dir.path(),
            &[
                &["import", "--org", "acme", "--auto", &auto],
                &arguments[..],
            ]
            .concat(),
        );
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let text = stdout(&output);
        let start = text.find("name = \"two\"").unwrap();
        assert!(text[start..].contains("auto_boot = true"), "{text}");
        assert_eq!(text.matches("[[vms]]").count(), 2, "{text}");
        assert!(
            text.contains("network_bridge = \"br0\"") && text.contains("org = \"acme\""),
            "{text}"
        );
        assert!(text.contains("broken.cfg is not valid"), "{text}");
        // One wave: the broken file does not hide what is wrong with the others.
        assert!(
            stderr(&output).contains("ignored-xl-key"),
            "{}",
            stderr(&output)
        );
    }
    let output = run_in(
        dir.path(),
        &["lint", &path("scripts").display().to_string()],
    );
    assert_eq!(output.status.code(), Some(2));
}

/// Commands with `FILE` in place of a file, and that file.
fn reading_commands() -> Vec<(String, &'static str)> {
    let of_hosts = [
        "check",
        "graph",
        "render --stdout",
        "plan --root root",
        "apply --root root",
    ];
    let of_vms = [
        "explain",
        "explain a-one",
        "status --root root",
        "status a-one --root root",
        "doctor --root root",
    ];
    let mut lines = Vec::new();
    for command in of_hosts {
        lines.push((
            format!("{command} --common common.toml FILE --facts facts.toml"),
            "host.toml",
        ));
        lines.push((
            format!("{command} --common FILE host.toml --facts facts.toml"),
            "common.toml",
        ));
        lines.push((
            format!("{command} --common common.toml host.toml --facts FILE"),
            "facts.toml",
        ));
    }
    for command in of_vms {
        lines.push((
            format!("{command} --common common.toml -f FILE --facts facts.toml"),
            "host.toml",
        ));
        lines.push((
            format!("{command} --common FILE -f host.toml --facts facts.toml"),
            "common.toml",
        ));
        lines.push((
            format!("{command} --common common.toml -f host.toml --facts FILE"),
            "facts.toml",
        ));
    }
    lines.push(("convert --to json FILE".to_owned(), "common.toml"));
    lines.push(("lint FILE".to_owned(), "web.cfg"));
    lines.push(("lint web.cfg --facts FILE".to_owned(), "facts.toml"));
    lines.push(("import FILE".to_owned(), "web.cfg"));
    lines
}

/// Each command that reads a file reads it in each of these ways, with the same result.
#[test]
fn every_file_may_be_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(dir.path().join(name), content).unwrap();
    write("common.toml", "nfsroot_base = \"10.0.0.5:/tank\"\n");
    write("host.toml", &vm("one"));
    write("facts.toml", "xen_version = \"4.17\"\n");
    write(
        "web.cfg",
        "name = \"web\"\nmemory = 512\nbootloader = \"pygrub\"\n",
    );
    let shell = |line: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(dir.path());
        command.env("CLI", env!("CARGO_BIN_EXE_xen-vman-cli"));
        command.output().unwrap()
    };
    fs::create_dir_all(dir.path().join("root")).unwrap();
    // The first apply of all has something to do.
    code(
        &shell("$CLI apply --common common.toml host.toml --root root"),
        0,
    );
    for (line, file) in reading_commands() {
        let by_name = shell(&format!("$CLI {}", line.replace("FILE", file)));
        assert!(
            by_name.status.code() != Some(2),
            "{line}: {}",
            stderr(&by_name)
        );
        for (way, given) in [
            (format!("$CLI {line} < {file}"), "-"),
            (format!("$CLI {line} < {file}"), "/dev/stdin"),
            (format!("cat {file} | $CLI {line}"), "/dev/stdin"),
            (format!("$CLI {line}"), "<(cat SOURCE)"),
        ] {
            let way = way.replace("FILE", given).replace("SOURCE", file);
            let output = shell(&way);
            assert_eq!(
                output.status.code(),
                by_name.status.code(),
                "{way}: {}",
                stderr(&output)
            );
            // Values say in which file they are written.
            let names = [file, "<stdin>", "stdin", "/dev/"];
            let comparable = |output: &std::process::Output| -> Vec<String> {
                let text = stdout(output);
                let lines = text
                    .lines()
                    .filter(|line| !names.iter().any(|name| line.contains(name)));
                lines
                    .map(|line| line.split_whitespace().collect())
                    .collect()
            };
            if !line.contains("explain") && !line.starts_with("graph") {
                assert_eq!(comparable(&output), comparable(&by_name), "{way}");
            }
        }
    }
}

#[test]
fn hidden_files_and_directories_are_not_hosts() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["a.toml", ".a.toml", ".git/b.toml", "c/c.toml", "c/.d.toml"] {
        let is_hidden = path.starts_with('.') || path.contains("/.");
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(
            path,
            if is_hidden {
                "gatway = 1\n"
            } else {
                "vms = []\n"
            },
        )
        .unwrap();
    }
    let output = run(&["check", text(dir.path())]);
    code(&output, 0);
    assert_eq!(stderr(&output), "0 VMs on 2 hosts: no errors\n");
    let output = run(&["graph", "--json", text(dir.path())]);
    let graph: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(graph["hosts"], serde_json::json!(["a", "c"]));
    // One that is named is checked.
    code(&run(&["check", text(&dir.path().join(".git"))]), 1);
}

#[test]
fn scripts_of_a_pipe_are_in_the_current_directory() {
    let file = example();
    let dir = file.parent().unwrap();
    for line in [
        "\"$CLI\" check - < hypervisor.toml",
        "\"$CLI\" check /dev/stdin < hypervisor.toml",
        "\"$CLI\" check <(cat hypervisor.toml)",
        "cat hypervisor.toml | \"$CLI\" check /dev/stdin",
    ] {
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(dir);
        command.env("CLI", env!("CARGO_BIN_EXE_xen-vman-cli"));
        code(&command.output().unwrap(), 0);
    }
}
