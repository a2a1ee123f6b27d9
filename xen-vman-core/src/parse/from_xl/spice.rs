//! SPICE in xl.cfg → the keys of a VM.

use super::{Importer, entry, own};
use crate::diag::DiagnosticId;
use crate::document::Value;
use crate::xl_cfg::{Setting, SettingValue};

/// Keys of xl.cfg, with xl's default for the flags among them.
const SPICE: &[(&str, Option<bool>)] = &[
    ("spicehost", None),
    ("spiceport", None),
    ("spicepasswd", None),
    ("spiceagent_mouse", Some(true)),
    ("spicevdagent", Some(false)),
    ("spice_clipboard_sharing", Some(false)),
];

impl Importer<'_, '_> {
    /// Without a display, they mean nothing.
    fn drop_spice(&mut self) {
        let keys = SPICE.iter().map(|(key, _)| *key);
        for key in keys.chain(["spiceusbredirection"]) {
            if self.take(key).is_some() {
                self.dropped.push(key.into());
            }
        }
    }

    /// The SPICE display of an HVM VM, if it has one.
    pub(super) fn spice(&mut self) {
        let Some(setting) = self.take("spice") else {
            self.drop_spice();
            return;
        };
        let mut node = self.node(&setting);
        let on = match &node.value {
            Value::Integer(number, _) => Some(*number != 0),
            Value::Text(word) => word.parse::<i64>().ok().map(|number| number != 0),
            _ => None,
        };
        if let Some(on) = on {
            node.value = Value::Bool(on, None);
        }
        let key_span = self.key_span(&setting);
        self.entries.push(entry("spice", key_span, node));
        if on != Some(true) {
            self.drop_spice();
            return;
        }
        for (key, default) in SPICE {
            let own = own(key);
            if let Some(setting) = self.take(key) {
                let mut node = self.node(&setting);
                let raw = match &setting.value {
                    SettingValue::Text(bytes) => std::str::from_utf8(bytes).ok(),
                    SettingValue::List(_) => None,
                };
                match (default, raw) {
                    (Some(_), Some("0")) => node.value = Value::Bool(false, None),
                    (Some(_), Some("1")) => node.value = Value::Bool(true, None),
                    // xl also accepts a number as a string.
                    (None, Some(raw)) if own != "spiceport" => {
                        node.value = Value::Text(raw.into());
                    }
                    _ => {}
                }
                let key_span = self.key_span(&setting);
                self.entries.push(entry(own, key_span, node));
            } else if let Some(default) = default {
                self.unless_written(own, Value::Bool(*default, None));
            }
        }
        if !self.is_written("spiceport") && self.waiting("spicetls_port").is_none() {
            let message =
                "`spiceport` is missing: xl does not start a domain that serves SPICE on no port";
            let help = "set `spiceport = 5900`, or another free port, or `spicetls_port`";
            self.problem(DiagnosticId::MissingKey, "spice", key_span, message, help);
        }
        // No default port may replace it.
        self.unless_written("spiceport", Value::Integer(0, None));
        self.same_number("spiceusbredirection");
        self.unless_written("max_usb_redirections", Value::Integer(0, None));
        if self.is_written("spicepasswd") {
            // A password enables ticketing; only disabling it must be written.
            let zero = |setting: &Setting<'_>| setting.value == SettingValue::Text(b"0".to_vec());
            if self.waiting("spicedisable_ticketing").is_some_and(zero) {
                self.take("spicedisable_ticketing");
            }
        }
    }
}
