//! Hosts as graphs, as Graphviz and Mermaid draw them.
#![allow(clippy::disallowed_methods, reason = "tests read cases and run judges")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proptest::prelude::*;
use roxmltree::Document;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use support::judges::has_program;
use support::{cases, expect, finish, inputs, name, source};
use xen_vman_core::diag::{Levels, Severity};
use xen_vman_core::facade::{compile_hosts, graph};
use xen_vman_core::graph::Graph;
use xen_vman_core::quote::mermaid_string;
use xen_vman_core::{Facts, Fleet, Source};

/// Each file is a host.
fn fleet_of(hosts: Vec<Vec<Source>>) -> Fleet {
    let none = |_: usize, _: &str| Ok(Vec::new());
    compile_hosts(hosts, &Facts::default(), &Levels::default(), none).0
}

fn graph_of(case: &Path) -> Graph {
    let files = inputs(case);
    let fleet = fleet_of(files.iter().map(|path| vec![source(path)]).collect());
    let mut errors = fleet.report.iter();
    let error = errors.find(|one| one.severity == Severity::Error);
    assert!(error.is_none(), "{}: {error:?}", name(case));
    graph(&fleet)
}

#[test]
fn graphs_are_those_expected() {
    let mut problems = Vec::new();
    for case in cases("graph") {
        let graph = graph_of(&case);
        expect(&case.join("expect.dot"), &graph.to_dot(), &mut problems);
        expect(&case.join("expect.mmd"), &graph.to_mermaid(), &mut problems);
        let json = format!("{:#}\n", serde_json::json!(graph));
        expect(&case.join("expect.json"), &json, &mut problems);
    }
    finish(&problems);
}

/// What Graphviz makes of DOT: the lines of each node's label.
fn drawn(dot: &str) -> BTreeMap<String, Vec<String>> {
    let mut command = Command::new("dot");
    command
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(dot.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{dot}");
    let svg = String::from_utf8(output.stdout).unwrap();
    // It names a DTD, which is not read.
    let svg = &svg[svg.find("<svg").unwrap()..];
    let svg = Document::parse(svg).unwrap();
    let nodes = svg.descendants();
    let nodes = nodes.filter(|node| node.attribute("class") == Some("node"));
    let content = |node: roxmltree::Node<'_, '_>, tag: &'static str| -> Vec<String> {
        let children = node
            .descendants()
            .filter(move |child| child.has_tag_name(tag));
        // Blanks are drawn as ones that are not joined.
        let text = children.map(|child| child.text().unwrap_or_default().replace('\u{a0}', " "));
        text.collect()
    };
    let all = nodes.map(|node| {
        let node = svg.get_node(node.id()).unwrap();
        (content(node, "title").concat(), content(node, "text"))
    });
    all.collect()
}

/// The labels as they should be drawn.
fn labels(graph: &Graph) -> BTreeMap<String, Vec<String>> {
    let nodes = graph.nodes.iter();
    nodes
        .map(|node| (node.id.to_string(), node.label.clone()))
        .collect()
}

#[test]
fn graphviz_draws_every_label_as_it_is_written() {
    if !has_program("dot") {
        return;
    }
    for case in cases("graph") {
        let graph = graph_of(&case);
        assert_eq!(drawn(&graph.to_dot()), labels(&graph), "{}", name(&case));
    }
}

fn definition(descriptions: &[String]) -> Source {
    let vms = descriptions.iter().enumerate().map(|(number, description)| {
        let description = toml::Value::from(description.as_str());
        format!(
            "[[vms]]\norg = \"a\"\nname = \"v{number}\"\ndescription = {description}\ninterfaces = []\n\
             os = {{ type = \"debian\", version = \"bookworm\" }}\n"
        )
    });
    let vms: String = vms.collect();
    Source::new(
        "host.toml",
        format!("nfsroot_base = \"10.0.0.5:/tank\"\n{vms}"),
    )
    .unwrap()
}

/// Descriptions, with what has a meaning somewhere.
fn hostile() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        proptest::sample::select(
            &[
                "\"", "\\", "\\N", "\\\"", "&lt;", "&#60;", "<b>", "</text>", "\n", "end", "]",
                "[", "#quot;", "`", "-- ", "1. ", "%%", ";", "{", "}", "|", "-->", "style a:",
                "\u{1b}", "\u{202e}",
            ][..]
        )
        .prop_map(str::to_owned),
        "[^\\x00]{0,3}",
    ];
    let text = proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    proptest::collection::vec(text, 12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_description_leaves_its_label(descriptions in hostile()) {
        let fleet = fleet_of(vec![vec![definition(&descriptions)]]);
        prop_assume!(!fleet.report.has_errors());
        let graph = graph(&fleet);
        if has_program("dot") {
            let squeezed = |all: BTreeMap<String, Vec<String>>| -> Vec<(String, String)> {
                // Blanks at the ends of lines, and empty lines, are not drawn.
                let squeeze = |lines: Vec<String>| lines.concat().split_whitespace().collect::<String>();
                all.into_iter().map(|(id, lines)| (id, squeeze(lines))).collect()
            };
            prop_assert_eq!(squeezed(drawn(&graph.to_dot())), squeezed(labels(&graph)));
        }
        // One line of Mermaid for each node and edge, the host's two, and the first.
        let mermaid = graph.to_mermaid();
        prop_assert_eq!(mermaid.lines().count(), graph.nodes.len() + graph.edges.len() + 3);
    }

    #[test]
    fn a_string_of_mermaid_is_its_entities_decoded(text in "\\PC{0,20}|[ -~\n]{0,20}") {
        let quoted = mermaid_string(&text);
        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
        let mut decoded = String::new();
        let mut rest = inner.replace("<br>", "\n");
        while let Some((before, entity)) = rest.split_once('#') {
            let (number, after) = entity.split_once(';').unwrap();
            decoded += before;
            decoded.push(char::from_u32(number.parse().unwrap()).unwrap());
            rest = after.to_owned();
        }
        decoded += &rest;
        prop_assert_eq!(decoded, text);
        let syntax = |c: char| "\"<>&`[]{}()|%:_*".contains(c);
        let is_free_of_syntax = !inner.replace("<br>", "").contains(syntax);
        prop_assert!(is_free_of_syntax);
    }
}
