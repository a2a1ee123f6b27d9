//! The help of every command has examples, and they run.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{code, commands, example, stdout, text, xen_vman};

/// The command lines under "Example:" or "Examples:".
fn examples(command: &str) -> Vec<String> {
    let help = stdout(&xen_vman(&[command, "--help"]));
    let lines = help
        .lines()
        .skip_while(|line| !line.starts_with("Example"))
        .skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines.map(|line| line.trim().to_owned()).collect()
}

/// `xen-vman-cli` on a directory in place of a host, and stand-ins for programs that may be
/// missing.
const PROGRAMS: [(&str, &str); 5] = [
    (
        "xen-vman-cli",
        r#"case " $* " in
*" --root "* | " apply "*.plan*) exec "$CLI" "$@" ;;
esac
case $1 in
plan | apply | rollback | uninstall-host | status | volumes | remove-volume | restore-volume | doctor | facts) exec "$CLI" "$@" --root "$HOST" ;;
*) exec "$CLI" "$@" ;;
esac"#,
    ),
    ("ssh", "shift; exec \"$@\""),
    ("jq", "cat"),
    ("man", "cat"),
    ("dot", "cat"),
];

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A directory with the files that the examples use.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        for (name, script) in PROGRAMS {
            let path = sandbox.path("bin").join(name);
            write(&path, &format!("#!/bin/sh\n{script}\n"));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let folder = example().parent().unwrap().to_owned();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (toml, role) = (read("hypervisor.toml"), read("role-variables.yml"));
        for file in [
            "hypervisor.toml",
            "dom0.toml",
            "host-a.toml",
            "hosts/a.toml",
        ] {
            write(&sandbox.path(file), &toml);
        }
        write(&sandbox.path("host_vars/hv1.yml"), &role);
        let common = "xen_vman_allow_diagnostics: [shared-disk]\n";
        write(&sandbox.path("group_vars/hypervisors.yml"), common);
        let other = "nfsroot_base = \"10.0.0.9:/tank\"\n[[vms]]\norg = \"a\"\nname = \"b\"\n\
             os = { type = \"debian\", version = \"bookworm\" }\ninterfaces = [{}]\n";
        write(&sandbox.path("host-b.toml"), other);
        let cfg = "name = \"web\"\nbootloader = \"pygrub\"\n";
        write(&sandbox.path("host/etc/xen/web.cfg"), cfg);
        write(
            &sandbox.path("host/etc/xen/xl.conf"),
            "autoballoon=\"off\"\n",
        );
        write(
            &sandbox.path("host/etc/xen/xen-tools.conf"),
            "memory = 256M\n",
        );
        let xml = "<domain type='xen'><name>web01</name><memory>524288</memory>\
                   <bootloader>pygrub</bootloader></domain>";
        write(&sandbox.path("web01.xml"), xml);
        write(&sandbox.path("host/etc/xen-vman/hypervisor.toml"), &toml);
        fs::create_dir_all(sandbox.path("image")).unwrap();
        for dir in ["", "hosts", "host_vars", "group_vars", "host/etc/xen-vman"] {
            symlink(folder.join("files"), sandbox.path(dir).join("files")).unwrap();
        }
        sandbox
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn run(&self, line: &str) -> std::process::Output {
        let line = line.replace("/srv/image", text(&self.path("image")));
        let line = line.replace("/usr/local/", text(&self.path("usr/local/")));
        let line = line.replace("/etc/xen/", text(&self.path("host/etc/xen/")));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", &line]);
        command.current_dir(self.0.path());
        command.env("PATH", format!("{}:{path}", text(&self.path("bin"))));
        command.env("CLI", env!("CARGO_BIN_EXE_xen-vman-cli"));
        command.env("HOST", self.path("host"));
        let default_dir = self.path("host/etc/xen-vman");
        command.env("XEN_VMAN_DEFINITION_DIR", default_dir);
        command.output().unwrap()
    }
}

#[test]
fn examples_of_every_help_text_run() {
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{command}");
        for line in examples {
            // clap would wrap it on a terminal of 80 columns.
            assert!(line.len() <= 78, "{line}");
            let sandbox = Sandbox::new();
            let before = match &*command {
                // The plan file, and something to roll back.
                "apply" => "xen-vman-cli plan hypervisor.toml --out tonight.plan",
                "rollback" => {
                    "xen-vman-cli apply && xen-vman-cli apply hypervisor.toml --root /srv/image"
                }
                "uninstall-host" => "xen-vman-cli apply",
                _ => "true",
            };
            code(&sandbox.run(before), 0);
            // Nobody can be asked here.
            let asks = line == "xen-vman-cli uninstall-host";
            let output = sandbox.run(&(line.clone() + if asks { " --yes" } else { "" }));
            // The sandbox has none of the programs that `doctor` looks for.
            let expected = match &*command {
                "doctor" => 3,
                // There are no volumes.
                "remove-volume" | "restore-volume" => 2,
                _ => 0,
            };
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(expected), "{line}\n{said}");
        }
    }
}
