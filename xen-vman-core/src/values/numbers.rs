//! Numbers with a unit and a range.

use crate::document::{
    Node, Value,
    decode::{Decoder, FromNode, Schema, integer},
};
use serde::Serialize;
use serde_json::json;
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $range:expr, $expected:literal, $units:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// The smallest and the largest value.
            pub const RANGE: std::ops::RangeInclusive<$inner> = $range;

            /// Returns the number if it is in range.
            pub fn new(value: $inner) -> Option<Self> {
                Self::RANGE.contains(&value).then_some(Self(value))
            }

            /// The number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl FromNode for $name {
            const EXPECTED: &'static str = $expected;

            fn schema() -> Schema {
                json!({
                    "type": ["integer", "string"],
                    "minimum": Self::RANGE.start(),
                    "maximum": Self::RANGE.end(),
                    "pattern": $units.pattern(),
                })
            }

            fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
                let range = i64::from(*Self::RANGE.start())..=i64::from(*Self::RANGE.end());
                let plain = $units.without_unit(node);
                let node = plain.as_ref().unwrap_or(node);
                let value = integer::<Self>(node, decoder, range)?;
                <$inner>::try_from(value).ok().and_then(Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// The units that a number may be written with.
enum Units {
    /// None.
    None,
    /// Those of memory; without one, it is MiB.
    Memory,
    /// Those of times, as systemd.time(7) has them. There are more, such as `M` for months, which is not
    /// what it looks like.
    Time {
        /// Their names.
        names: &'static [&'static str],
        /// What the number is without one, in seconds.
        plain_secs: i64,
    },
}

const TIME_IN_SECONDS: Units = Units::Time {
    names: &[
        "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes", "h",
        "hour", "hours",
    ],
    plain_secs: 1,
};

const TIME_IN_DAYS: Units = Units::Time {
    names: &["d", "day", "days", "w", "week", "weeks"],
    plain_secs: 86_400,
};

impl Units {
    /// The number that a string with a unit stands for; `None` if it is not one.
    fn read(&self, text: &str) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Memory => mib(text),
            Self::Time { names, plain_secs } => {
                let mut units = text.split(|char: char| char.is_ascii_digit() || char == ' ');
                if !units.all(|unit| unit.is_empty() || names.contains(&unit)) {
                    return None;
                }
                let time = humantime::parse_duration(text).ok()?;
                let secs = i64::try_from(time.as_secs()).ok()?;
                Some(secs / plain_secs)
            }
        }
    }

    /// What is read, and plain numbers, as a regular expression of JSON Schema.
    fn pattern(&self) -> String {
        match self {
            Self::None => "^[0-9]+$".to_owned(),
            Self::Memory => "^[0-9]+ ?([MGT](i?B)?)?$".to_owned(),
            Self::Time { names, .. } => {
                format!("^[0-9]+$|^([0-9]+ *({}) *)+$", names.join("|"))
            }
        }
    }

    /// The number that a string with a unit stands for.
    fn without_unit(&self, node: &Node) -> Option<Node> {
        let Value::Text(text) = &node.value else {
            return None;
        };
        self.read(text).map(|number| Node {
            value: Value::Integer(number, None),
            ..*node
        })
    }
}

/// A size with a unit, in MiB. Memory has binary units only, so `G` and `GB` are GiB, too.
fn mib(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let factor = match unit
        .strip_suffix("iB")
        .or(unit.strip_suffix('B'))
        .unwrap_or(unit)
    {
        "M" => 1,
        "G" => 1 << 10,
        "T" => 1 << 20,
        _ => return None,
    };
    let number: i64 = number.parse().ok().filter(|_| !number.starts_with('0'))?;
    number.checked_mul(factor)
}

number!(
    /// The memory of a VM, in MiB.
    MemoryMib(u32), 1..=16_777_216, "an integer, in MiB, or a size such as `2G`", Units::Memory
);
number!(
    /// The size of a volume, in MiB.
    VolumeSizeMib(u32), 1..=1_073_741_824, "an integer, in MiB, or a size such as `20G`", Units::Memory
);
number!(
    /// A share, in percent.
    Percent(u8), 1..=100, "an integer from 1 to 100", Units::None
);
number!(
    /// The number of virtual CPUs.
    VcpuCount(u16), 1..=4096, "an integer", Units::None
);
number!(
    /// The number of CPUs of a host.
    CpuCount(u16), 1..=4096, "an integer", Units::None
);
number!(
    /// A time limit in seconds.
    Seconds(u32), 1..=86_400, "an integer, in seconds, or a time such as `5min`", TIME_IN_SECONDS
);
number!(
    /// How many generations are kept.
    GenerationCount(u16), 1..=10_000, "an integer", Units::None
);
number!(
    /// A time in days.
    Days(u16), 1..=36_500, "an integer, in days, or a time such as `2w`", TIME_IN_DAYS
);
number!(
    /// The MTU of an interface, in bytes (RFC 791: at least 68).
    Mtu(u16), 68..=65_535, "an integer, in bytes", Units::None
);
number!(
    /// The memory of a graphics card, in MiB.
    VideoMemoryMib(u16), 1..=4096, "an integer, in MiB, or a size such as `16M`", Units::Memory
);
number!(
    /// A display of VNC, which is on port 5900 and this.
    VncDisplay(u16), 0..=59_635, "the number of a display", Units::None
);
number!(
    /// A TCP port for SPICE, or 0 for none.
    SpicePort(u16), 0..=65_535, "a port number", Units::None
);
number!(
    /// How many USB devices a SPICE client may redirect.
    UsbRedirections(u8), 0..=4, "an integer from 0 to 4", Units::None
);

impl VolumeSizeMib {
    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0) << 20
    }
}

#[cfg(test)]
mod tests {
    use super::{TIME_IN_DAYS, TIME_IN_SECONDS};

    #[test]
    fn times_are_whole_numbers_with_units_of_their_kind() {
        for (text, secs) in [
            ("5min", Some(300)),
            ("1h 30m", Some(5400)),
            ("2 minutes 1s", Some(121)),
            // A month.
            ("5M", None),
            ("1.5min", None),
            ("1000ms", None),
            ("2d", None),
            ("", None),
            ("-5s", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(TIME_IN_SECONDS.read(text), secs, "{text}");
        }
        for (text, days) in [("2w", Some(14)), ("1w 1d", Some(8)), ("24h", None)] {
            assert_eq!(TIME_IN_DAYS.read(text), days, "{text}");
        }
    }
}
