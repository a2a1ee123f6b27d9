//! Passwords, which are never shown, in values of their own or within other strings.

use std::borrow::Cow;
use std::ops::Range;

/// The placeholder for a password within a string.
const HIDDEN: &str = "*****";

/// Whether a key denotes a password, even if misspelt.
pub fn is_password(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let rest = key.replace("passthr", "").replace("passive", "");
    let words = ["pass", "paswd", "pwd", "secret"];
    let known = ["passwd", "password", "vncpasswd", "spicepasswd"];
    words.iter().any(|word| rest.contains(word))
        || ((5..14).contains(&key.len())
            && known
                .iter()
                .any(|known| strsim::osa_distance(&key, known) <= 2))
}

/// Whether a string contains a password, as in `vncpasswd=...`.
pub fn has_password(text: &str) -> bool {
    !password_places(text).is_empty()
}

/// Replaces all passwords in a string.
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    let places = password_places(text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut done = 0;
    for place in places {
        shown.push_str(&text[done..place.start]);
        shown.push_str(HIDDEN);
        done = place.end;
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}

/// The positions of passwords in a string: after `password=` (or `"spicepasswd": `), up to the next
/// comma, quote or line break.
pub fn password_places(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(found) = lower[at..].find("passw").map(|found| at + found) {
        let word = &lower[found..];
        let rest = word.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        at = lower.len() - rest.len();
        let after = rest.trim_start_matches(['"', '\'', ' ']);
        let Some(value) = after.strip_prefix(['=', ':']) else {
            continue;
        };
        let value = value.trim_start_matches(['"', '\'', ' ']);
        let length = value
            .find([',', '"', '\'', '`', '\n'])
            .unwrap_or(value.len());
        let start = lower.len() - value.len();
        if length > 0 {
            places.push(start..start + length);
        }
        at = start + length;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_starred_out_wherever_they_stand() {
        for (text, shown) in [
            (
                "type=vnc,vncpasswd=Sup3r Geheim,vnclisten=::1",
                "type=vnc,vncpasswd=*****,vnclisten=::1",
            ),
            (
                "target=iqn=i,user=u,password=x",
                "target=iqn=i,user=u,password=*****",
            ),
            (r#"{"spicepasswd": "a b"}"#, r#"{"spicepasswd": "*****"}"#),
            ("the password must be long", "the password must be long"),
            ("`spicepasswd` is missing", "`spicepasswd` is missing"),
            ("passwd=ä, passw=b", "passwd=*****, passw=*****"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        assert!(is_password("vncpasswd") && is_password("spicepaswd"));
        assert!(!is_password("gfx_passthru") && !is_password("passthrough"));
    }
}
