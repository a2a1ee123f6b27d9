//! The commands of an installation.

use super::{Marker, filesystem_uuid, wanted_token};
use crate::diag::text::printable;
use crate::quote::sh_word;
use crate::render::{Install, InstallRoot, RenderedFile};
use crate::values::Filesystem;
use std::fmt;

/// A mirror may be slow.
const DEBOOTSTRAP_SECS: u32 = 3 * 60 * 60;
/// For programs that go through a whole root or disk.
const WHOLE_ROOT_SECS: u32 = 60 * 60;
/// For programs that do little.
const SHORT_SECS: u32 = 5 * 60;
/// What systemd may take beyond the limits of a unit.
const SYSTEMD_SECS: u32 = 30;

/// A step of an installation. It is shown as a command line that does the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How it is carried out.
    pub task: Task,
    /// A command line that does it.
    pub words: Vec<String>,
    /// How long it may take, in seconds.
    pub limit_secs: u32,
}

/// How a step is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// The words are run and print a line; they go on until the disk is not needed any more.
    Hold,
    /// The command runs on the host.
    Run,
    /// The command runs with processes and mounts of its own, none of which outlives it.
    Contained,
    /// The same, unless the guest has the user already.
    AddUser,
    /// A file is put into the guest.
    Put(RenderedFile),
    /// A file of the guest is removed.
    Remove(String),
}

impl Step {
    /// Whether nothing that was on the root before counts any more once it is taken.
    pub fn makes_it_ours(&self) -> bool {
        match &self.task {
            Task::Put(file) => file.path == Marker::BEGUN,
            _ => self.words.first().is_some_and(|word| word == "wipefs"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words.iter().map(|word| sh_word(word)).collect();
        f.write_str(&printable(&words.join(" ")))
    }
}

/// Where the root of a guest is mounted while it is installed. No other process sees it.
pub fn point(domain: &str) -> String {
    format!("/run/xen-vman/install/{domain}")
}

/// All steps of an installation onto a root that is empty, or that is erased first.
pub fn steps(install: &Install, files: &[RenderedFile], point: &str, erase: bool) -> Vec<Step> {
    let mut all = enter(install, erase);
    all.extend(open(install));
    all.extend(put_on(install, files, point, erase));
    all.extend(close(install));
    all
}

/// Makes sure that nobody uses the root.
pub fn enter(install: &Install, erase: bool) -> Vec<Step> {
    let domain = &install.domain;
    let limits = &install.limits;
    let mut all = Vec::new();
    if erase {
        let unit = format!("vm@{domain}.service");
        let limit = limits.stop_secs.saturating_add(SYSTEMD_SECS);
        all.push(run(["systemctl", "stop", &unit], limit));
    }
    let unit = format!("vm_mount@{domain}.service");
    let limit = limits
        .umount_secs
        .saturating_add(limits.logout_secs)
        .saturating_add(SYSTEMD_SECS);
    all.push(run(["systemctl", "stop", &unit], limit));
    all
}

/// Brings the disk to this host, where it is on iSCSI: a scope of systemd needs the session for
/// as long as its process lives.
pub fn open(install: &Install) -> Vec<Step> {
    let session = format!("vm_iscsi_session@{}.service", install.domain);
    let words = [
        "systemd-run",
        "--scope",
        "--collect",
        "--quiet",
        &format!("--unit={}", scope(install)),
        &format!("--property=Requires={session}"),
        &format!("--property=After={session}"),
        "sh",
        "-c",
        "echo ready; exec cat",
    ];
    let limit_secs = install.limits.login_secs.saturating_add(SYSTEMD_SECS);
    on_iscsi(install, contained(Task::Hold, words, limit_secs))
}

/// Takes the disk away again.
pub fn close(install: &Install) -> Vec<Step> {
    let limit_secs = install.limits.logout_secs.saturating_add(SYSTEMD_SECS);
    let step = run(["systemctl", "stop", &scope(install)], limit_secs);
    on_iscsi(install, step)
}

fn scope(install: &Install) -> String {
    format!("xen_vman_install-{}.scope", install.domain)
}

fn on_iscsi(install: &Install, step: Step) -> Vec<Step> {
    match install.root {
        InstallRoot::Nfs(_) => Vec::new(),
        InstallRoot::Iscsi { .. } => vec![step],
    }
}

/// Puts the operating system and the files of the guest onto a root that is at hand.
pub fn put_on(install: &Install, files: &[RenderedFile], point: &str, erase: bool) -> Vec<Step> {
    let marker = |path: &str| {
        let mut content = serde_json::to_vec_pretty(&Marker::of(install))
            .unwrap_or_else(|error| unreachable!("three texts: {error}"));
        content.push(b'\n');
        RenderedFile {
            path: path.to_owned(),
            mode: 0o644,
            owner: "root".into(),
            content,
        }
    };
    let mut all = Vec::new();
    match &install.root {
        InstallRoot::Iscsi { device, filesystem } => {
            if erase {
                all.push(run(["wipefs", "--all", "--force", device], SHORT_SECS));
            }
            all.push(make_filesystem(install, device, *filesystem));
            all.push(mount(install, filesystem.as_str(), device, point));
            all.push(put(install, &marker(Marker::BEGUN), point));
        }
        InstallRoot::Nfs(source) => {
            all.push(mount(install, "nfs", source, point));
            all.push(put(install, &marker(Marker::BEGUN), point));
            if erase {
                all.push(erase_below(point));
            }
        }
    }
    all.push(debootstrap(install, point));
    all.push(contained(
        Task::Contained,
        ["chroot", point, "apt-get", "clean"],
        SHORT_SECS,
    ));
    if install.user != "root" {
        let words = [
            "chroot",
            point,
            "useradd",
            "--create-home",
            "--shell",
            "/bin/bash",
            &install.user,
        ];
        all.push(contained(Task::AddUser, words, SHORT_SECS));
    }
    all.extend(files.iter().map(|file| put(install, file, point)));
    all.push(put(install, &marker(Marker::FINISHED), point));
    // All of the root is on its disk before anything there can say that it is finished: a filesystem
    // may write the removal down long before the contents of files.
    all.push(run(["sync", "--file-system", point], WHOLE_ROOT_SECS));
    all.push(Step {
        task: Task::Remove(Marker::BEGUN.into()),
        words: ["rm".to_owned(), format!("{point}{}", Marker::BEGUN)].into(),
        limit_secs: SHORT_SECS,
    });
    all.push(run(["umount", point], install.limits.umount_secs));
    all
}

/// Everything below the mount point, but what says that this is an installation. No symbolic
/// link is followed, and no other filesystem entered.
fn erase_below(point: &str) -> Step {
    let marker = format!("{point}{}", Marker::BEGUN);
    let words = [
        "find",
        point,
        "-xdev",
        "-mindepth",
        "1",
        "-not",
        "-path",
        &marker,
        "-delete",
    ];
    contained(Task::Contained, words, WHOLE_ROOT_SECS)
}

fn make_filesystem(install: &Install, device: &str, filesystem: Filesystem) -> Step {
    let place = install.root.place();
    let uuid = filesystem_uuid(&install.domain, place, wanted_token(install).as_deref());
    let uuid = uuid.to_string();
    let program = format!("mkfs.{filesystem}");
    let words = match filesystem {
        Filesystem::Ext2 | Filesystem::Ext3 | Filesystem::Ext4 => {
            vec![&*program, "-q", "-F", "-U", &uuid, device]
        }
        Filesystem::Btrfs => vec![&*program, "-q", "-f", "-U", &uuid, device],
        Filesystem::Xfs => {
            let uuid = format!("uuid={uuid}");
            let words = [&*program, "-q", "-f", "-m", &uuid, device];
            return contained(Task::Contained, words, WHOLE_ROOT_SECS);
        }
    };
    contained(Task::Contained, words, WHOLE_ROOT_SECS)
}

/// Device nodes must work: debootstrap makes `/dev/null` and tries it. The root is empty, and
/// what it gets comes from the archive.
fn mount(install: &Install, kind: &str, source: &str, point: &str) -> Step {
    let words = ["mount", "-t", kind, "-o", "nosuid", source, point];
    run(words, install.limits.mount_secs)
}

fn debootstrap(install: &Install, point: &str) -> Step {
    let mut words = vec!["debootstrap".to_owned()];
    words.extend(
        install
            .keyring
            .as_ref()
            .map(|path| format!("--keyring={path}")),
    );
    for (option, list) in [
        ("--components", &install.components),
        ("--include", &install.packages),
    ] {
        if !list.is_empty() {
            words.push(format!("{option}={}", list.join(",")));
        }
    }
    words.extend([install.suite, point, &install.mirror].map(str::to_owned));
    contained(Task::Contained, words, DEBOOTSTRAP_SECS)
}

fn put(install: &Install, file: &RenderedFile, point: &str) -> Step {
    let mode = format!("{:04o}", file.mode);
    let source = file.place(Some(&install.domain));
    let target = format!("{point}{}", file.path);
    let words = [
        "install",
        "-D",
        "-m",
        &mode,
        "-o",
        &file.owner,
        &source,
        &target,
    ];
    Step {
        task: Task::Put(file.clone()),
        words: words.map(str::to_owned).into(),
        limit_secs: SHORT_SECS,
    }
}

fn run<'w>(words: impl IntoIterator<Item = &'w str>, limit_secs: u32) -> Step {
    contained(Task::Run, words, limit_secs)
}

fn contained(
    task: Task,
    words: impl IntoIterator<Item = impl Into<String>>,
    limit_secs: u32,
) -> Step {
    Step {
        task,
        words: words.into_iter().map(Into::into).collect(),
        limit_secs,
    }
}
