//! Tests that cannot run here. They pass, and `make test` lists them in the end.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread;

/// Notes that a judge is missing; fails if all are required (`XEN_VMAN_REQUIRE_JUDGES=1`).
pub(crate) fn judge(why: &str) {
    let is_required = std::env::var_os("XEN_VMAN_REQUIRE_JUDGES").is_some_and(|value| value == "1");
    assert!(!is_required, "required, but {why}");
    note(why);
}

/// Whether tests that take minutes are run (`XEN_VMAN_SLOW=1`); notes it if not.
pub(crate) fn is_slow_run() -> bool {
    let is_slow = std::env::var_os("XEN_VMAN_SLOW").is_some();
    if !is_slow {
        note("takes minutes; XEN_VMAN_SLOW=1 runs it");
    }
    is_slow
}

/// libtest shows the output of tests only if they fail, so there is a list.
fn note(why: &str) {
    let thread = thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a test"));
    eprint!("SKIPPED: {line}");
    let Some(list) = std::env::var_os("XEN_VMAN_SKIPPED") else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(list);
    file.unwrap().write_all(line.as_bytes()).unwrap();
}
