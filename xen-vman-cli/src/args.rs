//! The arguments as typed, and the help texts.

mod definition;
mod host;

pub(crate) use definition::{FileOption, FilesArgs, Format, InputArgs, ReportArgs};
pub(crate) use host::{
    ApplyArgs, DoctorArgs, FactsArgs, HostArgs, PlanArgs, RollbackArgs, StatusArgs, TargetArgs,
};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

/// Xen VMs on Debian from one definition
#[derive(Debug, Parser)]
#[command(
    name = "xen-vman-cli",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 success, 1 the definition has errors, 2 the command failed or was used wrongly, 3 `plan --detailed-exitcode` found changes or `doctor` found something missing."
)]
pub(crate) struct Cli {
    /// Colour in messages; `auto` honours `NO_COLOR`
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Render every file that a host and its guests need
    #[command(after_help = RENDER_EXAMPLES)]
    Render(RenderArgs),
    /// Tell what `apply` would do on this host
    #[command(after_help = host::PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Bring this host to what the definition says, and install guests that have no system
    #[command(after_help = host::APPLY_EXAMPLES)]
    Apply(ApplyArgs),
    /// Bring back the files that the last `apply` changed
    #[command(after_help = host::ROLLBACK_EXAMPLES)]
    Rollback(RollbackArgs),
    /// Show how the VMs of this host are
    #[command(after_help = host::STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Say what this host lacks for its VMs, and what gets in their way
    #[command(after_help = host::DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Show what is found out about this host
    #[command(after_help = host::FACTS_EXAMPLES)]
    Facts(FactsArgs),
    /// Say everything that is wrong with a definition
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Say everything that is wrong with xl.cfg files as they are
    #[command(after_help = LINT_EXAMPLES)]
    Lint(LintArgs),
    /// Make a definition of xl.cfg files
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Tell where the values of a VM come from
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// List what `check` can find, or tell more of it
    #[command(after_help = DIAGNOSTICS_EXAMPLES)]
    Diagnostics(DiagnosticsArgs),
    /// Convert the role's variables to TOML, or back
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertArgs),
    /// Print the JSON Schema of a kind of file, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema {
        /// The kind of file
        #[arg(value_name = "KIND")]
        of: SchemaKind,
    },
    /// Print the `ip` commands that the network script vif-p2p runs
    #[command(after_help = VIF_P2P_EXAMPLES)]
    VifP2p(VifP2pArgs),
    /// Print the name that a vif gets from a prefix
    #[command(after_help = VIFNAME_EXAMPLES)]
    Vifname(VifnameArgs),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const RENDER_EXAMPLES: &str = "\
Examples:
  xen-vman-cli render hypervisor.toml --out out
  xen-vman-cli render group_vars/hypervisors.yml host_vars/hv1.yml --out out
  xen-vman-cli render hypervisor.toml --vm stuvus-web01 --only /etc/xen --stdout

The directory gets host/ (files by their path on the host), guests/ (files by domain and
path in the guest) and manifest.json. Files that an earlier render wrote and this one does
not are removed; files of anybody else are never touched.";

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["out", "stdout"])))]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub(crate) definition: FilesArgs,

    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Write to this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Print the files instead, each after a line with its path
    #[arg(long)]
    pub(crate) stdout: bool,

    /// Only the files of this VM (ORG-NAME); may be given several times
    #[arg(long, value_name = "VM")]
    pub(crate) vm: Vec<String>,

    /// Only `host`, only `guests`, or only paths that begin so (`/etc/xen`); may be given
    /// several times
    #[arg(long, value_name = "WHAT")]
    pub(crate) only: Vec<String>,

    /// Templates of your own, by name, as `xl/vm.cfg.tera`
    #[arg(long, value_name = "DIR")]
    pub(crate) templates: Option<PathBuf>,

    /// Print the summary as JSON
    #[arg(long, conflicts_with_all = ["format", "stdout"])]
    pub(crate) json: bool,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  xen-vman-cli check hypervisor.toml
  xen-vman-cli check host-a.toml host-b.toml
  xen-vman-cli check --common group_vars/hypervisors.yml host_vars/
  xen-vman-cli check --strict --allow shared-disk --format sarif hosts/

Several hosts are checked together: a VM, an address, a disk or a root on two of them is
reported. `render` joins several files into one host; here such a host is a directory of its
own in a directory, or its shared settings are given by --common.";

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Hosts: each file is one, in TOML or as the role's variables in YAML or JSON; in a
    /// directory, each file and each directory of files is one. `-` is standard input
    /// [default: /etc/xen-vman/*.toml as one host]
    #[arg(value_name = "HOST")]
    pub(crate) hosts: Vec<PathBuf>,

    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) input: InputArgs,
}

const LINT_EXAMPLES: &str = "\
Example:
  xen-vman-cli lint /etc/xen/*.cfg

The files are checked as the domains of one host: what no two may share is reported, too.";

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Files in the format of xl.cfg(5)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Facts of the host, as `xen_version = "4.17"`, in TOML, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Option<PathBuf>,

    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

const IMPORT_EXAMPLES: &str = "\
Example:
  xen-vman-cli import /etc/xen/*.cfg > hypervisor.toml

Each file becomes a VM that renders to the same meaning; comments are kept. What xl takes for
granted is written out, and what no key is for becomes an additional option. A name such as
`stuvus-web01` gives `org` and `name`; another one becomes the VM's `domain`.";

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files in the format of xl.cfg(5)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  xen-vman-cli explain stuvus-web01
  xen-vman-cli explain stuvus-web01 --key memory --file hypervisor.toml
  xen-vman-cli explain stuvus-web01 stuvus-db01 -k memory -k 'interfaces[0]'
  xen-vman-cli explain --diff stuvus-web01 stuvus-db01

Without a VM, the settings of the host are explained. Passwords are not shown.";

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// VMs to explain (ORG-NAME) [default: the settings of the host]
    #[arg(value_name = "VM")]
    pub(crate) vms: Vec<String>,

    /// Show only this key and the keys inside it; can be given several times
    #[arg(short, long = "key", value_name = "KEY")]
    pub(crate) keys: Vec<String>,

    /// Show only what differs between two VMs
    #[arg(long, conflicts_with = "keys")]
    pub(crate) diff: bool,

    #[command(flatten)]
    pub(crate) definition: FileOption,

    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) input: InputArgs,
}

const DIAGNOSTICS_EXAMPLES: &str = "\
Examples:
  xen-vman-cli diagnostics
  xen-vman-cli diagnostics duplicate-mac";

#[derive(Debug, Args)]
pub(crate) struct DiagnosticsArgs {
    /// Only this one
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  xen-vman-cli convert host_vars/hv1.yml > hypervisor.toml
  xen-vman-cli convert hypervisor.toml --to yaml

Values pass through as they are, template expressions too; comments do not.";

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Definition to convert; `-` is standard input [default: the only file that matches
    /// /etc/xen-vman/*.toml]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Form to convert to [default: toml; yaml for a TOML file]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) to: Option<ConvertTo>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConvertTo {
    Toml,
    Yaml,
    Json,
}

const SCHEMA_EXAMPLES: &str = "\
Example:
  xen-vman-cli schema definition > xen-vman.schema.json

For TOML, write `#:schema xen-vman.schema.json` as the first line (Even Better TOML, taplo);
for YAML, `# yaml-language-server: $schema=xen-vman.schema.json`.";

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaKind {
    /// Definitions in TOML
    Definition,
    /// The role's variables in YAML or JSON
    Role,
    /// Facts of a host
    Facts,
}

const VIF_P2P_EXAMPLES: &str = "\
Example:
  xen-vman-cli vif-p2p --main-ip 10.0.0.1 --dev vif10.0 10.0.0.10 2001:db8::10";

#[derive(Debug, Args)]
pub(crate) struct VifP2pArgs {
    /// Main IPv4 address of the host
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) main_ip: std::net::Ipv4Addr,

    /// The vif on the host
    #[arg(long, value_name = "NAME")]
    pub(crate) dev: String,

    /// Addresses of the guest
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) addresses: Vec<std::net::IpAddr>,

    /// Print the commands for `offline` instead
    #[arg(long)]
    pub(crate) offline: bool,
}

const VIFNAME_EXAMPLES: &str = "\
Example:
  xen-vman-cli vifname --prefix stuvus-web01 --domain stuvus-web01 --devid 0

Longer names than the kernel takes (15 characters; 11 for HVM) are cut, and a mark is added
that is made from prefix and domain.";

const COMPLETIONS_EXAMPLES: &str = "\
Example:
  source <(xen-vman-cli completions bash)";

#[derive(Debug, Args)]
pub(crate) struct VifnameArgs {
    /// What the name begins with (`vifname_prefix`)
    #[arg(long)]
    pub(crate) prefix: String,

    /// The VM (ORG-NAME)
    #[arg(long, value_name = "VM")]
    pub(crate) domain: String,

    /// The number of the interface
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) devid: u32,

    /// Name for an HVM VM
    #[arg(long)]
    pub(crate) hvm: bool,

    /// A name that another vif has already; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) taken: Vec<String>,
}
