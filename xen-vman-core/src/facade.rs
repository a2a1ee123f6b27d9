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

use crate::diag::{DiagnosticId, Levels, Report, Severity, did_you_mean};
use crate::document::decode::closest;
use crate::document::{Source, Sources};
use crate::graph::Graph;
use crate::pipeline::{Fleet, compile_fleet};
use crate::plan::Plan;
use crate::render::Assets;
use crate::resolve::Facts;
use crate::storage::Location;
use crate::values::DomainName;
use std::collections::{BTreeSet, HashMap};
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
            Self::UnknownDiagnostic { suggestion, .. } => suggestion.map(did_you_mean),
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

/// What the hosts of a fleet consist of, each called after its file.
pub fn graph(fleet: &Fleet) -> Graph {
    let names = host_names(&fleet.sources);
    Graph::of(names.iter().map(String::as_str).zip(&fleet.hosts))
}

/// The name of each host: that of its file or, if several hosts have several files, of their
/// directory. Hosts that would have the same name are called after the directory above, too, or
/// by number.
fn host_names(all: &[Sources]) -> Vec<String> {
    let of_host = |sources: &Sources| -> Vec<String> {
        let ids = sources.ids();
        ids.map(|file| sources.name(file).to_owned()).collect()
    };
    let files: Vec<_> = all.iter().map(of_host).collect();
    let mut uses: HashMap<&String, usize> = HashMap::new();
    for name in files.iter().flatten() {
        *uses.entry(name).or_default() += 1;
    }
    let path = |files: &Vec<String>| {
        // All others have common settings, too.
        let own = files.iter().filter(|name| uses[name] == 1);
        let own: Vec<_> = own.map(String::as_str).collect();
        let last = files.last().map_or("host", String::as_str);
        let path = own.last().copied().unwrap_or(last);
        match path.rsplit_once('/') {
            Some((dir, _)) if all.len() > 1 && own.len() > 1 => dir.to_owned(),
            _ => {
                let path = path.trim_matches(['<', '>']);
                path.rsplit_once('.')
                    .map_or(path, |(stem, _)| stem)
                    .to_owned()
            }
        }
    };
    let paths: Vec<_> = files.iter().map(path).collect();
    let ends_of = |parts: usize| -> Vec<String> {
        let name = |path: &String| {
            let from = path.rmatch_indices('/').nth(parts - 1);
            from.map_or(&**path, |(at, _)| &path[at + 1..]).to_owned()
        };
        paths.iter().map(name).collect()
    };
    let differ = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let names = [1, 2].map(ends_of).into_iter().find(differ);
    names.unwrap_or_else(|| {
        let numbers = 1..=all.len();
        numbers.map(|number| format!("host {number}")).collect()
    })
}

/// A choice of VMs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Vms {
    /// None.
    #[default]
    Nothing,
    /// These domains.
    Domains(BTreeSet<String>),
    /// All.
    Everything,
}

impl Vms {
    fn contain(&self, domain: &DomainName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Domains(domains) => domains.contains(domain.as_str()),
            Self::Everything => true,
        }
    }
}

/// What an apply may take away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// The VMs whose roots it may erase, if the definition reinstalls them.
    pub erase: Vms,
    /// The VMs that it may stop and remove, if they are no longer defined.
    pub remove: Vms,
    /// Whether it may remove the last VM of a host.
    pub remove_all: bool,
}

/// How a user gives consent, as the ends of sentences.
#[derive(Debug, Clone, Copy)]
pub struct HowToConsent {
    /// To erase roots.
    pub erase: &'static str,
    /// To remove VMs.
    pub remove: &'static str,
    /// To remove all VMs of a host.
    pub remove_all: &'static str,
}

impl Consent {
    /// The consent that asking for a rollback gives: it removes the files of VMs that were not
    /// defined at that time, stops none of them and erases nothing.
    pub fn of_rollback() -> Self {
        Self {
            erase: Vms::Nothing,
            remove: Vms::Everything,
            remove_all: true,
        }
    }

    /// The roots that a plan would erase without consent: domain and location.
    pub fn missing_to_erase<'p>(&self, plan: &'p Plan) -> Vec<(&'p DomainName, &'p Location)> {
        let destroyed = plan.destroyed();
        destroyed
            .filter(|(domain, _)| !self.erase.contain(domain))
            .collect()
    }

    /// The VMs that a plan would remove without consent.
    pub fn missing_to_remove<'p>(&self, plan: &'p Plan) -> Vec<&'p DomainName> {
        let removed = plan.removed();
        removed
            .filter(|domain| !self.remove.contain(domain))
            .collect()
    }

    /// Refuses a plan that removes all VMs of a host without consent. A definition that was cut off
    /// looks like one without VMs.
    ///
    /// # Errors
    /// If it does.
    pub fn check_remove_all(&self, plan: &Plan, how: &HowToConsent) -> Result<(), String> {
        if self.remove_all || !plan.removes_all_vms() {
            return Ok(());
        }
        let removed = plan.removed().count();
        let vms = match removed {
            1 => "the only VM".to_owned(),
            several => format!("all {several} VMs"),
        };
        Err(format!(
            "`prune` would remove {vms} of the host; {}",
            how.remove_all
        ))
    }

    /// Refuses a plan that takes anything away without consent.
    ///
    /// # Errors
    /// What it would take away.
    pub fn check(&self, plan: &Plan, how: &HowToConsent) -> Result<(), String> {
        self.check_remove_all(plan, how)?;
        let mut refusals = Vec::new();
        let erased = self.missing_to_erase(plan).into_iter();
        let erased: Vec<_> = erased
            .map(|(domain, location)| format!("{domain} ({location})"))
            .collect();
        if !erased.is_empty() {
            refusals.push(format!(
                "`reinstall` would erase the root of {}; {}",
                erased.join(", "),
                how.erase
            ));
        }
        let removed = self.missing_to_remove(plan).into_iter();
        let removed: Vec<_> = removed.map(ToString::to_string).collect();
        if !removed.is_empty() {
            refusals.push(format!(
                "`prune` would stop and remove {}; {}",
                removed.join(", "),
                how.remove
            ));
        }
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals.join(". "))
        }
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
