//! Replays the seeds of every target, without a fuzzer.

mod targets;

use std::fs;
use std::path::Path;

#[test]
fn seeds_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).expect("the manifest is there");
    let bins = manifest.matches("[[bin]]").count();
    assert_eq!(bins, targets::ALL.len(), "each target is a program");
    for (name, target) in targets::ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let mut count = 0;
        let seeds = dir.join("seeds").join(name);
        for entry in fs::read_dir(&seeds).expect("seeds are kept") {
            let path = entry.expect("the folder can be read").path();
            println!("{}", path.display());
            target(&fs::read(&path).expect("a seed can be read"));
            count += 1;
        }
        assert!(count > 2, "only {count} seeds of {name}");
    }
}
