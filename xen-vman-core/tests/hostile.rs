//! A hostile text in any field is refused with a diagnostic, or arrives unchanged at its place
//! and changes nothing else, as those who read the files see it: xl, systemd, sh.
//!
//! Each definition in `hostile/` has a text of its own in every field (a marker). A case puts
//! another text there. What comes out must be what came out before, with that text wherever
//! the marker was; for files with quotes, that is said of what their readers make of them.
//!
//! `XEN_VMAN_HOSTILE_CASES` and `XEN_VMAN_HOSTILE_SEED` are numbers, `XEN_VMAN_HOSTILE_ONLY` is
//! a part of the names of places, as `--nocapture` shows them.
#![allow(clippy::disallowed_methods, reason = "tests run judges")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by a panic and says what it has tried"
)]

#[path = "hostile/case.rs"]
mod case;
#[path = "hostile/judges.rs"]
mod judges;
#[path = "hostile/oracle.rs"]
mod oracle;
#[path = "hostile/reports.rs"]
mod reports;
#[path = "hostile/rules.rs"]
mod rules;
mod support;
#[path = "hostile/systemd.rs"]
mod systemd;
#[path = "hostile/targets.rs"]
mod targets;
#[path = "hostile/texts.rs"]
mod texts;

use case::{Case, Outcome, Session};
use judges::Views;
use oracle::Kind;
use rules::Rule;
use std::collections::{BTreeMap, BTreeSet};
use targets::{Target, What};
use texts::Texts;

/// So few that a run of all tests is quick; `XEN_VMAN_HOSTILE_CASES` asks for more.
const CASES: usize = 400;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn a_hostile_text_is_refused_or_arrives_unchanged() {
    let session = Session::new();
    let only = variable("XEN_VMAN_HOSTILE_ONLY").unwrap_or_default();
    let targets: Vec<_> = session
        .targets
        .iter()
        .filter(|target| target.name().contains(&only))
        .collect();
    assert!(!targets.is_empty(), "no place is called `{only}`");
    let number = variable("XEN_VMAN_HOSTILE_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let seed = variable("XEN_VMAN_HOSTILE_SEED").map_or(1, |seed| seed.parse().unwrap());

    // First what is known to be of interest, then anything; most where texts arrive.
    let known = targets.iter().flat_map(|target| {
        let seeds = target.seeds.iter();
        seeds.map(|text| Case::of(target, text))
    });
    let mut cases: Vec<_> = known.collect();
    let known = cases.len();
    println!("{known} known texts, {number} drawn ones, XEN_VMAN_HOSTILE_SEED={seed}");
    let arrive = |target: &&&Target| matches!(target.what, What::Value(Rule::Text(_)));
    let often = || targets.iter().filter(arrive);
    let order: Vec<_> = targets.iter().chain(often()).chain(often()).collect();
    let mut texts = Texts::new(seed);
    cases.extend((0..number).map(|number| Case::draw(order[number % order.len()], &mut texts)));
    let outcomes = side_by_side(&cases, |case| session.run(case));

    let mut problems = Vec::new();
    let mut shares: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut open = Vec::new();
    for (number, (case, outcome)) in cases.iter().zip(outcomes).enumerate() {
        if number >= known {
            let share = shares.entry(case.target.name()).or_default();
            share[usize::from(matches!(outcome, Outcome::Accepted(_)))] += 1;
        }
        match outcome {
            Outcome::Refused => {}
            Outcome::Accepted(files) => open.extend(files.into_iter().map(|file| (case, file))),
            Outcome::Wrong(problem) => problems.push(format!("{case}\n  {problem}")),
        }
    }
    problems.extend(judged(&session, &open));
    report(&shares);
    let count = problems.len();
    problems.truncate(20);
    assert!(count == 0, "{}\n{count} problems", problems.join("\n"));
}

/// Has the readers of files say what they make of them.
fn judged(session: &Session, open: &[(&Case<'_>, oracle::Open)]) -> Vec<String> {
    let mut files = BTreeSet::new();
    let mut programs = BTreeSet::new();
    for (case, file) in open {
        files.insert((file.kind, file.base.clone()));
        files.insert((file.kind, file.text.clone()));
        if matches!(file.kind, Kind::Unit(_)) {
            programs.insert("/opt/zqxl/xl".to_owned());
            programs.insert(session.swap(case).text("/opt/zqxl/xl"));
        }
    }
    let views = Views::of(files, &programs);
    let mut seen: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for (case, file) in open {
        let (Some(base), Some(found)) = (
            views.get(file.kind, &file.base),
            views.get(file.kind, &file.text),
        ) else {
            continue;
        };
        *seen.entry(file.kind).or_default() += 1;
        if let Err(problem) = session.judge(case, base, found) {
            problems.push(format!(
                "{case}\n  {:?}: {problem}\n{}",
                file.kind, file.text
            ));
        }
    }
    println!("files that their readers were asked about: {seen:?}");
    problems
}

/// Prints how many of the drawn texts were accepted at each place.
fn report(shares: &BTreeMap<String, [usize; 2]>) {
    let line = |[no, yes]: [usize; 2], place: &str| {
        let all = no + yes;
        println!(
            "{:3} %  {yes:5} of {all:5}  {place}",
            100 * yes / all.max(1)
        );
    };
    for (place, share) in shares {
        line(*share, place);
    }
    let sum = |which: usize| shares.values().map(|share| share[which]).sum::<usize>();
    let (no, yes) = (sum(0), sum(1));
    line([no, yes], "accepted");
    let few = shares.len() > 50 && 100 * yes < 15 * (no + yes);
    assert!(
        !few,
        "most texts are refused, so that little is seen of what the others do"
    );
}

/// Does the same to all, on all processors.
fn side_by_side<T: Sync, R: Send>(all: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let size = all.len().div_ceil(workers).max(1);
    std::thread::scope(|scope| {
        let run = &run;
        let parts = all
            .chunks(size)
            .map(|part| scope.spawn(move || part.iter().map(run).collect::<Vec<_>>()));
        let parts: Vec<_> = parts.collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap())
            .collect()
    })
}

/// Keys that change the report alone.
const REPORTED: &[&str] = &[
    "allow_diagnostics",
    "deny_diagnostics",
    "host_cpus",
    "host_memory",
    "xen_version",
];

#[test]
fn every_place_is_seen_in_the_files() {
    let session = Session::new();
    for target in &session.targets {
        match &target.what {
            What::Value(Rule::Text(_)) => {
                let seen = session.seen(target);
                assert!(
                    seen,
                    "`{}` of {} is in no file",
                    target.marker,
                    target.name()
                );
            }
            // They say what is reported, and are in no file.
            What::Value(Rule::Value(_)) if REPORTED.contains(&target.key) => {}
            What::Value(Rule::Value(_)) => {
                // One place of each key will do: elsewhere, it may be the only choice.
                let same = |other: &&Target| {
                    other.key == target.key && other.is_default() == target.is_default()
                };
                let mut places = session.targets.iter().filter(same);
                let differs =
                    places.any(|place| place.seeds.iter().any(|seed| session.differs(place, seed)));
                assert!(differs, "no value of {} changes anything", target.name());
            }
            What::Value(Rule::Refused) | What::Key(_) => {}
        }
    }
}
