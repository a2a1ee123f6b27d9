//! Volume groups, thin pools, ZFS datasets and directories in which roots are made (lvmthin(7), lvm.conf(5)).

use super::{Finding, Seen, fine, missing, risky, setting};
use crate::diag::text::printable;
use crate::plan;
use crate::render::Output;
use crate::resolve::{Resolved, ResolvedVm};
use crate::storage::{Bytes, Pool, PoolState, ThinPool, Volume};
use std::collections::BTreeSet;

const ABOUT: &str = "volumes";
/// From when on a pool is worth a warning, in percent.
const NEARLY_FULL: u8 = 80;

pub(super) fn findings(resolved: &Resolved, output: &Output, seen: &Seen) -> Vec<Finding> {
    let pools = plan::pools(output);
    let mut found: Vec<_> = pools
        .iter()
        .filter_map(|(pool, volume)| match seen.pools.get(&pool.name)? {
            Ok(state) => Some(of_state(pool, volume, state)),
            Err(why) => {
                let says = format!("{}: {}", printable(&pool.name), printable(why));
                Some(missing(
                    ABOUT,
                    &says,
                    "make it, or correct its name in the definition",
                ))
            }
        })
        .collect();
    found.extend(
        pools
            .iter()
            .flat_map(|(pool, volume)| left(pool, volume, resolved, seen)),
    );
    let states = || seen.pools.values().filter_map(|state| state.as_ref().ok());
    let is_thin = states().any(|state| state.thin.is_some());
    if is_thin && !extends_itself(&seen.lvm) {
        found.push(risky(
            ABOUT,
            "thin pools do not extend themselves, and guests lose what they write to a full one",
            "set thin_pool_autoextend_threshold in /etc/lvm/lvm.conf to 80, for example",
        ));
    }
    if setting(&seen.lvm, "scan_lvs") == Some("1") {
        found.push(risky(
            ABOUT,
            "LVM looks for volume groups on the disks of guests, which can make theirs",
            "set scan_lvs in /etc/lvm/lvm.conf to 0",
        ));
    }
    found
}

/// The volumes that were made for VMs and that none has as its root. In a shared group, they may be those of
/// other hosts.
fn left(pool: &Pool, volume: &Volume, resolved: &Resolved, seen: &Seen) -> Vec<Finding> {
    let Some(Ok(state)) = seen.pools.get(&pool.name) else {
        return Vec::new();
    };
    if !volume.id().is_of_host() {
        return Vec::new();
    }
    let used = resolved.vms.iter().flat_map(ResolvedVm::managed_volumes);
    let used: BTreeSet<_> = used.map(Volume::location).collect();
    let made = state.volumes.iter();
    let made = made.filter_map(|(location, one)| Some((location, one, one.made_for.as_ref()?)));
    let unused =
        made.filter(|(location, one, _)| !used.contains(location) && one.snapshot_of.is_none());
    unused
        .map(|(location, one, key)| {
            let location = printable(location.as_str());
            let size = Bytes(one.size_bytes);
            let made = one
                .made_on
                .as_ref()
                .map(|day| format!(", made on {}", printable(day)));
            let made = made.unwrap_or_default();
            let says = format!("{location} ({size}{made}) was made for {key}, and no VM has it");
            let help = format!("keep it, or remove it: xen-vman-cli remove-volume {location}");
            risky(ABOUT, &says, &help)
        })
        .collect()
}

fn of_state(pool: &Pool, volume: &Volume, state: &PoolState) -> Finding {
    let name = printable(&pool.name);
    if let Some(why) = &state.unfit {
        return missing(
            ABOUT,
            &format!("nothing can be made in the {name}: {why}"),
            "",
        );
    }
    match &state.thin {
        Some(thin) => of_thin_pool(&name, volume, state, thin),
        None => fine(ABOUT, &format!("{name}: {} free", Bytes(state.free_bytes))),
    }
}

fn of_thin_pool(name: &str, volume: &Volume, state: &PoolState, thin: &ThinPool) -> Finding {
    let shown = |percent: Option<u8>| percent.map_or_else(|| "?".to_owned(), |one| one.to_string());
    let use_percent = [thin.data_percent, thin.metadata_percent];
    let [data, metadata] = use_percent.map(shown);
    let (size, promised) = (Bytes(thin.size_bytes), Bytes(thin.promised_bytes));
    let says = format!(
        "{name}: {data} % of {size} and {metadata} % of its metadata used, {promised} promised"
    );
    let is_full = use_percent
        .iter()
        .any(|one| one.is_none_or(|one| one > NEARLY_FULL));
    if let Some(why) = volume.no_room(state, 0) {
        missing(ABOUT, &format!("{says}; {why}"), "extend it with lvextend")
    } else if is_full {
        risky(ABOUT, &says, "extend it with lvextend")
    } else {
        fine(ABOUT, &says)
    }
}

/// Whether dmeventd extends thin pools; 100, the default, means never.
fn extends_itself(lvm_conf: &str) -> bool {
    let threshold = setting(lvm_conf, "thin_pool_autoextend_threshold");
    threshold
        .and_then(|text| text.parse::<u8>().ok())
        .is_some_and(|percent| percent < 100)
}
