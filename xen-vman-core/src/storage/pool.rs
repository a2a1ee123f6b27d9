//! Where backends make volumes: a volume group or a directory, and what a host says about it.

use super::Location;
use crate::command::Command;
use std::collections::BTreeMap;
use std::fmt;

/// Where volumes of a backend are made. Volumes with equal pools share its space.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    /// Its name, for people, such as `volume group vg0`.
    pub name: String,
    /// The commands that show its state; their output is read by
    /// [`Volume::read_pool`](super::Volume::read_pool).
    pub ask: Vec<Command>,
}

/// What a host says about a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolState {
    /// What new volumes can take.
    pub free_bytes: u64,
    /// The sizes of volumes are multiples of it.
    pub extent_bytes: u64,
    /// The thin pool that volumes are made in; `None` if they take their space at once.
    pub thin: Option<ThinPool>,
    /// Why no volume can be made there, if so.
    pub unfit: Option<String>,
    /// The volumes in it, also those of others.
    pub volumes: BTreeMap<Location, VolumeState>,
}

/// The use of a thin pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThinPool {
    /// Its size.
    pub size_bytes: u64,
    /// The sizes of all its volumes together.
    pub promised_bytes: u64,
    /// How much of it is used, in percent, rounded up; `None` if it is not active.
    pub data_percent: Option<u8>,
    /// How much of its metadata is used.
    pub metadata_percent: Option<u8>,
}

/// What a host says about a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeState {
    /// Its size.
    pub size_bytes: u64,
    /// What identifies it even if its name changes; `None` if its backend has no such thing.
    pub unique_id: Option<String>,
    /// The VM that it was made for; `None` if xen-vman did not make it.
    pub made_for: Option<String>,
}

impl PoolState {
    /// What a volume of at least `bytes` takes.
    pub const fn rounded(&self, bytes: u64) -> u64 {
        match self.extent_bytes {
            0 => bytes,
            extent => bytes.div_ceil(extent).saturating_mul(extent),
        }
    }
}

/// A number of bytes for people, with the largest binary unit in which it is a short number.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut number = self.0;
        let mut rest = 0;
        let mut unit = "bytes";
        for next in UNITS {
            if number < 1024 {
                break;
            }
            (number, rest) = (number / 1024, number % 1024);
            unit = next;
        }
        let tenths = rest * 10 / 1024;
        if tenths == 0 {
            write!(f, "{number} {unit}")
        } else {
            write!(f, "{number}.{tenths} {unit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_short_numbers() {
        let shown = [1, 1023, 1024, 1536 << 20, 20 << 30, 3 << 50].map(|n| Bytes(n).to_string());
        assert_eq!(
            shown,
            [
                "1 bytes",
                "1023 bytes",
                "1 KiB",
                "1.5 GiB",
                "20 GiB",
                "3 PiB"
            ]
        );
    }

    #[test]
    fn sizes_are_rounded_up_to_extents() {
        let state = |extent_bytes| PoolState {
            extent_bytes,
            ..PoolState::default()
        };
        assert_eq!(state(4).rounded(5), 8);
        assert_eq!(state(4).rounded(8), 8);
        assert_eq!(state(0).rounded(5), 5);
    }
}
