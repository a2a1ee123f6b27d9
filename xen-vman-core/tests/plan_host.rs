//! Laws of plans, on directories that stand for hosts.
#![cfg(feature = "host")]
#![allow(clippy::disallowed_methods, reason = "tests look at directories")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use support::strategy::definition;
use xen_vman_core::host::{Event, HostDir, Watcher, apply, plan};
use xen_vman_core::plan::Plan;
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

struct Silent;

impl Watcher for Silent {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

fn rendered(text: &str) -> Option<Output> {
    let source = Source::new("host.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    let fine = !compiled.report.has_errors();
    let (templates, assets) = (Templates::embedded(), Assets::default());
    fine.then(|| compiled.render(&templates, &assets).unwrap())
}

/// When everything below a directory was changed, and where it lies on the disk.
fn times(dir: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                left.push(path.clone());
            }
            found.insert(
                path,
                (
                    meta.ino(),
                    meta.mtime(),
                    meta.mtime_nsec(),
                    meta.ctime_nsec(),
                ),
            );
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_an_apply_nothing_is_to_be_done(
        definitions in proptest::collection::vec(definition(), 1..3),
    ) {
        let root = tempfile::tempdir().unwrap();
        let dir = HostDir::open(root.path()).unwrap();
        for table in definitions {
            let Some(output) = rendered(&table.to_string()) else { continue };
            let applied = apply(&dir, &output, true, &mut Silent).unwrap();
            prop_assert!(applied.failures.is_empty());
            let before = times(root.path());
            prop_assert!(plan(&dir, &output, true).unwrap().is_empty());
            let again = apply(&dir, &output, true, &mut Silent).unwrap();
            prop_assert!(again.plan.is_empty() && again.generation.is_none());
            prop_assert_eq!(before, times(root.path()));
        }
    }
}
