//! Shows the progress of `apply`, and asks before data is destroyed.

use crate::terminal::{self, Line};
use serde_json::json;
use std::io::{self, BufRead as _, IsTerminal as _};
use xen_vman_core::facade::{EraseConsent, check_agreed};
use xen_vman_core::host::{Event, Watcher};
use xen_vman_core::plan::{Change, Plan};

/// The user or program that watches an apply.
pub(crate) struct Waiting {
    /// Print events as JSON on standard output.
    pub(crate) json: bool,
    /// Data may be destroyed without asking.
    pub(crate) yes: bool,
    /// The fingerprint of the plan that was approved.
    pub(crate) agreed: Option<String>,
    /// The line that shows progress.
    pub(crate) line: Line,
    /// The number of the current action, and how many there are.
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
        check_agreed(self.agreed.as_deref(), plan)?;
        if self.json {
            let mut event = plan.to_json();
            event["event"] = json!("plan");
            say(&event);
        }
        let consent = if self.yes {
            EraseConsent::Everything
        } else {
            EraseConsent::Nothing
        };
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return consent.check(plan, "use `--yes` to confirm");
        }
        for (domain, location) in consent.missing(plan) {
            terminal::note(&format!(
                "This erases everything on {location}. To continue, type the name of the VM ({domain}):"
            ));
            let mut answer = String::new();
            let read = io::stdin().lock().read_line(&mut answer);
            if read.is_err() || answer.trim() != domain.as_str() {
                return Err(format!("erasing the root of {domain} was not confirmed"));
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: Event<'_>) {
        if let Event::Begins { number, of, .. } = event {
            self.begun = (number, of);
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
            Event::Fails(error) => self.line.say(&format!("  failed: {error}")),
            _ => {}
        }
    }
}

/// Prints an event. Work goes on even if nobody reads it any more.
pub(crate) fn say(event: &serde_json::Value) {
    let _ = terminal::data(format!("{event}\n").as_bytes());
}
