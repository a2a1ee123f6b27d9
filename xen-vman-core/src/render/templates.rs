//! The templates: those that come with xen-vman, and a site's in their place.

use crate::error::Error;
use crate::object::{Object, RenderedFile};
use serde::Serialize;
use std::collections::BTreeMap;
use tera::{Context, Tera};

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        /// Every template by name.
        const EMBEDDED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../templates/", $name, ".tera")))),+];
    };
}

embedded![
    "guest/authorized_keys",
    "guest/eth.link",
    "guest/fstab",
    "guest/hosts",
    "guest/interfaces",
    "guest/nostop.conf",
    "guest/resolv.conf",
    "guest/sudoers",
    "kernel/xen-dracut-postinst",
    "kernel/xen-dracut-postrm",
    "network/vif-p2p",
    "scripts/global-preparation",
    "scripts/vm-domain",
    "scripts/vm-root",
    "systemd/vm-after.conf",
    "systemd/vm@.service",
    "systemd/vm_iscsi@.service",
    "systemd/vm_iscsi_session@.service",
    "systemd/vm_mount@.service",
    "systemd/xen_vman_global_preparation.service",
    "xl/vm.cfg",
];

/// Parsed templates.
#[derive(Clone)]
pub struct Templates {
    tera: Tera,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(Self::names()).finish()
    }
}

impl Templates {
    /// The names of all templates, as `xl/vm.cfg`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The text of a template that comes with xen-vman.
    pub fn embedded_text(name: &str) -> Option<&'static str> {
        EMBEDDED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    }

    /// The templates that come with xen-vman.
    ///
    /// # Panics
    /// If one of them cannot be parsed, which the tests rule out.
    pub fn embedded() -> Self {
        Self::with_overrides(&BTreeMap::new())
            .unwrap_or_else(|error| unreachable!("embedded templates are tested: {error}"))
    }

    /// The same, with texts of a site in place of those of their names.
    ///
    /// # Errors
    /// If a name is unknown, or a text is no template; the message shows the line.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut tera = Tera::new();
        // No file here is HTML.
        tera.autoescape_on(Vec::<&str>::new());
        for (name, text) in EMBEDDED {
            let text = overrides.get(*name).map_or(*text, String::as_str);
            tera.add_raw_template(name, text)
                .map_err(|error| broken(name, &error))?;
        }
        if let Some(name) = overrides
            .keys()
            .find(|name| Self::embedded_text(name).is_none())
        {
            let known = Self::names().collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownTemplate {
                name: name.clone(),
                known,
            });
        }
        Ok(Self { tera })
    }

    /// The same, for files that begin with a header.
    pub(super) fn with_header<'a>(&'a self, header: &'a str) -> Filler<'a> {
        Filler {
            templates: self,
            header,
        }
    }
}

/// What a template without values of its own is given.
#[derive(Serialize)]
pub(super) struct NoValues {}

/// Templates, and what each of them is given as `managed`.
#[derive(Debug)]
pub(super) struct Filler<'a> {
    templates: &'a Templates,
    header: &'a str,
}

impl Filler<'_> {
    /// Fills a template in.
    pub(super) fn fill(
        &self,
        name: &'static str,
        values: &impl Serialize,
    ) -> Result<String, Error> {
        let mut context = Context::from_serialize(values).map_err(|error| broken(name, &error))?;
        context.insert("managed", self.header);
        let mut text = self
            .templates
            .tera
            .render(name, &context)
            .map_err(|error| broken(name, &error))?;
        if !text.ends_with('\n') && !text.is_empty() {
            text.push('\n');
        }
        Ok(text)
    }

    /// A file made of a template.
    pub(super) fn file(
        &self,
        object: Object,
        name: &'static str,
        path: impl Into<String>,
        values: &impl Serialize,
    ) -> Result<RenderedFile, Error> {
        Ok(RenderedFile::new(object, path, self.fill(name, values)?))
    }

    /// The same, for files that are all for the same.
    pub(super) const fn for_object(&self, object: Object) -> ObjectFiller<'_> {
        ObjectFiller {
            filler: self,
            object,
        }
    }
}

/// Templates of files that are all for the same.
#[derive(Debug)]
pub(super) struct ObjectFiller<'a> {
    filler: &'a Filler<'a>,
    object: Object,
}

impl ObjectFiller<'_> {
    /// A file made of a template.
    pub(super) fn file(
        &self,
        name: &'static str,
        path: impl Into<String>,
        values: &impl Serialize,
    ) -> Result<RenderedFile, Error> {
        self.filler.file(self.object.clone(), name, path, values)
    }
}

fn broken(name: &str, error: &tera::Error) -> Error {
    Error::Template {
        name: name.to_owned(),
        message: error.to_string(),
    }
}
