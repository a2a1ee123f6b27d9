//! The commands of an installation.

use super::{Install, Marker, OnHost, SNAPSHOTS, filesystem_uuid, wanted_token};
use crate::command::{Command, Effect, SHORT_SECS, SYSTEMD_SECS, WHOLE_VOLUME_SECS};
use crate::object::{Object, RenderedFile, Role, instance};
use crate::storage::{Medium, Mount};
use crate::values::VolumeKey;
use std::fmt;

/// A step of an installation. It is displayed as an equivalent command line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// How to carry it out.
    pub task: Task,
    /// The equivalent command.
    pub command: Command,
}

/// How to carry out a step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Run the command, which prints a line and holds the volume until it is ended.
    Hold,
    /// Run the command.
    Run,
    /// Run the command, unless the guest already has the user.
    AddUser,
    /// Write a file in the guest.
    Put(RenderedFile),
    /// Write the marker of an installation in progress.
    MarkBegun(RenderedFile),
    /// Remove that marker.
    Unmark,
}

impl Step {
    /// Whether nothing of the previous content of the root is left after this step.
    pub const fn ends_erasing(&self) -> bool {
        matches!(self.command.effect, Effect::Format | Effect::EraseFiles)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

impl From<Command> for Step {
    fn from(command: Command) -> Self {
        Self {
            task: Task::Run,
            command,
        }
    }
}

/// The mount point of a volume while a host works on it, invisible to other processes.
pub(crate) fn point(key: &VolumeKey) -> String {
    format!("/run/xen-vman/install/{key}")
}

/// All steps of an installation on a root that is empty, or that is erased first.
pub fn steps(install: &Install, files: &[RenderedFile], erase: bool) -> Vec<Step> {
    let mut all = enter(install, erase);
    all.extend(open(&install.root));
    all.extend(put_on(install, files, &point(&install.root.key), erase));
    all.extend(close(&install.root));
    all
}

/// The steps that make sure that the root is not in use.
pub(crate) fn enter(install: &Install, erase: bool) -> Vec<Step> {
    let stop_secs = install.root.timeouts.stop_timeout.get();
    let vm = erase.then(|| stop(&instance("vm", &install.root.key), stop_secs));
    vm.into_iter().chain([unmount(&install.root)]).collect()
}

/// The step that ends what `vm_mount@` does with a volume.
pub(crate) fn unmount(on: &OnHost) -> Step {
    let detach_secs = on
        .volume
        .attachment()
        .map_or(0, |attachment| attachment.detach_secs);
    let limit_secs = on.timeouts.umount_timeout.get().saturating_add(detach_secs);
    stop(&instance("vm_mount", &on.key), limit_secs)
}

fn stop(unit: &str, limit_secs: u32) -> Step {
    let limit_secs = limit_secs.saturating_add(SYSTEMD_SECS);
    Command::new(["systemctl", "stop", unit], limit_secs).into()
}

/// The step that attaches the volume to this host, if necessary: a systemd scope requires its
/// unit as long as the scope's process runs.
pub(crate) fn open(on: &OnHost) -> Option<Step> {
    let attachment = on.volume.attachment()?;
    let unit = instance(attachment.unit, &on.key);
    let words = [
        "systemd-run",
        "--scope",
        "--collect",
        "--quiet",
        &format!("--unit={}", scope(on)),
        &format!("--property=Requires={unit}"),
        &format!("--property=After={unit}"),
        "sh",
        "-c",
        "echo ready; exec cat",
    ];
    Some(Step {
        task: Task::Hold,
        command: Command::new(words, attachment.attach_secs.saturating_add(SYSTEMD_SECS)),
    })
}

/// The step that detaches the volume.
pub(crate) fn close(on: &OnHost) -> Option<Step> {
    let attachment = on.volume.attachment()?;
    let limit_secs = attachment.detach_secs.saturating_add(SYSTEMD_SECS);
    Some(Command::new(["systemctl", "stop", &scope(on)], limit_secs).into())
}

fn scope(on: &OnHost) -> String {
    // With `@`, it would be an instance, and scopes have no templates.
    let key = on.key.to_string().replace('@', ":");
    format!("xen_vman_install-{key}.scope")
}

/// The steps that install the operating system and the guest's files on an attached volume.
pub(crate) fn put_on(
    install: &Install,
    files: &[RenderedFile],
    point: &str,
    erase: bool,
) -> Vec<Step> {
    let begun = Step {
        task: Task::MarkBegun(marker(install, Marker::BEGUN)),
        ..put(&marker(install, Marker::BEGUN), point)
    };
    let mut all: Vec<Step> = Vec::new();
    match install.root.volume.medium() {
        Medium::Disk(disk) => {
            if erase {
                all.push(disk.wipe().into());
            }
            let token = wanted_token(install);
            let location = install.root.volume.location();
            let uuid = filesystem_uuid(&install.root.key.domain, &location, token.as_deref());
            all.extend(disk.format(uuid).into_iter().map(Step::from));
            all.push(mount(install, &disk.mount(), point));
            all.push(begun);
        }
        Medium::Directory(source) => {
            all.push(mount(install, &source, point));
            all.push(begun);
            if erase {
                all.push(erase_below(point));
            }
        }
    }
    all.extend(install.method.commands(point).into_iter().map(Step::from));
    all.extend(add_user(install, point));
    all.extend(files.iter().map(|file| put(file, point)));
    all.push(put(&marker(install, Marker::FINISHED), point));
    all.extend(finish(install, point));
    all
}

/// Syncs the root before the marker is removed: a file system may persist the removal long before
/// the contents of files.
fn finish(install: &Install, point: &str) -> [Step; 3] {
    let begun = format!("{point}{}", Marker::BEGUN);
    let umount_secs = install.root.timeouts.umount_timeout.get();
    [
        Command::new(["sync", "--file-system", point], WHOLE_VOLUME_SECS).into(),
        Step {
            task: Task::Unmark,
            command: Command::new(["rm", &begun], SHORT_SECS),
        },
        Command::new(["umount", point], umount_secs)
            .with_effect(Effect::Unmount)
            .into(),
    ]
}

fn marker(install: &Install, path: &str) -> RenderedFile {
    let mut content = serde_json::to_vec_pretty(&Marker::of(install))
        .unwrap_or_else(|error| unreachable!("three strings: {error}"));
    content.push(b'\n');
    let object = Object::of_vm(&install.root.key.domain, Role::GuestFile);
    RenderedFile::new(object, path, content)
}

/// Erases everything below the mount point except the marker and the server's snapshots, without
/// following symbolic links or entering other file systems.
fn erase_below(point: &str) -> Step {
    let mut words = ["find", point, "-xdev", "-mindepth", "1"]
        .map(str::to_owned)
        .to_vec();
    let mut keep = |path: String| words.extend(["-not".to_owned(), "-path".to_owned(), path]);
    keep(format!("{point}{}", Marker::BEGUN));
    for name in SNAPSHOTS {
        keep(format!("{point}/{name}"));
        keep(format!("{point}/{name}/*"));
    }
    words.push("-delete".to_owned());
    Command::new(words, WHOLE_VOLUME_SECS)
        .contained()
        .with_effect(Effect::EraseFiles)
        .into()
}

fn mount(install: &Install, source: &Mount, point: &str) -> Step {
    let limit_secs = install.root.timeouts.mount_timeout.get();
    source.at(point, "nodev,nosuid", limit_secs).into()
}

fn add_user(install: &Install, point: &str) -> Option<Step> {
    let user = install.user.as_str();
    let argv = ["useradd", "--create-home", "--shell", "/bin/bash", user];
    (user != "root").then(|| Step {
        task: Task::AddUser,
        command: Command::in_guest(point, &argv, SHORT_SECS),
    })
}

fn put(file: &RenderedFile, point: &str) -> Step {
    let mode = format!("{:04o}", file.mode);
    let source = file.output_path();
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
        command: Command::new(words, SHORT_SECS),
    }
}
