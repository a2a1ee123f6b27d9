//! Graphs in Mermaid.

use super::{Edge, EdgeKind, Graph, Language, Node, NodeKind};
use crate::quote::mermaid_string;

const MERMAID: Language = Language {
    head: "flowchart LR\n",
    host: |number, name| vec![format!("subgraph h{number}[{}]", mermaid_string(name))],
    host_end: "end",
    node: node_line,
    edge: edge_line,
    end: "",
};

impl Graph {
    /// The graph as a flowchart of Mermaid.
    pub fn to_mermaid(&self) -> String {
        self.written(&MERMAID)
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
