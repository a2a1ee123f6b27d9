//! `plan` and `apply`: what a host lacks of a definition, and putting it there.

use crate::args::{ApplyArgs, HostArgs, PlanArgs};
use crate::{Failure, Outcome, definition, terminal};
use std::fmt::Write as _;
use xen_vman_core::Output;
use xen_vman_core::host::{Event, HostDir, HostError, apply, plan};
use xen_vman_core::plan::Plan;

pub(crate) fn run_plan(args: &PlanArgs) -> Result<Outcome, Failure> {
    let Some((dir, output)) = open(&args.host)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let plan = plan(&dir, &output, args.host.prune)?;
    if args.json {
        terminal::data(format!("{:#}\n", plan.to_json()).as_bytes())?;
    } else {
        let mut text = String::new();
        for change in &plan.actions {
            let _ = writeln!(text, "{change}");
            if args.diff {
                text.push_str(&change.diff());
            }
        }
        terminal::data(text.as_bytes())?;
        tell_leftovers(&plan);
        terminal::note(&match plan.actions.len() {
            0 => "nothing to do".to_owned(),
            actions => format!("{} to do", terminal::count(actions, "action")),
        });
    }
    Ok(if plan.is_empty() {
        Outcome::Fine
    } else {
        Outcome::SomethingToDo
    })
}

pub(crate) fn run_apply(args: &ApplyArgs) -> Result<Outcome, Failure> {
    let Some((dir, output)) = open(&args.host)? else {
        return Ok(Outcome::WrongDefinition);
    };
    let mut begun = (0, 0);
    let applied = apply(&dir, &output, args.host.prune, |event| {
        let Event::Begins { number, of, change } = event;
        begun = (number, of);
        terminal::note(&format!("[{number}/{of}] {change}"));
    });
    let applied = applied.map_err(|error| {
        let (number, of) = begun;
        let failure = Failure::from(error);
        if number == 0 {
            return failure;
        }
        failure.help(format!(
            "action {number} of {of} failed: {} done before it, {} not begun; run the same \
             command again once the cause is gone",
            number - 1,
            of - number
        ))
    })?;
    tell_leftovers(&applied.plan);
    if let Some(previous) = &applied.previous {
        terminal::note(&format!("what files held before is kept in {previous}"));
    }
    terminal::note(&match applied.plan.actions.len() {
        0 => "nothing to do".to_owned(),
        actions => format!("{} done", terminal::count(actions, "action")),
    });
    Ok(Outcome::Fine)
}

fn open(args: &HostArgs) -> Result<Option<(HostDir, Output)>, Failure> {
    let rendered = definition::rendered(&args.definition, args.templates.as_deref())?;
    let Some((_, output)) = rendered else {
        return Ok(None);
    };
    Ok(Some((HostDir::open(&args.root)?, output)))
}

fn tell_leftovers(plan: &Plan) {
    if !plan.leftovers.is_empty() {
        let list = plan.leftovers.join("\n  ");
        terminal::note(&format!(
            "no longer defined, and left as they are (`--prune` removes them):\n  {list}"
        ));
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let help = match &error {
            HostError::Obstacles(_) => "move it out of the way; nothing was changed",
            HostError::Locked(_) => "wait for it to end; nothing was changed",
            HostError::Damaged { .. } => {
                "move it away: then nothing is known to be ours, and nothing is removed"
            }
            HostError::Io { .. } => "look at the file system and its permissions; run it as root",
            _ => "run the same command again once the cause is gone",
        };
        Self::new(error.to_string()).help(help)
    }
}
