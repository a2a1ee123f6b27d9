//! Plans the guest initrds: there is one for each installed kernel.

use super::{Action, Change, Impact, Observed};
use crate::object::{RenderedFile, Role};
use crate::render::Output;
use std::collections::BTreeSet;

/// The kernels whose guest initrd is missing or was built by a different hook.
pub(super) fn stale(output: &Output, observed: &Observed) -> BTreeSet<String> {
    let kernels = &observed.kernels;
    let hook = output.of_role(Role::InitrdHook).next();
    let Some(hook) = hook.filter(|_| observed.is_running) else {
        return BTreeSet::new();
    };
    let changes = match observed.entries.get(&hook.path) {
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

/// The actions that build them, if any VM boots one.
pub(super) fn actions(output: &Output, stale: &BTreeSet<String>) -> Vec<Action> {
    let hook = output.of_role(Role::InitrdHook).next();
    let Some(RenderedFile { path: hook, .. }) = hook.filter(|_| output.boots_host_kernel) else {
        return Vec::new();
    };
    let actions = stale.iter().map(|kernel| Action {
        change: Change::BuildInitrd {
            hook: hook.clone(),
            kernel: kernel.clone(),
        },
        impact: Impact::InitrdRebuild,
    });
    actions.collect()
}
