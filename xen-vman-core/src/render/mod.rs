//! Renders complete values to every file that the host and its guests need.
//!
//! Takes a [`Resolved`] without errors, [`Templates`] and a site's [`Assets`], and returns an
//! [`Output`]: files with path, mode and content, links, lines for xl.conf, and units to enable.
//! Templates only contain layout: their values are complete and, by [`quote`](crate::quote),
//! quoted for the language of the file.

mod guest;
mod host;
mod install;
mod kernel;
mod manifest;
mod network;
mod output;
mod replaced;
mod systemd;
mod templates;
pub mod vif_p2p;
mod xl_cfg;

pub use crate::object::RenderedFile;
#[cfg(feature = "host")]
pub(crate) use host::LIBRARY;
pub use host::VM_DOMAIN;
pub(crate) use host::{MOUNT_PATH, links};
pub use manifest::{Manifest, manifest};
pub(crate) use network::is_supplied;
pub use output::{Assets, Guest, HostSetting, Keep, Link, Output, ReplacedFile};
pub use templates::Templates;

use crate::error::Error;
use crate::resolve::Resolved;

/// Renders everything.
///
/// # Errors
/// If one of the site's templates fails on these values.
pub fn render(
    resolved: &Resolved,
    templates: &Templates,
    assets: &Assets,
) -> Result<Output, Error> {
    let templates = &templates.with_header(resolved.host.header.as_str());
    let mut output = Output::default();
    for vm in &resolved.vms {
        output.host.push(xl_cfg::file(vm, resolved, templates)?);
        output.host.extend(host::storage_files(vm, resolved));
        output.host.extend(systemd::after_drop_in(vm, templates)?);
        output.host.extend(systemd::loader_drop_in(vm, templates)?);
        output
            .host
            .extend(systemd::sessions_drop_in(vm, templates)?);
        if let Some(volume) = vm.root.managed().filter(|_| vm.has_guest_files()) {
            let guest = guest::files(vm, volume, resolved, templates)?;
            output.guests.push(guest);
        }
    }
    output.host.extend(systemd::units(resolved, templates)?);
    output.host.extend(kernel::hooks(resolved, templates)?);
    output
        .host
        .extend(network::scripts(resolved, templates, assets)?);
    output.installs = install::installs(resolved);
    output.data_disks = install::data_disks(resolved);
    output.used = host::used(resolved);
    output.attachments = host::attachments(resolved);
    output.boots_host_kernel = resolved.boots_host_kernel();
    output.links = host::links();
    output.settings = host::xl_conf(resolved);
    output.enabled_units = host::enabled_units(resolved);
    output.replaced = replaced::replaced(resolved);
    output.keep = Some(Keep {
        generations: *resolved.host.generations_kept,
        days: *resolved.host.generations_kept_days,
    });
    Ok(output)
}
