//! Names of ZFS (zfs(8), zfsconcepts(7)).

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};

text_type!(
    /// The name of a ZFS dataset: a pool, and what is in it.
    ZfsName
);

/// ZFS has 255 bytes for a name, of which snapshots take some more.
const NAME_MAX: usize = 200;
/// What `zpool` has words of its own for, at the start of a pool's name.
const RESERVED: [&str; 5] = ["mirror", "raidz", "draid", "spare", "log"];

impl FromText for ZfsName {
    const ID: DiagnosticId = DiagnosticId::BadZfsName;
    const EXPECTED: &'static str = "a ZFS dataset such as `tank/vms`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-/".contains(c);
        if !text.chars().all(fits) {
            return Err(Invalid::new(
                "must consist of letters, digits, `_`, `.`, `:` and `-`, with `/` between parts",
            ));
        }
        let is_part = |part: &str| !part.is_empty() && !part.starts_with(['-', '.']);
        if !text.split('/').all(is_part) {
            return Err(Invalid::new(
                "must have parts between its `/` that do not begin with `-` or `.`",
            ));
        }
        let is_reserved = RESERVED.iter().any(|word| text.starts_with(word));
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || is_reserved {
            return Err(Invalid::new(
                "must begin with the name of a pool: with a letter, and not with `mirror`, `raidz`, `draid`, \
                 `spare` or `log`",
            ));
        }
        if text.len() > NAME_MAX {
            return Err(Invalid::new("must be at most 200 characters long"));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_zfs_accepts() {
        for name in ["tank", "tank/vms", "rpool/a.b/c:d_e-1"] {
            assert_eq!(ZfsName::from_text(name).unwrap().as_str(), name);
        }
        let long = format!("tank/{}", "a".repeat(196));
        for name in [
            "",
            "/tank",
            "tank/",
            "tank//vms",
            "tank/-a",
            "tank/.a",
            "tank/..",
            "tank@a",
            "tank#a",
            "tank/a b",
            "1tank",
            "mirror0",
            "tank/ä",
            &long,
        ] {
            assert!(ZfsName::from_text(name).is_err(), "{name}");
        }
    }
}
