//! Names of vifs on dom0 that are derived from a prefix.

use super::resolved::ResolvedVm;
use crate::origin::Sourced;
use crate::values::{
    DomainName, GuestType, HVM_VIF_NAME_MAX, VIF_NAME_MAX, VifName, VifNamePrefix,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The name of a vif: `PREFIX.DEVID`, unless that is longer than the kernel allows (15 bytes; 11 for
/// HVM, whose tap device adds `-emu`) or `is_taken`. Then the prefix is shortened and a mark
/// added that is derived from the prefix and the domain, so that the name never changes.
pub fn vif_name(
    prefix: &VifNamePrefix,
    domain: &DomainName,
    devid: u32,
    guest_type: GuestType,
    is_taken: impl Fn(&str) -> bool,
) -> VifName {
    let longest = match guest_type {
        GuestType::Hvm => HVM_VIF_NAME_MAX,
        GuestType::Pv | GuestType::Pvh => VIF_NAME_MAX,
    };
    let plain = format!("{prefix}.{devid}");
    if plain.len() <= longest && !is_taken(&plain) {
        return VifName::generated(plain);
    }
    let number = devid.to_string();
    // At least five hexadecimal digits; more only if even those are in use.
    for round in 0_u32.. {
        let hash = Uuid::new_v5(
            &Uuid::nil(),
            format!("{prefix}\0{domain}\0{round}").as_bytes(),
        );
        let mark = &hash.simple().to_string()[..5];
        let room = longest.saturating_sub(mark.len() + number.len() + 2);
        let short = prefix
            .as_str()
            .get(..room.min(prefix.as_str().len()))
            .unwrap_or_default();
        let short = short.trim_end_matches(['-', '.', '_']);
        let name = if short.is_empty() {
            format!("{mark}.{number}")
        } else {
            format!("{short}-{mark}.{number}")
        };
        if !is_taken(&name) {
            return VifName::generated(name);
        }
    }
    unreachable!("some mark is free")
}

/// Names all vifs that have a prefix. Names that are set take precedence. A VM that alone has a
/// prefix gets the plain form; where several VMs share one, each gets a mark. The names do not depend
/// on the order of the VMs.
pub(super) fn name_vifs(vms: &mut [ResolvedVm]) {
    let interfaces = vms.iter().flat_map(|vm| &vm.interfaces);
    let written = interfaces.filter_map(|interface| interface.vifname.as_ref());
    let mut taken: HashSet<String> = written.map(|name| name.to_string()).collect();
    let mut users: HashMap<VifNamePrefix, HashSet<u32>> = HashMap::new();
    for vm in vms.iter() {
        let prefixes = vm
            .interfaces
            .iter()
            .filter_map(|one| one.vifname_prefix.as_ref());
        for prefix in prefixes {
            users
                .entry(prefix.value.clone())
                .or_default()
                .insert(vm.number);
        }
    }
    let mut by_name: Vec<_> = vms.iter_mut().collect();
    by_name.sort_by(|one, other| one.domain.cmp(&other.domain));
    for vm in by_name {
        for interface in &mut vm.interfaces {
            if let Some(prefix) = &interface.vifname_prefix {
                let is_shared = users
                    .get(&prefix.value)
                    .is_some_and(|users| users.len() > 1);
                let plain = format!("{}.{}", prefix.value, interface.devid);
                let name = vif_name(
                    &prefix.value,
                    &vm.domain,
                    interface.devid,
                    *vm.guest_type,
                    |name| taken.contains(name) || (is_shared && name == plain),
                );
                taken.insert(name.to_string());
                interface.vifname = Some(Sourced::derived(name, "vifname_prefix"));
            }
        }
    }
}
