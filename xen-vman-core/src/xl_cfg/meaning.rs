//! Whether two files mean the same to xl.

use super::{SettingValue, XlFile, XlNode, read};
use crate::diag::Report;
use std::collections::BTreeMap;

/// Whether two files mean the same to xl, ignoring comments, blanks, the order of keys, quotes
/// around numbers and overwritten assignments. A file that xl rejects never equals another.
///
/// ```
/// use xen_vman_core::xl_cfg::same_meaning;
///
/// assert!(same_meaning(b"name='a'\nmemory=512\n", b"memory = '512' # MiB\nname = \"a\"\n"));
/// assert!(!same_meaning(b"memory = 512\n", b"memory = 1024\n"));
/// ```
pub fn same_meaning(a: &[u8], b: &[u8]) -> bool {
    match (accepted(a), accepted(b)) {
        (Some(a), Some(b)) => meaning(&a) == meaning(&b),
        _ => false,
    }
}

/// A value without its position and notation.
#[derive(PartialEq, Eq)]
enum Value<'a> {
    Text(Vec<u8>),
    List(Vec<Item<'a>>),
}

/// An item of a list.
#[derive(PartialEq, Eq)]
enum Item<'a> {
    Text(&'a [u8]),
    List(Vec<Self>),
}

fn accepted(text: &[u8]) -> Option<XlFile> {
    let mut report = Report::new();
    let file = read(text, 0, &mut report);
    (!report.has_errors()).then_some(file)
}

fn meaning(file: &XlFile) -> BTreeMap<&str, Value<'_>> {
    let value = |value| match value {
        SettingValue::Text(text) => Value::Text(text),
        SettingValue::List(items) => Value::List(items.into_iter().map(item).collect()),
    };
    let settings = file.settings().into_iter();
    settings
        .map(|setting| (setting.key, value(setting.value)))
        .collect()
}

fn item(node: &XlNode) -> Item<'_> {
    match node.bytes() {
        Some(text) => Item::Text(text),
        None => Item::List(node.items().unwrap_or_default().iter().map(item).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"name = 'web'\nmemory = 512\nvif = [ 'mac=a', 'mac=b' ]\n";

    #[test]
    fn notation_does_not_count() {
        let texts: [&str; 5] = [
            "# of somebody\nname=\"web\"; memory=\"512\"\nvif=['mac=a','mac=b',]\n",
            "vif = [\n  'mac=a', # first\n  'mac=b'\n]\nmemory = 512\nname = 'web'",
            "name = 'old'\nname = 'web'\nmemory = 512\nvif = ['mac=a']\nvif += ['mac=b']\n",
            "name = 'w'\nname += 'eb'\nmemory = 5\nmemory += 12\nvif = ['mac=a', 'mac=b']\n",
            "name = 'web'\nmemory = 512\nvif = [ \"mac=a\", \"mac=b\" ]\n",
        ];
        for text in texts {
            assert!(same_meaning(FILE, text.as_bytes()), "{text}");
            assert!(same_meaning(text.as_bytes(), FILE), "{text}");
        }
    }

    #[test]
    fn values_their_order_and_their_shape_count() {
        let texts: [&str; 6] = [
            "name = 'web'\nmemory = 512\n",
            "name = 'web'\nmemory = 0x200\nvif = ['mac=a', 'mac=b']\n",
            "name = 'web'\nmemory = 512\nvif = ['mac=b', 'mac=a']\n",
            "name = 'web'\nmemory = 512\nvif = ['mac=a', ['mac=b']]\n",
            "name = 'web'\nmemory = [512]\nvif = ['mac=a', 'mac=b']\n",
            "name = 'web'\nmemory = 512\nvif = ['mac=a', 'mac=b']\nvcpus = 1\n",
        ];
        for text in texts {
            assert!(!same_meaning(FILE, text.as_bytes()), "{text}");
            assert!(!same_meaning(text.as_bytes(), FILE), "{text}");
        }
    }

    #[test]
    fn what_xl_refuses_is_the_same_as_nothing() {
        for text in [
            &b"name = web\n"[..],
            b"vif = [",
            b"# no line end",
            b"\xff = 1\n",
        ] {
            assert!(!same_meaning(text, text));
            assert!(!same_meaning(FILE, text));
        }
        assert!(same_meaning(b"", b"# nothing\n"));
    }
}
