//! Numbers with a unit and a range.

use crate::document::{
    Node, Value,
    decode::{Decoder, FromNode, Schema, integer},
};
use serde::Serialize;
use serde_json::json;
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $range:expr, $expected:tt) => {
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

        number!(@read $name($inner), $expected);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
    // It has its own way to be written.
    (@read $name:ident($inner:ty), apart) => {};
    (@read $name:ident($inner:ty), $expected:literal) => {
        impl FromNode for $name {
            const EXPECTED: &'static str = $expected;

            fn schema() -> Schema {
                json!({
                    "type": ["integer", "string"],
                    "minimum": Self::RANGE.start(),
                    "maximum": Self::RANGE.end(),
                    "pattern": "^[0-9]+$",
                })
            }

            fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
                let range = i64::from(*Self::RANGE.start())..=i64::from(*Self::RANGE.end());
                let value = integer::<Self>(node, decoder, range)?;
                <$inner>::try_from(value).ok().and_then(Self::new)
            }
        }
    };
}

number!(
    /// The memory of a VM, in MiB.
    MemoryMib(u32), 1..=16_777_216, apart
);

impl FromNode for MemoryMib {
    const EXPECTED: &'static str = "an integer, in MiB, or a size such as `2G`";

    fn schema() -> Schema {
        json!({
            "type": ["integer", "string"],
            "minimum": Self::RANGE.start(),
            "maximum": Self::RANGE.end(),
            "pattern": "^[0-9]+ ?([MGT](i?B)?)?$",
        })
    }

    fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
        let with_unit = match &node.value {
            Value::Text(text) => mib(text),
            _ => None,
        };
        let plain = with_unit.map(|mib| Node {
            value: Value::Integer(mib, None),
            ..*node
        });
        let range = i64::from(*Self::RANGE.start())..=i64::from(*Self::RANGE.end());
        let value = integer::<Self>(plain.as_ref().unwrap_or(node), decoder, range)?;
        u32::try_from(value).ok().and_then(Self::new)
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
    /// The number of virtual CPUs.
    VcpuCount(u16), 1..=4096, "an integer"
);
number!(
    /// The number of CPUs of a host.
    CpuCount(u16), 1..=4096, "an integer"
);
number!(
    /// A time limit in seconds.
    Seconds(u32), 1..=86_400, "an integer, in seconds"
);
number!(
    /// How many generations are kept.
    GenerationCount(u16), 1..=10_000, "an integer"
);
number!(
    /// A time in days.
    Days(u16), 1..=36_500, "an integer, in days"
);
number!(
    /// The MTU of an interface, in bytes (RFC 791: at least 68).
    Mtu(u16), 68..=65_535, "an integer, in bytes"
);
number!(
    /// The memory of a graphics card, in MiB.
    VideoMemoryMib(u16), 1..=4096, "an integer, in MiB"
);
number!(
    /// A display of VNC, which is on port 5900 and this.
    VncDisplay(u16), 0..=59_635, "the number of a display"
);
number!(
    /// A TCP port for SPICE, or 0 for none.
    SpicePort(u16), 0..=65_535, "a port number"
);
number!(
    /// How many USB devices a SPICE client may redirect.
    UsbRedirections(u8), 0..=4, "an integer from 0 to 4"
);
