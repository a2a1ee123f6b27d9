//! `plan`, `apply` and `rollback`: shows what has to change on a host, changes it, and undoes
//! that.

use super::watch::{self, Again, Waiting};
use crate::args::{ApplyArgs, FileOption, Format, HostArgs, PlanArgs, RollbackArgs, TargetArgs};
use crate::definition::{self, HostFiles};
use crate::{Failure, Outcome, input, layout, plan_file, terminal};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use xen_vman_core::facade::{Consent, Vms, facts_for_apply};
use xen_vman_core::host::{
    Applied, HostDir, HostError, Options, StateFile, Summary, apply, facts, generations, plan,
    plan_rollback, rollback,
};
use xen_vman_core::plan::{Change, Plan};
use xen_vman_core::{Compiled, Output, install};

pub(crate) fn run_plan(args: &PlanArgs) -> Result<Outcome, Failure> {
    let TargetArgs {
        definition, host, ..
    } = &args.target;
    plan_file::refuse_stdin(args.out.as_deref())?;
    let files = definition.host(host.default_dir())?;
    let inputs = match &args.out {
        Some(_) => Some(plan_file::inputs(host, &files)?),
        None => None,
    };
    let Some((dir, _, output)) = open(files, host, host.input.report.format_or(args.json))? else {
        return Ok(Outcome::WrongDefinition);
    };
    let plan = plan(&dir, &output, args.target.prune)?;
    if args.json {
        terminal::data(format!("{:#}\n", plan.to_json()).as_bytes())?;
    } else {
        show(&plan, |change| {
            let mut text = String::new();
            if args.diff {
                text.push_str(&change.diff());
            }
            if args.steps {
                text.extend(steps(change, &output));
            }
            text
        })?;
        if !dir.is_running() {
            terminal::note(
                "only files are planned: building initrds, installing and starting VMs require a \
                 running host",
            );
        }
    }
    if let (Some(out), Some(inputs)) = (&args.out, inputs) {
        plan_file::write(out, &args.target, inputs, &plan)?;
    }
    Ok(if args.detailed_exitcode && !plan.is_empty() {
        Outcome::SomethingToDo
    } else {
        Outcome::Fine
    })
}

pub(crate) fn run_apply(args: &ApplyArgs) -> Result<Outcome, Failure> {
    let planned = match args.target.definition.files.as_slice() {
        [file] if !input::is_stdin(file) => plan_file::read(file)?,
        _ => None,
    };
    let options = args.target.of_a_plan();
    if planned.is_some() && !options.is_empty() {
        return Err(Failure::new(format!(
            "a plan file cannot be combined with {}",
            options.join(", ")
        ))
        .help("these options are part of the plan; give them to `plan --out`"));
    }
    let (target, agreed) = match &planned {
        Some((target, fingerprint)) => (target, Some(fingerprint.clone())),
        None => (&args.target, None),
    };
    let files = target.definition.host(target.host.default_dir())?;
    let definition = files.to_string();
    let format = if args.json {
        Format::Event
    } else {
        args.target.host.input.report.format
    };
    let Some((dir, compiled, output)) = open(files, &target.host, format)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let all = || {
        if args.yes {
            Vms::Everything
        } else {
            Vms::Nothing
        }
    };
    let consent = Consent {
        erase: all(),
        remove: all(),
        remove_all: args.remove_all,
    };
    let mut waiting = Waiting::new(args.json, consent, agreed);
    let options = Options {
        prune: target.prune,
        definition,
        preflight: (!args.no_preflight).then_some(&compiled.resolved),
    };
    let applied = apply(&dir, &output, &options, &mut waiting);
    finish(applied, &mut waiting)
}

pub(crate) fn run_rollback(args: &RollbackArgs) -> Result<Outcome, Failure> {
    let dir = open_root(&args.root)?;
    if args.list {
        return list_generations(&generations(&dir)?, args.json);
    }
    if args.plan {
        let (plan, to) = plan_rollback(&dir, args.to)?;
        if args.json {
            let mut shown = plan.to_json();
            shown["to"] = json!(to);
            terminal::data(format!("{shown:#}\n").as_bytes())?;
            return Ok(Outcome::Fine);
        }
        show(&plan, |change| {
            if args.diff {
                change.diff()
            } else {
                String::new()
            }
        })?;
        terminal::note(&match to {
            0 => "this goes back to before the first generation".to_owned(),
            to => format!("this goes back to generation {to}"),
        });
        return Ok(Outcome::Fine);
    }
    let mut waiting = Waiting::new(args.json, Consent::of_rollback(), None);
    if args.to.is_none() {
        waiting.again = Again::WithTarget;
    }
    let applied = rollback(&dir, args.to, &mut waiting);
    finish(applied, &mut waiting)
}

/// Prints the generations, the oldest first.
fn list_generations(all: &[Summary], json: bool) -> Result<Outcome, Failure> {
    if json {
        terminal::data(format!("{:#}\n", json!({ "generations": all })).as_bytes())?;
        return Ok(Outcome::Fine);
    }
    let mut text = String::new();
    for one in all {
        let when = one.at_secs.map_or_else(|| "-".to_owned(), moment);
        let files = terminal::count(one.paths.len(), "file");
        let what = match (one.rolled_back_to, &one.definition) {
            _ if one.is_uninstall => "uninstalled".to_owned(),
            (Some(to), _) => format!("rolled back to {to}"),
            (None, Some(definition)) => format!("applied {definition}"),
            (None, None) => "applied".to_owned(),
        };
        let end = if one.is_done { "" } else { ", not completely" };
        let here = if one.is_current { " (current)" } else { "" };
        let prefix = format!("{:>4}  {when}  ", one.number);
        let line = format!("{what}: {files}{end}{here}");
        text.push_str(&layout::hang(
            &prefix,
            &line,
            layout::width(&prefix),
            terminal::width(),
        ));
    }
    terminal::data(text.as_bytes())?;
    if all.is_empty() {
        terminal::note("there are no generations: nothing was applied yet");
    }
    Ok(Outcome::Fine)
}

/// A moment in UTC (RFC 3339), given in seconds since the Unix epoch.
fn moment(at_secs: u64) -> String {
    let moment = UNIX_EPOCH + Duration::from_secs(at_secs);
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// Prints the actions of a plan, each with what `more` says of it.
pub(super) fn show(plan: &Plan, more: impl Fn(&Change) -> String) -> Result<(), Failure> {
    let mut text = String::new();
    for action in &plan.actions {
        text.push_str(&layout::hang("", &action.to_string(), 4, terminal::width()));
        text.push_str(&more(&action.change));
    }
    terminal::data(text.as_bytes())?;
    note_rest(plan);
    terminal::note(&match plan.actions.len() {
        0 => "nothing to do".to_owned(),
        actions => format!("{} to do", terminal::count(actions, "action")),
    });
    Ok(())
}

/// Prints what was done and what was not.
pub(super) fn finish(
    applied: Result<Applied, HostError>,
    waiting: &mut Waiting,
) -> Result<Outcome, Failure> {
    waiting.line.end();
    let applied = applied.map_err(|error| {
        let (number, of) = waiting.begun;
        let failure = Failure::from(error);
        if number == 0 {
            return failure;
        }
        failure.help(format!(
            "action {number} of {of} failed: {} done before it, {} not started; fix the cause and \
             run the same command again",
            number - 1,
            of - number
        ))
    })?;
    let done = applied.plan.actions.len() - applied.failures.len();
    if waiting.json {
        watch::say(&json!({
            "event": "ends",
            "done": done,
            "failed": applied.failures.len(),
            "generation": applied.generation,
            "orphaned_files": applied.plan.orphaned_files.keys().collect::<Vec<_>>(),
            "pending_restarts": applied.plan.pending_restarts,
            "pending_mounts": applied.plan.pending_mounts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    } else {
        note_rest(&applied.plan);
        if let Some(generation) = &applied.generation {
            terminal::note(&format!(
                "earlier versions of the files are in {generation}"
            ));
        }
        terminal::note(&match applied.plan.actions.len() {
            0 => "nothing to do".to_owned(),
            _ => format!("{} done", terminal::count(done, "action")),
        });
    }
    if applied.failures.is_empty() {
        return Ok(Outcome::Fine);
    }
    let list = applied.failures.iter().map(|(index, error)| {
        let action = &applied.plan.actions[*index].change;
        format!("\n  {action}: {error}")
    });
    let list: String = list.collect();
    let failed = terminal::count(applied.failures.len(), "action");
    Err(Failure::new(format!("{failed} failed:{list}"))
        .help("everything else was done; fix the causes and run the same command again"))
}

/// A host, its compiled definition and what that renders to; `None` if the definition has errors,
/// which are reported.
pub(super) fn open(
    host: HostFiles,
    args: &HostArgs,
    format: Format,
) -> Result<Option<(HostDir, Compiled, Output)>, Failure> {
    let dir = open_root(&args.root)?;
    let observed = facts_for_apply(facts(&dir)?);
    let rendered = definition::rendered(
        host,
        &args.input,
        format,
        args.templates.as_deref(),
        observed,
    )?;
    Ok(rendered.map(|(compiled, output)| (dir, compiled, output)))
}

/// Like [`open`], for a command whose arguments are not the definition: it has `--file`.
pub(super) fn open_named(
    definition: &FileOption,
    args: &HostArgs,
    json: bool,
) -> Result<Option<(HostDir, Compiled, Output)>, Failure> {
    let files = definition.host(args.default_dir())?;
    open(files, args, args.input.report.format_or(json))
}

pub(super) fn open_root(root: &Path) -> Result<HostDir, Failure> {
    Ok(HostDir::open(root)?)
}

/// The steps of an installation, one per line.
fn steps(change: &Change, output: &Output) -> Vec<String> {
    let Change::Install { domain, erase, .. } = change else {
        return Vec::new();
    };
    let steps = output
        .installation(domain.as_str())
        .map(|(install, files)| install::steps(install, files, *erase));
    let steps = steps.into_iter().flatten();
    let width = terminal::width();
    let lines = steps.map(|step| layout::hang("  ", &step.to_string(), 6, width));
    lines.collect()
}

/// Prints what `apply` leaves as it is.
fn note_rest(plan: &Plan) {
    if !plan.orphaned_files.is_empty() {
        let list: Vec<_> = plan.orphaned_files.keys().map(String::as_str).collect();
        let list = list.join("\n  ");
        terminal::note(&format!(
            "no longer needed; `--prune` removes them:\n  {list}"
        ));
    }
    if !plan.undefined_vms.is_empty() {
        let list = plan.undefined_vms.iter();
        let list: String = list.map(|domain| format!("\n  {domain}")).collect();
        terminal::note(&format!(
            "start with the host, but are not defined, so their roots are neither connected nor mounted; define \
             them (`import` reads their configurations), or disable `vm@NAME`:{list}"
        ));
    }
    if !plan.pending_restarts.is_empty() {
        let list: String = plan
            .pending_restarts
            .iter()
            .map(|domain| format!("\n  systemctl restart vm@{domain}"))
            .collect();
        terminal::note(&format!(
            "running with outdated settings until restarted:{list}"
        ));
    }
    if !plan.pending_mounts.is_empty() {
        let list = plan.pending_mounts.iter();
        let list: String = list.map(|one| format!("\n  {one}")).collect();
        terminal::note(&format!(
            "to be changed in guests that run; an apply does it while they do not:{list}"
        ));
    }
}

/// What to do about a damaged file of xen-vman's own.
const fn help_for_damaged(file: StateFile) -> &'static str {
    match file {
        StateFile::Record => {
            "if you move it away, xen-vman no longer knows its files, and removes none of them"
        }
        StateFile::Manifest => {
            "restore it from a backup; if you move it away, what this generation replaced cannot be restored any more"
        }
        _ => "restore it from a backup, or move it away and run the same command again",
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let help = match &error {
            HostError::Conflicts(_) => "move them away; nothing was changed",
            HostError::ChangedSince(_) => {
                "restore what the last `apply` wrote, or edit the files by hand; nothing was changed"
            }
            HostError::InUse(_) => "then run the same command again; nothing was changed",
            HostError::NotReady(_) => {
                "nothing was changed; `doctor` shows all that it checks, `--no-preflight` skips this check"
            }
            HostError::ChangedMeanwhile { .. } => "look at it, and run the same command again",
            HostError::ChangedNothing { further, .. } => {
                let help = further.map_or_else(
                    || "nothing was changed".to_owned(),
                    |to| {
                        format!("to go back further, use `rollback --to {to}`; nothing was changed")
                    },
                );
                return Self::new(error.to_string()).help(help);
            }
            HostError::NoGeneration(_) | HostError::NotApproved(_) | HostError::NothingBefore => {
                "nothing was changed"
            }
            HostError::Locked(_) => "wait until it has finished; nothing was changed",
            HostError::Damaged { file, .. } => help_for_damaged(*file),
            HostError::Io { .. } => {
                "check the file system and its permissions, and run the command as root"
            }
            _ => "fix the cause and run the same command again",
        };
        Self::new(error.to_string()).help(help)
    }
}
