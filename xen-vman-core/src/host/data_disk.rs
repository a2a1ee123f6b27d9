//! Prepares data disks, and writes the mounts of guests that do not run.

use super::install::{refuse_in_use, refuse_running, refused};
use super::machine::{GuestRoot, Host};
use super::root::ACCESS_LIMIT;
use super::session::Session;
use super::steps::Follower;
use super::{HostError, guest_records, root, state, steps, volume};
use crate::command::{Command, Effect, WHOLE_VOLUME_SECS};
use crate::install::{
    self, Changes, DataDisk, DataVerdict, GuestRecord, Install, OnHost, Step, edit_fstab,
};
use crate::plan::FileOwner;
use crate::render::Output;
use crate::storage::Medium;

/// How large the fstab of a guest may be.
const FSTAB_BYTES: usize = 64 * 1024;
const FSTAB: &str = "/etc/fstab";

/// Creates what a data disk is to hold, if it is empty; returns why it was left as it is.
///
/// # Errors
/// If it holds something else, or if a step failed. The next call starts over.
pub(super) fn prepare(
    host: &dyn Host,
    disk: &DataDisk,
    follower: &mut dyn Follower,
) -> Result<Option<&'static str>, HostError> {
    let log = state::new_log(host, &disk.on.key)?;
    attached(host, &disk.on, &log, follower, |follower| {
        look_and_format(host, disk, &log, follower)
    })
}

/// Records the devices that data disks have in the present configurations.
///
/// # Errors
/// If a record cannot be read or written.
pub(super) fn record_vdevs(host: &dyn Host, output: &Output) -> Result<(), HostError> {
    for DataDisk { on, data, .. } in &output.data_disks {
        // One that is damaged was reported.
        let Ok(Some(record)) = guest_records::of(host, &on.key) else {
            continue;
        };
        let vdev = data.vdev.as_ref().map(|vdev| vdev.value.clone());
        if record.is_finished && record.vdev != vdev {
            guest_records::set(host, &on.key, &record.at(vdev))?;
        }
    }
    Ok(())
}

fn look_and_format(
    host: &dyn Host,
    disk: &DataDisk,
    log: &str,
    follower: &mut dyn Follower,
) -> Result<Option<&'static str>, HostError> {
    let DataDisk { on, data, .. } = disk;
    let location = on.volume.location();
    let Some(content) = data.content() else {
        return Ok(None);
    };
    refuse_in_use(host, on)?;
    let mut found = root::look(host, on, &install::point(&on.key))?;
    found.unique_id = volume::found(host, &on.volume)?.and_then(|state| state.unique_id);
    let known = guest_records::of(host, &on.key)?;
    let known = known.filter(|record| record.is_of(&location, found.unique_id.as_deref()));
    let record = |is_finished: bool| {
        let record = GuestRecord::of_data(location.clone(), is_finished);
        let record = record.on(found.unique_id.clone());
        let record = record.holding(content, *data.uuid);
        record.at(data.vdev.as_ref().map(|vdev| vdev.value.clone()))
    };
    match disk.decide(content, &found, known.as_ref()) {
        DataVerdict::Refuse(why) => {
            let error = refused(&on.key, &why);
            // The VM does not start with a disk that is not what it is to be.
            guest_records::refuse(host, &on.key, &error.to_string())?;
            Err(error)
        }
        DataVerdict::Keep(why) => {
            guest_records::set(host, &on.key, &record(true))?;
            Ok(Some(why))
        }
        DataVerdict::Format => {
            // The last check before something is written.
            refuse_in_use(host, on)?;
            guest_records::set(host, &on.key, &record(false))?;
            for command in data.format() {
                steps::run(host, &on.key, log, &Step::from(command), follower)?;
            }
            guest_records::set(host, &on.key, &record(true))?;
            Ok(None)
        }
    }
}

/// Makes the fstab of a guest, which must not run, have the lines of its data disks and no earlier ones.
///
/// # Errors
/// If the root is in use, or if its fstab cannot be read or written.
pub(super) fn set_mounts(
    host: &dyn Host,
    install: &Install,
    follower: &mut dyn Follower,
) -> Result<(), HostError> {
    let on = &install.root;
    refuse_running(host, &on.key.domain)?;
    let Some(record) = guest_records::of(host, &on.key)? else {
        return Ok(());
    };
    let log = state::new_log(host, &on.key)?;
    attached(host, on, &log, follower, |follower| {
        refuse_running(host, &on.key.domain)?;
        refuse_in_use(host, on)?;
        let point = install::point(&on.key);
        let source = match on.volume.medium() {
            Medium::Directory(mount) => mount,
            Medium::Disk(disk) => disk.mount(),
        };
        let limit_secs = on.timeouts.mount_timeout.get();
        let mount = source.at(&point, "nodev,nosuid,noexec", limit_secs);
        steps::run(host, &on.key, &log, &mount.into(), follower)?;
        let written = host
            .mounted_at(&point, ACCESS_LIMIT)
            .and_then(|root| write_fstab(&*root, install, &record));
        let sync = Command::new(["sync", "--file-system", &point], WHOLE_VOLUME_SECS);
        let umount_secs = on.timeouts.umount_timeout.get();
        let umount = Command::new(["umount", &point], umount_secs).with_effect(Effect::Unmount);
        let unmounted = [sync, umount]
            .into_iter()
            .try_for_each(|command| steps::run(host, &on.key, &log, &command.into(), follower));
        written.and(unmounted)
    })?;
    guest_records::set(host, &on.key, &record.mounting(install.mounts.clone()))
}

fn write_fstab(
    root: &dyn GuestRoot,
    install: &Install,
    record: &GuestRecord,
) -> Result<(), HostError> {
    let cannot = |why: &str| HostError::Volume {
        location: install.root.volume.location(),
        why: why.to_owned(),
    };
    let before = root.content(FSTAB, FSTAB_BYTES)?;
    let before = before.ok_or_else(|| cannot("its system has no fstab that can be read"))?;
    let Changes { add, remove } = record.mounts_to_change(install);
    let after = edit_fstab(&before, &add, &remove).map_err(|why| cannot(&why))?;
    if after == before {
        return Ok(());
    }
    root.put_for(FileOwner::ROOT, FSTAB, 0o644, &after)
}

/// Works on a volume while it is attached to this host, with mounts that nothing else sees.
fn attached<T: Send>(
    host: &dyn Host,
    on: &OnHost,
    log: &str,
    follower: &mut dyn Follower,
    mut work: impl FnMut(&mut dyn Follower) -> Result<T, HostError> + Send,
) -> Result<T, HostError> {
    steps::run(host, &on.key, log, &install::unmount(on), follower)?;
    let session = match install::open(on) {
        None => None,
        Some(step) => {
            steps::note(host, log, &step, follower)?;
            let session = Session::open(host, on, &step, log);
            Some(session.map_err(|why| steps::failed(&on.key, log, &step, &why))?)
        }
    };
    let point = install::point(&on.key);
    let mut done = None;
    let entered = host
        .make_parents(&format!("{point}/root"), 0o700)
        .and_then(|()| host.in_own_mounts(&mut || done = Some(work(&mut *follower))));
    let closed = session.map_or(Ok(()), |session| session.close(host));
    entered?;
    let done = done.unwrap_or_else(|| unreachable!("the work was done"));
    closed.and(done)
}
