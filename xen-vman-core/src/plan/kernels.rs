//! Initrds: guests boot each installed kernel with one of their own.

use super::{Action, Change, Impact, Observed};
use crate::render::Output;
use std::collections::BTreeSet;

/// What builds them; the kernel packages call it as well.
pub(crate) const HOOK: &str = "/etc/kernel/postinst.d/xen-dracut";

/// The kernels whose initrd is missing, or was built otherwise than is asked for.
pub(super) fn stale(output: &Output, observed: &Observed) -> BTreeSet<String> {
    let kernels = &observed.kernels;
    let Some(hook) = output.host_file(HOOK).filter(|_| observed.is_running) else {
        return BTreeSet::new();
    };
    let changes = match observed.entries.get(HOOK) {
        Some(super::Entry::File { content, .. }) => *content != hook.content,
        _ => true,
    };
    let is_stale = |kernel: &&String| {
        changes
            || !kernels.with_initrd.contains(*kernel)
            || observed.record.stale_initrds.contains(*kernel)
    };
    kernels.installed.iter().filter(is_stale).cloned().collect()
}

/// Builds them.
pub(super) fn actions(stale: &BTreeSet<String>) -> impl Iterator<Item = Action> {
    stale.iter().map(|kernel| Action {
        change: Change::BuildInitrd {
            kernel: kernel.clone(),
        },
        impact: Impact::InitrdRebuild,
    })
}
