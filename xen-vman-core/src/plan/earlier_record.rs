//! Records in an earlier format, which only lists paths.

use crate::document::decode::FromText as _;
use crate::object::{Object, Owner, Role, UNITS};
use crate::values::DomainName;

/// Derives the role and owner of a path in an earlier record. Only here does a path have to
/// serve: that format stores nothing else.
pub(crate) fn object_at(path: &str) -> Object {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(rest) = folder.strip_prefix(UNITS) {
        return match rest.strip_prefix('/') {
            Some("multi-user.target.wants") => of_unit(name, Role::Enablement),
            Some(drop_ins) => of_unit(drop_ins, Role::Unit),
            None => Object::of_host(Role::Unit),
        };
    }
    match (folder, name.rsplit_once('.')) {
        ("/etc/kernel/postinst.d", _) => Object::of_host(Role::InitrdHook),
        ("/etc/kernel/postrm.d", _) => Object::of_host(Role::InitrdRemovalHook),
        ("/etc/xen/scripts", _) => Object::of_host(Role::NetworkScript),
        ("/usr/local/lib/xen-vman", _) => Object::of_host(Role::Script),
        (_, Some((domain, "cfg"))) => of_domain(domain, Role::XlConfig),
        (_, Some((domain, "nfs" | "iscsi"))) => of_domain(domain, Role::StorageData),
        _ => Object::of_host(Role::Script),
    }
}

/// `vm@DOMAIN.service`, or a name that begins with it.
fn of_unit(name: &str, role: Role) -> Object {
    let domain = name
        .strip_prefix("vm@")
        .and_then(|rest| rest.split_once(".service"));
    match domain {
        Some((domain, _)) => of_domain(domain, role),
        None => Object::of_host(role),
    }
}

fn of_domain(domain: &str, role: Role) -> Object {
    let owner = DomainName::from_text(domain).map_or(Owner::Host, Owner::Vm);
    Object {
        owner,
        role,
        is_secret: false,
    }
}
