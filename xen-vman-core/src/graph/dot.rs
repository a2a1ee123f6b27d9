//! Graphs in Graphviz' DOT.

use super::{Edge, EdgeKind, Graph, Language, Node, NodeKind};
use crate::quote::dot_string;

const DOT: Language = Language {
    head: "digraph xen_vman {
    rankdir=LR;
    fontname=\"sans-serif\";
    node [fontname=\"sans-serif\"];
    edge [fontname=\"sans-serif\", fontsize=10];
",
    host: |number, name| {
        let begin = format!("subgraph cluster_{number} {{");
        vec![begin, format!("    label={};", dot_string(name))]
    },
    host_end: "}",
    node: node_line,
    edge: edge_line,
    end: "}\n",
};

impl Graph {
    /// The graph in Graphviz' DOT.
    pub fn to_dot(&self) -> String {
        self.written(&DOT)
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
