//! Tells how far an apply is, and asks before data is lost.

use crate::terminal::{self, Line};
use serde_json::json;
use std::io::{self, BufRead as _, IsTerminal as _};
use xen_vman_core::host::{Event, Watcher};
use xen_vman_core::plan::{Change, Plan};

/// Whoever waits at the command line.
pub(crate) struct Waiting {
    /// Tells programs, as JSON on standard output, rather than people.
    pub(crate) json: bool,
    /// Data may be lost without a question.
    pub(crate) yes: bool,
    /// The fingerprint of the plan that was agreed to.
    pub(crate) agreed: Option<String>,
    /// Where lines are redrawn on a terminal.
    pub(crate) line: Line,
    /// The number of the action that began last, and how many there are.
    pub(crate) begun: (usize, usize),
}

impl Waiting {
    pub(crate) fn new(json: bool, yes: bool, agreed: Option<String>) -> Self {
        Self {
            json,
            yes,
            agreed,
            line: Line::new(),
            begun: (0, 0),
        }
    }
}

impl Watcher for Waiting {
    fn approve(&mut self, plan: &Plan) -> Result<(), String> {
        let fingerprint = plan.fingerprint();
        if self
            .agreed
            .as_ref()
            .is_some_and(|agreed| *agreed != fingerprint)
        {
            return Err("the host or the definition has changed since the plan was made".into());
        }
        if self.json {
            let mut event = plan.to_json();
            event["event"] = json!("plan");
            say(&event);
        }
        let destroyed: Vec<_> = plan.destroyed().collect();
        if destroyed.is_empty() || self.yes {
            return Ok(());
        }
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            let list = destroyed
                .iter()
                .map(|(domain, place)| format!("{domain} ({place})"));
            let list: Vec<_> = list.collect();
            return Err(format!(
                "`reinstall` erases what is on the root of {}; give `--yes` if that is meant",
                list.join(", ")
            ));
        }
        for (domain, place) in destroyed {
            terminal::note(&format!(
                "Everything on {place} will be lost. Type the name of the VM, {domain}, to go on:"
            ));
            let mut answer = String::new();
            let read = io::stdin().lock().read_line(&mut answer);
            if read.is_err() || answer.trim() != domain.as_str() {
                return Err(format!("{domain} was not confirmed"));
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: Event<'_>) {
        if let Event::Begins { number, of, .. } = event {
            self.begun = (number, of);
        }
        if self.json {
            return say(&match event {
                Event::Begins { number, of, action } => {
                    let mut event = action.to_json();
                    event["event"] = json!("begins");
                    event["number"] = json!(number);
                    event["of"] = json!(of);
                    event
                }
                Event::Step(step) => json!({ "event": "step", "step": step }),
                Event::Fails(error) => json!({ "event": "fails", "error": error.to_string() }),
            });
        }
        match event {
            Event::Begins { number, of, action } => {
                let text = format!("[{number}/{of}] {action}");
                // Thousands of files would push away what matters.
                match action.change {
                    Change::Put { .. } | Change::Remove { .. } => self.line.redraw(&text),
                    _ => self.line.say(&text),
                }
            }
            Event::Step(step) => self.line.redraw(&format!("  {step}")),
            Event::Fails(error) => self.line.say(&format!("  failed: {error}")),
        }
    }
}

/// Gives an event to a program. One that has gone does not keep anything from being done.
pub(crate) fn say(event: &serde_json::Value) {
    let _ = terminal::data(format!("{event}\n").as_bytes());
}
