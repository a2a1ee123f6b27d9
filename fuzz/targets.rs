//! What the targets do with their bytes, for the fuzzer and for the replay of seeds.

use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::{Assets, Facts, Source, Templates, compile};

/// Whatever the bytes are, reading, resolving, checking, reporting and rendering end
/// without a panic. The first byte chooses the format.
pub fn compile_never_panics(data: &[u8]) {
    let Some((&format, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let name = ["fuzz.toml", "fuzz.yml", "fuzz.json"][usize::from(format) % 3];
    let source = Source::new(name, text).expect("the ending is known");
    let compiled = compile(vec![source], &Facts::default());
    render(&compiled.report, &compiled.sources, Colour::None);
    if !compiled.report.has_errors() {
        let output = compiled.render(&Templates::embedded(), &Assets::default());
        output.expect("templates take whatever has no errors");
    }
}
