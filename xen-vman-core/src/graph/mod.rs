//! What hosts consist of, as a graph: VMs, the networks and the storage that they use, and the order
//! in which they start. Printed for Graphviz and for Mermaid.
//!
//! VMs and bridges belong to a host; a storage server that several hosts use is one node.

mod dot;
mod mermaid;

use crate::diag::text::printable;
use crate::resolve::{Resolved, ResolvedInterface, ResolvedVm, VifNetwork, vif_script};
use crate::storage::{RootVolume, Unmanaged, Volume};
use crate::values::Backing;
use serde::{Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};

/// Hosts, what they consist of, and how that is connected.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Graph {
    /// The names of the hosts.
    pub hosts: Vec<String>,
    /// VMs, networks and storage, host by host, then what hosts share.
    pub nodes: Vec<Node>,
    /// The connections.
    pub edges: Vec<Edge>,
}

/// A node, by its number among the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NodeKind {
    /// A VM.
    Vm,
    /// A bridge of a host.
    Bridge,
    /// The routes of a host, for vifs on no bridge.
    Routes,
    /// A default gateway of VMs.
    Gateway,
    /// A disk or a directory.
    Volume,
    /// A server that provides volumes.
    StorageServer,
    /// Storage of the administrator's own.
    OtherStorage,
}

/// A VM, a network, or storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// What it stands for.
    pub kind: NodeKind,
    /// The number of its host; `None` if hosts may share it.
    pub host: Option<usize>,
    /// Its name, and more about it, line by line; without control characters.
    pub label: Vec<String>,
}

/// How two nodes are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EdgeKind {
    /// A VM has an interface on a network.
    Interface,
    /// A network leads to a gateway.
    Uplink,
    /// A VM has its root on storage.
    Root,
    /// A VM has another disk.
    Disk,
    /// Storage is provided by a server.
    Server,
    /// A VM starts after another one.
    After,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Edge {
    /// Where it begins.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// What it stands for.
    pub kind: EdgeKind,
    /// More about it; without control characters.
    pub label: Vec<String>,
}

impl Graph {
    /// The graph of hosts, by their names.
    pub fn of<'r>(hosts: impl IntoIterator<Item = (&'r str, &'r Resolved)>) -> Self {
        let mut builder = Builder::default();
        for (name, resolved) in hosts {
            builder.graph.hosts.push(printable(name));
            builder.host(resolved);
        }
        builder.graph
    }

    /// The graph in a language: the nodes of each host between the lines that enclose them, those that
    /// hosts may share, and the edges.
    fn written(&self, language: &Language) -> String {
        let mut text = language.head.to_owned();
        let nodes_of = |host: Option<usize>| {
            let nodes = self.nodes.iter().filter(move |node| node.host == host);
            nodes.map(language.node)
        };
        for (number, name) in self.hosts.iter().enumerate() {
            for line in (language.host)(number, name) {
                let _ = writeln!(text, "    {line}");
            }
            for node in nodes_of(Some(number)) {
                let _ = writeln!(text, "        {node}");
            }
            let _ = writeln!(text, "    {}", language.host_end);
        }
        for line in nodes_of(None).chain(self.edges.iter().map(language.edge)) {
            let _ = writeln!(text, "    {line}");
        }
        text + language.end
    }
}

/// A language for graphs.
struct Language {
    head: &'static str,
    /// The lines before the nodes of a host, by its number and name.
    host: fn(usize, &str) -> Vec<String>,
    host_end: &'static str,
    node: fn(&Node) -> String,
    edge: fn(&Edge) -> String,
    end: &'static str,
}

/// What identifies a node that several VMs use.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Bridge(usize, String),
    Routes(usize, String),
    Gateway(NodeId, String),
    Local(usize, String),
    Volume(String),
    Server(&'static str, String),
}

#[derive(Default)]
struct Builder {
    graph: Graph,
    known: HashMap<Key, NodeId>,
    /// The volumes whose servers are known.
    served: HashSet<NodeId>,
}

impl Builder {
    fn host(&mut self, resolved: &Resolved) {
        let host = self.graph.hosts.len() - 1;
        let mut vms = HashMap::new();
        for vm in &resolved.vms {
            let id = self.add(NodeKind::Vm, Some(host), &vm_label(vm));
            vms.insert(vm.domain.as_str(), id);
        }
        for vm in &resolved.vms {
            let id = vms[vm.domain.as_str()];
            for interface in &vm.interfaces {
                self.interface(id, host, interface, vm, resolved);
            }
            self.storage(id, host, vm);
            for earlier in &vm.after {
                if let Some(earlier) = vms.get(earlier.as_str()) {
                    self.connect(id, *earlier, EdgeKind::After, &["after".to_owned()]);
                }
            }
        }
    }

    fn interface(
        &mut self,
        vm: NodeId,
        host: usize,
        interface: &ResolvedInterface,
        of: &ResolvedVm,
        resolved: &Resolved,
    ) {
        let mut label: Vec<_> = interface.addresses.iter().map(|a| a.to_string()).collect();
        if *interface.dhcp {
            label.push("DHCP".to_owned());
        }
        let network = match VifNetwork::of(interface, resolved) {
            VifNetwork::Bridge(name) => {
                let key = Key::Bridge(host, name.to_owned());
                self.once(key, NodeKind::Bridge, Some(host), &[name.to_owned()])
            }
            VifNetwork::Routed => {
                let script = vif_script(interface, resolved);
                let key = Key::Routes(host, script.to_owned());
                let label = vec!["routes of the host".to_owned(), script.to_owned()];
                self.once(key, NodeKind::Routes, Some(host), &label)
            }
        };
        self.connect(vm, network, EdgeKind::Interface, &label);
        if !VifNetwork::of(interface, resolved).is_bridge() {
            return;
        }
        for router in [true, false].map(|is_ipv4| of.network.router(is_ipv4)) {
            let is_here = |number: usize| u32::try_from(number) == Ok(interface.devid);
            if let Some(router) = router.filter(|router| is_here(router.interface)) {
                let address = router.address.to_string();
                let key = Key::Gateway(network, address.clone());
                if !self.known.contains_key(&key) {
                    let label = vec!["gateway".to_owned(), address];
                    let gateway = self.once(key, NodeKind::Gateway, Some(host), &label);
                    self.connect(network, gateway, EdgeKind::Uplink, &[]);
                }
            }
        }
    }

    fn storage(&mut self, vm: NodeId, host: usize, of: &ResolvedVm) {
        match &of.root {
            RootVolume::Managed(volume) => {
                let root = self.volume(volume, host);
                self.connect(vm, root, EdgeKind::Root, &["root".to_owned()]);
            }
            RootVolume::Unmanaged(Unmanaged::ForeignBackend) if of.disks.is_empty() => {
                let name = of.storage_type.to_string();
                let key = Key::Local(host, format!("storage_type {name}"));
                let label = vec![name, "not managed".to_owned()];
                let other = self.once(key, NodeKind::OtherStorage, Some(host), &label);
                self.connect(vm, other, EdgeKind::Root, &[]);
            }
            RootVolume::Unmanaged(_) => {}
        }
        for data in &of.volumes {
            let node = self.volume(&data.volume, host);
            let vdev = data.vdev.as_ref().map(|vdev| vdev.to_string());
            let label = vdev.or_else(|| data.mount.as_ref().map(ToString::to_string));
            let label: Vec<_> = label.into_iter().collect();
            self.connect(vm, node, EdgeKind::Disk, &label);
        }
        // An empty drive has no storage.
        for disk in of.disks.iter().filter(|disk| !disk.target().is_empty()) {
            let storage = self.backing(&disk.backing(), host);
            let vdev = vec![disk.vdev().to_owned()];
            self.connect(vm, storage, EdgeKind::Disk, &vdev);
        }
    }

    /// A managed root, with its server.
    fn volume(&mut self, volume: &Volume, host: usize) -> NodeId {
        let Some(server) = volume.server() else {
            return self.backing(&Backing::Local(volume.location().to_string()), host);
        };
        // A disk may be among the `disks` of others, too.
        let node = match volume.xl_disk() {
            Some(disk) => self.backing(&Backing::of(&disk.target), host),
            None => {
                let key = Key::Volume(volume.id().to_string());
                self.once(key, NodeKind::Volume, None, &[server.volume])
            }
        };
        if self.served.insert(node) {
            let label = vec![
                format!("{} server", server.protocol),
                server.address.clone(),
            ];
            let key = Key::Server(server.protocol, server.address);
            let on = self.once(key, NodeKind::StorageServer, None, &label);
            self.connect(node, on, EdgeKind::Server, &[]);
        }
        node
    }

    fn backing(&mut self, backing: &Backing, host: usize) -> NodeId {
        let of_host = matches!(backing, Backing::Local(_)).then_some(host);
        let label = vec![backing.to_string()];
        self.once(key_of(backing, host), NodeKind::Volume, of_host, &label)
    }

    /// The node with this key, which is added the first time.
    fn once(&mut self, key: Key, kind: NodeKind, host: Option<usize>, label: &[String]) -> NodeId {
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.add(kind, host, label);
        self.known.insert(key, id);
        id
    }

    fn add(&mut self, kind: NodeKind, host: Option<usize>, label: &[String]) -> NodeId {
        let id = NodeId(self.graph.nodes.len());
        let label = label.iter().map(|line| printable(line)).collect();
        self.graph.nodes.push(Node {
            id,
            kind,
            host,
            label,
        });
        id
    }

    fn connect(&mut self, from: NodeId, to: NodeId, kind: EdgeKind, label: &[String]) {
        let label = label.iter().map(|line| printable(line)).collect();
        self.graph.edges.push(Edge {
            from,
            to,
            kind,
            label,
        });
    }
}

fn key_of(backing: &Backing, host: usize) -> Key {
    match backing {
        Backing::Local(path) => Key::Local(host, path.clone()),
        Backing::Iscsi { .. } => Key::Volume(backing.to_string()),
    }
}

fn vm_label(vm: &ResolvedVm) -> Vec<String> {
    let mut label = vec![vm.domain.to_string()];
    if let Some(description) = &vm.description {
        label.extend(description.as_str().lines().map(str::to_owned));
    }
    let (cpus, memory) = (&vm.vcpus.value, &vm.memory_mib.value);
    label.push(format!(
        "{}, {cpus} vCPUs, {memory} MiB",
        vm.guest_type.as_str()
    ));
    label
}
