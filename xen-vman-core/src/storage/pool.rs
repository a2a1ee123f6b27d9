//! Where backends make volumes: a volume group or a directory, and what a host says about it.

use super::Location;
use crate::command::Command;
use crate::values::VolumeKey;
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
    /// Why no snapshot can be taken there, if so.
    pub no_snapshots: Option<String>,
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
    /// The thin pool that it is in; `None` if it has taken its space.
    pub thin_pool: Option<String>,
    /// What it was made for; `None` if xen-vman did not make it.
    pub made_for: Option<VolumeKey>,
    /// The volume that it is a snapshot of, if xen-vman took it.
    pub snapshot_of: Option<Location>,
    /// The day on which it was made, as `2026-11-30`, if that is known.
    pub made_on: Option<String>,
    /// The number of a file, by which the host knows that it is the one that was made.
    pub inode: Option<u64>,
    /// A number that is larger for what was made later; `None` if its backend has no such thing.
    pub order: Option<u64>,
    /// Whether there is no device or file at its location, so that nothing can use it there.
    pub has_no_device: bool,
}

/// How a snapshot is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its location.
    pub location: Location,
    /// The commands that take it.
    pub commands: Vec<Command>,
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

/// A number of bytes for people: exact with a binary unit if that is short, or else rounded down.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 6] = [
            ("PiB", 50),
            ("TiB", 40),
            ("GiB", 30),
            ("MiB", 20),
            ("KiB", 10),
            ("bytes", 0),
        ];
        const SHORT_MAX: u64 = 9999;
        let size = u128::from(self.0);
        let tenths = |bits: u32| (size * 10) >> bits;
        let mut fitting = UNITS.iter().filter(|(_, bits)| self.0 >> bits > 0);
        let is_exact = |bits: u32| tenths(bits) << bits == size * 10;
        let largest = fitting.clone().next().unwrap_or(&("bytes", 0));
        let (unit, bits) = fitting
            .find(|(_, bits)| is_exact(*bits) && self.0 >> bits <= SHORT_MAX)
            .unwrap_or(largest);
        match (tenths(*bits) / 10, tenths(*bits) % 10) {
            (number, 0) => write!(f, "{number} {unit}"),
            (number, tenth) => write!(f, "{number}.{tenth} {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_short_numbers() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1, "1 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1536 << 20, "1.5 GiB"),
            (1200 << 20, "1200 MiB"),
            (20 << 30, "20 GiB"),
            ((20 << 30) + 4096, "20 GiB"),
            (3 << 50, "3 PiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
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
