//! Plans which data disks are prepared, and which guests are told where they are.

use super::volumes::recorded;
use super::{Action, Change, Impact, Observed, Rank, VolumeChange, VolumeWork};
use crate::install::{Changes, DataDisk, GuestRecord};
use crate::render::Output;
use crate::values::DomainName;
use std::collections::BTreeMap;

/// Lines that somebody has to change in the fstab(5) of a guest that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingMounts {
    /// The VM.
    pub domain: DomainName,
    /// The lines.
    pub changes: Changes,
}

/// Creates what data disks are to hold. What is on one is looked at first, and left as it is.
pub(super) fn prepared(output: &Output, observed: &Observed) -> Vec<(Rank, Action)> {
    let disks = output.data_disks.iter();
    let unfinished = disks.filter(|disk| {
        let record = recorded(&disk.on, observed);
        // One that is to hold something else is looked at again.
        let wanted = disk
            .data
            .content()
            .map(|content| (content, *disk.data.uuid));
        let is_done = |record: &GuestRecord| record.is_finished && record.holds == wanted;
        !record.is_some_and(is_done) || observed.damaged.contains(&disk.on.key)
    });
    let action = |disk: &DataDisk| {
        let location = disk.on.volume.location();
        let earlier = observed.guests.get(&disk.on.key);
        let moves_from = earlier
            .map(|record| &record.location)
            .filter(|from| **from != location);
        let work = VolumeWork::Prepare {
            content: disk.data.content()?,
            // A guest whose files are ours is told.
            line: disk.data.fstab_line().filter(|_| !disk.has_fstab),
            moves_from: moves_from.cloned(),
        };
        let change = Change::Volume(VolumeChange {
            key: disk.on.key.clone(),
            location,
            work,
        });
        let impact = Impact::None;
        Some((Rank::Volume, Action { change, impact }))
    };
    unfinished.filter_map(action).collect()
}

/// The data disks that would move to another device, though nobody wrote that.
pub(super) fn moved(output: &Output, observed: &Observed) -> Vec<String> {
    let disks = output.data_disks.iter();
    let moved = disks.filter_map(|disk| {
        let vdev = disk.data.vdev.as_ref()?;
        let was = recorded(&disk.on, observed)?.vdev.as_ref()?;
        let is_moved = *was != vdev.value && !disk.data.is_vdev_written();
        is_moved.then(|| {
            format!(
                "the volume {} of {} is {was} in its guest, and would be {}, since other disks have come or gone. \
                 Write `vdev = \"{was}\"`, or `vdev = \"{}\"` to let it move",
                disk.data.name(),
                disk.on.key.domain,
                vdev.value,
                vdev.value,
            )
        })
    });
    moved.collect()
}

/// What is to be changed in the fstab of guests that are installed, and not installed now: by an apply if
/// they do not run, or else by somebody in the guest.
pub(super) fn mounts(
    output: &Output,
    observed: &Observed,
    installed: &BTreeMap<&DomainName, bool>,
) -> (Vec<Action>, Vec<PendingMounts>) {
    let (mut actions, mut pending) = (Vec::new(), Vec::new());
    for install in &output.installs {
        let key = &install.root.key;
        let record = recorded(&install.root, observed);
        let record = record.filter(|record| record.is_finished);
        let Some(record) = record.filter(|_| !installed.contains_key(&key.domain)) else {
            continue;
        };
        let domain = key.domain.clone();
        let changes = record.mounts_to_change(install);
        if changes == Changes::default() || observed.refused.contains(key) {
            continue;
        }
        if observed.domains.contains_key(domain.as_str()) {
            pending.push(PendingMounts { domain, changes });
        } else {
            let change = Change::SetMounts { domain, changes };
            let impact = Impact::None;
            actions.push(Action { change, impact });
        }
    }
    (actions, pending)
}
