//! Derived UUIDs and MAC addresses.
//!
//! They only depend on names, so they are the same in every run and on every host.

use crate::values::{MacAddr, NamePart};
use uuid::Uuid;

/// The namespace of xen-vman's UUIDs (RFC 9562, 5.5): the UUID of the DNS name
/// `xen-vman.invalid`.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1c_7a0e_5f0d_5d0a_9d5b_3a1f_6e2c_4b70);

/// The UUID of a VM: version 5 over `ORG/NAME`.
pub(super) fn uuid(org: &NamePart, name: &NamePart) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{org}/{name}").as_bytes())
}

/// The UUID of what is on a data disk: version 5 over `ORG/NAME/volumes/VOLUME`.
pub(super) fn volume_uuid(org: &NamePart, name: &NamePart, volume: &NamePart) -> Uuid {
    Uuid::new_v5(
        &NAMESPACE,
        format!("{org}/{name}/volumes/{volume}").as_bytes(),
    )
}

/// The MAC address of an interface: locally administered, with 44 bits from the UUID of
/// `ORG/NAME/NUMBER`. The vendor range 00:16:3e only has 24 bits: among ten thousand interfaces, two
/// would share an address.
pub(super) fn mac(org: &NamePart, name: &NamePart, devid: usize) -> MacAddr {
    let hash = Uuid::new_v5(&NAMESPACE, format!("{org}/{name}/{devid}").as_bytes());
    let [a, b, c, d, e, f, ..] = hash.into_bytes();
    MacAddr::local([a, b, c, d, e, f])
}
