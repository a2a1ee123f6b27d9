//! The commands that the script `vif-p2p` runs for a vif; a test compares the two.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The commands that set a vif up and take it down again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VifP2p {
    /// At `online`; they may be repeated at any time.
    pub online: Vec<IpCommand>,
    /// At `offline`; each may fail because the vif may no longer exist.
    pub offline: Vec<IpCommand>,
}

/// A command line of ip(8), without `ip` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpCommand(String);

impl fmt::Display for IpCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ip {}", self.0)
    }
}

/// The commands for the vif `dev` of a guest with `addresses`, on a host whose main IPv4 address
/// is `main_ip`.
///
/// For IPv4, each vif is a point-to-point link from the host's main address to the guest. For
/// IPv6, the link-local addresses `fe80::1` (dom0) and `fe80::2` (guest) are fixed.
pub fn vif_p2p(main_ip: Ipv4Addr, dev: &crate::values::VifName, addresses: &[IpAddr]) -> VifP2p {
    let command = |text: String| IpCommand(text);
    let mut online = vec![command(format!("link set dev {dev} up"))];
    online.extend(
        addresses
            .iter()
            .filter(|address| address.is_ipv4())
            .map(|guest| {
                command(format!(
                    "address replace {main_ip}/32 peer {guest}/32 dev {dev}"
                ))
            }),
    );
    let v6: Vec<_> = addresses
        .iter()
        .filter(|address| address.is_ipv6())
        .collect();
    if !v6.is_empty() {
        online.push(command(format!(
            "address replace fe80::1/64 dev {dev} nodad"
        )));
    }
    online.extend(
        v6.into_iter()
            .map(|guest| command(format!("route replace {guest}/128 via fe80::2 dev {dev}"))),
    );
    let offline =
        ["-6 route flush dev", "address flush dev"].map(|what| command(format!("{what} {dev}")));
    let down = command(format!("link set dev {dev} down"));
    VifP2p {
        online,
        offline: offline.into_iter().chain([down]).collect(),
    }
}
