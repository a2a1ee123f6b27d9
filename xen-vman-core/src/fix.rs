//! Applies the mechanical changes that diagnostics suggest.

use crate::diag::text::unified_diff;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, FileId, Levels, Places as _, Severity};
use crate::document::{Edit, Source};
use crate::pipeline::{Fleet, compile_fleet};
use crate::resolve::Facts;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Files after mechanical changes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fixed {
    /// The files of each host.
    pub hosts: Vec<Vec<Source>>,
    /// The files that change.
    pub files: Vec<FixedFile>,
    /// The problems that are removed, with their paths as written in the files.
    pub problems: Vec<(DiagnosticId, String)>,
}

/// A file that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FixedFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub before: String,
    /// The text after all changes.
    pub after: String,
    /// The change as a unified diff, without passwords.
    pub diff: String,
}

/// The number of problems that have a mechanical change.
pub fn fixable(fleet: &Fleet) -> usize {
    let has_change = |diagnostic: &&Diagnostic| {
        let host = usize::from(diagnostic.path.host());
        let sources = fleet.sources.get(host);
        sources.is_some_and(|sources| !sources.edits(diagnostic).is_empty())
    };
    fleet.report.iter().filter(has_change).count()
}

/// How often what has become readable is fixed.
const ROUNDS: usize = 50;

/// Fixes what can be fixed mechanically in the files of hosts. A change is kept only if the files can
/// still be read and its problem is gone.
pub fn fix(hosts: Vec<Vec<Source>>, facts: &Facts, levels: &Levels) -> Fixed {
    let before = compile_fleet(hosts.clone(), facts, levels);
    let unreadable = hosts.iter().flatten();
    let unreadable = unreadable.filter(|source| source.unreadable.is_some());
    let mut fixer = Fixer {
        facts,
        levels,
        unreadable: unreadable.map(|source| source.name.clone()).collect(),
        refused: HashSet::new(),
        problems: Vec::new(),
    };
    let (mut hosts, mut fleet) = (hosts, before);
    let first = texts(&fleet);
    for _ in 0..ROUNDS {
        let Some((changed, compiled)) = fixer.round(&hosts, &fleet) else {
            break;
        };
        (hosts, fleet) = (changed, compiled);
    }
    let last = texts(&fleet);
    let files = first
        .into_iter()
        .filter_map(|(name, before)| {
            let after = last.get(&name)?;
            (after.whole != before.whole).then(|| FixedFile {
                diff: unified_diff(&name, &before.shown, &after.shown),
                before: before.whole,
                after: after.whole.clone(),
                name,
            })
        })
        .collect();
    Fixed {
        hosts,
        files,
        problems: fixer.problems,
    }
}

/// The text of a file, and as it may be shown.
struct Text {
    whole: String,
    shown: String,
}

fn texts(fleet: &Fleet) -> BTreeMap<String, Text> {
    let of_host = fleet.sources.iter().flat_map(|sources| {
        sources.ids().map(|file| {
            let text = Text {
                whole: sources.text(file).to_owned(),
                shown: sources.text_without_secrets(file).into_owned(),
            };
            (sources.name(file).to_owned(), text)
        })
    });
    of_host.collect()
}

/// What distinguishes a problem from others.
type Identity = (DiagnosticId, Option<FileId>, FieldPath, String);

fn identity(diagnostic: &Diagnostic) -> Identity {
    let Diagnostic {
        id, path, message, ..
    } = diagnostic;
    let file = diagnostic.span.map(|span| span.file);
    (*id, file, path.clone(), message.clone())
}

/// The changes that remove a problem, by file.
struct Change {
    problem: Identity,
    place: String,
    edits: Vec<(String, Edit)>,
}

struct Fixer<'a> {
    facts: &'a Facts,
    levels: &'a Levels,
    /// Files whose text is not their content.
    unreadable: HashSet<String>,
    /// Problems whose change did not help.
    refused: HashSet<Identity>,
    problems: Vec<(DiagnosticId, String)>,
}

impl Fixer<'_> {
    /// Applies all changes that do not overlap; `None` if there are none.
    fn round(&mut self, hosts: &[Vec<Source>], fleet: &Fleet) -> Option<(Vec<Vec<Source>>, Fleet)> {
        let all: Vec<_> = self
            .changes(fleet)
            .into_iter()
            .map(|change| change.problem)
            .collect();
        if all.is_empty() {
            return None;
        }
        self.settle(hosts, fleet, &all)
    }

    /// Applies the changes for these problems, without those that do not help, which are found by
    /// halving.
    fn settle(
        &mut self,
        hosts: &[Vec<Source>],
        fleet: &Fleet,
        problems: &[Identity],
    ) -> Option<(Vec<Vec<Source>>, Fleet)> {
        // Positions may have moved.
        let mut changes = self.changes(fleet);
        changes.retain(|change| problems.contains(&change.problem));
        if changes.is_empty() {
            return None;
        }
        if let Some(done) = self.attempt(hosts, fleet, &changes) {
            return Some(done);
        }
        if let [one] = problems {
            self.refused.insert(one.clone());
            return None;
        }
        let (first, second) = problems.split_at(problems.len() / 2);
        let done = self.settle(hosts, fleet, first);
        let more = match &done {
            Some((hosts, fleet)) => self.settle(hosts, fleet, second),
            None => self.settle(hosts, fleet, second),
        };
        more.or(done)
    }

    fn changes(&self, fleet: &Fleet) -> Vec<Change> {
        let mut taken: HashMap<String, Vec<Edit>> = HashMap::new();
        let mut changes = Vec::new();
        for diagnostic in &fleet.report {
            let problem = identity(diagnostic);
            let Some(sources) = fleet.sources.get(usize::from(diagnostic.path.host())) else {
                continue;
            };
            let edits = sources.edits(diagnostic);
            if edits.is_empty() || self.refused.contains(&problem) {
                continue;
            }
            let named = edits.into_iter();
            let edits: Vec<_> = named
                .map(|edit| (sources.name(edit.span.file).to_owned(), edit))
                .collect();
            let is_free = edits.iter().all(|(name, edit)| {
                let mut others = taken.get(name).into_iter().flatten();
                !self.unreadable.contains(name) && others.all(|other| apart(other, edit))
            });
            if is_free {
                for (name, edit) in &edits {
                    taken.entry(name.clone()).or_default().push(edit.clone());
                }
                let place = sources.place(&diagnostic.path);
                changes.push(Change {
                    problem,
                    place,
                    edits,
                });
            }
        }
        changes
    }

    /// The hosts with these changes, unless one of them does not help.
    fn attempt(
        &mut self,
        hosts: &[Vec<Source>],
        fleet: &Fleet,
        changes: &[Change],
    ) -> Option<(Vec<Vec<Source>>, Fleet)> {
        let mut edits: HashMap<&str, Vec<&Edit>> = HashMap::new();
        for (name, edit) in changes.iter().flat_map(|change| &change.edits) {
            let of_file = edits.entry(name).or_default();
            if !of_file.contains(&edit) {
                of_file.push(edit);
            }
        }
        let mut hosts = hosts.to_vec();
        for source in hosts.iter_mut().flatten() {
            if let Some(edits) = edits.get_mut(&*source.name) {
                edits.sort_by_key(|edit| std::cmp::Reverse((edit.span.start, edit.span.end)));
                for edit in edits.iter() {
                    let range = edit.span.range();
                    source.text.replace_range(range, &edit.text);
                }
            }
        }
        let after = compile_fleet(hosts.clone(), self.facts, self.levels);
        let attempted: HashSet<_> = changes.iter().map(|change| &change.problem).collect();
        let remains = after
            .report
            .iter()
            .any(|d| attempted.contains(&identity(d)));
        let breaks = |d: &&Diagnostic| {
            use DiagnosticId::{DuplicateKey, RepeatedXlKey, Syntax};
            matches!(d.id, DuplicateKey | RepeatedXlKey | Syntax)
        };
        let count = |fleet: &Fleet| fleet.report.iter().filter(breaks).count();
        if remains || count(&after) > count(fleet) {
            return None;
        }
        // What is moved must be valid where it is then.
        let moved = changes
            .iter()
            .filter(|change| change.problem.0 == DiagnosticId::OptionShadowsKey);
        let errors = |fleet: &Fleet| fleet.report.count(Severity::Error);
        if errors(&after) + moved.count() > errors(fleet) {
            return None;
        }
        let fixed = changes.iter();
        self.problems
            .extend(fixed.map(|change| (change.problem.0, change.place.clone())));
        Some((hosts, after))
    }
}

/// Whether two edits can both be made. A file that several hosts share is edited once.
fn apart(a: &Edit, b: &Edit) -> bool {
    let same = (a.span.start, a.span.end, &a.text) == (b.span.start, b.span.end, &b.text);
    same || a.span.end <= b.span.start || b.span.end <= a.span.start
}
