//! [`Fix`]: a mechanical change of the text.

use serde::Serialize;

/// A change of the text that removes a problem. It is the same whatever the author meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Fix {
    /// A word of the value becomes another one.
    Word {
        /// The word as written.
        from: Box<str>,
        /// The word to write.
        to: Box<str>,
    },
    /// The key becomes another one.
    Key {
        /// The key as written.
        from: Box<str>,
        /// The key to write.
        to: Box<str>,
    },
    /// The value becomes this string, in quotes.
    Text(Box<str>),
    /// The value becomes this boolean, without quotes.
    Boolean(bool),
    /// The tables of TOML become items of a list, in two brackets.
    Items,
    /// The additional option becomes this key of the table around it.
    OwnKey(&'static str),
}

impl Fix {
    /// Another word for one that is written.
    pub fn word(from: impl Into<Box<str>>, to: impl Into<Box<str>>) -> Self {
        Self::Word {
            from: from.into(),
            to: to.into(),
        }
    }

    /// Another key for one that is written.
    pub fn key(from: impl Into<Box<str>>, to: impl Into<Box<str>>) -> Self {
        Self::Key {
            from: from.into(),
            to: to.into(),
        }
    }
}

/// Whether a word is only mistyped: letters differ, but no digits, and few of them.
pub(crate) fn is_mistyped(written: &str, meant: &str) -> bool {
    let digits = |word: &str| {
        word.matches(|c: char| c.is_ascii_digit())
            .collect::<String>()
    };
    let most = if meant.len() < 8 { 1 } else { 2 };
    let distance = strsim::osa_distance(&written.to_lowercase(), &meant.to_lowercase());
    distance <= most && digits(written) == digits(meant)
}

/// The advice to write a similar word, and the change if the written one is only mistyped.
pub(crate) fn suggestion(written: &str, near: &str, fix: Fix) -> (String, Option<Fix>) {
    (
        did_you_mean(near),
        is_mistyped(written, near).then_some(fix),
    )
}

/// The advice to write a similar word.
pub(crate) fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`?")
}
