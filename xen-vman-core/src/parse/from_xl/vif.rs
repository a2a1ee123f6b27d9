//! A vif of xl.cfg → an interface with the keys of the schema.

use super::{entry, text};
use crate::diag::text::printable;
use crate::diag::{DiagnosticId, Span};
use crate::document::{Node, TableEntry, Value};
use crate::values::{MacAddr, Word};
use crate::xl_cfg::names::INTERFACE;
use std::net::IpAddr;

/// Parameters of a vif without a key of their own that xl knows.
const OTHER: &[&str] = &[
    "backend",
    "coloft_forwarddev",
    "devid",
    "gatewaydev",
    "ip",
    "netdev",
    "type",
    "vlan",
];
const FLAGS: &[&str] = &["trusted", "untrusted"];

/// A parameter that xl does not use as it is written.
pub(super) struct Problem {
    pub(super) id: DiagnosticId,
    pub(super) span: Option<Span>,
    pub(super) message: String,
}

/// The interface for a vif: parts separated by commas, whose leading blanks xl removes
/// (xl-network-configuration(5)). Parameters without a key of their own become `xen_str`; xl ignores
/// those that it does not know, and uses the last of several.
pub(super) fn interface(words: &str, span: Option<Span>, problems: &mut Vec<Problem>) -> Value {
    let mut entries: Vec<TableEntry> = Vec::new();
    let mut rest: Vec<(&str, &str)> = Vec::new();
    let of = |value: Value| Node { span, value };
    let mut problem =
        |id: DiagnosticId, message: String| problems.push(Problem { id, span, message });
    for word in words.split(',').map(|word| word.trim_start_matches(' ')) {
        if word.is_empty() {
            continue;
        }
        let ignored = |why: &str| format!("xl ignores `{}` of a vif, {why}", printable(word));
        let id = DiagnosticId::IgnoredXlValue;
        let (key, value) = match word.split_once('=') {
            Some((key, value)) if INTERFACE.contains(&key) || OTHER.contains(&key) => (key, value),
            None if FLAGS.contains(&word) => (word, ""),
            _ => {
                problem(id, ignored("which it does not know"));
                continue;
            }
        };
        let is_known = |known: &TableEntry| match &*known.key {
            "ipv6" => key == "ip",
            "vif_type" => key == "type",
            known => known == key,
        };
        let known = entries.len() + rest.len();
        entries.retain(|known| !is_known(known));
        rest.retain(|(known, _)| *known != key);
        if entries.len() + rest.len() < known && key != "ip" {
            let message = format!("`{key}` of a vif is set twice; xl uses the last value");
            problem(DiagnosticId::RepeatedXlKey, message);
        }
        match key {
            "mac" => match mac(value) {
                Some((mac, is_whole)) => {
                    if !is_whole {
                        let message = format!(
                            "xl cannot read the MAC address `{}`, and uses `{mac}`",
                            printable(value)
                        );
                        problem(id, message);
                    }
                    entries.push(entry(key, None, of(text(&mac))));
                }
                None => problem(id, ignored("which is not a MAC address")),
            },
            "type" if !matches!(value, "vif" | "ioemu") => {
                problem(id, ignored("whose type is neither `vif` nor `ioemu`"));
            }
            "mtu" => {
                let value = match value.parse::<i64>() {
                    Ok(number) if number.to_string() == value => Value::Integer(number, None),
                    _ => text(value),
                };
                entries.push(entry(key, None, of(value)));
            }
            "ip" => match addresses(value.trim_end_matches(' ')) {
                Some((four, six)) => {
                    let list = |all: Vec<&str>| match *all {
                        [one] => text(one),
                        _ => Value::List(all.into_iter().map(|one| of(text(one))).collect()),
                    };
                    let families = [("ip", four), ("ipv6", six)];
                    let written = families.into_iter().filter(|(_, all)| !all.is_empty());
                    entries.extend(written.map(|(key, all)| entry(key, None, of(list(all)))));
                }
                None => rest.push((key, word)),
            },
            "type" => entries.push(entry("vif_type", None, of(text(value)))),
            // It is free text for xl.
            "model" if value.parse::<Word>().is_err() => rest.push((key, word)),
            _ if INTERFACE.contains(&key) => entries.push(entry(key, None, of(text(value)))),
            _ => rest.push((key, word)),
        }
    }
    if !rest.is_empty() {
        let words: Vec<_> = rest.into_iter().map(|(_, word)| word).collect();
        entries.push(entry("xen_str", None, of(text(&words.join(",")))));
    }
    Value::Table(entries)
}

/// A MAC address as xl reads it, and whether that is what is written: groups may be short, with any
/// character between them; after one that is not a number nothing is read, and what is missing is
/// zero (`xl_parse.c`).
fn mac(value: &str) -> Option<(String, bool)> {
    if value.parse::<MacAddr>().is_ok() {
        return Some((value.to_owned(), true));
    }
    let mut octets = Vec::new();
    let mut rest = value;
    while octets.len() < 6 {
        let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (digits, behind) = rest.split_at(length);
        let Ok(octet) = u8::from_str_radix(digits, 16) else {
            break;
        };
        octets.push(octet);
        let mut behind = behind.chars();
        behind.next();
        rest = behind.as_str();
    }
    if octets.is_empty() {
        return None;
    }
    let is_whole = octets.len() == 6 && rest.is_empty();
    octets.resize(6, 0);
    let octets: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    Some((octets.join(":"), is_whole))
}

/// The addresses of both families, if all are valid and would be written again in the same order and
/// notation.
fn addresses(value: &str) -> Option<(Vec<&str>, Vec<&str>)> {
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for word in value.split(' ') {
        match word.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) if !address.is_link_local() && six.is_empty() => four.push(word),
            IpAddr::V6(address)
                if !address.is_unicast_link_local() && address.to_string() == word =>
            {
                six.push(word);
            }
            _ => return None,
        }
    }
    Some((four, six))
}
