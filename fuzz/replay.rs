//! Replays the seeds of every target, without a fuzzer.

mod targets;

use std::fs;
use std::path::Path;

#[test]
fn seeds_pass() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/compile_never_panics");
    let mut count = 0;
    for entry in fs::read_dir(&seeds).expect("seeds are kept") {
        let path = entry.expect("the folder can be read").path();
        targets::compile_never_panics(&fs::read(&path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count > 2, "only {count} seeds");
}
