//! Graphs in Graphviz' DOT.

use super::{Edge, EdgeKind, Graph, Node, NodeKind};
use crate::quote::dot_string;
use std::fmt::Write as _;

impl Graph {
    /// The graph in Graphviz' DOT.
    pub fn to_dot(&self) -> String {
        let mut text =
            "digraph xen_vman {\n    rankdir=LR;\n    fontname=\"sans-serif\";\n    node [fontname=\"sans-serif\"];\n    \
                        edge [fontname=\"sans-serif\", fontsize=10];\n"
                .to_owned();
        for (number, name) in self.hosts.iter().enumerate() {
            let name = dot_string(name);
            let _ = writeln!(text, "    subgraph cluster_{number} {{");
            let _ = writeln!(text, "        label={name};");
            for node in self.nodes_of(Some(number)) {
                let _ = writeln!(text, "        {}", node_line(node));
            }
            text.push_str("    }\n");
        }
        for node in self.nodes_of(None) {
            let _ = writeln!(text, "    {}", node_line(node));
        }
        for edge in &self.edges {
            let _ = writeln!(text, "    {}", edge_line(edge));
        }
        text.push_str("}\n");
        text
    }
}

fn node_line(node: &Node) -> String {
    let shape = match node.kind {
        NodeKind::Vm => "box, style=bold",
        NodeKind::Bridge | NodeKind::Routes => "hexagon",
        NodeKind::Gateway => "ellipse",
        NodeKind::Volume => "note",
        NodeKind::StorageServer => "cylinder",
        NodeKind::OtherStorage => "note, style=dashed",
    };
    let label = dot_string(&node.label.join("\n"));
    format!("{} [label={label}, shape={shape}];", node.id)
}

fn edge_line(edge: &Edge) -> String {
    let style = match edge.kind {
        EdgeKind::Interface | EdgeKind::Uplink => ", dir=none",
        EdgeKind::Root | EdgeKind::Disk | EdgeKind::Server => "",
        EdgeKind::After => ", style=dashed, constraint=false",
    };
    let label = dot_string(&edge.label.join("\n"));
    format!("{} -> {} [label={label}{style}];", edge.from, edge.to)
}
