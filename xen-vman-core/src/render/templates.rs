//! The built-in templates, and a site's replacements for them.

use crate::error::Error;
use crate::object::{Object, RenderedFile};
use serde::Serialize;
use std::collections::BTreeMap;
use tera::{Context, Tera};

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        /// All templates, by name.
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
    "systemd/vm-bootloader.conf",
    "systemd/vm-sessions.conf",
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
    /// The names of all templates, such as `xl/vm.cfg`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The source of a built-in template.
    pub fn embedded_text(name: &str) -> Option<&'static str> {
        EMBEDDED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    }

    /// The built-in templates.
    ///
    /// # Panics
    /// If one of them cannot be parsed, which the tests rule out.
    pub fn embedded() -> Self {
        Self::with_overrides(&BTreeMap::new())
            .unwrap_or_else(|error| unreachable!("embedded templates are tested: {error}"))
    }

    /// The built-in templates, some of them replaced by a site's, by name.
    ///
    /// # Errors
    /// If a name is unknown, or if a template is not valid; the message shows the line.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut tera = Tera::new();
        // None of the files are HTML.
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

    /// The templates for files that begin with a header.
    pub(super) fn with_header<'a>(&'a self, header: &'a str) -> Filler<'a> {
        Filler {
            templates: self,
            header,
        }
    }
}

/// The values for a template that has none of its own.
#[derive(Serialize)]
pub(super) struct NoValues {}

/// Templates, and the value of `managed` for all of them.
#[derive(Debug)]
pub(super) struct Filler<'a> {
    templates: &'a Templates,
    header: &'a str,
}

impl Filler<'_> {
    /// Renders a template.
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

    /// Renders a template to a file.
    pub(super) fn file(
        &self,
        object: Object,
        name: &'static str,
        path: impl Into<String>,
        values: &impl Serialize,
    ) -> Result<RenderedFile, Error> {
        Ok(RenderedFile::new(object, path, self.fill(name, values)?))
    }

    /// The templates for files that share a role and owner.
    pub(super) const fn for_object(&self, object: Object) -> ObjectFiller<'_> {
        ObjectFiller {
            filler: self,
            object,
        }
    }
}

/// Templates for files that share a role and owner.
#[derive(Debug)]
pub(super) struct ObjectFiller<'a> {
    filler: &'a Filler<'a>,
    object: Object,
}

impl ObjectFiller<'_> {
    /// Renders a template to a file.
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
