//! Graphs in Mermaid.

use super::{Edge, EdgeKind, Graph, Node, NodeKind};
use crate::quote::mermaid_string;
use std::fmt::Write as _;

impl Graph {
    /// The graph as a flowchart of Mermaid.
    pub fn to_mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (number, name) in self.hosts.iter().enumerate() {
            let name = mermaid_string(name);
            let _ = writeln!(text, "    subgraph h{number}[{name}]");
            for node in self.nodes_of(Some(number)) {
                let _ = writeln!(text, "        {}", node_line(node));
            }
            text.push_str("    end\n");
        }
        for node in self.nodes_of(None) {
            let _ = writeln!(text, "    {}", node_line(node));
        }
        for edge in &self.edges {
            let _ = writeln!(text, "    {}", edge_line(edge));
        }
        text
    }
}

fn node_line(node: &Node) -> String {
    let (open, close) = match node.kind {
        NodeKind::Vm | NodeKind::OtherStorage => ("[", "]"),
        NodeKind::Bridge | NodeKind::Routes => ("{{", "}}"),
        NodeKind::Gateway => ("([", "])"),
        NodeKind::Volume => ("(", ")"),
        NodeKind::StorageServer => ("[(", ")]"),
    };
    let label = mermaid_string(&node.label.join("\n"));
    format!("{}{open}{label}{close}", node.id)
}

fn edge_line(edge: &Edge) -> String {
    let arrow = match edge.kind {
        EdgeKind::Interface | EdgeKind::Uplink => "---",
        EdgeKind::Root | EdgeKind::Disk | EdgeKind::Server => "-->",
        EdgeKind::After => "-.->",
    };
    let label = match &edge.label[..] {
        [] => String::new(),
        lines => format!("|{}|", mermaid_string(&lines.join("\n"))),
    };
    format!("{} {arrow}{label} {}", edge.from, edge.to)
}
