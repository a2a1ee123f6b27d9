//! Names of VMs given as arguments.

use crate::{Failure, input};
use std::path::Path;
use xen_vman_core::diag::text::printable;

/// How many names are listed at most if none resembles the one given.
const LISTED_MAX: usize = 20;

/// Reports a file given in place of a VM, before anything is read: commands that work on VMs
/// take the definition with `--file`.
pub(crate) fn refuse_files(names: &[String]) -> Result<(), Failure> {
    let is_file = |name: &&String| {
        let path = Path::new(name);
        input::is_stdin(path) || input::is_definition(path) && path.exists()
    };
    match names.iter().find(is_file) {
        Some(name) => Err(Failure::new(format!("`{name}` is a file, not a VM"))
            .help(format!("give the definition with `--file {name}`"))),
        None => Ok(()),
    }
}

/// Reports all names that are not among the known domains.
pub(crate) fn all_known(names: &[String], known: &[&str]) -> Result<(), Failure> {
    let is_unknown = |name: &&String| !known.contains(&name.as_str());
    let unknown: Vec<_> = names.iter().filter(is_unknown).collect();
    let message = match unknown[..] {
        [] => return Ok(()),
        [name] => format!("no VM is called {}", quoted([name])),
        _ => format!("no VMs are called {}", quoted(unknown.iter().copied())),
    };
    let meant = unknown.iter().filter_map(|name| closest(name, known));
    let meant: Vec<_> = meant.collect();
    let help = match known.len() {
        0 => "there are no VMs".to_owned(),
        _ if !meant.is_empty() => format!("did you mean {}?", quoted(meant)),
        1..=LISTED_MAX => format!("VMs are {}", quoted(known)),
        many => format!("`xen-vman-cli status` lists all {many} VMs"),
    };
    Err(Failure::new(message).help(help))
}

/// The domain that was probably meant: the one with this name in some organisation, or else
/// the most similar one.
fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let without_org = format!("-{name}");
    let mut ends = known.iter().filter(|domain| domain.ends_with(&without_org));
    if let (Some(domain), None) = (ends.next(), ends.next()) {
        return Some(domain);
    }
    let scores = known
        .iter()
        .map(|domain| (strsim::jaro_winkler(name, domain), *domain));
    let alike = scores.filter(|(score, _)| *score > 0.85);
    let best = alike.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map(|(_, domain)| domain)
}

/// Any program may have named the domains that run, so their names are made printable.
fn quoted(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names = names.into_iter();
    let names = names.map(|name| format!("`{}`", printable(name.as_ref())));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_the_terminal() {
        let known = ["a\u{1b}[31m", "b"];
        let failure = all_known(&["x\u{1b}y".to_owned()], &known).unwrap_err();
        let said = failure.message + &failure.help.unwrap_or_default();
        assert!(!said.contains('\u{1b}') && said.contains("`b`"), "{said}");
    }
}
