//! A vif of xl.cfg → an interface with the keys of the schema.

use super::{entry, text};
use crate::diag::Span;
use crate::document::{Node, Value};
use crate::xl_cfg::names::INTERFACE;
use std::net::IpAddr;

/// The interface for a vif: parts separated by commas, whose leading blanks xl removes
/// (xl-network-configuration(5)). Parameters without a key of their own become `xen_str`.
pub(super) fn interface(words: &str, span: Option<Span>) -> Value {
    let mut entries = Vec::new();
    let mut rest: Vec<&str> = Vec::new();
    let of = |value: Value| Node { span, value };
    for word in words.split(',').map(|word| word.trim_start_matches(' ')) {
        match word.split_once('=') {
            Some((key, value))
                if INTERFACE.contains(&key) && !entries.iter().any(|known| is(known, key)) =>
            {
                let value = match value.parse::<i64>() {
                    Ok(number) if key == "mtu" && number.to_string() == value => {
                        Value::Integer(number, None)
                    }
                    _ => text(value),
                };
                entries.push(entry(key, None, of(value)));
            }
            Some(("ip", value)) if !entries.iter().any(|known| is(known, "ip")) => {
                match addresses(value) {
                    Some((four, six)) => {
                        let list = |all: Vec<&str>| {
                            Value::List(all.into_iter().map(|one| of(text(one))).collect())
                        };
                        let families = [("ip", four), ("ipv6", six)];
                        let written = families.into_iter().filter(|(_, all)| !all.is_empty());
                        entries.extend(written.map(|(key, all)| entry(key, None, of(list(all)))));
                    }
                    None => rest.push(word),
                }
            }
            _ if word.is_empty() => {}
            _ => rest.push(word),
        }
    }
    if !rest.is_empty() {
        entries.push(entry("xen_str", None, of(text(&rest.join(",")))));
    }
    Value::Table(entries)
}

fn is(entry: &crate::document::TableEntry, key: &str) -> bool {
    &*entry.key == key
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
