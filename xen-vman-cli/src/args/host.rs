//! Arguments of what is done on a host.

use super::{FileOption, FilesArgs, InputArgs};
use clap::Args;
use std::path::{Path, PathBuf};

/// A host, and what goes with its definition.
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Work on this directory as if it were `/`; nothing outside it is touched, and no
    /// program is started
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Templates of your own, by name, as `xl/vm.cfg.tera`
    #[arg(long, value_name = "DIR")]
    pub(crate) templates: Option<PathBuf>,
}

impl HostArgs {
    /// Where the definition is read from if no file is named.
    pub(crate) fn default_dir(&self) -> PathBuf {
        self.root.join("etc/xen-vman")
    }
}

/// What a plan is made for.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) definition: FilesArgs,

    #[command(flatten)]
    pub(crate) host: HostArgs,

    /// Stop VMs that are no longer defined, and remove their files. What is removed is kept
    /// under /var/lib/xen-vman; disks are never touched
    #[arg(long)]
    pub(crate) prune: bool,
}

impl TargetArgs {
    /// The options given that a plan file holds, too.
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

An action that has consequences names them in brackets; [DESTROYS DATA] is what `apply` asks
about. The exit code is 0 whether or not the plan is empty; --detailed-exitcode tells.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Show what changes in each file
    #[arg(long, conflicts_with = "json")]
    pub(crate) diff: bool,

    /// Show the steps of each installation, with the commands that are run
    #[arg(long, conflicts_with = "json")]
    pub(crate) steps: bool,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    /// Write the plan to this file, for `apply` to carry out exactly or not at all
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

Does what `plan` tells. It may be interrupted at any point; the next `apply` does the rest.
What it did and what files held before is kept under /var/lib/xen-vman/generations, for
`rollback`. VMs that run go on running with the configuration they were started with.
What is on a disk or an NFS root is erased only if the definition says `reinstall`, and you
confirm it.";

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A definition, or a file that `plan --out` wrote, which brings its own options along
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Erase what `reinstall` names without asking
    #[arg(long)]
    pub(crate) yes: bool,

    /// Print one line of JSON per event
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

pub(super) const ROLLBACK_EXAMPLES: &str = "\
Examples:
  xen-vman-cli rollback
  xen-vman-cli rollback --root /srv/image

Called again, it takes back the `apply` before that one. Files that were changed since are
told, and then nothing is done. Guests and what is on their disks stay as they are.";

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Work on this directory as if it were `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Print one line of JSON per event
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  xen-vman-cli status
  xen-vman-cli status stuvus-web01 stuvus-db01 --file hypervisor.toml
  xen-vman-cli status --json | jq '.vms[] | select(.needs_restart)'

Shows the VMs that are defined, those that were, and all that run. INSTALLED is what this host
knows of a root; `-` where that is not its affair. VMs are started, stopped and mounted with
systemctl: `systemctl start vm@DOMAIN`, `systemctl start vm_mount@DOMAIN`.";

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

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  xen-vman-cli doctor
  xen-vman-cli doctor --file hypervisor.toml --json

Looks at Xen, programs, scripts, bridges, the kernel and initrd that guests share, and at
services that would start, save or log in to what is ours. Nothing is changed. Exit code 3
means that something is missing; what is risky alone gives 0.";

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

Prints facts as `--facts` takes them, and the rest as comments.";

#[derive(Debug, Args)]
pub(crate) struct FactsArgs {
    /// Look at this directory as if it were `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Print JSON, without the comments
    #[arg(long)]
    pub(crate) json: bool,
}
