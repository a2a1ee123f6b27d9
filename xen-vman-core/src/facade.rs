//! What the command line and the Python package share: converting the choices of a user, which
//! are given as strings, to the arguments of the stages.
//!
//! ```
//! use xen_vman_core::Facts;
//! use xen_vman_core::facade::{Choices, compile_hosts};
//! use xen_vman_core::Source;
//!
//! let choices = Choices { deny: vec!["open-vnc".into()], ..Choices::default() };
//! let levels = choices.levels().expect("the id of a warning");
//! let host = vec![Source::new("host.toml", "vms = []").expect("the name ends in .toml")];
//! let none = |_: usize, path: &str| Err(format!("there is no {path}"));
//! let (fleet, _) = compile_hosts(vec![host], &Facts::default(), &levels, none);
//! assert!(!fleet.report.has_errors());
//!
//! let choices = Choices { allow: vec!["bad-mac".into()], ..Choices::default() };
//! assert!(choices.levels().is_err(), "it is an error, and errors cannot be suppressed");
//! ```

use crate::diag::{DiagnosticId, Levels, Report, Severity};
use crate::document::decode::closest;
use crate::document::{Source, Sources};
use crate::pipeline::{Fleet, compile_fleet};
use crate::plan::Plan;
use crate::render::Assets;
use crate::resolve::Facts;
use crate::storage::Location;
use crate::values::DomainName;
use std::collections::BTreeSet;
use std::fmt;
use thiserror::Error;

/// The warnings that a user suppresses or treats as errors.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Ids of warnings to suppress.
    pub allow: Vec<String>,
    /// Ids of warnings to treat as errors.
    pub deny: Vec<String>,
    /// Whether to treat all other warnings as errors, too.
    pub strict: bool,
}

impl Choices {
    /// The chosen levels.
    ///
    /// # Errors
    /// All names that are not ids of diagnostics, and all errors in `allow`.
    pub fn levels(&self) -> Result<Levels, InvalidChoices> {
        let mut invalid = Vec::new();
        let mut ids = |names: &[String], allows: bool| {
            let mut ids = Vec::new();
            for name in names {
                match DiagnosticId::of_name(name) {
                    None => invalid.push(InvalidChoice::unknown(name)),
                    Some(id) if allows && id.severity() == Severity::Error => {
                        invalid.push(InvalidChoice::Error { id });
                    }
                    Some(id) => ids.push(id),
                }
            }
            ids
        };
        let levels = Levels {
            allowed: ids(&self.allow, true),
            denied: ids(&self.deny, false),
            strict: self.strict,
        };
        if invalid.is_empty() {
            Ok(levels)
        } else {
            Err(InvalidChoices(invalid))
        }
    }
}

/// The invalid choices; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidChoices(pub Vec<InvalidChoice>);

/// An invalid choice.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidChoice {
    /// No diagnostic has this id.
    #[error("unknown diagnostic `{name}`")]
    UnknownDiagnostic {
        /// The name given.
        name: String,
        /// The most similar id, if there is one.
        suggestion: Option<&'static str>,
    },
    /// An error cannot be suppressed.
    #[error("`{id}` is an error, and errors cannot be suppressed")]
    Error {
        /// Its id.
        id: DiagnosticId,
    },
}

impl InvalidChoice {
    /// The error for a name that is not the id of a diagnostic.
    pub fn unknown(name: &str) -> Self {
        let names: Vec<_> = DiagnosticId::ALL.iter().map(|id| id.as_str()).collect();
        Self::UnknownDiagnostic {
            name: name.to_owned(),
            suggestion: closest(name, &names),
        }
    }

    /// Advice, if there is any.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownDiagnostic { suggestion, .. } => {
                suggestion.map(|near| format!("did you mean `{near}`?"))
            }
            Self::Error { .. } => {
                Some("fix what it reports; only warnings can be suppressed".to_owned())
            }
        }
    }
}

impl fmt::Display for InvalidChoices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, one) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{one}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidChoices {}

/// A file of facts, and the problems in it.
#[derive(Debug)]
pub struct FactsFile {
    /// The facts, which must not be used if the report has errors.
    facts: Facts,
    /// The problems.
    pub report: Report,
    /// The file, to show lines of it.
    pub sources: Sources,
}

impl FactsFile {
    /// Reads a file.
    pub fn read(source: Source) -> Self {
        let mut report = Report::new();
        let facts = Facts::read(&source, &mut report);
        let mut sources = Sources::default();
        sources.add(source);
        report.locate(|path| sources.span_of(path));
        Self {
            facts,
            report,
            sources,
        }
    }

    /// The facts, unless there are errors.
    pub fn facts(&self) -> Option<&Facts> {
        (!self.report.has_errors()).then_some(&self.facts)
    }
}

/// The observed facts that matter for `apply`, without memory and CPUs: overcommitting is
/// deliberate, so it must not block `apply`.
pub fn facts_for_apply(observed: Facts) -> Facts {
    Facts {
        host_memory_mib: None,
        host_cpus: None,
        ..observed
    }
}

/// Compiles the definitions of hosts and fetches the network scripts of the site: `read` is
/// given the number of a host and a path as written.
pub fn compile_hosts(
    hosts: Vec<Vec<Source>>,
    facts: &Facts,
    levels: &Levels,
    read: impl Fn(usize, &str) -> Result<Vec<u8>, String>,
) -> (Fleet, Vec<Assets>) {
    let mut fleet = compile_fleet(hosts, facts, levels);
    let assets = fleet.load_assets(read);
    (fleet, assets)
}

/// The VMs whose roots an apply may erase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EraseConsent {
    /// None.
    #[default]
    Nothing,
    /// These domains.
    Domains(BTreeSet<String>),
    /// All that the definition reinstalls.
    Everything,
}

impl EraseConsent {
    /// The roots that a plan would erase without consent: domain and location.
    pub fn missing<'p>(&self, plan: &'p Plan) -> Vec<(&'p DomainName, &'p Location)> {
        let may_erase = |domain: &DomainName| match self {
            Self::Nothing => false,
            Self::Domains(domains) => domains.contains(domain.as_str()),
            Self::Everything => true,
        };
        let destroyed = plan.destroyed();
        destroyed.filter(|(domain, _)| !may_erase(domain)).collect()
    }

    /// Refuses a plan that erases anything without consent; `how` says how to give it.
    ///
    /// # Errors
    /// The roots that it would erase.
    pub fn check(&self, plan: &Plan, how: &str) -> Result<(), String> {
        let missing = self.missing(plan).into_iter();
        let missing: Vec<_> = missing
            .map(|(domain, location)| format!("{domain} ({location})"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "`reinstall` would erase the root of {}; {how}",
            missing.join(", ")
        ))
    }
}

/// Refuses any plan other than the approved one, which is identified by its fingerprint.
///
/// # Errors
/// If it is a different plan.
pub fn check_agreed(agreed: Option<&str>, plan: &Plan) -> Result<(), String> {
    match agreed {
        Some(agreed) if agreed != plan.fingerprint() => {
            Err("the host or the definition has changed since the plan was made".to_owned())
        }
        _ => Ok(()),
    }
}
