//! Arguments of the commands that work on a host.

use super::{FileOption, FilesArgs, InputArgs};
use clap::Args;
use std::path::{Path, PathBuf};

/// A host, and the options that go with its definition.
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Work on this directory as if it were `/`: nothing outside it is touched, and no
    /// program is run
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Directory of templates that replace built-in ones, such as `xl/vm.cfg.tera`
    #[arg(long, value_name = "DIR")]
    pub(crate) templates: Option<PathBuf>,
}

impl HostArgs {
    /// Where the definition is read from if no file is named.
    pub(crate) fn default_dir(&self) -> PathBuf {
        self.root.join("etc/xen-vman")
    }
}

/// What a plan is made from.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) definition: FilesArgs,

    #[command(flatten)]
    pub(crate) host: HostArgs,

    /// Stop VMs that are no longer defined, and remove their files. A copy is kept under
    /// /var/lib/xen-vman; disks are never touched
    #[arg(long)]
    pub(crate) prune: bool,
}

impl TargetArgs {
    /// The given options that are recorded in plan files, too.
    pub(crate) fn of_a_plan(&self) -> Vec<&'static str> {
        let HostArgs {
            input,
            root,
            templates,
        } = &self.host;
        let report = &input.report;
        let given = [
            (!input.common.is_empty(), "--common"),
            (input.facts.is_some(), "--facts"),
            (input.scripts.is_some(), "--scripts"),
            (!report.allow.is_empty(), "--allow"),
            (!report.deny.is_empty(), "--deny"),
            (report.strict, "--strict"),
            (root != Path::new("/"), "--root"),
            (templates.is_some(), "--templates"),
            (self.prune, "--prune"),
        ];
        let given = given.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, name)| name).collect()
    }
}

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  xen-vman-cli plan hypervisor.toml --diff
  xen-vman-cli plan --out tonight.plan && xen-vman-cli apply tonight.plan
  xen-vman-cli plan hypervisor.toml --steps
  xen-vman-cli plan hypervisor.toml --root /srv/image --json

Consequences of an action are in brackets; `apply` asks for confirmation of
[DESTROYS DATA]. The exit code is 0 whether or not there is something to do,
unless --detailed-exitcode is given.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Show the changes in each file
    #[arg(long, conflicts_with = "json")]
    pub(crate) diff: bool,

    /// Show the steps of each installation, with the commands that it runs
    #[arg(long, conflicts_with = "json")]
    pub(crate) steps: bool,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    /// Write the plan to this file; `apply` carries it out as it is, or not at all
    #[arg(long, value_name = "PLAN")]
    pub(crate) out: Option<PathBuf>,

    /// Exit with 3 if the plan is not empty
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

pub(super) const APPLY_EXAMPLES: &str = "\
Examples:
  xen-vman-cli apply hypervisor.toml
  xen-vman-cli apply tonight.plan
  xen-vman-cli apply hypervisor.toml --root /srv/image

Does what `plan` shows; given a file that `plan --out` wrote, exactly that or
nothing. It can be interrupted at any point; the next `apply` does the rest.
Earlier versions of the files are kept under /var/lib/xen-vman/generations,
for `rollback`. Running VMs keep running with the configuration they were
started with. A disk or an NFS root is erased only if the definition says
`reinstall` and you confirm it.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Erase what `reinstall` names, and remove what `--prune` finds, without asking
    #[arg(long)]
    pub(crate) yes: bool,

    /// Let `--prune` remove all VMs of the host
    #[arg(long)]
    pub(crate) remove_all: bool,

    /// Do not check first whether Xen and all programs are there
    #[arg(long)]
    pub(crate) no_preflight: bool,

    /// Print one line of JSON per event
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

pub(super) const ROLLBACK_EXAMPLES: &str = "\
Examples:
  xen-vman-cli rollback --plan --diff
  xen-vman-cli rollback
  xen-vman-cli rollback --list
  xen-vman-cli rollback --to 1

Undoes the last `apply` that changed files; run again, the one before that. If
it is interrupted, the next `rollback` does the rest. If any of the files was
changed by somebody else since, all of them are reported and nothing is done.
Guests and their disks are not touched.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct RollbackArgs {
    /// Restore the files as they were after this generation; 0 is before the first
    #[arg(long, value_name = "N", conflicts_with = "list")]
    pub(crate) to: Option<u32>,

    /// Show what would be done, and change nothing
    #[arg(long, conflicts_with = "list")]
    pub(crate) plan: bool,

    /// With --plan, show the changes in each file
    #[arg(long, requires = "plan", conflicts_with = "json")]
    pub(crate) diff: bool,

    /// List the generations: when, what was done, and by which definition
    #[arg(long)]
    pub(crate) list: bool,

    /// Work on this directory as if it were `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Print one line of JSON per event; with --plan or --list, one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const UNINSTALL_EXAMPLES: &str = "\
Examples:
  xen-vman-cli uninstall-host --plan --diff
  xen-vman-cli uninstall-host

Removes all that `apply` brought to this host, and restores the files that it
replaced. It refuses while VMs run or their roots are mounted or connected. If
it is interrupted, the next one does the rest; `rollback` undoes it. Volumes,
the definition and earlier versions of files stay.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct UninstallArgs {
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(crate) plan: bool,

    /// With --plan, show the changes in each file
    #[arg(long, requires = "plan", conflicts_with = "json")]
    pub(crate) diff: bool,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// Work on this directory as if it were `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Print one line of JSON per event; with --plan, one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  xen-vman-cli status
  xen-vman-cli status stuvus-web01 stuvus-db01 --file hypervisor.toml
  xen-vman-cli status --json | jq '.vms[] | select(.needs_restart)'

Shows all VMs that are defined or running, and those that were defined before.
INSTALLED is as far as this host knows; it is `-` for a VM that xen-vman does
not install. To start, stop or mount a VM, use `systemctl start vm@DOMAIN` and
the like, or `systemctl start vm_mount@DOMAIN`.";

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// VMs to show (ORG-NAME) [default: all]
    #[arg(value_name = "VM")]
    pub(crate) vms: Vec<String>,

    #[command(flatten)]
    pub(crate) definition: FileOption,

    #[command(flatten)]
    pub(crate) host: HostArgs,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

pub(super) const VOLUMES_EXAMPLES: &str = "\
Examples:
  xen-vman-cli volumes
  xen-vman-cli volumes --json

Lists what is in the volume groups and directories of the definition and was
made for VMs of this definition or an earlier one. Changes nothing.";

#[derive(Debug, Args)]
pub(crate) struct VolumesArgs {
    #[command(flatten)]
    pub(crate) definition: FileOption,

    #[command(flatten)]
    pub(crate) host: HostArgs,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

pub(super) const REMOVE_VOLUME_EXAMPLES: &str = "\
Examples:
  xen-vman-cli remove-volume /dev/vg0/stuvus-old
  xen-vman-cli remove-volume /srv/xen/stuvus-old.img /dev/vg0/stuvus-old-data

Removes only what was made here for a VM, has no VM in the definition and is not
in use. It asks for the location of each; there is no option for the answer.";

#[derive(Debug, Args)]
pub(crate) struct RemoveVolumeArgs {
    /// Volumes or snapshots to remove, as `volumes` shows them
    #[arg(value_name = "VOLUME", required = true)]
    pub(crate) volumes: Vec<String>,

    #[command(flatten)]
    pub(crate) definition: FileOption,

    #[command(flatten)]
    pub(crate) host: HostArgs,
}

pub(super) const RESTORE_VOLUME_EXAMPLES: &str = "\
Example:
  xen-vman-cli restore-volume /dev/vg0/stuvus-web01+at-20261130T200000Z

The VM must not run. What was written since then is lost: it asks for the name
of the VM. The snapshot stays.";

#[derive(Debug, Args)]
pub(crate) struct RestoreVolumeArgs {
    /// The snapshot, as `volumes` shows it
    #[arg(value_name = "SNAPSHOT")]
    pub(crate) snapshot: String,

    #[command(flatten)]
    pub(crate) definition: FileOption,

    #[command(flatten)]
    pub(crate) host: HostArgs,
}

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  xen-vman-cli doctor
  xen-vman-cli doctor --file hypervisor.toml --json

Checks Xen, programs, network scripts, bridges, the kernel and initrd of the
guests, and services that would interfere with VMs or their disks. Changes
nothing. The exit code is 3 if something is missing, and 0 if there are only
risks.";

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) definition: FileOption,

    #[command(flatten)]
    pub(crate) host: HostArgs,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

pub(super) const FACTS_EXAMPLES: &str = "\
Examples:
  xen-vman-cli facts
  ssh dom0 xen-vman-cli facts | xen-vman-cli check dom0.toml --facts -

Prints facts in the format that --facts reads, and everything else as
comments.";

#[derive(Debug, Args)]
pub(crate) struct FactsArgs {
    /// Read this directory as if it were `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Print JSON, without the comments
    #[arg(long)]
    pub(crate) json: bool,
}
