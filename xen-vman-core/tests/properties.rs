//! Laws that hold for whatever a definition says.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use support::settings;
use support::strategy::definition;
use xen_vman_core::diag::Segment;
use xen_vman_core::diag::text::{Colour, printable, render};
use xen_vman_core::document::decode::FromText;
use xen_vman_core::parse::{ConvertTarget, convert, import};
use xen_vman_core::resolve::vif_name;
use xen_vman_core::values::{DomainName, GuestType, VifNamePrefix};
use xen_vman_core::{Assets, Compiled, Facts, Source, Templates, compile};
use xen_vman_core::{quote, render::manifest};

fn compiled(name: &str, text: &str) -> Compiled {
    compile(vec![Source::new(name, text).unwrap()], &Facts::default())
}

/// Everything that a definition gives, as one text.
fn whole(compiled: &Compiled) -> String {
    let mut text = render(&compiled.report, &compiled.sources, Colour::None);
    if !compiled.report.has_errors() {
        let output = compiled
            .render(&Templates::embedded(), &Assets::default())
            .unwrap();
        for file in output
            .host
            .iter()
            .chain(output.guests.iter().flat_map(|guest| &guest.files))
        {
            write!(
                text,
                "{} {:o} {}\n{}",
                file.path,
                file.mode,
                file.owner,
                file.text()
            )
            .unwrap();
        }
        text += &serde_json::to_string(&manifest(&compiled.resolved, &output)).unwrap();
    }
    text
}

/// Texts with all that has a meaning somewhere.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,8}",
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\0".to_owned()),
        Just("\t".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        Just("ä€\u{202e}".to_owned()),
        Just("{{ vm.name }}".to_owned()),
        Just("{% if %}".to_owned()),
        Just("$(id)`id`".to_owned()),
        Just("%i%n".to_owned()),
        Just("'\"\\".to_owned()),
        Just("../../etc".to_owned()),
        Just("#;,".to_owned()),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_do_not_depend_on_the_order_of_the_vms(table in definition()) {
        let files = |table: &toml::Table| -> Option<BTreeMap<String, String>> {
            let compiled = compiled("order.toml", &toml::to_string(table).unwrap());
            let output = compiled.render(&Templates::embedded(), &Assets::default()).ok()?;
            let guests = output.guests.iter().flat_map(|guest| &guest.files);
            let all = output.host.iter().chain(guests);
            Some(all.map(|file| (file.output_path(), file.text().into_owned())).collect())
        };
        let mut reversed = table.clone();
        if let Some(vms) = reversed.get_mut("vms").and_then(toml::Value::as_array_mut) {
            vms.reverse();
        }
        prop_assert_eq!(files(&table), files(&reversed));
    }

    #[test]
    fn the_same_definition_gives_the_same_bytes(table in definition()) {
        let text = table.to_string();
        prop_assert_eq!(whole(&compiled("host.toml", &text)), whole(&compiled("host.toml", &text)));
    }

    #[test]
    fn a_definition_means_the_same_in_every_form(table in definition()) {
        let source = Source::new("host.toml", table.to_string()).unwrap();
        let rendered = |name: &str, text: &str| {
            let compiled = compiled(name, text);
            let ids: Vec<_> = compiled.report.iter().map(|d| d.id).collect();
            let errors = compiled.report.has_errors();
            let output = (!errors).then(|| compiled.render(&Templates::embedded(), &Assets::default()).unwrap());
            (ids, output.map(|output| (output.host, output.guests.into_iter().map(|g| g.files).collect::<Vec<_>>())))
        };
        let toml = rendered("host.toml", &source.text);
        for (target, name) in [(ConvertTarget::Yaml, "host.yml"), (ConvertTarget::Json, "host.json")] {
            let converted = convert(&source, target);
            prop_assert!(converted.report.is_empty());
            let text = converted.text;
            prop_assert_eq!(&rendered(name, &text), &toml, "{}", text);
            let back = convert(&Source::new(name, text).unwrap(), ConvertTarget::Toml).text;
            prop_assert_eq!(&rendered("host.toml", &back), &toml, "{}", back);
        }
    }

    /// A place that a diagnostic names is in the file, or is one where a key is missing.
    #[test]
    fn every_path_of_a_report_is_in_the_input(table in definition()) {
        let compiled = compiled("host.toml", &table.to_string());
        for diagnostic in &compiled.report {
            let places = std::iter::once((&diagnostic.path, diagnostic.span))
                .chain(diagnostic.related.iter().map(|related| (&related.path, related.span)));
            for (path, span) in places {
                prop_assert!(span.is_some(), "{path} has no place");
                let mut value = &toml::Value::Table(table.clone());
                let last = path.segments().len().saturating_sub(1);
                for (depth, segment) in path.segments().iter().enumerate() {
                    let next = match segment {
                        Segment::Key(key) => value.get(&**key),
                        Segment::Index(index) => value.get(*index),
                    };
                    match next {
                        Some(next) => value = next,
                        // What is wrong may be that it is not there.
                        None => {
                            prop_assert!(depth == last, "{path}");
                            break;
                        }
                    }
                }
            }
        }
    }

    /// What is written as xl.cfg is read back as it was.
    #[test]
    fn what_is_imported_is_rendered_as_it_was(table in definition()) {
        let compiled = compiled("host.toml", &table.to_string());
        prop_assume!(!compiled.report.has_errors());
        let output = compiled.render(&Templates::embedded(), &Assets::default()).unwrap();
        for file in output.host.iter().filter(|file| file.path.ends_with(".cfg")) {
            let (definition, report) = import(&[Source::xl_cfg("a.cfg", file.content.clone())]);
            prop_assert!(report.is_empty(), "{}", file.text());
            let back = self::compiled("imported.toml", &definition);
            prop_assert!(!back.report.has_errors(), "{}\n{}", file.text(), render(&back.report, &back.sources, Colour::None));
            let again = back.render(&Templates::embedded(), &Assets::default()).unwrap();
            let again = again.host.iter().find(|file| file.path.ends_with(".cfg")).unwrap();
            prop_assert_eq!(settings(&again.text()), settings(&file.text()));
        }
    }

    #[test]
    fn no_text_whatever_makes_it_panic(text in hostile(), ending in prop_oneof![Just("toml"), Just("yml"), Just("json")]) {
        whole(&compiled(&format!("host.{ending}"), &text));
    }

    #[test]
    fn a_hostile_value_is_refused_or_harmless(text in hostile(), key in prop_oneof![
        Just("org"), Just("name"), Just("description"), Just("cmdline"), Just("kernel"), Just("cpu_str"), Just("storage_type"),
        Just("uuid"), Just("gateway"), Just("reinstall"), Just("spicepasswd"),
    ]) {
        let mut vm = toml::Table::new();
        for (known, value) in [("org", "a"), ("name", "b")] {
            vm.insert(known.into(), value.into());
        }
        vm.insert("os".into(), toml::toml! { type = "debian" version = "12" }.into());
        vm.insert("interfaces".into(), toml::Value::Array(Vec::new()));
        vm.insert("storage_type".into(), "nfs".into());
        vm.insert(key.into(), text.clone().into());
        let mut table = toml::Table::new();
        table.insert("nfsroot_base".into(), "10.0.0.5:/tank".into());
        table.insert("vms".into(), toml::Value::Array(vec![vm.into()]));
        let compiled = compiled("host.toml", &table.to_string());
        let report = render(&compiled.report, &compiled.sources, Colour::None);
        prop_assert!(report.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", report);
        if compiled.report.has_errors() {
            return Ok(());
        }
        let output = compiled.render(&Templates::embedded(), &Assets::default()).unwrap();
        for file in &output.host {
            prop_assert!(!file.path.contains("/../") && !file.path.contains('\0'));
        }
        // Every line of the configuration is a comment, an assignment, or part of a list.
        let config = output.host.iter().find(|file| file.path.ends_with(".cfg")).unwrap();
        let keys = ["name", "uuid", "type", "memory", "vcpus", "cpus", "kernel", "ramdisk", "cmdline", "vif", "disk", "spice"];
        for line in config.text().lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let known = keys.iter().any(|key| line.starts_with(&format!("{key} = ")));
            prop_assert!(known || line.starts_with("  \"") || line == "]", "{:?}", line);
        }
    }

    #[test]
    fn a_quoted_word_of_sh_is_read_back(text in "[^\0]{0,40}") {
        prop_assert_eq!(shlex::split(&quote::sh_word(&text)), Some(vec![text]));
    }

    #[test]
    fn vif_names_fit_the_kernel(prefix in "[a-z][a-z0-9-]{0,40}", domain in "[a-z]{1,30}-[a-z]{1,30}", devid in 0_u32..300, hvm: bool) {
        let prefix = VifNamePrefix::from_text(&prefix).unwrap();
        let domain = DomainName::from_text(&domain).unwrap();
        let (kind, longest) = if hvm { (GuestType::Hvm, 11) } else { (GuestType::Pv, 15) };
        let name = vif_name(&prefix, &domain, devid, kind, |_| false);
        prop_assert!(name.as_str().len() <= longest, "{}", name);
        let number = format!(".{devid}");
        prop_assert!(name.as_str().ends_with(&number));
        let other = vif_name(&prefix, &domain, devid, kind, |taken| taken == name.as_str());
        prop_assert!(other != name && other.as_str().len() <= longest);
    }

    #[test]
    fn printable_text_has_no_control_characters(text in hostile()) {
        prop_assert!(printable(&text).chars().all(|c| !c.is_control()));
    }
}
