//! Arguments that name a definition, and how its problems are reported.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The definition of a command that works on definitions.
#[derive(Debug, Args)]
pub(crate) struct FilesArgs {
    /// Definition: TOML, or the role's variables in YAML or JSON. Several files are merged
    /// into one host. `-` is standard input [default: /etc/xen-vman/*.toml]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// The definitions of a command that works on several hosts.
#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    /// Hosts: each file is one, in TOML or as the role's variables in YAML or JSON; in a
    /// directory, each file and each directory of files is one. `-` is standard input
    /// [default: /etc/xen-vman/*.toml as one host]
    #[arg(value_name = "HOST")]
    pub(crate) hosts: Vec<PathBuf>,
}

/// The definition of a command whose arguments are VMs.
#[derive(Debug, Args)]
pub(crate) struct FileOption {
    /// Definition: TOML, or the role's variables in YAML or JSON. Can be given several times;
    /// the files are merged into one host. `-` is standard input [default:
    /// /etc/xen-vman/*.toml]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// What goes with a definition, and how problems are reported.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Settings shared by all hosts, read before a host's own files; can be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) common: Vec<PathBuf>,

    /// Facts about the host, such as `xl_path = "/usr/sbin/xl"`, in TOML, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Option<PathBuf>,

    /// Directory of network scripts with relative paths [default: `files` next to the first FILE]
    #[arg(long, value_name = "DIR")]
    pub(crate) scripts: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// How problems are reported, and which count.
#[derive(Debug, Default, Args)]
pub(crate) struct ReportArgs {
    /// Format of the problems found
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// A warning to suppress, by ID; can be given several times. Overrides the definition.
    /// Errors cannot be suppressed
    #[arg(long, value_name = "ID")]
    pub(crate) allow: Vec<String>,

    /// A warning to treat as an error, by ID; can be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) deny: Vec<String>,

    /// Treat warnings as errors, except those given with --allow
    #[arg(long)]
    pub(crate) strict: bool,
}

impl ReportArgs {
    /// The format where `--json` asks for JSON in all that is printed.
    pub(crate) fn format_or(&self, json: bool) -> Format {
        if json { Format::Json } else { self.format }
    }
}

/// Mechanical changes of the files.
#[derive(Debug, Args)]
pub(crate) struct FixArgs {
    /// Show what can be fixed mechanically (mistyped words, quotes, options that are keys) as a
    /// diff, and write it if you agree
    #[arg(long, conflicts_with_all = ["json", "format"])]
    pub(crate) fix: bool,

    /// Write the fixes without asking
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Source lines with carets, on standard error
    #[default]
    Text,
    /// One line per problem, on standard error
    Short,
    /// A JSON array, on standard output
    Json,
    /// A SARIF log, on standard output
    Sarif,
    /// An event among those of `apply --json`, on standard output
    #[value(skip)]
    Event,
}

impl Format {
    /// The format for standard error, where standard output is for something else.
    pub(crate) fn for_people(self) -> Self {
        match self {
            Self::Short => Self::Short,
            _ => Self::Text,
        }
    }
}
