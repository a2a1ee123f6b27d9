//! iSCSI names and portals.

use super::nfs::is_host;
use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};
use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

text_type!(
    /// An iSCSI qualified name (RFC 7143, 4.2.7), such as `iqn.2017-01.de.example:name`.
    Iqn
);

impl Iqn {
    /// The name of a target below this one: `BASE:SUFFIX`.
    ///
    /// # Errors
    /// If the result is not a valid IQN.
    pub fn target(&self, suffix: &str) -> Result<Self, Invalid> {
        Self::from_text(&format!("{}:{suffix}", self.0))
    }
}

impl FromText for Iqn {
    const ID: DiagnosticId = DiagnosticId::BadIqn;
    const EXPECTED: &'static str = "an iSCSI name such as `iqn.2017-01.de.example`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let form = || Invalid::new("must be an iSCSI name such as `iqn.2017-01.de.example:name`");
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c);
        if !text.chars().all(fits) {
            return Err(Invalid::new(
                "must consist of lower-case letters, digits, `.`, `-` and `:` (RFC 7143)",
            ));
        }
        if text.len() > 223 {
            return Err(Invalid::new(
                "must be at most 223 characters long (RFC 7143)",
            ));
        }
        let rest = text.strip_prefix("iqn.").ok_or_else(form)?;
        let (date, authority) = rest.split_once('.').ok_or_else(form)?;
        let (year, month) = date.split_once('-').ok_or_else(form)?;
        let digits =
            |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        let month_fits = digits(month, 2) && (1..=12).contains(&month.parse::<u8>().unwrap_or(0));
        if !digits(year, 4) || !month_fits {
            return Err(Invalid::new(
                "must have a year and month after `iqn.`, as in `iqn.2017-01.`",
            ));
        }
        if authority.is_empty() || authority.starts_with([':', '.']) {
            return Err(form());
        }
        Ok(Self(text.into()))
    }
}

/// The TCP port of iSCSI (RFC 7143, 2.3).
const DEFAULT_PORT: u16 = 3260;

/// The portal of an iSCSI server: `host` or `host:port`, with an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Portal {
    host: Box<str>,
    port: u16,
}

impl Portal {
    /// The udev link of a target's LUN 0. Its IPv6 addresses have no brackets.
    pub fn by_path(&self, iqn: &Iqn) -> String {
        format!(
            "/dev/disk/by-path/ip-{}:{}-iscsi-{iqn}-lun-0",
            self.host, self.port
        )
    }
}

impl FromText for Portal {
    const ID: DiagnosticId = DiagnosticId::BadPortal;
    const EXPECTED: &'static str = "a server, as `host` or `host:port`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let form = || {
            Invalid::new(
                "must be a host name or address, with or without `:port`; IPv6 addresses need brackets",
            )
        };
        let port = |text: &str| {
            let decimal = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|port| decimal && *port > 0)
                .ok_or_else(form)
        };
        if let Ok(IpAddr::V6(address)) = text.parse() {
            return Ok(Self {
                host: address.to_string().into(),
                port: DEFAULT_PORT,
            });
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(form)?;
            let address: Ipv6Addr = host.parse().map_err(|_| form())?;
            let port = match rest.strip_prefix(':') {
                Some(text) => port(text)?,
                None if rest.is_empty() => DEFAULT_PORT,
                None => return Err(form()),
            };
            (address.to_string(), port)
        } else if let Some((host, text)) = text.split_once(':') {
            (host.to_owned(), port(text)?)
        } else {
            (text.to_owned(), DEFAULT_PORT)
        };
        if !host.contains(':') && !is_host(&host) {
            return Err(form());
        }
        Ok(Self {
            host: host.into(),
            port,
        })
    }
}

impl fmt::Display for Portal {
    /// In the form of iscsiadm(8): IPv6 addresses in brackets, always with a port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for Portal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
