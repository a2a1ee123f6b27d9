//! IP and MAC addresses.

use super::Hostname;
use super::text::text_type;
use crate::diag::{DiagnosticId, Fix};
use crate::document::{
    Node,
    decode::{Decoder, FromNode, FromText, Invalid, Schema},
};
use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of a guest, with the prefix length of its network if known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostAddress {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length of the network, if set.
    pub prefix: Option<u8>,
}

impl HostAddress {
    /// The network of the address. Without a prefix length, it only contains the address, as on a
    /// point-to-point link.
    pub fn net(self) -> IpNet {
        let alone = IpNet::from(self.addr);
        self.prefix
            .and_then(|prefix| IpNet::new(self.addr, prefix).ok())
            .unwrap_or(alone)
    }

    /// Whether the address is only valid on its own link (RFC 3927; RFC 4291, 2.5.6).
    pub fn is_link_local(self) -> bool {
        match self.addr {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        }
    }

    /// Whether it is the only address of its network, as on a point-to-point link.
    pub fn is_alone(self) -> bool {
        let net = self.net();
        net.prefix_len() == net.max_prefix_len()
    }

    /// Whether another address is in the same network, so that no router is needed to reach it.
    pub fn reaches(self, other: IpAddr) -> bool {
        self.net().contains(&other)
    }
}

impl FromText for HostAddress {
    const ID: DiagnosticId = DiagnosticId::BadAddress;
    const EXPECTED: &'static str = "an IP address, with or without `/prefix`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let (addr, mask) = match text.split_once('/') {
            Some((addr, mask)) => (addr, Some(mask)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| {
            Invalid::new("must be an IP address such as `10.0.0.15/24` or `2001:db8::15/64`")
        })?;
        if addr.is_unspecified() || addr.is_multicast() {
            return Err(Invalid::new("must be the address of a single host"));
        }
        let prefix = mask.map(|mask| prefix(addr, mask)).transpose()?;
        if let (IpAddr::V4(host), Some(prefix @ 0..=30)) = (addr, prefix)
            && let Ok(net) = Ipv4Net::new(host, prefix)
        {
            let what = match host {
                _ if host == net.network() => "the address of its network",
                _ if host == net.broadcast() => "the broadcast address of its network",
                _ => {
                    return Ok(Self {
                        addr,
                        prefix: Some(prefix),
                    });
                }
            };
            return Err(
                Invalid::new(format!("must be the address of a single host, not {what}"))
                    .id(DiagnosticId::NetworkAddress),
            );
        }
        Ok(Self { addr, prefix })
    }
}

fn prefix(addr: IpAddr, mask: &str) -> Result<u8, Invalid> {
    let most = if addr.is_ipv4() { 32 } else { 128 };
    if let (IpAddr::V4(_), Ok(mask)) = (addr, mask.parse::<Ipv4Addr>()) {
        return Ipv4Net::with_netmask(Ipv4Addr::UNSPECIFIED, mask)
            .map(|net| net.prefix_len())
            .map_err(|_| Invalid::new(format!("must have a valid netmask, not `{mask}`")));
    }
    mask.parse::<u8>()
        .ok()
        .filter(|prefix| (1..=most).contains(prefix) && !mask.starts_with('+'))
        .ok_or_else(|| Invalid::new(format!("must have a prefix length from 1 to {most}")))
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.addr),
            None => self.addr.fmt(f),
        }
    }
}

impl Serialize for HostAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! addresses {
    ($(#[$doc:meta])* $name:ident, $fits:ident, $expected:literal, $own:literal, $other:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(Vec<HostAddress>);

        impl TryFrom<Vec<HostAddress>> for $name {
            type Error = Invalid;

            /// # Errors
            /// The first address of the other family.
            fn try_from(addresses: Vec<HostAddress>) -> Result<Self, Invalid> {
                match addresses.iter().find(|address| !address.addr.$fits()) {
                    None => Ok(Self(addresses)),
                    Some(wrong) => {
                        let help = concat!("set it as `", $other, "`");
                        let why = format!("`{wrong}` must be {}", $expected);
                        let invalid = Invalid::new(why).help(help);
                        let all_are = !addresses.iter().any(|address| address.addr.$fits());
                        Err(if all_are {
                            invalid.fix(Fix::key($own, $other))
                        } else {
                            invalid
                        })
                    }
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            /// One address.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                vec![text.parse::<HostAddress>()?].try_into()
            }
        }

        impl std::ops::Deref for $name {
            type Target = [HostAddress];

            fn deref(&self) -> &[HostAddress] {
                &self.0
            }
        }

        impl FromNode for $name {
            const EXPECTED: &'static str = $expected;

            fn schema() -> Schema {
                Vec::<HostAddress>::schema()
            }

            fn from_node(node: &Node, decoder: &mut Decoder<'_>) -> Option<Self> {
                let addresses = decoder.list::<HostAddress>(node)?;
                let wrong = match Self::try_from(addresses) {
                    Ok(addresses) => return Some(addresses),
                    Err(wrong) => wrong,
                };
                let message = wrong.why.clone();
                decoder.invalid(node, DiagnosticId::BadAddress, message, wrong);
                None
            }
        }
    };
}

addresses!(
    /// The IPv4 addresses of an interface: one, or a list.
    AddressesV4, is_ipv4, "an IPv4 address or a list of them", "ip", "ipv6"
);
addresses!(
    /// The IPv6 addresses of an interface: one, or a list.
    AddressesV6, is_ipv6, "an IPv6 address or a list of them", "ipv6", "ip"
);

impl FromText for IpAddr {
    const ID: DiagnosticId = DiagnosticId::BadAddress;
    const EXPECTED: &'static str = "an IP address";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        text.parse()
            .map_err(|_| Invalid::new("must be an IP address without a prefix"))
    }
}

impl FromText for Ipv6Addr {
    const ID: DiagnosticId = DiagnosticId::BadAddress;
    const EXPECTED: &'static str = "an IPv6 address";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        text.parse()
            .map_err(|_| Invalid::new("must be an IPv6 address without a prefix"))
    }
}

text_type!(
    /// The address or host name that SPICE listens on.
    DisplayHost
);

impl DisplayHost {
    /// The address, unless it is a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.as_str().parse().ok()
    }
}

impl FromText for DisplayHost {
    const ID: DiagnosticId = DiagnosticId::BadAddress;
    const EXPECTED: &'static str = "an IP address";

    /// The address in its usual notation.
    fn from_text(text: &str) -> Result<Self, Invalid> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string().into()));
        }
        let is_number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        Hostname::from_text(text)
            .ok()
            .filter(|_| !is_number)
            .map(|_| Self(text.into()))
            .ok_or_else(|| Invalid::new("must be an IP address without a prefix, or a host name"))
    }
}

/// Name servers: a single address or a list.
pub type Nameservers = Vec<IpAddr>;

/// A unicast MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// A locally administered unicast address (IEEE 802: the second lowest bit of the first octet is
    /// set, the lowest is not) from six octets. The two highest bits are cleared to avoid
    /// `fe:ff:ff:ff:ff:ff`, the address of dom0's end of every vif.
    pub const fn local(mut octets: [u8; 6]) -> Self {
        octets[0] = (octets[0] & 0x3c) | 0x02;
        Self(octets)
    }
}

impl FromText for MacAddr {
    const ID: DiagnosticId = DiagnosticId::BadMac;
    const EXPECTED: &'static str = "a MAC address";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let form =
            || Invalid::new("must be six pairs of hexadecimal digits, such as `00:16:3e:00:00:01`");
        let separator = if text.contains('-') { '-' } else { ':' };
        let parts: Vec<_> = text.split(separator).collect();
        let mut octets = [0; 6];
        if parts.len() != octets.len() {
            return Err(form());
        }
        for (octet, part) in octets.iter_mut().zip(parts) {
            let hex = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            *octet = u8::from_str_radix(part, 16)
                .ok()
                .filter(|_| hex)
                .ok_or_else(form)?;
        }
        if octets == [0; 6] {
            return Err(Invalid::new("must not be all zeros"));
        }
        if octets[0] & 1 == 1 {
            return Err(
                Invalid::new("must be a unicast address, not a multicast address")
                    .help("the second digit must be even, as in `02:...` or `00:16:3e:...`"),
            );
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for MacAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
