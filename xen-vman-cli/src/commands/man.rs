//! `man`: the manual pages, from the types that `--help` is made from.

use crate::args::{Cli, ManArgs};
use crate::exit_codes::{MEANINGS, OF_COMMANDS};
use crate::{Failure, Outcome, terminal};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use std::fs;
use std::io;
use std::path::Path;

const DESCRIPTION: &[&str] = &[
    "xen-vman sets up the VMs of a Xen host (dom0) that runs Debian. You describe the host and its VMs in one \
     definition: a TOML file, or the variables of the Ansible role in YAML or JSON. From it, xen-vman generates \
     every file that the host and its guests need, or reports what is wrong, with line and column.",
    "plan shows what differs between a host and its definition, and apply makes the changes. systemd starts and \
     stops the VMs: each has a unit vm@NAME.service, and vm_mount@NAME.service mounts the root of a VM that is \
     stopped.",
];

const FILES: &[(&str, &str)] = &[
    (
        "/etc/xen-vman/*.toml",
        "The definition that commands read if no file is named. Several files are merged into one host, in the \
         order of their names.",
    ),
    (
        "/var/lib/xen-vman/record.json",
        "What xen-vman manages on this host, and what is still to do.",
    ),
    (
        "/var/lib/xen-vman/generations",
        "Earlier versions of files, one directory per apply, for rollback.",
    ),
    ("/etc/xen/*.cfg", "The generated configurations of VMs."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "NO_COLOR",
        "If it is set and not empty, messages are not coloured, unless --color always is given.",
    ),
    (
        "CLICOLOR, CLICOLOR_FORCE",
        "If the first is 0, messages are not coloured; if the second is set and not 0, they are, even if standard \
         error is not a terminal.",
    ),
    (
        "PATH",
        "Where xl and other programs are looked for on a running host.",
    ),
    (
        "XEN_VMAN_DEFINITION_DIR",
        "A directory that replaces /etc/xen-vman, for commands without --root.",
    ),
];

const SEE_ALSO: &[&str] = &["xl(1)", "xl.cfg(5)", "xl.conf(5)", "systemctl(1)"];

pub(crate) fn run(args: &ManArgs) -> Result<Outcome, Failure> {
    let mut program = Cli::command()
        .disable_help_subcommand(true)
        .subcommand_help_heading("COMMANDS")
        .subcommand_value_name("COMMAND");
    program.build();
    if let Some(dir) = &args.out {
        write_all(&program, dir)?;
        return Ok(Outcome::Fine);
    }
    let page = match &args.of {
        None => page_of_program(&program),
        Some(name) => {
            let command = program.find_subcommand(name);
            page_of_command(command.ok_or_else(|| unknown(&program, name))?)
        }
    };
    terminal::data(page.map_err(|error| not_made(&error))?.as_bytes())?;
    Ok(Outcome::Fine)
}

fn write_all(program: &Command, dir: &Path) -> Result<(), Failure> {
    let failed = |what: &str, path: &Path, error: &io::Error| {
        Failure::new(format!("cannot {what} {}: {error}", path.display()))
    };
    fs::create_dir_all(dir).map_err(|error| failed("create directory", dir, &error))?;
    let commands = program
        .get_subcommands()
        .map(|command| (name(command), page_of_command(command)));
    let pages = [(name(program), page_of_program(program))];
    for (name, page) in pages.into_iter().chain(commands) {
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, page.map_err(|error| not_made(&error))?)
            .map_err(|error| failed("write", &path, &error))?;
    }
    Ok(())
}

fn not_made(error: &io::Error) -> Failure {
    Failure::new(format!("cannot generate a manual page: {error}"))
}

fn unknown(program: &Command, name: &str) -> Failure {
    let names = program.get_subcommands().map(Command::get_name);
    let names: Vec<_> = names.collect();
    Failure::new(format!("no command is called `{name}`"))
        .help(format!("commands are {}", names.join(", ")))
}

/// `xen-vman-cli`, `xen-vman-cli-plan`.
fn name(command: &Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

fn page_of_program(program: &Command) -> io::Result<String> {
    let mut page = Page::begin(program)?;
    page.section("DESCRIPTION");
    page.paragraphs(DESCRIPTION);
    page.add(|man, out| man.render_options_section(out))?;
    page.add(|man, out| man.render_subcommands_section(out))?;
    page.exit_status("0, 1, 2, 3");
    page.section("FILES");
    page.terms(FILES, italic);
    page.section("ENVIRONMENT");
    page.terms(ENVIRONMENT, bold);
    page.section("EXAMPLES");
    for command in program.get_subcommands() {
        let (examples, _) = after_help(command);
        let about = command.get_about().map(ToString::to_string);
        if let (Some(first), Some(about)) = (examples.first(), about) {
            page.paragraphs(&[&format!("{about}:")]);
            page.code([first.trim()]);
        }
    }
    let pages = program.get_subcommands();
    let pages = pages.map(|command| format!("{}(1)", name(command)));
    let pages: Vec<_> = pages.collect();
    let all = pages
        .iter()
        .map(String::as_str)
        .chain(SEE_ALSO.iter().copied());
    page.see_also(all);
    page.paragraphs(&[concat!(
        "The documentation is at <",
        env!("CARGO_PKG_REPOSITORY"),
        ">."
    )]);
    page.end()
}

fn page_of_command(command: &Command) -> io::Result<String> {
    let mut page = Page::begin(command)?;
    page.section("DESCRIPTION");
    let about = command.get_about().map(ToString::to_string);
    page.paragraphs(&[&format!("{}.", about.unwrap_or_default())]);
    let (examples, notes) = after_help(command);
    page.text(&notes);
    page.add(|man, out| man.render_options_section(out))?;
    let codes = OF_COMMANDS
        .iter()
        .find(|(name, _)| *name == command.get_name());
    page.exit_status(codes.map_or("", |(_, codes)| codes));
    page.section("EXAMPLES");
    page.code(examples.iter().map(|line| line.trim()));
    page.see_also(["xen-vman-cli(1)"]);
    page.end()
}

/// The examples of a command, and the rest of what follows its options in `--help`.
fn after_help(command: &Command) -> (Vec<String>, String) {
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let (examples, notes) = help.split_once("\n\n").unwrap_or((&help, ""));
    let examples = examples.lines().skip(1).map(str::to_owned);
    (examples.collect(), notes.to_owned())
}

/// A page that is being written.
struct Page {
    man: Man,
    text: Vec<u8>,
    roff: Roff,
}

impl Page {
    fn begin(command: &Command) -> io::Result<Self> {
        let version = env!("CARGO_PKG_VERSION");
        let man = Man::new(command.clone())
            .source(format!("xen-vman {version}"))
            .manual("Manual of xen-vman");
        let mut page = Self {
            man,
            text: Vec::new(),
            roff: Roff::new(),
        };
        page.add(|man, out| man.render_title(out))?;
        page.add(|man, out| man.render_name_section(out))?;
        page.add(|man, out| man.render_synopsis_section(out))?;
        Ok(page)
    }

    /// Adds a section that clap makes.
    fn add(&mut self, section: impl Fn(&Man, &mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        self.flush()?;
        section(&self.man, &mut self.text)
    }

    fn flush(&mut self) -> io::Result<()> {
        std::mem::take(&mut self.roff).to_writer(&mut self.text)
    }

    fn end(mut self) -> io::Result<String> {
        self.flush()?;
        String::from_utf8(self.text).map_err(io::Error::other)
    }

    fn section(&mut self, title: &str) {
        self.roff.control("SH", [title]);
    }

    fn paragraphs(&mut self, all: &[&str]) {
        for text in all {
            self.roff.control("PP", []);
            self.roff.text([roman(*text)]);
        }
    }

    /// Paragraphs, and indented lines, which are kept as they are.
    fn text(&mut self, text: &str) {
        for part in text.split("\n\n").filter(|part| !part.is_empty()) {
            if part.starts_with(' ') {
                self.code(part.lines().map(str::trim));
            } else {
                self.paragraphs(&[&part.replace('\n', " ")]);
            }
        }
    }

    fn code<'t>(&mut self, lines: impl IntoIterator<Item = &'t str>) {
        self.roff.control("PP", []);
        self.roff.control("RS", ["4"]);
        self.roff.control("nf", []);
        for line in lines {
            self.roff.text([roman(line)]);
        }
        self.roff.control("fi", []);
        self.roff.control("RE", []);
    }

    fn terms(&mut self, all: &[(&str, &str)], style: impl Fn(String) -> Inline) {
        for (term, text) in all {
            self.roff.control("TP", []);
            self.roff.text([style((*term).to_owned())]);
            self.roff.text([roman(*text)]);
        }
    }

    fn exit_status(&mut self, codes: &str) {
        self.section("EXIT STATUS");
        for (code, meaning) in MEANINGS.iter().filter(|(code, _)| codes.contains(*code)) {
            self.terms(&[(&code.to_string(), meaning)], bold);
        }
    }

    fn see_also<'t>(&mut self, pages: impl IntoIterator<Item = &'t str>) {
        self.section("SEE ALSO");
        let mut words = Vec::new();
        for page in pages {
            let (name, number) = page.split_once('(').unwrap_or((page, ""));
            if !words.is_empty() {
                words.push(roman(", "));
            }
            words.extend([bold(name), roman(format!("({number}"))]);
        }
        self.roff.text(words);
    }
}
