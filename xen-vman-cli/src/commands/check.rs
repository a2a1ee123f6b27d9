//! `check`: everything that is wrong with a definition, and nothing written.

use super::render::compiled;
use crate::args::CheckArgs;
use crate::{Failure, Outcome, terminal};
use xen_vman_core::diag::Severity;

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let Some((compiled, _)) = compiled(&args.definition)? else {
        return Ok(Outcome::WrongDefinition);
    };
    terminal::report(&compiled.report, &compiled.sources, args.definition.format)?;
    let is_wrong =
        compiled.report.has_errors() || args.strict && compiled.report.count(Severity::Warning) > 0;
    Ok(if is_wrong {
        Outcome::WrongDefinition
    } else {
        Outcome::Fine
    })
}
