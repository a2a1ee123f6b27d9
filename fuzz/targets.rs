//! What the targets do with their bytes, for the fuzzer and for the replay of seeds.

use std::collections::BTreeMap;
use xen_vman_core::diag::Report;
use xen_vman_core::diag::text::{Colour, render};
use xen_vman_core::parse::import;
use xen_vman_core::xl_cfg::{self, SettingValue, XlNode};
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

/// What an xl.cfg means survives: imported, checked and rendered, it is imported again as the
/// same domain.
pub fn import_render(data: &[u8]) {
    let source = Source::xl_cfg("fuzz.cfg", data.to_vec());
    let Some(first) = rendered(&source) else {
        return;
    };
    let again = Source::xl_cfg("again.cfg", first.clone().into_bytes());
    let second = rendered(&again).expect("what is rendered is imported without errors");
    assert_eq!(settings(&first), settings(&second), "{first}\n{second}");
}

/// The xl.cfg of an imported one; none if it has errors.
fn rendered(source: &Source) -> Option<String> {
    let (definition, read) = import(std::slice::from_ref(source));
    let imported = Source::new("imported.toml", definition).expect("the ending is known");
    let compiled = compile(vec![imported], &Facts::default());
    if read.has_errors() || compiled.report.has_errors() {
        return None;
    }
    let output = compiled.render(&Templates::embedded(), &Assets::default());
    let output = output.expect("templates take whatever has no errors");
    let config = output
        .host
        .iter()
        .find(|file| file.path.ends_with(".cfg"))?;
    Some(config.text().into_owned())
}

/// Keys and values, those of vifs with their parts in order.
fn settings(config: &str) -> BTreeMap<String, String> {
    let file = xl_cfg::read(config.as_bytes(), 0, &mut Report::new());
    let settings = file.settings();
    let shown = settings.iter().map(|setting| {
        let value = match &setting.value {
            SettingValue::Text(text) => format!("{text:?}"),
            SettingValue::List(items) => {
                let sorted = |item: &&XlNode| {
                    let bytes = item.bytes().unwrap_or_default();
                    let mut parts: Vec<_> = bytes.split(|byte| *byte == b',').collect();
                    if setting.key == "vif" {
                        parts.sort_unstable();
                    }
                    format!("{parts:?}")
                };
                items.iter().map(sorted).collect()
            }
        };
        (setting.key.to_owned(), value)
    });
    shown.collect()
}
