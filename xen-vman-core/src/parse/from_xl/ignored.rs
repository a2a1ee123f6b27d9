//! What xl ignores: keys that it does not know, and values that it cannot read. The domain is the
//! same without them.

use super::Importer;
use crate::diag::text::printable;
use crate::diag::{Diagnostic, DiagnosticId, FieldPath, Span};
use crate::document::decode::closest;
use crate::values::{Shape, xl_key_info, xl_keys};
use crate::xl_cfg::{Setting, SettingValue};

/// A value as xl reads it.
enum Reading {
    /// As it is written.
    AsWritten,
    /// A number.
    Number(i64),
    /// Not at all.
    Ignored(&'static str),
}

impl Importer<'_, '_> {
    /// Removes the settings that xl ignores, and replaces numbers in other notations.
    pub(super) fn drop_what_xl_ignores(&mut self) {
        for at in 0..self.settings.len() {
            let Some(setting) = self.settings[at].take() else {
                continue;
            };
            let key = setting.key;
            let span = self.key_span(&setting);
            let Some(info) = xl_key_info(key) else {
                self.unknown(key, span);
                continue;
            };
            let whole = self.node(&setting).span;
            match reading(info.shape, &setting) {
                Reading::AsWritten => self.settings[at] = Some(setting),
                Reading::Number(number) => {
                    let value = SettingValue::Text(number.to_string().into_bytes());
                    self.misread(key, number, &setting, whole);
                    self.settings[at] = Some(Setting { value, ..setting });
                }
                Reading::Ignored(why) => {
                    let shown = info.shape.describe();
                    let message = format!("xl ignores `{key}`, {why}");
                    let help = format!("write {shown}, or remove it");
                    self.problem(DiagnosticId::IgnoredXlValue, key, whole, message, &help);
                    self.dropped.push(key.into());
                }
            }
        }
    }

    fn unknown(&mut self, key: &str, span: Option<Span>) {
        let known: Vec<_> = xl_keys().collect();
        let message = format!("xl does not know the key `{key}` and ignores it");
        let path = FieldPath::root().key(key);
        let diagnostic = Diagnostic::new(DiagnosticId::IgnoredXlKey, path, message).at(span);
        self.report.push(match closest(key, &known) {
            Some(near) => diagnostic.did_you_mean_key(key, near),
            None => diagnostic.help("remove it, unless another tool reads it"),
        });
        self.dropped.push(key.into());
    }

    /// Reports a leading zero or `0x`, which are rarely meant.
    fn misread(&mut self, key: &str, number: i64, setting: &Setting<'_>, span: Option<Span>) {
        let SettingValue::Text(bytes) = &setting.value else {
            return;
        };
        let written = String::from_utf8_lossy(bytes);
        let digits = written.trim_start();
        if digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0x") {
            let message = format!("xl reads `{}` of `{key}` as {number}", printable(digits));
            let help = "write the number in decimal digits, without a leading `0`";
            self.problem(DiagnosticId::MisreadXlText, key, span, message, help);
        }
    }
}

/// How xl reads a value (`libxlu_cfg.c`).
fn reading(shape: Shape, setting: &Setting<'_>) -> Reading {
    match (&setting.value, shape) {
        (SettingValue::List(_), Shape::List | Shape::ListOrText | Shape::ListOrBoolean) => {
            Reading::AsWritten
        }
        (SettingValue::List(_), _) => Reading::Ignored("which must not be a list"),
        (SettingValue::Text(_), Shape::List) => Reading::Ignored("which must be a list"),
        (SettingValue::Text(_), Shape::Integer | Shape::Boolean | Shape::ListOrBoolean)
            if setting.statements.len() > 1 =>
        {
            Reading::Ignored("which is a number, so that nothing can be appended")
        }
        (SettingValue::Text(bytes), Shape::Integer | Shape::Boolean | Shape::ListOrBoolean) => {
            let number = strtol(bytes).map(|number| match shape {
                Shape::Integer => number,
                _ => i64::from(number != 0),
            });
            match number {
                Some(number) if number.to_string().as_bytes() == bytes => Reading::AsWritten,
                Some(number) => Reading::Number(number),
                None => Reading::Ignored("whose value is not a number"),
            }
        }
        (SettingValue::Text(_), _) => Reading::AsWritten,
    }
}

/// strtol(3) with base 0, which must read the whole text.
pub(super) fn strtol(bytes: &[u8]) -> Option<i64> {
    let written = std::str::from_utf8(bytes).ok()?;
    let written = written.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (sign, digits) = match written.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, written.strip_prefix('+').unwrap_or(written)),
    };
    let digits_of = |digits: &str, radix: u32| {
        let fits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        i64::from_str_radix(digits, radix).ok().filter(|_| fits)
    };
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let number = match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) => digits_of(hex, 16),
        (None, Some(octal)) if !octal.is_empty() => digits_of(octal, 8),
        _ => digits_of(digits, 10),
    };
    number.map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        let read = [
            ("512", 512),
            (" 512", 512),
            ("0512", 330),
            ("0x200", 512),
            ("-5", -5),
            ("+5", 5),
            ("0", 0),
        ];
        for (text, number) in read {
            assert_eq!(strtol(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["", "512MB", "5 ", "0x", "08", "--5", "1.5"] {
            assert_eq!(strtol(text.as_bytes()), None, "{text}");
        }
    }
}
