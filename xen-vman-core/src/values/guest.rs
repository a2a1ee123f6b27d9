//! What is installed in a guest, and what its initrd is made of.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{Decoder, FromNode, FromText, Invalid, Schema, boolean_word};
use crate::document::{Node, Value};
use serde::Serialize;
use serde_json::json;

/// Declares a word, and which texts are one.
macro_rules! word_type {
    ($(#[$doc:meta])* $name:ident, $id:ident, $expected:literal, $fits:expr, $why:literal) => {
        text_type!($(#[$doc])* $name);

        impl FromText for $name {
            const ID: DiagnosticId = DiagnosticId::$id;
            const EXPECTED: &'static str = $expected;
            const NUMBERS_ARE_TEXT: bool = true;

            fn from_text(text: &str) -> Result<Self, Invalid> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok(Self(text.into())) } else { Err(Invalid::new($why)) }
            }
        }
    };
}

/// Whether a text is made of `first` and then of `rest`.
fn made_of(text: &str, first: fn(u8) -> bool, rest: fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(first) && bytes.all(rest) && text.len() <= 128
}

word_type!(
    /// A module of dracut.
    DracutModule, BadText, "the name of a dracut module",
    |text| made_of(text, |b| b.is_ascii_alphanumeric(), |b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)),
    "must be the name of a dracut module: letters, digits and `-_.+`"
);
word_type!(
    /// A Debian package (Debian Policy, 5.6.7), with or without `:arch`.
    PackageName, BadText, "the name of a Debian package",
    |text| made_of(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
        |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.:".contains(&b)),
    "must be the name of a Debian package: lower-case letters, digits and `+-.`"
);
word_type!(
    /// The version of an operating system: a suite (`bookworm`) or a number (`12`).
    OsVersion, BadText, "a version such as `bookworm` or `12`",
    |text| made_of(text, |b| b.is_ascii_alphanumeric(), |b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)),
    "must be one word of letters, digits and `-_.+`"
);
word_type!(
    /// The user made in a new guest (useradd(8): `[a-z_][a-z0-9_-]*`, at most 32 characters).
    GuestUser, BadName, "the name of a user",
    |text| text.len() <= 32
        && made_of(text, |b| b.is_ascii_lowercase() || b == b'_', |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b)),
    "must be a user name: lower-case letters, digits, `_` and `-`, at most 32 of them, beginning with a letter or `_`"
);

text_type!(
    /// A comment of one line.
    Header
);

impl FromText for Header {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a text of one line";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        // A comment that ends in a backslash goes on in the next line of some files.
        if text.chars().any(char::is_control) || text.ends_with('\\') {
            return Err(Invalid::new("must be one line that does not end in `\\`"));
        }
        Ok(Self(text.into()))
    }
}

text_type!(
    /// A public key, as one line of `authorized_keys` (sshd(8)).
    PublicKey
);

impl FromText for PublicKey {
    const ID: DiagnosticId = DiagnosticId::BadPublicKey;
    const EXPECTED: &'static str = "a public key as `ssh-ed25519 AAAA... comment`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(Invalid::new("must be a public key; this is a private one")
                .help("the public key is in the file that ends in .pub"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("must be one line")
                .help("write several keys as several items of the list"));
        }
        if text.starts_with('#') {
            return Err(Invalid::new(
                "must be a public key; sshd passes over lines that begin with `#`",
            ));
        }
        let is_type = |word: &str| {
            ["ssh-", "ecdsa-", "sk-"]
                .iter()
                .any(|start| word.starts_with(start))
        };
        let words: Vec<_> = text.split(' ').collect();
        let key = words.windows(2).any(|pair| {
            let blob = pair[1];
            is_type(pair[0])
                && blob.starts_with("AAAA")
                && blob
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        });
        if !key {
            return Err(Invalid::new(
                "must be a public key, as `ssh-ed25519 AAAA... comment`",
            ));
        }
        Ok(Self(text.into()))
    }
}

/// Words as a shell splits them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ShellWords(Vec<String>);

impl ShellWords {
    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for ShellWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self
            .0
            .iter()
            .map(|word| crate::quote::sh_word(word))
            .collect();
        f.write_str(&words.join(" "))
    }
}

impl FromText for ShellWords {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "words as a shell reads them";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.contains(['\0', '\n']) {
            return Err(Invalid::new("must be one line"));
        }
        shlex::split(text)
            .map(Self)
            .ok_or_else(|| Invalid::new("must close every quote it opens"))
    }
}

/// Whether an installed VM is installed anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reinstall {
    /// Never.
    #[default]
    No,
    /// At every run.
    Always,
    /// Once for each new token.
    Token(Box<str>),
}

impl FromNode for Reinstall {
    const EXPECTED: &'static str = "a boolean, or a token as text";

    fn schema() -> Schema {
        json!({ "type": ["boolean", "string", "integer"] })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let yes = |yes| if yes { Self::Always } else { Self::No };
        match &node.value {
            Value::Text(text) if boolean_word(text).is_none() => {
                let token = OsVersion::from_text(text);
                if token.is_err() {
                    let message = format!(
                        "`{text}` must be true, false, or a token of letters, digits and `-_.+`"
                    );
                    decoder.problem(node, DiagnosticId::BadText, message);
                }
                token.ok().map(|_| Self::Token(text.clone()))
            }
            _ => bool::from_node(node, decoder).map(yes),
        }
    }
}

impl Serialize for Reinstall {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Always => serializer.serialize_bool(true),
            Self::Token(token) => serializer.serialize_str(token),
        }
    }
}
