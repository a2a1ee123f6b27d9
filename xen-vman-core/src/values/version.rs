//! Versions of Xen.

use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};
use serde::Serialize;
use std::fmt;

/// A version of Xen by its first two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XenVersion {
    major: u8,
    minor: u8,
}

impl XenVersion {
    /// The oldest supported version: Debian 12's.
    pub const OLDEST: Self = Self::new(4, 17);

    /// A version.
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }
}

impl FromText for XenVersion {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a version such as \"4.17\"";
    const NUMBERS_ARE_TEXT: bool = true;

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let number = |text: &str| {
            let decimal = text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u8>().ok().filter(|_| decimal)
        };
        let mut numbers = text.split('.').map(number);
        match (numbers.next(), numbers.next()) {
            (Some(Some(major)), Some(Some(minor))) if numbers.all(|rest| rest.is_some()) => {
                Ok(Self { major, minor })
            }
            _ => Err(Invalid::new(
                "must be a version of Xen, such as \"4.17\" or \"4.17.5\"",
            )),
        }
    }
}

impl fmt::Display for XenVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for XenVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
