//! The reader of xl.cfg before libxlutil itself: what one takes, the other takes, and they
//! read the same.
//!
//! `XEN_VMAN_XL_FILES` says how many mutated files there are (2,000), `XEN_VMAN_XL_SEED`
//! which ones.
#![allow(clippy::disallowed_methods, reason = "tests read cases and run judges")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod mutate;
#[path = "../support/mod.rs"]
mod support;
mod table;

use mutate::Mutator;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;
use support::judges::{self, XluVerdict};
use xen_vman_core::diag::{DiagnosticId, Report, Severity};
use xen_vman_core::xl_cfg::{SettingValue, XlFile, XlNode, XlToken, read};

/// A text as xlu-dump prints it: stray bytes, and those of the characters that stand for
/// them, as U+F7NN.
fn printed(bytes: &[u8]) -> String {
    let mut text = String::new();
    let stray = |byte: &u8| char::from_u32(0xf700 + u32::from(*byte)).unwrap();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if ('\u{f780}'..='\u{f7ff}').contains(&c) {
                text.extend(c.to_string().as_bytes().iter().map(stray));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().map(stray));
    }
    text
}

fn item(node: &XlNode) -> Value {
    match &node.value {
        XlToken::Number(number) => Value::from(&**number),
        XlToken::Text(text) => Value::from(printed(text)),
        XlToken::List(items) => items.iter().map(item).collect(),
    }
}

/// The settings as xlu-dump prints them.
fn values(file: &XlFile) -> Map<String, Value> {
    let value = |value: &SettingValue<'_>| match value {
        SettingValue::Text(text) => Value::from(printed(text)),
        SettingValue::List(items) => items.iter().map(|node| item(node)).collect(),
    };
    let settings = file.settings();
    settings
        .iter()
        .map(|setting| (setting.key.to_owned(), value(&setting.value)))
        .collect()
}

/// Whether each key stands at its first statement for the first time. xlu-dump gives the
/// keys in the order in which their letters first stand anywhere, be it in a comment.
fn order_shows(text: &[u8], file: &XlFile) -> bool {
    let in_key = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'_';
    let mut words: HashMap<&[u8], usize> = HashMap::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        at += 1;
        if text[start].is_ascii_lowercase() {
            at += text[at..].iter().take_while(|b| in_key(**b)).count();
            words.entry(&text[start..at]).or_insert(start);
        }
    }
    let first = |key: &str| words.get(key.as_bytes()).copied();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for statement in &file.statements {
        let place = statement.key_span.start as usize;
        seen.entry(&statement.key).or_insert(place);
    }
    seen.iter().all(|(key, place)| first(key) == Some(*place))
}

/// What the runs came to.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    accepted: usize,
    warned: usize,
    ordered: usize,
}

/// Says where the reader and libxlutil differ about a text.
fn difference(text: &[u8], verdict: &XluVerdict, tally: &mut Tally) -> Option<String> {
    let mut report = Report::new();
    let file = read(text, 0, &mut report);
    tally.files += 1;
    for diagnostic in &report {
        let span = diagnostic.span.unwrap();
        let (start, end) = (span.start as usize, span.end as usize);
        assert!(
            start <= end && end <= text.len(),
            "{diagnostic:?} has no place"
        );
    }
    if report.iter().any(|d| d.id == DiagnosticId::TooLarge) {
        // Here the limits differ, on purpose.
        return None;
    }
    match (&verdict.refusal, report.has_errors()) {
        (Some(_), true) => None,
        (None, true) => Some(format!("xl takes it; {report:#?}")),
        (Some(refusal), false) => Some(format!("xl refuses it: {refusal}")),
        (None, false) => {
            tally.accepted += 1;
            tally.warned += usize::from(report.count(Severity::Warning) > 0);
            let ours = values(&file);
            if ours != verdict.values {
                return Some(format!("xl reads {:?}, not {ours:?}", verdict.values));
            }
            if order_shows(text, &file) {
                tally.ordered += 1;
                if !ours.keys().eq(verdict.values.keys()) {
                    return Some(format!("xl's order is {:?}", verdict.values.keys()));
                }
            }
            None
        }
    }
}

/// Has both read texts; gives where they differ.
fn compare(judges: &Path, texts: &[Vec<u8>], tally: &mut Tally) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    for batch in texts.chunks(500) {
        let mut files = Vec::new();
        for (number, text) in batch.iter().enumerate() {
            let file = dir.path().join(format!("{number}.cfg"));
            fs::write(&file, text).unwrap();
            files.push(file);
        }
        for (text, verdict) in batch.iter().zip(judges::xlu(judges, &files)) {
            if let Some(problem) = difference(text, &verdict, tally) {
                problems.push(format!("{}\n  {problem}", table::visible(text)));
            }
        }
    }
    problems
}

/// Xen's own examples.
fn examples(judges: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(judges.join("root/etc/xen"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| support::name(path).starts_with("xlexample."))
        .collect();
    files.sort();
    assert!(files.len() >= 3, "Xen's examples are gone");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Some of all there is in the grammar, as people write it.
const HAND_WRITTEN: &[&str] = &[
    "name = \"web01\"\ntype = 'pvh'\nmemory = 512\nmaxmem=0x400\nvcpus = 2;maxvcpus = 4\n\
     kernel = '/boot/vmlinuz'\nextra = \"root=/dev/nfs\"\nextra += \" ro\"\n\
     vif = [ 'mac=00:16:3e:00:00:01,bridge=br0', 'bridge=br1' ]\nvif += [ \"x\" ]\n",
    "# A comment\n\n\tdisk = [ # the disks\n  'phy:/dev/vg/a,xvda,w', # one\n\n  \
     \"file:/srv/b \\\"q\\\".img,xvdb,r\",\n]\n;\ncpus = [ 1, [ 2, '3' ], [] , ]\n\
     on_crash='preserve' # why\nvncpasswd = \"a\\\\b\\tc\\n\"\n",
    "a.b = 1\na.b += 23\na = [[1],[2,[3]]]\na += [ ]\nname = 'ä\u{20ac}'\nc='x' ; d=\"y\"\n\
     e = ''\ne = \"\\123 \"\nf = '\\a\\b\\f\\n\\r\\t\\v'\n",
];

#[test]
fn table_of_lexical_cases_is_read_as_it_says() {
    table::check();
}

#[test]
fn xl_reads_the_table_the_same() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let mut tally = Tally::default();
    let problems = compare(&judges, &table::texts(), &mut tally);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(tally.files > 200 && tally.accepted > 80, "{tally:?}");
}

#[test]
fn xl_reads_its_own_examples_the_same() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let texts = examples(&judges);
    let mut tally = Tally::default();
    let problems = compare(&judges, &texts, &mut tally);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(tally.accepted, texts.len());
}

#[test]
fn xl_reads_mutated_files_the_same() {
    let Some(judges) = judges::set_up() else {
        return;
    };
    let number = |name: &str, otherwise: u64| match std::env::var(name) {
        Ok(value) => value.parse().unwrap(),
        Err(_) => otherwise,
    };
    let files = number("XEN_VMAN_XL_FILES", 2_000);
    let seed = number("XEN_VMAN_XL_SEED", 1);
    let mut corpus = examples(&judges);
    corpus.extend(HAND_WRITTEN.iter().map(|text| text.as_bytes().to_vec()));
    let mut mutator = Mutator::new(seed, corpus, table::texts());
    let mut tally = Tally::default();
    let mut problems = Vec::new();
    let start = Instant::now();
    while (tally.files as u64) < files && problems.len() < 20 {
        let batch = (files - tally.files as u64).min(500);
        let texts: Vec<_> = (0..batch).map(|_| mutator.text()).collect();
        problems.extend(compare(&judges, &texts, &mut tally));
    }
    println!("seed {seed}: {tally:?} in {:.1?}", start.elapsed());
    assert!(
        problems.is_empty(),
        "seed {seed}, {} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
    let (accepted, files) = (tally.accepted as u64, files.max(1));
    assert!(
        files < 1_000 || (20..=80).contains(&(accepted * 100 / files)),
        "too one-sided: {tally:?}"
    );
}
