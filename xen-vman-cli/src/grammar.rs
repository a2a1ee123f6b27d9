//! The grammar of the command line as the table in docs/command-line.md, made from the types
//! of the arguments.

use crate::args::Cli;
use crate::exit_codes::OF_COMMANDS;
use clap::{Arg, Command, CommandFactory as _};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
| command | works on | arguments | default | `--json` | exit codes |
|---|---|---|---|---|---|
";

#[test]
fn the_table_of_the_docs_is_the_grammar_of_the_types() {
    let mut cli = Cli::command();
    cli.build();
    let mut table = HEAD.to_owned();
    let mut commands: Vec<_> = cli
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .cloned()
        .collect();
    let names: Vec<_> = commands.iter().map(Command::get_name).collect();
    let coded: Vec<_> = OF_COMMANDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, coded, "every command has its exit codes");
    for (command, (_, codes)) in commands.iter_mut().zip(OF_COMMANDS) {
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} | {} | {codes} |",
            command.get_name().to_owned(),
            works_on(command),
            arguments(command),
            defaults(command),
            if find(command, "json").is_some() {
                "yes"
            } else {
                ""
            },
        );
    }
    fresh(&table);
}

/// Writes the table (`UPDATE_DOCS=1`), or compares it.
fn fresh(table: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let page = root.unwrap().join("docs/command-line.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let start = text.find("| command |").unwrap();
    let end = text[start..].find("\n\n").unwrap() + start + 1;
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        let new = format!("{}{table}{}", &text[..start], &text[end..]);
        std::fs::write(&page, new).unwrap();
        return;
    }
    let said = "the table in docs/command-line.md is stale; UPDATE_DOCS=1 rewrites it";
    assert_eq!(&text[start..end], table, "{said}");
}

fn find<'c>(command: &'c Command, id: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|arg| arg.get_id() == id)
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().map(ToString::to_string).collect()
}

fn works_on(command: &Command) -> &'static str {
    let positional: Vec<_> = command.get_positionals().map(value_name).collect();
    let reads_definition = defaults(command).contains("/etc/xen-vman/*.toml");
    let works_on_host = command
        .get_arguments()
        .any(|arg| arg.get_long() == Some("root"));
    // The rules of the grammar: what a command works on is its arguments, and only where these
    // are not the definition is there `--file`.
    let has_file = command
        .get_arguments()
        .any(|arg| arg.get_long() == Some("file") && arg.get_short() == Some('f'));
    let kind = positional.first().map(String::as_str);
    match (kind, reads_definition, has_file, works_on_host) {
        (Some("FILE"), true, false, _) => "a definition",
        (Some("HOST"), true, false, _) => "definitions",
        (Some("VM"), true, true, _) => "VMs",
        (Some("VOLUME" | "SNAPSHOT"), true, true, true) => "volumes",
        (None, true, true, true) | (None, false, false, true) => "the host",
        (Some("FILE"), false, false, false) => "xl.cfg files",
        (_, false, false, false) => "",
        other => panic!("{} breaks the grammar: {other:?}", command.get_name()),
    }
}

/// As the usage has them, and `--file`.
fn arguments(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    let words = usage.split_whitespace();
    let words = words.filter(|word| *word != "[OPTIONS]");
    let name = command.get_name().to_owned();
    let mut words: Vec<_> = words.skip_while(|word| *word != name).skip(1).collect();
    if command
        .get_arguments()
        .any(|arg| arg.get_long() == Some("file"))
    {
        words.push("[--file <FILE>]...");
    }
    if words.is_empty() {
        return String::new();
    }
    format!("`{}`", words.join(" ").replace('|', "\\|"))
}

/// As the help of arguments and of `--file` has them.
fn defaults(command: &Command) -> String {
    let is_grammar = |arg: &&Arg| arg.is_positional() || arg.get_long() == Some("file");
    let defaults: Vec<_> = command
        .get_arguments()
        .filter(is_grammar)
        .filter_map(|arg| {
            let help = arg.get_help()?.to_string();
            let (_, default) = help.split_once("[default: ")?;
            let default = default.strip_suffix(']')?;
            let default = default.replace("/etc/xen-vman/*.toml", "`/etc/xen-vman/*.toml`");
            Some((value_name(arg), default))
        })
        .collect();
    match &defaults[..] {
        [(_, only)] => only.clone(),
        all => {
            let all = all
                .iter()
                .map(|(name, default)| format!("{name}: {default}"));
            all.collect::<Vec<_>>().join("; ")
        }
    }
}
