//! Data that is not xen-vman's.

use crate::document::decode::{Decoder, FromNode, Schema};
use crate::document::table::from_json;
use crate::document::{Node, Value};
use serde_json::json;

/// The key of [`Extra`].
pub(crate) const EXTRA: &str = "extra";

/// Data of the administrator's own, which only expressions use.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra(Node);

impl From<serde_json::Map<String, serde_json::Value>> for Extra {
    fn from(data: serde_json::Map<String, serde_json::Value>) -> Self {
        Self(from_json(serde_json::Value::Object(data)))
    }
}

impl Extra {
    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.entries().iter().map(|entry| &*entry.key)
    }
}

impl serde::Serialize for Extra {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl FromNode for Extra {
    const EXPECTED: &'static str = "a table";

    fn schema() -> Schema {
        json!({ "type": "object" })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        if matches!(node.value, Value::Table(_)) {
            return Some(Self(node.clone()));
        }
        decoder.wrong_type::<Self>(node);
        None
    }
}

/// A role that reads keys which are not xen-vman's.
struct OtherRole {
    name: &'static str,
    /// The key of the tables that have them.
    table: &'static str,
    keys: &'static [&'static str],
}

/// Roles for which inventories are written as well.
const OTHER_ROLES: &[OtherRole] = &[
    OtherRole {
        name: "vm-facts",
        table: "vms",
        keys: &[
            "backup_host",
            "backup_replication_host",
            "create_backup",
            "create_storage",
            "hypervisor_host",
            "local_snapshots",
            "pull_hypervisor_from",
            "pull_storage_from",
            "storage_host",
        ],
    },
    OtherRole {
        name: "network_management",
        table: "interfaces",
        keys: &[
            "bring_up",
            "dhcp",
            "domains",
            "gateway",
            "ips",
            "name",
            "nameservers",
            "type",
        ],
    },
];

/// The role that reads a key of `table` which is not one of xen-vman's.
pub(crate) fn role_of(table: &str, key: &str) -> Option<&'static str> {
    let mut roles = OTHER_ROLES.iter().filter(|role| role.table == table);
    let role = roles.find(|role| role.keys.contains(&key));
    role.map(|role| role.name)
}
