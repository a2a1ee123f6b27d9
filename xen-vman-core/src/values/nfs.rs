//! NFS exports.

use crate::diag::{DiagnosticId, Fix};
use crate::document::decode::{FromText, Invalid};
use crate::values::NamePart;
use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The export that contains the roots of all VMs, as `server:/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NfsBase {
    server: Box<str>,
    /// Without a trailing `/`; empty for the root of the server.
    path: Box<str>,
}

impl Serialize for NfsBase {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The export of a VM's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NfsExport {
    /// The server; an IPv6 address is in brackets.
    pub server: Box<str>,
    /// The path on the server.
    pub path: Box<str>,
}

impl NfsBase {
    /// The root of a VM: `BASE/ORG/NAME-root`.
    pub fn root_of(&self, org: &NamePart, name: &NamePart) -> NfsExport {
        NfsExport {
            server: self.server.clone(),
            path: format!("{}/{org}/{name}-root", self.path).into(),
        }
    }

    /// A further volume of a VM: `BASE/ORG/NAME-VOLUME`.
    pub fn volume_of(&self, org: &NamePart, name: &NamePart, volume: &NamePart) -> NfsExport {
        NfsExport {
            server: self.server.clone(),
            path: format!("{}/{org}/{name}-{volume}", self.path).into(),
        }
    }
}

impl FromText for NfsBase {
    const ID: DiagnosticId = DiagnosticId::BadNfsExport;
    const EXPECTED: &'static str = "an NFS export, as `server:/path`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let form = || Invalid::new("must be an NFS export such as `10.0.0.5:/srv/vms`");
        let (server, path) = text.split_once(":/").ok_or_else(form)?;
        let path = format!("/{path}");
        if let Some(inner) = server
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            inner.parse::<Ipv6Addr>().map_err(|_| form())?;
        } else if server.parse::<Ipv6Addr>().is_ok() {
            let right = format!("[{server}]:{path}");
            return Err(form()
                .help(format!("write the IPv6 address in brackets: `{right}`"))
                .fix(Fix::Text(right.into())));
        } else if !is_host(server) {
            return Err(form());
        }
        let fits = |c: char| c.is_ascii_graphic() && !":,\\\"'".contains(c);
        if !path.chars().all(fits) || path.split('/').any(|part| part == "..") {
            return Err(Invalid::new(
                "must have a path without blanks, quotes, `\\`, `:` and `,`, at which dracut would split it",
            ));
        }
        Ok(Self {
            server: server.into(),
            path: path.trim_end_matches('/').into(),
        })
    }
}

/// A host name or an IPv4 address.
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
    };
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.len() <= 253 && text.split('.').all(label) && (!numeric || text.parse::<IpAddr>().is_ok())
}

impl fmt::Display for NfsBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        write!(f, "{}:{path}", self.server)
    }
}

impl NfsExport {
    /// The server, as written.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The path on the server.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The address of the server; `None` if it is given by name.
    pub fn server_address(&self) -> Option<IpAddr> {
        self.server.trim_matches(['[', ']']).parse().ok()
    }
}

impl fmt::Display for NfsExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.server, self.path)
    }
}
