//! How the operating system gets onto the root of a guest, as data.

use serde::{Deserialize, Serialize};

/// What a host knows of the root of a guest. It is written down before the root is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRecord {
    /// Whether the root holds a whole system; otherwise its installation has begun and is to
    /// be taken up again.
    pub is_finished: bool,
    /// The export or the device.
    pub place: String,
    /// The token of `reinstall` that it was installed with.
    pub token: Option<String>,
}
