//! Hooks that build and remove the guests' initrd along with kernel packages.

use super::templates::Filler;
use crate::error::Error;
use crate::object::{Object, RenderedFile, Role};
use crate::quote::sh_word;
use crate::resolve::Resolved;
use serde::Serialize;

/// What the templates are given: words of sh.
#[derive(Serialize)]
struct Context {
    modules: Vec<String>,
    extra_flags: Vec<String>,
}

/// The hooks, in the folders where Debian's kernel packages look for them.
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
