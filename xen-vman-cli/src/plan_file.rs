//! Plan files: what a plan was made from, and its fingerprint.
//!
//! A plan file holds no content of any file of the host. `apply` makes the plan again, and
//! carries it out if the fingerprint is the same.

use crate::args::{FilesArgs, HostArgs, InputArgs, ReportArgs, TargetArgs};
use crate::definition::HostFiles;
use crate::{Failure, input};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use xen_vman_core::plan::Plan;

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    xen_vman_plan: u32,
    /// The SHA-256 of [`Plan::fingerprint`]'s parts.
    fingerprint: String,
    inputs: Inputs,
    scripts: Option<PathBuf>,
    allow: Vec<String>,
    deny: Vec<String>,
    strict: bool,
    root: PathBuf,
    prune: bool,
    templates: Option<PathBuf>,
    /// For people; it is not read.
    plan: serde_json::Value,
}

/// The files that a plan is made from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inputs {
    /// The SHA-256 of each file.
    digests: BTreeMap<PathBuf, String>,
    files: Vec<PathBuf>,
    /// The directory whose definitions `files` are, if none was named.
    default_dir: Option<PathBuf>,
    common: Vec<PathBuf>,
    facts: Option<PathBuf>,
}

/// The files that a plan is about to be made from, as they are now. `apply` reads them again,
/// so that neither standard input nor a pipe can be one of them.
pub(crate) fn inputs(args: &HostArgs, host: &HostFiles) -> Result<Inputs, Failure> {
    let InputArgs { common, facts, .. } = &args.input;
    let read = host.files.iter().chain(common).chain(facts);
    for path in read {
        let what = if input::is_stdin(path) {
            "standard input".to_owned()
        } else if input::can_be_read_once(path) {
            format!("{}, which is not a regular file", path.display())
        } else {
            continue;
        };
        return Err(Failure::new(format!("a plan file cannot refer to {what}"))
            .help("write the definition to a file: `apply` reads it again"));
    }
    let all = |paths: &[PathBuf]| {
        paths
            .iter()
            .map(|path| absolute(path))
            .collect::<Result<Vec<_>, _>>()
    };
    let some = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    let (files, common, facts) = (all(&host.files)?, all(common)?, some(facts)?);
    let read = files.iter().chain(&common).chain(&facts);
    Ok(Inputs {
        digests: read
            .map(|path| Ok((path.clone(), digest(path)?)))
            .collect::<Result<_, Failure>>()?,
        files,
        default_dir: some(&host.default_dir)?,
        common,
        facts,
    })
}

impl Inputs {
    /// What has changed since, as the end of a sentence.
    fn change(&self) -> Result<Option<String>, Failure> {
        for (path, then) in &self.digests {
            if digest(path)? != *then {
                return Ok(Some(format!("{} has changed", path.display())));
            }
        }
        let Some(dir) = &self.default_dir else {
            return Ok(None);
        };
        let now = input::default_definitions(dir)?.unwrap_or_default();
        let now = now.iter().map(|path| absolute(path));
        let is_same = now.collect::<Result<Vec<_>, _>>()? == self.files;
        Ok((!is_same).then(|| format!("{} contains other files now", dir.display())))
    }
}

/// Writes a plan file that only its owner can read, as a plan reveals much about the host.
pub(crate) fn write(
    path: &Path,
    args: &TargetArgs,
    inputs: Inputs,
    plan: &Plan,
) -> Result<(), Failure> {
    let TargetArgs { host, .. } = args;
    let input = &host.input;
    let some = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    let file = PlanFile {
        xen_vman_plan: VERSION,
        fingerprint: plan.fingerprint(),
        inputs,
        scripts: some(&input.scripts)?,
        allow: input.report.allow.clone(),
        deny: input.report.deny.clone(),
        strict: input.report.strict,
        root: absolute(&host.root)?,
        prune: args.prune,
        templates: some(&host.templates)?,
        plan: plan.to_json(),
    };
    let fail =
        |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
    let mut text = serde_json::to_vec_pretty(&file).map_err(|error| fail(error.into()))?;
    text.push(b'\n');
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(Failure::new(format!(
            "cannot write {}: it exists and is not a file",
            path.display()
        )));
    }
    // A new file takes its place: an existing one may belong to somebody else, or be open to all.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let mut out = tempfile::NamedTempFile::new_in(dir.unwrap_or(Path::new("."))).map_err(fail)?;
    out.write_all(&text).map_err(fail)?;
    out.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}

/// Refuses a path for a plan file that `apply` could not read as one, before anything is done.
pub(crate) fn refuse_stdin(path: Option<&Path>) -> Result<(), Failure> {
    if path.is_some_and(input::is_stdin) {
        return Err(Failure::new("a plan cannot be written to `-`")
            .help("`-` is standard input for `apply`; write `--out ./-` for a file of this name"));
    }
    Ok(())
}

/// The arguments that a plan was made with, and its fingerprint; `None` if this is not a plan
/// file.
pub(crate) fn read(path: &Path) -> Result<Option<(TargetArgs, String)>, Failure> {
    // Reading it here would leave nothing to read as a definition.
    if input::can_be_read_once(path) {
        return Ok(None);
    }
    let bytes = input::bytes(path)?;
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(&bytes) else {
        return Ok(None);
    };
    if !fields.contains_key("xen_vman_plan") {
        return Ok(None);
    }
    let name = path.display();
    let again = "make it again with `plan --out`; nothing was changed";
    let wrong = |why: &str| Failure::new(format!("{name} {why}")).help(again);
    let file: PlanFile = serde_json::from_value(fields.into())
        .map_err(|error| wrong(&format!("is not a valid plan file: {error}")))?;
    if file.xen_vman_plan != VERSION {
        return Err(wrong("was written by another version of xen-vman"));
    }
    if let Some(change) = file.inputs.change()? {
        return Err(wrong(&format!("is out of date: {change}")));
    }
    let host = HostArgs {
        input: InputArgs {
            common: file.inputs.common,
            facts: file.inputs.facts,
            scripts: file.scripts,
            report: ReportArgs {
                allow: file.allow,
                deny: file.deny,
                strict: file.strict,
                ..ReportArgs::default()
            },
        },
        root: file.root,
        templates: file.templates,
    };
    let args = TargetArgs {
        definition: FilesArgs {
            files: file.inputs.files,
        },
        host,
        prune: file.prune,
    };
    Ok(Some((args, file.fingerprint)))
}

/// Symbolic links are kept: network scripts are searched beside a link, not beside its target.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::new(format!("cannot find {}: {error}", path.display())))
}

fn digest(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    for byte in Sha256::digest(input::bytes(path)?) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
