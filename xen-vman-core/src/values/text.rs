//! Shared code of types that are checked strings.

/// Declares a checked string: the struct, `as_str` and `Display`. Its `FromText` checks it.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The string.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        $crate::values::text::from_str!($name);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(super) use text_type;

/// Implements `FromStr` through `FromText`.
macro_rules! from_str {
    ($($name:ty),+ $(,)?) => {
        $(impl std::str::FromStr for $name {
            type Err = $crate::document::decode::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::document::decode::FromText::from_text(text)
            }
        })+
    };
}
pub(crate) use from_str;
