//! Renders the network scripts in `/etc/xen/scripts`.

use super::Assets;
use super::templates::{Filler, NoValues};
use crate::error::Error;
use crate::object::{Object, RenderedFile, Role};
use crate::resolve::Resolved;

/// The script that comes with xen-vman.
const SUPPLIED: &str = "vif-p2p";

/// Whether xen-vman provides the script of this name. It takes precedence over a site's script.
pub(crate) fn is_supplied(path: &str) -> bool {
    path == SUPPLIED
}

/// The scripts in `additional_network_scripts`. Those that are not among the assets are left out.
pub(super) fn scripts(
    resolved: &Resolved,
    templates: &Filler<'_>,
    assets: &Assets,
) -> Result<Vec<RenderedFile>, Error> {
    let mut files = Vec::new();
    let object = Object::of_host(Role::NetworkScript);
    for script in resolved.host.additional_network_scripts.iter() {
        let path = format!("/etc/xen/scripts/{}", script.file_name());
        if is_supplied(script.path()) {
            files.push(
                templates
                    .file(object.clone(), "network/vif-p2p", path, &NoValues {})?
                    .mode(0o755),
            );
        } else if let Some(content) = assets.network_scripts.get(script.path()) {
            files.push(RenderedFile::new(object.clone(), path, content.clone()).mode(0o755));
        }
    }
    Ok(files)
}
