//! The one order of the stages.

use crate::diag::{Diagnostic, DiagnosticId, Report};
use crate::document::{Source, Sources};
use crate::error::Error;
use crate::parse::{Parsed, parse};
use crate::render::{Assets, Output, Templates, is_supplied, render};
use crate::resolve::{Facts, Resolved, Scope, resolve};
use crate::validate::validate;

/// A definition after all checks.
#[derive(Debug)]
pub struct Compiled {
    /// Complete values. They may be rendered only if the report has no errors.
    pub resolved: Resolved,
    /// Everything that was found wrong, in the order of the files.
    pub report: Report,
    /// The input, to show places in it.
    pub sources: Sources,
}

/// Parses, resolves and validates the files of one host.
pub fn compile(files: Vec<Source>, facts: &Facts) -> Compiled {
    let mut parsed = parse(files);
    let mut report = std::mem::take(&mut parsed.report);
    let resolved = resolve(&parsed, facts, &mut report);
    validate(&resolved, &mut report);
    let Parsed { sources, .. } = parsed;
    report.locate(|path| sources.span_of(path));
    Compiled {
        resolved,
        report,
        sources,
    }
}

impl Compiled {
    /// Renders every file.
    ///
    /// # Errors
    /// If a template of a site fails on these values.
    pub fn render(&self, templates: &Templates, assets: &Assets) -> Result<Output, Error> {
        render(&self.resolved, templates, assets)
    }
}

impl Compiled {
    /// Fetches the network scripts of the site with `read`, which is given a path as
    /// written and tells why it cannot. What is missing goes to the report.
    pub fn load_assets(&mut self, read: impl Fn(&str) -> Result<Vec<u8>, String>) -> Assets {
        let mut assets = Assets::default();
        let place = Scope::Host.key("additional_network_scripts");
        for (number, script) in self
            .resolved
            .host
            .additional_network_scripts
            .iter()
            .enumerate()
        {
            if is_supplied(script.file_name()) {
                continue;
            }
            match read(script.path()) {
                Ok(content) => {
                    assets
                        .network_scripts
                        .insert(script.path().to_owned(), content);
                }
                Err(why) => {
                    let message =
                        format!("network script `{}` cannot be read: {why}", script.path());
                    let path = place.path().index(number);
                    let help = "relative paths are below the folder `files` beside the definition; \
                                `vif-p2p` comes with xen-vman";
                    let id = DiagnosticId::MissingNetworkScript;
                    self.report
                        .push(Diagnostic::new(id, path, message).help(help));
                }
            }
        }
        self.report.locate(|path| self.sources.span_of(path));
        assets
    }
}
