//! The parameters of a vif (xl-network-configuration(5)).

use super::text::text_type;
use super::{MacAddr, Mtu, XenVersion};
use crate::diag::DiagnosticId;
use crate::document::decode::{FromText, Invalid, closest};
use crate::xl_cfg::names::INTERFACE;

text_type!(
    /// The name of a network interface on dom0: 1 to 15 bytes, the kernel's limit, of characters
    /// that scripts and xl pass on unchanged.
    VifName
);
text_type!(
    /// The prefix of a VM's vif names; `.` and the number of the interface follow.
    VifNamePrefix
);
text_type!(
    /// A bridge, or the form for vif-openvswitch (`ovs0.42:100:200`).
    Bridge
);
text_type!(
    /// A script that sets up a vif: a name in `/etc/xen/scripts`, or an absolute path.
    NetworkScript
);
text_type!(
    /// The rate limit of a vif, such as `10Mb/s` or `1MB/s@20ms`.
    Rate
);
text_type!(
    /// Additional parameters of a vif, as `key=value,key=value`.
    VifParameters
);

/// The maximum length of an interface name (IFNAMSIZ without the final NUL).
pub(crate) const VIF_NAME_MAX: usize = 15;
/// The maximum length for an HVM VM, whose tap device adds `-emu`.
pub(crate) const HVM_VIF_NAME_MAX: usize = 11;

fn interface_characters(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.+@#~".contains(c))
        && !text.starts_with('-')
}

impl VifName {
    /// A generated name, which is valid by construction.
    pub(crate) fn generated(text: String) -> Self {
        debug_assert!(Self::from_text(&text).is_ok(), "`{text}`");
        Self(text.into())
    }
}

impl FromText for VifName {
    const ID: DiagnosticId = DiagnosticId::BadInterfaceName;
    const EXPECTED: &'static str = "the name of a network interface";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.len() > VIF_NAME_MAX {
            let why = format!(
                "has {} characters; the kernel allows {VIF_NAME_MAX}",
                text.chars().count()
            );
            return Err(Invalid::new(why));
        }
        // Older scripts replace `%domid`.
        if !interface_characters(&text.replacen("%domid", "0", 1))
            || matches!(text, "" | "." | "..")
        {
            return Err(Invalid::new(
                "must consist of letters, digits and `-_.+@#~`, and not begin with `-`",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromText for VifNamePrefix {
    const ID: DiagnosticId = DiagnosticId::BadInterfaceName;
    const EXPECTED: &'static str = "a prefix for names of network interfaces";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if !interface_characters(text) || text.starts_with('.') || text.len() > 127 {
            return Err(Invalid::new(
                "must consist of letters, digits and `-_.+@#~`, and not begin with `-` or `.`",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromText for Bridge {
    const ID: DiagnosticId = DiagnosticId::BadBridge;
    const EXPECTED: &'static str = "the name of a bridge";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let device = text.split([':']).next().unwrap_or_default();
        let numbers = text.split(':').skip(1).all(|tag| {
            !tag.is_empty() && tag.len() <= 4 && tag.bytes().all(|b| b.is_ascii_digit())
        });
        let name = match device.rsplit_once('.') {
            Some((name, tag))
                if !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                name
            }
            _ => device,
        };
        if name.len() > VIF_NAME_MAX {
            let why = format!(
                "has {} characters; the kernel allows {VIF_NAME_MAX}",
                name.chars().count()
            );
            return Err(Invalid::new(why));
        }
        if device.is_empty() || !interface_characters(device) || !numbers {
            return Err(Invalid::new(
                "must be the name of a bridge; for Open vSwitch, `.TAG` and `:TRUNK` may follow",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromText for NetworkScript {
    const ID: DiagnosticId = DiagnosticId::BadPath;
    const EXPECTED: &'static str =
        "the name of a script in `/etc/xen/scripts`, or an absolute path";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.+@/".contains(c);
        let path = text.starts_with('/') || !text.contains('/');
        if !text.chars().all(fits)
            || !path
            || text.ends_with('/')
            || text.split('/').any(|p| p == "..")
            || text.is_empty()
            || text == "."
        {
            return Err(Invalid::new(
                "must be the name of a script in `/etc/xen/scripts` or an absolute path, consisting of letters, digits and `-_.+@/`",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FromText for Rate {
    const ID: DiagnosticId = DiagnosticId::BadRate;
    const EXPECTED: &'static str = "a rate such as `10Mb/s` or `1MB/s@20ms`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        rate(text).map(|()| Self(text.into())).ok_or_else(|| {
            Invalid::new(
                "must be a rate such as `10Mb/s` (bits) or `1MB/s@20ms` (bytes, with the interval)",
            )
        })
    }
}

/// `^[0-9]+[GMK]?[Bb]/s(@[0-9]+[mu]?s?)?$`, decimal and not zero, with a result of libxlutil's
/// computation below 2^32.
fn rate(text: &str) -> Option<()> {
    let number = |text: &str| {
        let decimal =
            !text.is_empty() && text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>()
            .ok()
            .filter(|n| decimal && !text.starts_with('0') && *n > 0)
    };
    let (amount, interval) = match text.split_once('@') {
        Some((amount, interval)) => (amount, Some(interval)),
        None => (text, None),
    };
    let amount = amount.strip_suffix("/s")?;
    let (amount, bits) = match amount.strip_suffix('b') {
        Some(amount) => (amount, 8),
        None => (amount.strip_suffix('B')?, 1),
    };
    let (amount, factor) = match amount.as_bytes().last()? {
        b'G' => (&amount[..amount.len() - 1], 1_000_000_000),
        b'M' => (&amount[..amount.len() - 1], 1_000_000),
        b'K' => (&amount[..amount.len() - 1], 1_000),
        _ => (amount, 1),
    };
    let bytes_per_second = number(amount)?.checked_mul(factor)? / bits;
    let micros = match interval {
        None => 50_000,
        Some(interval) => {
            let interval = interval.strip_suffix('s').unwrap_or(interval);
            if let Some(millis) = interval.strip_suffix('m') {
                number(millis)? * 1_000
            } else if let Some(micros) = interval.strip_suffix('u') {
                number(micros)?
            } else {
                number(interval)? * 1_000_000
            }
        }
    };
    let per_interval = bytes_per_second.checked_mul(micros)? / 1_000_000;
    (per_interval > 0 && u32::try_from(per_interval).is_ok() && u32::try_from(micros).is_ok())
        .then_some(())
}

/// The keys of a vif that an interface does not have under the same name.
const OTHER_KEYS: &[&str] = &[
    "ip",
    "devid",
    "vlan",
    "backend",
    "gatewaydev",
    "netdev",
    "type",
    "coloft_forwarddev",
];
const FLAGS: &[&str] = &["trusted", "untrusted"];
/// Keys that are newer than Xen 4.17; older versions create the vif without them.
const SINCE: &[(&str, XenVersion)] = &[("vlan", XenVersion::new(4, 19))];

impl VifParameters {
    /// The keys and their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split(',').filter_map(|item| item.split_once('='))
    }

    /// The value of a key, if it is among the parameters.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find_map(|(known, value)| (known == key).then_some(value))
    }

    /// Removes a parameter and returns its value.
    pub(crate) fn take<T>(&mut self, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = read(self.get(key)?)?;
        let is_other = |item: &&str| item.split_once('=').is_none_or(|(known, _)| known != key);
        let others: Vec<_> = self.0.split(',').filter(is_other).collect();
        self.0 = others.join(",").into();
        Some(value)
    }

    /// What needs a Xen newer than 4.17, with the version that introduced it.
    pub fn needs(&self) -> Option<(&'static str, XenVersion)> {
        SINCE
            .iter()
            .find(|(key, _)| self.get(key).is_some())
            .copied()
    }
}

/// An MTU among parameters.
pub(crate) fn mtu(text: &str) -> Option<Mtu> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain).and_then(Mtu::new)
}

impl FromText for VifParameters {
    const ID: DiagnosticId = DiagnosticId::BadVifParameters;
    const EXPECTED: &'static str = "vif parameters such as `rate=10Mb/s,type=vif`";

    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("must not contain control characters"));
        }
        let mut items = Vec::new();
        for item in text
            .split(',')
            .map(|item| item.trim_matches(' '))
            .filter(|item| !item.is_empty())
        {
            if FLAGS.contains(&item) {
                items.push(item);
                continue;
            }
            let Some((key, value)) = item.split_once('=') else {
                return Err(Invalid::new(format!(
                    "must be a list of `key=value`, which `{item}` is not"
                )));
            };
            let known = [OTHER_KEYS, INTERFACE].concat();
            if !known.contains(&key) {
                let invalid =
                    Invalid::new(format!("has an unknown key `{key}`, which xl would ignore"));
                return Err(match closest(key, &known) {
                    Some(near) => invalid.did_you_mean(key, near),
                    None => invalid,
                });
            }
            let of_interface = match key {
                "mac" => MacAddr::from_text(value).err(),
                "bridge" => Bridge::from_text(value).err(),
                "vifname" => VifName::from_text(value).err(),
                "script" => NetworkScript::from_text(value).err(),
                "rate" => Rate::from_text(value).err(),
                _ => None,
            };
            if let Some(invalid) = of_interface {
                let why = format!("has a `{key}`, `{value}`, that {}", invalid.why);
                return Err(Invalid {
                    why,
                    id: None,
                    ..invalid
                });
            }
            let fits = match key {
                "mtu" => mtu(value).is_some(),
                "type" => matches!(value, "vif" | "ioemu"),
                "devid" => {
                    value
                        .parse::<u8>()
                        .is_ok_and(|_| !value.starts_with('0') || value == "0")
                        && !value.starts_with('+')
                }
                _ => !value.is_empty(),
            };
            if !fits {
                return Err(Invalid::new(format!(
                    "has a value for `{key}` that xl does not accept: `{value}`"
                )));
            }
            items.push(item);
        }
        Ok(Self(items.join(",").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_libxlutil_reads() {
        for text in ["10Mb/s", "1GB/s", "250KB/s@20ms", "1B/s@1s", "300B/s"] {
            assert!(rate(text).is_some(), "{text}");
        }
        for text in [
            "900MB",
            "10mb/s",
            "010Mb/s",
            "0Mb/s",
            "1b/s",
            "9999999999GB/s",
            "10Mb/s@",
            "1.5Mb/s",
        ] {
            assert!(rate(text).is_none(), "{text}");
        }
    }
}
