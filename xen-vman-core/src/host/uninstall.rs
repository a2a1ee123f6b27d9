//! Removes all that applies brought to a host.

use super::HostError;
use super::apply::{Applied, carry_out, look};
use super::generation::{Generations, Purpose};
use super::machine::Host;
use super::observe::kernels;
use super::watch::Watcher;
use super::{guest_records, state};
use crate::plan::{self, Entry, Left, Observed, Record, Uninstall, Uses, emptied};
use crate::values::guest_initrd;
use std::collections::BTreeSet;

/// The result of an uninstallation.
#[derive(Debug)]
#[non_exhaustive]
pub struct Uninstalled {
    /// What was done.
    pub applied: Applied,
    /// What stays.
    pub left: Left,
}

/// Plans an [`uninstall`], without changing anything.
///
/// # Errors
/// If the host cannot be read, or if its VMs or their roots are in use.
pub fn plan_uninstall(host: &dyn Host) -> Result<Uninstall, HostError> {
    Ok(plan_all(host)?.0)
}

/// Also returns the directories that it may leave empty.
fn plan_all(host: &dyn Host) -> Result<(Uninstall, Vec<String>), HostError> {
    let record = state::record(host)?;
    let originals = Generations::read_rest(host)?.originals(host, &record);
    let (guests, damaged) = guest_records::all(host)?;
    let refused = guest_records::refused(host)?;
    let is_unmanaged = record == Record::default() && guests.is_empty() && refused.is_empty();
    if is_unmanaged {
        // What there is belongs to others, whatever it was once.
        let nothing = Uninstall {
            left: Left {
                roots: originals.left.roots,
                ..Left::default()
            },
            ..Uninstall::default()
        };
        return Ok((nothing, Vec::new()));
    }
    let known = Observed {
        record: record.clone(),
        guests: guests.clone(),
        damaged: damaged.clone(),
        refused: refused.clone(),
        ..Observed::default()
    };
    let mut paths = plan::uninstall_paths(&known);
    paths.extend(originals.kept.iter().map(|kept| kept.path.clone()));
    // The files of an image are removed, too.
    let mut kernels = kernels(host)?;
    let mut built = BTreeSet::new();
    for kernel in kernels.with_initrd {
        // Anything but a file is somebody else's, such as a directory with old ones.
        let found = host.entry(&guest_initrd(&kernel))?;
        if matches!(found, Some(Entry::File { .. })) {
            built.insert(kernel);
        }
    }
    kernels.with_initrd = built;
    let observed = Observed {
        kernels,
        guests,
        damaged,
        refused,
        ..look(host, paths, record)?
    };
    match plan::uses(&observed) {
        uses if uses.is_empty() => {
            let emptied = emptied(&originals.kept, &observed.record);
            Ok((originals.plan(&observed), emptied))
        }
        uses => Err(HostError::InUse(Uses(uses))),
    }
}

/// Removes all that applies brought to a host, and restores what they replaced. Volumes and the
/// definition stay; so do earlier versions of files, so that this can be rolled back. It may be
/// interrupted at any point: the next one does the rest.
///
/// # Errors
/// Like [`plan_uninstall`]; also the first action that fails.
pub fn uninstall(host: &dyn Host, watcher: &mut dyn Watcher) -> Result<Uninstalled, HostError> {
    let _lock = host.lock()?;
    let (Uninstall { plan, left, .. }, emptied) = plan_all(host)?;
    let purpose = Purpose::Uninstall { emptied: &emptied };
    let applied = carry_out(host, plan, purpose, watcher)?;
    Ok(Uninstalled { applied, left })
}
