//! The exit codes, for the docs and the manual pages.

/// What each exit code means.
pub(crate) const MEANINGS: &[(char, &str)] = &[
    (
        '0',
        "Success. Warnings do not change that, unless --strict or --deny turns them into errors.",
    ),
    (
        '1',
        "The definition, or a file of facts, has errors. They are reported and nothing is done, \
         except that explain and import still print their result.",
    ),
    ('2', "The command failed, or was used wrongly."),
    (
        '3',
        "plan --detailed-exitcode: there is something to do. doctor: something is missing.",
    ),
];

/// The exit codes of each command; `tests/exit_codes.rs` covers all of them.
pub(crate) const OF_COMMANDS: &[(&str, &str)] = &[
    ("render", "0, 1, 2"),
    ("plan", "0, 1, 2; 3 with `--detailed-exitcode`"),
    ("apply", "0, 1, 2"),
    ("rollback", "0, 2"),
    ("uninstall-host", "0, 2"),
    ("status", "0, 1, 2"),
    ("volumes", "0, 1, 2"),
    ("remove-volume", "0, 1, 2"),
    ("restore-volume", "0, 1, 2"),
    ("doctor", "0, 1, 2, 3"),
    ("facts", "0, 2"),
    ("check", "0, 1, 2"),
    ("lint", "0, 1, 2"),
    ("import", "0, 1, 2"),
    ("explain", "0, 1, 2"),
    ("graph", "0, 1, 2"),
    ("diagnostics", "0, 2"),
    ("convert", "0, 1, 2"),
    ("schema", "0, 2"),
    ("vif-p2p", "0, 2"),
    ("vifname", "0, 2"),
    ("completions", "0, 2"),
    ("man", "0, 2"),
];
