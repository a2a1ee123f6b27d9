//! Takes snapshots of volumes, and goes back to them.

use super::install::{refuse_in_use, refuse_running, refused};
use super::listed::{Listed, Refusal, volumes};
use super::machine::{Host, demand};
use super::volume::{self, RESIZING};
use super::{HostError, guest_records, made};
use crate::command::{Command, SHORT_SECS};
use crate::diag::text::printable;
use crate::install::{self, GuestRecord, OnHost};
use crate::object::instance;
use crate::plan::Entry;
use crate::render::Output;
use crate::storage::Location;

/// Takes a snapshot of a volume; returns where it is.
///
/// # Errors
/// If none can be taken, or if it is not there afterwards.
pub(super) fn take(host: &dyn Host, on: &OnHost) -> Result<Location, HostError> {
    let location = on.volume.location();
    let date = Command::new(["date", "--utc", "+%Y%m%dT%H%M%SZ"], SHORT_SECS);
    let moment = demand(host, &date)?.stdout;
    let moment = String::from_utf8_lossy(&moment);
    let snapshot = on.volume.snapshot(moment.trim());
    let snapshot = snapshot.ok_or_else(|| HostError::Volume {
        location: location.clone(),
        why: "no snapshot of it can be taken".to_owned(),
    })?;
    volume::carry_out(host, &snapshot.commands)?;
    let mut pool = volume::pool(host, &on.volume)?.unwrap_or_default();
    let taken = pool.volumes.remove(&snapshot.location);
    let taken = taken.ok_or_else(|| HostError::Volume {
        location: snapshot.location.clone(),
        why: "all commands that take the snapshot have succeeded, but it is not there".to_owned(),
    })?;
    made::note(
        host,
        &snapshot.location,
        taken.inode,
        &on.key,
        Some(&location),
    )?;
    Ok(snapshot.location)
}

/// Makes a volume what it was when a snapshot was taken, which stays. `agree` is asked about what is lost.
///
/// # Errors
/// If the snapshot is not one of ours, if its VM is not defined or runs, or if a step failed. The next call
/// does the rest.
pub fn restore_volume(
    host: &dyn Host,
    output: &Output,
    snapshot: &Location,
    agree: &mut dyn FnMut(&Listed) -> Result<(), String>,
) -> Result<Listed, HostError> {
    let _lock = host.lock()?;
    let all = volumes(host, output)?;
    let found = all.into_iter().find(|one| one.location == *snapshot);
    let refuse = |why: &str| Err(HostError::KeptVolumes(vec![Refusal::new(snapshot, why)]));
    let Some(found) = found else {
        return refuse("there is no such snapshot of ours; `volumes` lists them");
    };
    let Some(origin) = &found.snapshot_of else {
        return refuse("it is a volume, and not a snapshot of one");
    };
    let roots = output.installs.iter().map(|install| &install.root);
    let mut defined = roots.chain(output.data_disks.iter().map(|disk| &disk.on));
    let Some(on) = defined.find(|on| on.volume.location() == *origin) else {
        return refuse("no VM of the definition has the volume that it is of");
    };
    if found.made_for != on.key {
        return refuse(&format!(
            "it was taken of what {} had, and {} has a volume of that name now",
            found.made_for, on.key
        ));
    }
    if !on.volume.id().is_of_host() {
        return refuse("other hosts have its volume group, too, and may use it");
    }
    let domain = &on.key.domain;
    let is_free = || refuse_running(host, domain).and_then(|()| refuse_in_use(host, on));
    demand(host, &install::unmount(on).command)?;
    is_free()?;
    let way_back = || {
        let pool = volume::pool(host, &on.volume)?.unwrap_or_default();
        let commands = on.volume.put_back(snapshot, &pool);
        commands.or_else(|why| refuse(&why).map(|_| Vec::new()))
    };
    way_back()?;
    agree(&found).map_err(HostError::NotApproved)?;
    // It does not start meanwhile, nor if this is interrupted.
    let hold = format!("{RESIZING}/{}", on.key);
    host.put(&hold, &Entry::file(0o600, ""))?;
    let free = is_free().and_then(|()| refuse_starting(host, on));
    if let Err(error) = free {
        // Nothing was changed.
        host.remove(&hold)?;
        return Err(error);
    }
    let commands = match way_back() {
        Ok(commands) => commands,
        // Nothing was changed.
        Err(error @ HostError::KeptVolumes(_)) => {
            host.remove(&hold)?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    volume::carry_out(host, &commands)?;
    let Some(restored) = volume::found(host, &on.volume)? else {
        return Err(HostError::Volume {
            location: origin.clone(),
            why: "it is not there; run the same command again".to_owned(),
        });
    };
    made::note(host, origin, restored.inode, &on.key, None)?;
    let record = guest_records::of(host, &on.key)?;
    let record = record.unwrap_or_else(|| GuestRecord::found_at(origin.clone(), None));
    let record = GuestRecord {
        is_finished: true,
        has_old_data: false,
        location: origin.clone(),
        // What was in its fstab is looked at again.
        mounts: Vec::new(),
        ..record
    };
    guest_records::set(host, &on.key, &record.on(restored.unique_id))?;
    host.remove(&hold)?;
    Ok(found)
}

/// Fails if systemd starts the VM just now, which may have been before there was a hold.
fn refuse_starting(host: &dyn Host, on: &OnHost) -> Result<(), HostError> {
    let unit = instance("vm", &on.key.domain);
    let state = host.run(&Command::new(["systemctl", "is-active", &unit], SHORT_SECS))?;
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    if matches!(state.as_str(), "inactive" | "failed" | "unknown") {
        return Ok(());
    }
    let why = format!("{unit} is {}; stop the VM first", printable(&state));
    Err(refused(&on.key, &why))
}
