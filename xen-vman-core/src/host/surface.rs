//! Samples a device: a disk is only blank if reading it shows nothing but zeros.

use super::HostError;
use super::dir::failed;
use crate::install::Surface;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

/// How much is read at each end.
const END_BYTES: u64 = 64 << 20;
/// How many samples are taken between the ends.
const SAMPLES: u64 = 4096;
/// The size of a sample.
const SAMPLE_BYTES: u64 = 4096;
/// How much is read at a time.
const CHUNK_BYTES: u64 = 1 << 20;

/// Reads the samples of a device.
///
/// # Errors
/// If any of them cannot be read.
pub(super) fn read(path: &str) -> Result<Surface, HostError> {
    let look = || -> io::Result<Surface> {
        let mut device = File::open(path)?;
        let size = device.seek(SeekFrom::End(0))?;
        if size == 0 {
            return Err(io::Error::other("it has no size"));
        }
        sample(&device, size)
    };
    look().map_err(|error| failed("read", path, error))
}

fn sample(device: &File, size: u64) -> io::Result<Surface> {
    let mut buffer = Vec::new();
    for (offset, length) in places(size) {
        buffer.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        device.read_exact_at(&mut buffer, offset)?;
        let found = buffer.iter().position(|byte| *byte != 0);
        if let Some(position) = found {
            let offset_bytes = offset + u64::try_from(position).unwrap_or_default();
            return Ok(Surface::Data { offset_bytes });
        }
    }
    Ok(Surface::Zeros)
}

/// The places to read: offset and length. A device that is not larger than that is read whole.
fn places(size: u64) -> impl Iterator<Item = (u64, u64)> {
    let between = size.saturating_sub(2 * END_BYTES);
    let is_whole = between <= SAMPLES * SAMPLE_BYTES;
    let first = if is_whole { size } else { END_BYTES };
    let last = if is_whole { size } else { size - END_BYTES };
    let samples = if is_whole { 0 } else { SAMPLES };
    // Samples begin at whole blocks, as a device is read.
    let step = between / SAMPLES;
    let samples = (0..samples).map(move |number| {
        let offset = END_BYTES + number * step;
        (offset - offset % SAMPLE_BYTES, SAMPLE_BYTES)
    });
    chunks(0, first).chain(samples).chain(chunks(last, size))
}

fn chunks(from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
    let begins = (from..to).step_by(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX));
    begins.map(move |begin| (begin, CHUNK_BYTES.min(to - begin)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TIB: u64 = 1 << 40;

    /// A sparse file of 1 TiB with something at one place.
    fn with_byte_at(name: &str, offset: Option<u64>) -> Surface {
        let dir = std::env::temp_dir().join(format!("xen-vman-surface-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        let file = File::create(&path).unwrap();
        file.set_len(TIB).unwrap();
        if let Some(offset) = offset {
            file.write_all_at(b"x", offset).unwrap();
        }
        let found = read(path.to_str().unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        // Fails as long as the other test uses it.
        let _ = fs::remove_dir(&dir);
        found
    }

    #[test]
    fn data_at_either_end_and_at_each_sample_is_found() {
        assert_eq!(with_byte_at("blank", None), Surface::Zeros);
        let step = (TIB - 2 * END_BYTES) / SAMPLES;
        let samples = [0, 1, 4095].map(|number| END_BYTES + number * step);
        for offset in [0, 1 << 20, END_BYTES - 1, TIB - END_BYTES, TIB - 1]
            .into_iter()
            .chain(samples)
        {
            let found = with_byte_at("data", Some(offset));
            let Surface::Data { offset_bytes } = found else {
                panic!("{offset} was not found")
            };
            assert_eq!(offset_bytes, offset);
        }
    }

    #[test]
    fn a_small_device_is_read_whole_and_none_twice() {
        for size in [1, 4096, CHUNK_BYTES + 1, 2 * END_BYTES + 5] {
            let mut at = 0;
            for (offset, length) in places(size) {
                assert_eq!(offset, at);
                at += length;
            }
            assert_eq!(at, size);
        }
    }

    #[test]
    fn a_device_that_cannot_be_read_is_not_blank() {
        assert!(read("/proc/self/mem").is_err());
        assert!(read("/nonexistent/disk").is_err());
    }
}
