//! The contents of guests and initrds.

use super::text::text_type;
use crate::diag::DiagnosticId;
use crate::document::decode::{Decoder, FromNode, FromText, Invalid, Schema, boolean_word};
use crate::document::{Node, Value};
use serde::Serialize;
use serde_json::json;

/// Declares a word type and its syntax.
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

/// Whether a string consists of a character of `first` followed by those of `rest`.
fn made_of(text: &str, first: fn(u8) -> bool, rest: fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(first) && bytes.all(rest) && text.len() <= 128
}

word_type!(
    /// The name of a dracut module.
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
    "must be a single word of letters, digits and `-_.+`"
);
word_type!(
    /// The user that is created in a new guest (useradd(8): `[a-z_][a-z0-9_-]*`, at most 32 characters).
    GuestUser, BadName, "the name of a user",
    |text| text.len() <= 32
        && made_of(text, |b| b.is_ascii_lowercase() || b == b'_', |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b)),
    "must be a user name: at most 32 lower-case letters, digits, `_` and `-`, beginning with a letter or `_`"
);

text_type!(
    /// A comment on a single line.
    Header
);

impl FromText for Header {
    const ID: DiagnosticId = DiagnosticId::BadText;
    const EXPECTED: &'static str = "a string on a single line";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        // In some files, a backslash continues a comment on the next line.
        if text.chars().any(char::is_control) || text.ends_with('\\') {
            return Err(Invalid::new(
                "must be a single line that does not end in `\\`",
            ));
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
    const EXPECTED: &'static str = "a public key such as `ssh-ed25519 AAAA... comment`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(Invalid::new("must be a public key, not a private key")
                .help("the public key is in the file that ends in `.pub`"));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("must not contain control characters"));
        }
        if text.starts_with('#') {
            return Err(Invalid::new(
                "must be a public key; sshd ignores lines that begin with `#`",
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
                "must be a public key such as `ssh-ed25519 AAAA... comment`",
            ));
        }
        Ok(Self(text.into()))
    }
}

/// Public keys: a list whose items are keys, or several keys with a line for each, as in
/// `authorized_keys`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct PublicKeys(Vec<PublicKey>);

impl From<Vec<PublicKey>> for PublicKeys {
    fn from(keys: Vec<PublicKey>) -> Self {
        Self(keys)
    }
}

impl std::ops::Deref for PublicKeys {
    type Target = [PublicKey];

    fn deref(&self) -> &[PublicKey] {
        &self.0
    }
}

impl FromNode for PublicKeys {
    const EXPECTED: &'static str = Vec::<PublicKey>::EXPECTED;
    const EMPTY_IS_A_VALUE: bool = true;

    fn schema() -> Schema {
        Vec::<PublicKey>::schema()
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let items = decoder.list::<Lines>(node)?;
        Some(Self(
            items.into_iter().flat_map(|Lines(keys)| keys).collect(),
        ))
    }
}

/// The keys of one item.
struct Lines(Vec<PublicKey>);

impl FromNode for Lines {
    const EXPECTED: &'static str = <PublicKey as FromText>::EXPECTED;

    fn schema() -> Schema {
        <PublicKey as FromNode>::schema()
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            return PublicKey::from_node(node, decoder).map(|key| Self(vec![key]));
        };
        let is_key = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        // A comment alone is most likely a mistake.
        if lines.len() < 2 {
            return PublicKey::from_node(node, decoder).map(|key| Self(vec![key]));
        }
        let keys = lines.into_iter().filter(is_key).map(|line| {
            let value = Value::Text(line.into());
            PublicKey::from_node(&Node { value, ..*node }, decoder)
        });
        let keys: Vec<_> = keys.collect();
        keys.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// Words, split as by a shell.
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
    const EXPECTED: &'static str = "words in shell syntax";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.contains(['\0', '\n']) {
            return Err(Invalid::new("must be a single line"));
        }
        shlex::split(text)
            .map(Self)
            .ok_or_else(|| Invalid::new("must close all quotes"))
    }
}

/// Whether an installed VM is reinstalled.
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
    const EXPECTED: &'static str = "a boolean, or a token as a string";

    fn schema() -> Schema {
        json!({ "type": ["boolean", "string"] })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let yes = |yes| if yes { Self::Always } else { Self::No };
        match &node.value {
            Value::Text(text) if boolean_word(text).is_none() => {
                let wrong = if OsVersion::from_text(text).is_err() {
                    "must be true, false, or a token of letters, digits and `-_.+`"
                } else if is_no_token(text) {
                    "is no token: it may be meant as a boolean or as nothing. Write true or \
                     false, or a token with a word of its own, such as `r1` or `2026-11-26`"
                } else {
                    return Some(Self::Token(text.clone()));
                };
                let message = format!("`{text}` {wrong}");
                decoder.problem(node, DiagnosticId::BadText, message);
                None
            }
            _ => bool::from_node(node, decoder).map(yes),
        }
    }
}

/// Whether a string is a number or one of the words for yes, no and nothing in YAML 1.1, Jinja and
/// Ansible.
fn is_no_token(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "t", "f", "none", "null", "never", "always"];
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    is_word || text.bytes().all(|byte| byte.is_ascii_digit())
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
