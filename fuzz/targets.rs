//! What the targets do with their bytes, for the fuzzer and for the replay of seeds.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use xen_vman_core::diag::text::Colour;
use xen_vman_core::diag::{Levels, Places, Report, Span, json, sarif, short, text};
use xen_vman_core::document::decode::FromText;
use xen_vman_core::fix::fix;
use xen_vman_core::parse::{ConvertTarget, convert, import, parse};
use xen_vman_core::quote;
use xen_vman_core::spec::{AllowedDiagnostic, DeniedDiagnostic, ScriptSource};
use xen_vman_core::values as v;
use xen_vman_core::xl_cfg::{self, SettingValue, XlNode};
use xen_vman_core::{Assets, Facts, Source, Templates, compile};

/// A target: its name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, in the order of the stages.
#[allow(dead_code, reason = "a target for the fuzzer is one of them")]
pub const ALL: &[Target] = &[
    ("parse_toml", parse_toml),
    ("parse_yaml", parse_yaml),
    ("parse_json", parse_json),
    ("small_grammars", small_grammars),
    ("xl_cfg_reader", xl_cfg_reader),
    ("compile_never_panics", compile_never_panics),
    ("import_render", import_render),
];

/// Reading TOML.
pub fn parse_toml(data: &[u8]) {
    reads("fuzz.toml", data);
}

/// Reading the role's variables in YAML.
pub fn parse_yaml(data: &[u8]) {
    reads("fuzz.yml", data);
}

/// Reading the role's variables in JSON.
pub fn parse_json(data: &[u8]) {
    reads("fuzz.json", data);
}

/// A file is read and reported; every place that is reported lies in the file. What can be
/// read can be written in all forms.
fn reads(name: &str, data: &[u8]) {
    let source = Source::from_bytes(name, data.to_vec()).expect("the ending is known");
    let copy = source.clone();
    let parsed = parse(vec![source]);
    let sources = &parsed.sources;
    for diagnostic in &parsed.report {
        let related = diagnostic.related.iter().map(|related| related.span);
        for span in related.chain([diagnostic.span]).flatten() {
            lies_in(span, &copy.text, sources);
        }
    }
    all_forms(&parsed.report, sources);
    if copy.unreadable.is_none() {
        for target in [
            ConvertTarget::Toml,
            ConvertTarget::Yaml,
            ConvertTarget::Json,
        ] {
            convert(&copy, target);
        }
    }
}

/// A span lies in the text, between characters, and people can be told where.
fn lies_in(span: Span, text: &str, sources: &impl Places) {
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(span.file == 0 && start <= end, "{span:?}");
    assert!(text.is_char_boundary(start), "{span:?} in {}", text.len());
    assert!(text.is_char_boundary(end), "{span:?} in {}", text.len());
    let position = sources.position(span);
    let before = text[..start].matches('\n').count();
    let column = text[..start].chars().rev().take_while(|c| *c != '\n');
    assert_eq!(
        (position.line, position.column),
        (before + 1, column.count() + 1)
    );
}

/// A report in every form there is. Those for people have no control characters.
fn all_forms(report: &Report, sources: &impl Places) {
    text::render(report, sources, Colour::Ansi);
    let plain = text::render(report, sources, Colour::None);
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()));
    let lines = short::render(report, sources);
    assert!(lines.chars().all(|c| c == '\n' || !c.is_control()));
    assert_eq!(lines.lines().count(), report.iter().count());
    json::render(report, sources);
    sarif::render(report, sources);
}

/// A type that is a checked text.
struct Grammar {
    check: fn(&str),
}

/// What is accepted has one line, and its shown form is accepted as the same.
fn line<T: FromText + Display + Debug + PartialEq>() -> Grammar {
    Grammar {
        check: |text| same(text, T::to_string, |c| !c.is_control()),
    }
}

/// The same for texts of several lines.
fn lines<T: FromText + Display + Debug + PartialEq>() -> Grammar {
    Grammar {
        check: |text| same(text, T::to_string, |c| c != '\0'),
    }
}

fn same<T: FromText + Debug + PartialEq>(
    text: &str,
    show: fn(&T) -> String,
    fits: fn(char) -> bool,
) {
    let Ok(value) = T::from_text(text) else {
        return;
    };
    let shown = show(&value);
    assert!(shown.chars().all(fits), "{text:?} becomes {shown:?}");
    match T::from_text(&shown) {
        Ok(again) => assert_eq!(again, value, "{text:?} becomes {shown:?}"),
        Err(invalid) => panic!("{text:?} becomes {shown:?}, which {}", invalid.why),
    }
}

/// All checked texts. New ones go to the end, so that the seeds keep their meaning.
fn grammars() -> Vec<Grammar> {
    vec![
        line::<v::DiskSpec>(),
        line::<v::VifParameters>(),
        line::<v::Rate>(),
        line::<v::Bridge>(),
        Grammar {
            check: |text| {
                same::<v::CpuItems>(text, |items| items.as_str().into(), |c| !c.is_control());
            },
        },
        line::<v::HostAddress>(),
        line::<v::MacAddr>(),
        line::<v::NfsBase>(),
        line::<v::Portal>(),
        line::<v::Iqn>(),
        line::<v::VifName>(),
        line::<v::VifNamePrefix>(),
        line::<v::NetworkScript>(),
        line::<v::DomainName>(),
        line::<v::NamePart>(),
        line::<v::HostPath>(),
        line::<v::ProgramPath>(),
        line::<v::Initrd>(),
        lines::<v::ShellCommand>(),
        line::<v::PublicKey>(),
        line::<v::XenVersion>(),
        Grammar {
            check: |text| {
                let shown = |words: &v::ShellWords| {
                    let quoted = words.words().iter().map(|word| quote::sh_word(word));
                    quoted.collect::<Vec<_>>().join(" ")
                };
                same(text, shown, |c| !matches!(c, '\0' | '\n'));
            },
        },
        line::<v::DracutModule>(),
        line::<v::PackageName>(),
        line::<v::OsVersion>(),
        line::<v::GuestUser>(),
        line::<v::Builder>(),
        line::<v::GuestType>(),
        line::<v::Filesystem>(),
        Grammar {
            check: |text| {
                same::<xen_vman_core::storage::StorageType>(
                    text,
                    |word| word.as_str().into(),
                    |c| !c.is_control(),
                );
            },
        },
        line::<v::OsType>(),
        lines::<v::Description>(),
        line::<v::KernelCmdline>(),
        line::<std::net::IpAddr>(),
        line::<std::net::Ipv6Addr>(),
        Grammar {
            check: |text| {
                same::<ScriptSource>(text, |script| script.path().into(), |c| !c.is_control());
            },
        },
        Grammar {
            check: |text| same::<AllowedDiagnostic>(text, |id| id.0.to_string(), |_| true),
        },
        Grammar {
            check: |text| same::<DeniedDiagnostic>(text, |id| id.0.to_string(), |_| true),
        },
    ]
}

/// What a checked text accepts has no control characters, and is accepted again as it is
/// shown. The first byte chooses the type.
pub fn small_grammars(data: &[u8]) {
    let Some((&which, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let grammars = grammars();
    let grammar = &grammars[usize::from(which) % grammars.len()];
    (grammar.check)(text);
    if let Ok(disk) = v::DiskSpec::from_text(text) {
        disk.backing();
    }
}

/// A file of xl.cfg is read; all that is given has its place, and reading it again gives
/// the same.
pub fn xl_cfg_reader(data: &[u8]) {
    let mut report = Report::new();
    let file = xl_cfg::read(data, 0, &mut report);
    let inside = |span: Span| {
        assert!(span.start <= span.end && span.end as usize <= data.len());
    };
    for diagnostic in &report {
        inside(diagnostic.span.expect("a reader knows the place"));
    }
    for comment in &file.comments {
        inside(comment.span);
        assert_eq!(data[comment.span.start as usize], b'#');
    }
    let mut end = 0;
    for statement in &file.statements {
        assert!(end <= statement.key_span.start, "{statement:?}");
        let key = statement.key_span.start as usize..statement.key_span.end as usize;
        assert!(key.start < key.end && key.end <= statement.value.span.start as usize);
        nested(&statement.value);
        inside(statement.value.span);
        end = statement.value.span.end;
    }
    let settings = file.settings();
    let mut used: Vec<_> = settings.iter().flat_map(|s| &s.statements).collect();
    used.sort_unstable();
    assert!(used.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(used.iter().all(|number| **number < file.statements.len()));
    for setting in &settings {
        let of = |number: &usize| &*file.statements[*number].key == setting.key;
        assert!(!setting.statements.is_empty() && setting.statements.iter().all(of));
    }
    let mut again = Report::new();
    assert_eq!(xl_cfg::read(data, 0, &mut again), file);
    assert_eq!(again, report);
}

/// Items of a list stand in it, one after the other.
fn nested(node: &XlNode) {
    assert!(node.span.start < node.span.end, "{node:?}");
    let mut at = node.span.start + 1;
    for item in node.items().unwrap_or_default() {
        assert!(at <= item.span.start && item.span.end <= node.span.end);
        nested(item);
        at = item.span.end;
    }
}

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
    let fixed = fix(
        vec![vec![source.clone()]],
        &Facts::default(),
        &Levels::default(),
    );
    let again = fix(fixed.hosts, &Facts::default(), &Levels::default());
    assert!(again.files.is_empty(), "what is fixed stays so");
    let compiled = compile(vec![source], &Facts::default());
    all_forms(&compiled.report, &compiled.sources);
    if !compiled.report.has_errors() {
        let output = compiled.render(&Templates::embedded(), &Assets::default());
        output.expect("templates take whatever has no errors");
    }
}

/// What an xl.cfg, or libvirt's XML, means survives: imported, checked and rendered, it is imported
/// again as the same domain.
pub fn import_render(data: &[u8]) {
    let source = Source::domain("fuzz.cfg", data.to_vec());
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
    let mut settings = file.settings();
    // An import leaves out what xl does anyway.
    settings.retain(|setting| !setting.key.starts_with("on_"));
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
