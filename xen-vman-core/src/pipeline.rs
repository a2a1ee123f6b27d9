//! Runs the stages in order.

use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Levels, Report};
use crate::document::{Source, Sources};
use crate::error::Error;
use crate::parse::{Parsed, parse_from};
use crate::render::{Assets, Output, Templates, is_supplied, render};
use crate::resolve::{Facts, Resolved, Scope, resolve};
use crate::spec::Definition;
use crate::validate::validate;

/// A definition after all checks.
#[derive(Debug)]
#[non_exhaustive]
pub struct Compiled {
    /// Complete values.
    pub resolved: Resolved,
    /// All problems, in the order of the files.
    pub report: Report,
    /// The input, to show lines of it.
    pub sources: Sources,
}

/// The definitions of several hosts after all checks, including those between hosts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fleet {
    /// Complete values, host by host.
    pub hosts: Vec<Resolved>,
    /// All problems, in the order of the files. Their paths contain the number of the host.
    pub report: Report,
    /// The input of each host, to show lines of it.
    pub sources: Vec<Sources>,
}

/// Parses, resolves and validates the files of one host.
pub fn compile(files: Vec<Source>, facts: &Facts) -> Compiled {
    compile_with(files, facts, &Levels::default())
}

/// The same, with levels that override those in the definition.
pub fn compile_with(files: Vec<Source>, facts: &Facts, levels: &Levels) -> Compiled {
    compile_parsed(parse_from(files, 0), facts, levels)
}

/// Resolves and validates a definition that was built in code rather than read from files. A
/// VM is known by its number in diagnostics, which have a path and no location.
///
/// ```
/// use xen_vman_core::spec::{Definition, OsSpec, VmSpec};
/// use xen_vman_core::{Assets, Facts, Templates, compile_definition};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut os = OsSpec::default();
/// os.r#type = Some("debian".parse()?);
/// os.version = Some("12".parse()?);
/// let mut vm = VmSpec::default();
/// vm.org = Some("a".parse()?);
/// vm.name = Some("web".parse()?);
/// vm.os = Some(os);
/// vm.interfaces = Some(Vec::new());
/// vm.cmdline = Some("root=/dev/xvda rw".parse()?);
/// vm.storage_type = Some("lvm".parse()?);
/// let mut definition = Definition::default();
/// definition.vms.push(vm);
/// let compiled = compile_definition(definition, &Facts::default());
/// assert!(!compiled.report.has_errors());
/// let output = compiled.render(&Templates::embedded(), &Assets::default())?;
/// assert!(output.host_file("/etc/xen/vms/a-web.cfg").is_some());
/// # Ok(())
/// # }
/// ```
pub fn compile_definition(definition: Definition, facts: &Facts) -> Compiled {
    let parsed = Parsed {
        definition,
        sources: Sources::default(),
        report: Report::new(),
    };
    compile_parsed(parsed, facts, &Levels::default())
}

fn compile_parsed(mut parsed: Parsed, facts: &Facts, levels: &Levels) -> Compiled {
    let mut report = std::mem::take(&mut parsed.report);
    let resolved = resolve(&parsed, facts, &mut report);
    let mut fleet = Fleet {
        hosts: vec![resolved],
        report,
        sources: vec![parsed.sources],
    };
    validate(&fleet.hosts, &mut fleet.report);
    fleet.arrange(levels);
    let Fleet {
        mut hosts,
        report,
        mut sources,
    } = fleet;
    Compiled {
        resolved: hosts.remove(0),
        report,
        sources: sources.remove(0),
    }
}

/// Parses, resolves and validates the files of several hosts, including conflicts between them.
/// `levels` override those in a definition.
pub fn compile_fleet(hosts: Vec<Vec<Source>>, facts: &Facts, levels: &Levels) -> Fleet {
    let mut fleet = Fleet {
        hosts: Vec::new(),
        report: Report::new(),
        sources: Vec::new(),
    };
    for (files, host) in hosts.into_iter().zip(0_u16..) {
        let first_file = fleet.sources.last().map_or(Some(0), Sources::next);
        let mut parsed = parse_from(files, first_file.unwrap_or(u16::MAX));
        let mut report = std::mem::take(&mut parsed.report);
        fleet.hosts.push(resolve(&parsed, facts, &mut report));
        fleet.report.append(report, host);
        fleet.sources.push(parsed.sources);
    }
    validate(&fleet.hosts, &mut fleet.report);
    fleet.arrange(levels);
    fleet
}

impl Fleet {
    /// The only host of a fleet; the fleet itself if it has none or several.
    ///
    /// # Errors
    /// The fleet.
    pub fn into_single(mut self) -> Result<Compiled, Self> {
        match (self.hosts.pop(), self.sources.pop()) {
            (Some(resolved), Some(sources)) if self.hosts.is_empty() => Ok(Compiled {
                resolved,
                report: self.report,
                sources,
            }),
            (resolved, sources) => {
                self.hosts.extend(resolved);
                self.sources.extend(sources);
                Err(self)
            }
        }
    }

    /// Sets the location and severity of all diagnostics.
    fn arrange(&mut self, levels: &Levels) {
        let own: Vec<Levels> = self.hosts.iter().map(Resolved::levels).collect();
        self.report
            .apply(|path| [levels, &own[usize::from(path.host())]]);
        let sources = &self.sources;
        self.report.locate(|path| span_of(sources, path));
        if sources.len() > 1 {
            self.report.say_once(sources);
        }
    }

    /// Loads the network scripts of all hosts; see [`Compiled::load_assets`]. `read` also gets the
    /// number of the host.
    pub fn load_assets(
        &mut self,
        read: impl Fn(usize, &str) -> Result<Vec<u8>, String>,
    ) -> Vec<Assets> {
        let mut all = Vec::new();
        for (host, resolved) in self.hosts.iter().enumerate() {
            let (assets, missing) = assets_of(resolved, |path| read(host, path));
            self.report
                .append(missing, u16::try_from(host).unwrap_or(u16::MAX));
            all.push(assets);
        }
        let sources = &self.sources;
        self.report.locate(|path| span_of(sources, path));
        all
    }
}

fn span_of(sources: &[Sources], path: &FieldPath) -> Option<crate::diag::Span> {
    sources.get(usize::from(path.host()))?.span_of(path)
}

impl Compiled {
    /// Renders every file.
    ///
    /// # Errors
    /// If the report has errors, or if one of the site's templates fails on these values.
    pub fn render(&self, templates: &Templates, assets: &Assets) -> Result<Output, Error> {
        if self.report.has_errors() {
            return Err(Error::WrongDefinition);
        }
        render(&self.resolved, templates, assets)
    }

    /// Loads the site's network scripts with `read`, which gets a path as written and returns the
    /// content or the reason for a failure. Failures are added to the report.
    pub fn load_assets(&mut self, read: impl Fn(&str) -> Result<Vec<u8>, String>) -> Assets {
        let (assets, missing) = assets_of(&self.resolved, read);
        self.report.append(missing, 0);
        self.report.locate(|path| self.sources.span_of(path));
        assets
    }
}

/// The network scripts of a host, and a report of those that cannot be read.
fn assets_of(
    resolved: &Resolved,
    read: impl Fn(&str) -> Result<Vec<u8>, String>,
) -> (Assets, Report) {
    let mut assets = Assets::default();
    let mut report = Report::new();
    let place = Scope::Host.key("additional_network_scripts");
    let scripts = resolved.host.additional_network_scripts.iter().enumerate();
    for (number, script) in scripts.filter(|(_, script)| !is_supplied(script.path())) {
        match read(script.path()) {
            Ok(content) => {
                let path = script.path().to_owned();
                assets.network_scripts.insert(path, content);
            }
            Err(why) => {
                let message = format!("network script `{}` cannot be read: {why}", script.path());
                let path = place.path().index(number);
                let help = "relative paths start at the directory `files` next to the definition, or at that of \
                            `--scripts`; `vif-p2p` comes with xen-vman";
                let id = DiagnosticId::MissingNetworkScript;
                report.push(Diagnostic::new(id, path, message).help(help));
            }
        }
    }
    (assets, report)
}
