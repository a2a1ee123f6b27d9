//! The interface through which an apply asks and reports.

use super::HostError;
use super::install::Loss;
use crate::plan::{Action, Plan};
use serde_json::{Value, json};

/// Follows an apply.
pub trait Watcher: Send {
    /// Called once, before anything is changed.
    ///
    /// # Errors
    /// Why the plan must not be carried out.
    fn approve(&mut self, plan: &Plan) -> Result<(), String>;

    /// Called once before a rollback, with the generation to which it goes back.
    fn goes_back_to(&mut self, _generation: u32) {}

    /// Called before the existing data on a root is erased, when it is known what that is.
    ///
    /// # Errors
    /// Why it must not be erased; the root stays as it is.
    fn may_erase(&mut self, _loss: &Loss) -> Result<(), String> {
        Ok(())
    }

    /// Called whenever there is progress.
    fn tell(&mut self, event: Event<'_>);
}

/// The progress of an apply.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An action has begun.
    Begins {
        /// Its number, from 1.
        number: usize,
        /// The number of actions.
        of: usize,
        /// The action.
        action: &'a Action,
    },
    /// A step of the action has begun.
    Step(&'a str),
    /// Existing data is about to be erased.
    Erases(&'a Loss),
    /// The action failed; actions that do not depend on it continue.
    Fails(&'a HostError),
}

impl Event<'_> {
    /// The event as JSON, with its kind in `event`.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Begins { number, of, action } => {
                let mut value = action.to_json();
                value["event"] = json!("begins");
                value["number"] = json!(number);
                value["of"] = json!(of);
                value
            }
            Self::Step(step) => json!({ "event": "step", "step": step }),
            Self::Erases(loss) => json!({
                "event": "erases",
                "domain": loss.domain,
                "location": loss.location,
                "volume": loss.volume.to_string(),
                "content": loss.content,
            }),
            Self::Fails(error) => json!({ "event": "fails", "error": error.to_string() }),
        }
    }
}
