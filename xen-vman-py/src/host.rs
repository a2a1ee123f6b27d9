//! Functions that read or change a host.
#![allow(
    clippy::needless_pass_by_value,
    reason = "PyO3 passes arguments by value"
)]

use crate::definition::{Checked, Input, Wrong, exception, raise};
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use xen_vman_core::facade::{Consent, HowToConsent, Vms, check_agreed, facts_for_apply};
use xen_vman_core::host::{self, Applied, Event, HostDir, HostError, Options, Watcher};
use xen_vman_core::plan::{Plan, status as core_status};
use xen_vman_core::{Facts, Output, doctor as core_doctor};

/// Why a function failed.
enum Failure {
    Wrong(Wrong),
    Host(HostError),
    /// Raised by the progress callback.
    Python(PyErr),
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

fn fail(py: Python<'_>, failure: Failure) -> PyErr {
    match failure {
        Failure::Wrong(wrong) => raise(py, wrong),
        Failure::Host(error) => exception(py, "HostError", &error.to_string()),
        Failure::Python(error) => error,
    }
}

/// Opens the host, and checks and renders the definition for it.
fn open(input: Input, root: &Path) -> Result<(HostDir, Checked, Output), Failure> {
    let dir = HostDir::open(root)?;
    let observed = facts_for_apply(host::facts(&dir)?);
    let checked = input.check(observed)?;
    let output = checked.render()?;
    Ok((dir, checked, output))
}

fn shown(plan: &Plan) -> Value {
    let mut value = plan.to_json();
    value["fingerprint"] = json!(plan.fingerprint());
    let actions = plan
        .actions
        .iter()
        .zip(value["actions"].as_array_mut().into_iter().flatten());
    for (action, value) in actions {
        value["diff"] = json!(action.change.diff());
    }
    value
}

/// How Python gives consent.
const HOW: HowToConsent = HowToConsent {
    erase: "allow_reinstall must name each of these VMs, or be True",
    remove: "prune must name each of these VMs, or be True",
    remove_all: "remove_all must be True",
};

/// The consent that Python gives.
#[derive(FromPyObject)]
pub(crate) struct Choice {
    /// The VMs whose roots may be erased; `None` for all.
    erase: Option<Vec<String>>,
    /// The VMs that `prune` may remove; `None` for all. Without any, it is not asked for.
    remove: Option<Vec<String>>,
    remove_all: bool,
}

impl Choice {
    fn prunes(&self) -> bool {
        self.remove
            .as_ref()
            .is_none_or(|domains| !domains.is_empty())
    }

    fn consent(&self) -> Consent {
        let vms = |domains: &Option<Vec<String>>| match domains {
            None => Vms::Everything,
            Some(domains) => Vms::Domains(domains.iter().cloned().collect()),
        };
        Consent {
            erase: vms(&self.erase),
            remove: vms(&self.remove),
            remove_all: self.remove_all,
        }
    }
}

/// Returns the plan, as JSON, and the report.
#[pyfunction]
pub(crate) fn plan(
    py: Python<'_>,
    input: Input,
    root: PathBuf,
    choice: Choice,
) -> PyResult<(String, String)> {
    let done = py.detach(|| {
        let (dir, checked, output) = open(input, &root)?;
        let plan = host::plan(&dir, &output, choice.prunes())?;
        let consent = choice.consent();
        consent.check(&plan, &HOW).map_err(HostError::NotApproved)?;
        Ok((shown(&plan).to_string(), checked.report()))
    });
    done.map_err(|failure| fail(py, failure))
}

/// Reports the progress of `apply` to Python.
struct Teller {
    progress: Option<Py<PyAny>>,
    consent: Consent,
    agreed: Option<String>,
    raised: Option<PyErr>,
}

impl Teller {
    fn say(&mut self, event: &Value) {
        let Some(progress) = &self.progress else {
            return;
        };
        // After an exception, the callback is not called again; the current work is finished.
        if self.raised.is_some() {
            return;
        }
        let told = Python::attach(|py| progress.call1(py, (event.to_string(),)).map(drop));
        self.raised = told.err();
    }
}

impl Watcher for Teller {
    fn approve(&mut self, plan: &Plan) -> Result<(), String> {
        check_agreed(self.agreed.as_deref(), plan)?;
        self.consent.check(plan, &HOW)?;
        let mut event = plan.to_json();
        event["event"] = json!("plan");
        self.say(&event);
        // Nothing was changed yet, so the exception stops the run.
        if self.raised.is_some() {
            return Err("the progress callback raised an exception".into());
        }
        Ok(())
    }

    fn tell(&mut self, event: Event<'_>) {
        self.say(&event.to_json());
    }
}

fn finish(applied: Result<Applied, HostError>, teller: Teller) -> Result<String, Failure> {
    if let Some(raised) = teller.raised {
        return Err(Failure::Python(raised));
    }
    let applied = applied?;
    let mut value = shown(&applied.plan);
    value["generation"] = json!(applied.generation);
    let failures = applied.failures.iter().map(|(number, error)| {
        let action = applied.plan.actions[*number].to_string();
        json!({ "action": action, "error": error.to_string() })
    });
    value["failures"] = failures.collect();
    Ok(value.to_string())
}

/// Makes a host match the definition. Returns what was done, as JSON, and the report.
#[pyfunction]
#[pyo3(signature = (input, root, choice, preflight, agreed, progress))]
pub(crate) fn apply(
    py: Python<'_>,
    input: Input,
    root: PathBuf,
    choice: Choice,
    preflight: bool,
    agreed: Option<String>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(String, String)> {
    let done = py.detach(|| {
        let definition = input.name();
        let (dir, checked, output) = open(input, &root)?;
        let mut teller = Teller {
            progress,
            consent: choice.consent(),
            agreed,
            raised: None,
        };
        let options = Options {
            prune: choice.prunes(),
            definition,
            preflight: preflight.then_some(&checked.compiled.resolved),
        };
        let applied = host::apply(&dir, &output, &options, &mut teller);
        Ok((finish(applied, teller)?, checked.report()))
    });
    done.map_err(|failure| fail(py, failure))
}

/// Returns the generations of a host, as JSON.
#[pyfunction]
pub(crate) fn generations(py: Python<'_>, root: PathBuf) -> PyResult<String> {
    let done = py.detach(|| Ok(json!(host::generations(&HostDir::open(&root)?)?).to_string()));
    done.map_err(|failure| fail(py, failure))
}

/// Returns what `rollback` would do, as JSON.
#[pyfunction]
#[pyo3(signature = (root, to))]
pub(crate) fn plan_rollback(py: Python<'_>, root: PathBuf, to: Option<u32>) -> PyResult<String> {
    let done = py.detach(|| {
        let (plan, _) = host::plan_rollback(&HostDir::open(&root)?, to)?;
        Ok(shown(&plan).to_string())
    });
    done.map_err(|failure| fail(py, failure))
}

/// Restores the files that were changed after a generation, or by the last `apply`. Returns what was
/// done, as JSON.
#[pyfunction]
#[pyo3(signature = (root, to, progress))]
pub(crate) fn rollback(
    py: Python<'_>,
    root: PathBuf,
    to: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let done = py.detach(|| {
        let dir = HostDir::open(&root)?;
        let mut teller = Teller {
            progress,
            consent: Consent::of_rollback(),
            agreed: None,
            raised: None,
        };
        let applied = host::rollback(&dir, to, &mut teller);
        finish(applied, teller)
    });
    done.map_err(|failure| fail(py, failure))
}

/// Returns the state of a host's VMs, as JSON.
#[pyfunction]
pub(crate) fn status(py: Python<'_>, input: Input, root: PathBuf) -> PyResult<String> {
    let done = py.detach(|| {
        let (dir, _, output) = open(input, &root)?;
        Ok(json!(core_status(&output, &host::observe(&dir, &output)?)).to_string())
    });
    done.map_err(|failure| fail(py, failure))
}

/// Returns whether a host is ready to run its VMs, as JSON.
#[pyfunction]
pub(crate) fn doctor(py: Python<'_>, input: Input, root: PathBuf) -> PyResult<String> {
    let done = py.detach(|| {
        let (dir, checked, output) = open(input, &root)?;
        let found = host::doctor(&dir, &checked.compiled.resolved, &output)?;
        Ok(json!(found).to_string())
    });
    done.map_err(|failure| fail(py, failure))
}

/// Returns the Debian packages that these VMs need, on the host at `root` or on any host.
#[pyfunction]
pub(crate) fn packages(
    py: Python<'_>,
    input: Input,
    root: Option<PathBuf>,
) -> PyResult<Vec<&'static str>> {
    let needed = py.detach(|| {
        let (checked, output) = match root {
            Some(root) => {
                let (_, checked, output) = open(input, &root)?;
                (checked, output)
            }
            None => {
                let checked = input.check(Facts::default())?;
                let output = checked.render()?;
                (checked, output)
            }
        };
        let packages = core_doctor::packages(&checked.compiled.resolved, &output);
        Ok(packages.into_iter().collect())
    });
    needed.map_err(|failure| fail(py, failure))
}

/// Returns the facts detected on a host, as JSON.
#[pyfunction]
pub(crate) fn facts(py: Python<'_>, root: PathBuf) -> PyResult<String> {
    let done = py.detach(|| {
        let dir = HostDir::open(&root)?;
        Ok(host::facts(&dir)?.to_json().to_string())
    });
    done.map_err(|failure| fail(py, failure))
}
