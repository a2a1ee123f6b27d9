//! Command-line arguments as clap types, with their help.

mod definition;
mod host;

pub(crate) use definition::{
    FileOption, FilesArgs, FixArgs, Format, HostsArgs, InputArgs, ReportArgs,
};
pub(crate) use host::{
    ApplyArgs, DoctorArgs, FactsArgs, HostArgs, PlanArgs, RemoveVolumeArgs, RestoreVolumeArgs,
    RollbackArgs, StatusArgs, TargetArgs, UninstallArgs, VolumesArgs,
};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use xen_vman_core::values::NamePart;

/// Set up Xen VMs on Debian from one definition
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
    /// When to colour messages; `auto` honours `NO_COLOR`
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
    /// Show what `apply` would change on this host
    #[command(after_help = host::PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Make this host match the definition, and install guests that have no operating system
    #[command(after_help = host::APPLY_EXAMPLES)]
    Apply(ApplyArgs),
    /// Restore the files that the last `apply` changed
    #[command(after_help = host::ROLLBACK_EXAMPLES)]
    Rollback(RollbackArgs),
    /// Remove everything that `apply` brought to this host, except the VMs' roots
    #[command(after_help = host::UNINSTALL_EXAMPLES)]
    UninstallHost(UninstallArgs),
    /// Show the state of this host's VMs
    #[command(after_help = host::STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// List the volumes that were made on this host for VMs, and their snapshots
    #[command(after_help = host::VOLUMES_EXAMPLES)]
    Volumes(VolumesArgs),
    /// Remove volumes that no VM has any more, or snapshots
    #[command(after_help = host::REMOVE_VOLUME_EXAMPLES)]
    RemoveVolume(RemoveVolumeArgs),
    /// Make a volume of a VM what it was when a snapshot was taken
    #[command(after_help = host::RESTORE_VOLUME_EXAMPLES)]
    RestoreVolume(RestoreVolumeArgs),
    /// Check whether this host is ready to run its VMs
    #[command(after_help = host::DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Show facts about this host
    #[command(after_help = host::FACTS_EXAMPLES)]
    Facts(FactsArgs),
    /// Check a definition
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Check xl.cfg files as they are
    #[command(after_help = LINT_EXAMPLES)]
    Lint(LintArgs),
    /// Generate a definition from xl.cfg files
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Show where the values of VMs come from
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Draw the VMs of hosts, with their networks, storage and start order
    #[command(after_help = GRAPH_EXAMPLES)]
    Graph(GraphArgs),
    /// List what `check` can find, or explain one of them
    #[command(after_help = DIAGNOSTICS_EXAMPLES)]
    Diagnostics(DiagnosticsArgs),
    /// Convert the Ansible role's variables to TOML, or back
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
    /// Print the interface name that a VM gets from a prefix
    #[command(after_help = VIFNAME_EXAMPLES)]
    Vifname(VifnameArgs),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of this program, or of one of its commands
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArgs),
}

const RENDER_EXAMPLES: &str = "\
Examples:
  xen-vman-cli render hypervisor.toml --out out
  xen-vman-cli render group_vars/hypervisors.yml host_vars/hv1.yml --out out
  xen-vman-cli render hypervisor.toml --vm stuvus-web01 --only /etc/xen --stdout

The directory gets host/ (files by their path on the host), guests/ (files by
domain and path in the guest) and manifest.json. Files from an earlier render
that are no longer needed are removed; other files are never touched.";

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

    /// Print the files to standard output instead, each after a line with its path
    #[arg(long)]
    pub(crate) stdout: bool,

    /// Only the files of this VM (ORG-NAME); can be given several times
    #[arg(long, value_name = "VM")]
    pub(crate) vm: Vec<String>,

    /// Only `host`, only `guests`, or only paths with this prefix (`/etc/xen`); can be given
    /// several times
    #[arg(long, value_name = "WHAT")]
    pub(crate) only: Vec<String>,

    /// Directory of templates that replace built-in ones, such as `xl/vm.cfg.tera`
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
  xen-vman-cli check --fix hypervisor.toml

Hosts are checked together: a VM, address, disk or root that two of them have
is reported. `render` merges several files into one host. `check` does so for
the files of a directory inside a directory, and --common adds settings that
all hosts share.";

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) definitions: HostsArgs,

    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) fix: FixArgs,

    #[command(flatten)]
    pub(crate) input: InputArgs,
}

const LINT_EXAMPLES: &str = "\
Examples:
  xen-vman-cli lint /etc/xen/*.cfg
  xen-vman-cli lint --fix /etc/xen/*.cfg

The files are checked together, as the domains of one host.";

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Files in the format of xl.cfg(5), or directories of them (`*.cfg`)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Facts about the host, such as `xen_version = "4.17"`, in TOML, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Option<PathBuf>,

    /// Print JSON; the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) fix: FixArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  xen-vman-cli import /etc/xen/*.cfg > hypervisor.toml
  xen-vman-cli import /etc/xen/xl.conf /etc/xen/*.cfg
  xen-vman-cli import web01.xml > hypervisor.toml

Each file becomes a VM that renders to an equivalent file; comments are kept.
Options without a key of their own become additional options. The name becomes
the VM's `domain`; with `--org stuvus`, `stuvus-web01` becomes `org` and `name`.";

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files in the format of xl.cfg(5), libvirt's XML of a domain (`virsh dumpxml`), or directories
    /// of them (`*.cfg`, `*.xml`); `xl.conf` and `xen-tools.conf` set defaults
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The organisation of the VMs; default: that in a comment `NAME @ORG`, or `local`
    #[arg(long)]
    pub(crate) org: Option<NamePart>,

    /// The directory with links to the configurations of domains that start with the host;
    /// libvirt's is /etc/libvirt/libxl/autostart
    #[arg(long, value_name = "DIR", default_value = "/etc/xen/auto")]
    pub(crate) auto: PathBuf,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  xen-vman-cli explain stuvus-web01
  xen-vman-cli explain stuvus-web01 --key memory --file hypervisor.toml
  xen-vman-cli explain stuvus-web01 stuvus-db01 -k memory -k 'interfaces[0]'
  xen-vman-cli explain --diff stuvus-web01 stuvus-db01

Without a VM, the settings of the host are shown. Passwords are hidden.";

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

const GRAPH_EXAMPLES: &str = "\
Examples:
  xen-vman-cli graph hypervisor.toml --to svg > hypervisor.svg
  xen-vman-cli graph --to mermaid host-a.toml host-b.toml
  xen-vman-cli graph --common group_vars/hypervisors.yml host_vars/ | dot -Tpng

Shows VMs, bridges, gateways, disks, NFS and iSCSI servers, and which VM starts
after which. A server that several hosts use is drawn once. --to svg runs
`dot` (apt install graphviz).";

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) definitions: HostsArgs,

    /// What to draw
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) to: GraphFormat,

    /// Print JSON
    #[arg(long, conflicts_with_all = ["format", "to"])]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Graphviz' language
    #[default]
    Dot,
    /// A flowchart for Markdown
    Mermaid,
    /// An image; needs Graphviz
    Svg,
}

const DIAGNOSTICS_EXAMPLES: &str = "\
Examples:
  xen-vman-cli diagnostics
  xen-vman-cli diagnostics duplicate-mac";

#[derive(Debug, Args)]
pub(crate) struct DiagnosticsArgs {
    /// Explain this diagnostic
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

Values and template expressions are kept as they are. Comments are lost.";

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Definition to convert; `-` is standard input [default: the only file that matches
    /// /etc/xen-vman/*.toml]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Format to convert to [default: toml; yaml for a TOML file]
    #[arg(long, value_enum, value_name = "FORMAT")]
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

The first line of a TOML file (for Even Better TOML and taplo), and a line of a
YAML file, that name the schema:

  #:schema xen-vman.schema.json
  # yaml-language-server: $schema=xen-vman.schema.json";

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaKind {
    /// Definitions in TOML
    Definition,
    /// The role's variables in YAML or JSON
    Role,
    /// Facts about a host
    Facts,
}

const VIF_P2P_EXAMPLES: &str = "\
Example:
  xen-vman-cli vif-p2p --main-ip 10.0.0.1 --dev vif10.0 10.0.0.10 2001:db8::10";

#[derive(Debug, Args)]
pub(crate) struct VifP2pArgs {
    /// Main IPv4 address of the host
    #[arg(long, value_name = "IP")]
    pub(crate) main_ip: std::net::Ipv4Addr,

    /// Name of the interface on the host
    #[arg(long, value_name = "NAME")]
    pub(crate) dev: String,

    /// Addresses of the guest
    #[arg(required = true, value_name = "IP")]
    pub(crate) addresses: Vec<std::net::IpAddr>,

    /// Print the commands that remove the interface instead
    #[arg(long)]
    pub(crate) offline: bool,
}

const VIFNAME_EXAMPLES: &str = "\
Example:
  xen-vman-cli vifname --prefix stuvus-web01 --domain stuvus-web01 --devid 0

The kernel allows 15 characters, and HVM VMs only 11. Longer names are
shortened, with a suffix derived from the prefix and the domain that keeps
them apart.";

const COMPLETIONS_EXAMPLES: &str = "\
Example:
  source <(xen-vman-cli completions bash)";

const MAN_EXAMPLES: &str = "\
Examples:
  xen-vman-cli man plan | man -l -
  xen-vman-cli man --out /usr/local/share/man/man1

The pages are in the format of man(7).";

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command [default: the program]
    #[arg(value_name = "COMMAND")]
    pub(crate) of: Option<String>,

    /// Write all pages to this directory, each to a file of its own
    #[arg(long, value_name = "DIR", conflicts_with = "of")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VifnameArgs {
    /// Start of the name (`vifname_prefix`)
    #[arg(long)]
    pub(crate) prefix: String,

    /// The VM (ORG-NAME)
    #[arg(long, value_name = "VM")]
    pub(crate) domain: String,

    /// Number of the interface
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) devid: u32,

    /// Name the interface of an HVM VM
    #[arg(long)]
    pub(crate) hvm: bool,

    /// A name that is already in use; can be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) taken: Vec<String>,
}
