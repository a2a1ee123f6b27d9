//! Renders the hooks of kernel packages that build and remove guest initrds.

use super::templates::Filler;
use crate::error::Error;
use crate::object::{Object, RenderedFile, Role};
use crate::quote::sh_word;
use crate::resolve::Resolved;
use serde::Serialize;

/// The values for the templates: quoted shell words.
#[derive(Serialize)]
struct Context {
    modules: Vec<String>,
    extra_flags: Vec<String>,
}

/// The hooks, in the directories of Debian's kernel packages.
pub(super) fn hooks(
    resolved: &Resolved,
    templates: &Filler<'_>,
) -> Result<Vec<RenderedFile>, Error> {
    let host = &resolved.host;
    let flags = host
        .dracut_extra_flags
        .as_ref()
        .map_or(&[][..], |flags| flags.words());
    let context = Context {
        modules: host
            .dracut_modules
            .iter()
            .map(|module| sh_word(module.as_str()))
            .collect(),
        extra_flags: flags.iter().map(|word| sh_word(word)).collect(),
    };
    let hook = |role, template, path| {
        let file = templates.file(Object::of_host(role), template, path, &context)?;
        Ok(file.mode(0o755))
    };
    Ok(vec![
        hook(
            Role::InitrdHook,
            "kernel/xen-dracut-postinst",
            "/etc/kernel/postinst.d/xen-dracut",
        )?,
        hook(
            Role::InitrdRemovalHook,
            "kernel/xen-dracut-postrm",
            "/etc/kernel/postrm.d/xen-dracut",
        )?,
    ])
}
