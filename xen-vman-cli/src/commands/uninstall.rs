//! `uninstall-host`: removes everything that `apply` brought to a host.

use super::host::{finish, open_root, show};
use super::watch::{self, Confirm, Waiting};
use crate::args::UninstallArgs;
use crate::{Failure, Outcome, input, layout, terminal};
use serde_json::json;
use std::path::Path;
use xen_vman_core::diag::text::printable;
use xen_vman_core::facade::Consent;
use xen_vman_core::host::{plan_uninstall, uninstall};
use xen_vman_core::plan::Left;

const CONFIRM: Confirm = Confirm {
    question: "This removes everything that `apply` brought to this host. The roots of VMs are not touched.",
    word: "uninstall",
};

pub(crate) fn run(args: &UninstallArgs) -> Result<Outcome, Failure> {
    let dir = open_root(&args.root)?;
    if args.plan {
        let planned = plan_uninstall(&dir)?;
        if args.json {
            let mut shown = planned.plan.to_json();
            shown["left"] = json!(planned.left);
            terminal::data(format!("{shown:#}\n").as_bytes())?;
            return Ok(Outcome::Fine);
        }
        show(&planned.plan, |change| {
            if args.diff {
                change.diff()
            } else {
                String::new()
            }
        })?;
        note_left(&planned.left, &args.root);
        return Ok(Outcome::Fine);
    }
    // That VMs are removed is what was asked for.
    let mut waiting = Waiting::new(args.json, Consent::of_rollback(), None);
    waiting.confirm = (!args.yes).then_some(CONFIRM);
    let (applied, left) = match uninstall(&dir, &mut waiting) {
        Ok(done) => (Ok(done.applied), Some(done.left)),
        Err(error) => (Err(error), None),
    };
    let outcome = finish(applied, &mut waiting)?;
    if let Some(left) = left {
        if args.json {
            watch::say(&json!({ "event": "left", "left": left }));
        } else {
            note_left(&left, &args.root);
        }
    }
    Ok(outcome)
}

/// Prints what stays, why, and how it is removed.
fn note_left(left: &Left, root: &Path) {
    let width = terminal::message_width();
    let mut text = "what stays:\n".to_owned();
    let mut item = |what: &str| text.push_str(&layout::hang("  ", what, 4, width));
    for path in &left.changed_files {
        let path = printable(path);
        item(&format!("{path}: somebody has changed it; look at it"));
    }
    for path in &left.unknown_originals {
        let path = printable(path);
        item(&format!(
            "{path}: what was there before is not known any more; look at it"
        ));
    }
    let definitions = root.join("etc/xen-vman");
    let files = input::default_definitions(&definitions);
    for file in files.ok().flatten().unwrap_or_default() {
        let file = printable(&file.display().to_string());
        item(&format!(
            "{file}: your definition; `rm` it if you do not need it any more"
        ));
    }
    let state = root.join("var/lib/xen-vman");
    if state.exists() {
        let state = printable(&state.display().to_string());
        item(&format!(
            "{state}: earlier versions of files, for `rollback`; `rm -r {state}` removes them"
        ));
    }
    for (domain, locations) in &left.roots {
        for location in locations {
            let location = printable(location);
            item(&format!(
                "{location}: the root of {domain}; delete it on the server that has it"
            ));
        }
    }
    let text = text.trim_end();
    if text.contains('\n') {
        terminal::note(text);
    }
}
