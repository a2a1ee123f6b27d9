//! Package archives for debootstrap.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid};

text_type!(
    /// The URL of a package archive that debootstrap can fetch from.
    ArchiveUrl
);

impl FromText for ArchiveUrl {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "the URL of an archive, such as `http://deb.debian.org/debian`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let form = || {
            Invalid::new(
                "must be a URL that begins with `http://`, `https://` or `file:///`, such as `http://deb.debian.org/debian`",
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
        match scheme {
            "http" | "https" if !server.is_empty() => {}
            "file" if server.is_empty() && !path.trim_matches('/').is_empty() => {}
            _ => return Err(form()),
        }
        if server.contains('@') {
            return Err(Invalid::new(
                "must not contain a user name or password: all users of the host can see it",
            )
            .help("use a proxy on the host, such as apt-cacher-ng, that logs in"));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]%+=,@".contains(c);
        if text.len() > 1024 || !rest.chars().all(fits) {
            return Err(Invalid::new(
                "must consist of at most 1024 letters, digits and `-._~/:[]%+=,@`",
            ));
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

impl ArchiveUrl {
    /// The path of the archive, if it is on this host.
    pub fn local_path(&self) -> Option<String> {
        self.as_str().strip_prefix("file://").map(str::to_owned)
    }
}

text_type!(
    /// A component of a package archive, such as `main`.
    ArchiveComponent
);

impl FromText for ArchiveComponent {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a component of an archive, such as `main`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_./+".contains(&b);
        let outer = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        let goes_up = text.split('/').any(|part| matches!(part, "" | "." | ".."));
        if outer && text.len() <= 128 && text.bytes().all(inner) && !goes_up {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new(
                "must be a component such as `main`: letters, digits and `-_.+/`",
            ))
        }
    }
}
