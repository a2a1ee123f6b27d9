//! Shows the progress of `apply`, and asks before data is destroyed.

use crate::interrupt::{self, Doing};
use crate::terminal::{self, Line};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use xen_vman_core::facade::{Consent, HowToConsent, Vms, check_agreed};
use xen_vman_core::host::{Event, Loss, Watcher};
use xen_vman_core::plan::{Change, Plan};

const HOW: HowToConsent = HowToConsent {
    erase: "use `--yes` to confirm",
    remove: "use `--yes` to confirm",
    remove_all: "use `--remove-all` to confirm",
};

const NOBODY_TO_ASK: &str =
    "standard input is not a terminal, so nobody can be asked; use `--yes` to confirm";

/// The user or program that watches an apply.
pub(crate) struct Waiting {
    /// Print events as JSON on standard output.
    pub(crate) json: bool,
    /// What may be taken away without asking.
    pub(crate) consent: Consent,
    /// What to type before anything is done, and what it means; `None` if nothing is asked.
    pub(crate) confirm: Option<Confirm>,
    /// The fingerprint of the plan that was approved.
    pub(crate) agreed: Option<String>,
    /// What makes the same command do the rest if it is interrupted, unless it is in it already.
    pub(crate) again: Again,
    /// The line that shows progress.
    pub(crate) line: Line,
    /// The number of the current action, and how many there are.
    pub(crate) begun: (usize, usize),
}

/// How to do the rest of what was interrupted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Again {
    /// By the same command.
    #[default]
    Same,
    /// By the same command, with the generation that this one has yet to choose.
    WithTarget,
    /// By the same command, with this generation.
    To(u32),
}

/// A question about all of a plan.
#[derive(Debug)]
pub(crate) struct Confirm {
    /// What is about to be done.
    pub(crate) question: &'static str,
    /// The word that confirms it.
    pub(crate) word: &'static str,
}

impl Confirm {
    fn ask(&self, is_somebody_there: bool) -> Result<(), String> {
        if !is_somebody_there {
            return Err(NOBODY_TO_ASK.to_owned());
        }
        let Self { question, word } = self;
        terminal::note(&format!("{question} To continue, type `{word}`:"));
        match terminal::answer() {
            Some(answer) if answer == *word => Ok(()),
            _ => Err("not confirmed".to_owned()),
        }
    }
}

impl Waiting {
    pub(crate) fn new(json: bool, consent: Consent, agreed: Option<String>) -> Self {
        Self {
            json,
            consent,
            confirm: None,
            agreed,
            again: Again::default(),
            line: Line::new(),
            begun: (0, 0),
        }
    }

    /// Whether there is somebody to ask.
    fn asks(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether a plan may be carried out; asks if there is somebody.
    fn consents(&self, plan: &Plan) -> Result<(), String> {
        check_agreed(self.agreed.as_deref(), plan)?;
        if self.json {
            let mut event = plan.to_json();
            event["event"] = json!("plan");
            say(&event);
        }
        if let Some(confirm) = &self.confirm {
            confirm.ask(self.asks())?;
        }
        if !self.asks() {
            return self.consent.check(plan, &HOW);
        }
        self.consent.check_remove_all(plan, &HOW)?;
        let removed = self.consent.missing_to_remove(plan);
        if !removed.is_empty() {
            let removed: Vec<_> = removed.iter().map(ToString::to_string).collect();
            terminal::note(&format!(
                "This stops and removes VMs that are no longer defined: {}. Their disks are not \
                 touched. To continue, type `remove`:",
                removed.join(", ")
            ));
            if terminal::answer().as_deref() != Some("remove") {
                return Err("removing VMs was not confirmed".to_owned());
            }
        }
        for (domain, location) in self.consent.missing_to_erase(plan) {
            terminal::note(&format!(
                "This erases everything on {location}. To continue, type the name of the VM ({domain}):"
            ));
            if terminal::answer().as_deref() != Some(domain.as_str()) {
                return Err(format!("erasing the root of {domain} was not confirmed"));
            }
        }
        Ok(())
    }
}

impl Watcher for Waiting {
    fn approve(&mut self, plan: &Plan) -> Result<(), String> {
        self.consents(plan)?;
        interrupt::now(Doing::Recording);
        Ok(())
    }

    fn goes_back_to(&mut self, generation: u32) {
        if matches!(self.again, Again::WithTarget) {
            self.again = Again::To(generation);
        }
    }

    fn may_erase(&mut self, loss: &Loss) -> Result<(), String> {
        if self.consent.erase == Vms::Everything || !self.asks() {
            return Ok(());
        }
        self.line.end();
        terminal::note(&format!(
            "{} ({}) holds: {}. To erase it for {}, type `erase`:",
            loss.location, loss.volume, loss.content, loss.domain
        ));
        if terminal::answer().as_deref() == Some("erase") {
            return Ok(());
        }
        Err("erasing its root was not confirmed; nothing was changed there".to_owned())
    }

    fn tell(&mut self, event: Event<'_>) {
        if let Event::Begins { number, of, action } = event {
            self.begun = (number, of);
            interrupt::now(Doing::Action {
                number,
                of,
                what: action.change.to_string(),
                is_agreed: self.agreed.is_some(),
                to: match self.again {
                    Again::To(generation) => Some(generation),
                    Again::Same | Again::WithTarget => None,
                },
            });
        }
        if self.json {
            return say(&event.to_json());
        }
        match event {
            Event::Begins { number, of, action } => {
                let text = format!("[{number}/{of}] {action}");
                // Thousands of lines about files would hide the others.
                match action.change {
                    Change::Put { .. } | Change::Remove { .. } => self.line.redraw(&text),
                    _ => self.line.say(&text),
                }
            }
            Event::Step(step) => self.line.redraw(&format!("  {step}")),
            Event::Erases(loss) => self.line.say(&format!(
                "  erases {} ({}), which holds: {}",
                loss.location, loss.volume, loss.content
            )),
            Event::Fails(error) => self.line.say(&format!("  failed: {error}")),
            _ => {}
        }
    }
}

/// Prints an event. Work goes on even if nobody reads it any more.
pub(crate) fn say(event: &serde_json::Value) {
    let _ = terminal::data(format!("{event}\n").as_bytes());
}
