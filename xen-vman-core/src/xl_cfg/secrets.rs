//! Removes the passwords from a file, for display.

use super::{Statement, XlNode, XlToken, read};
use crate::diag::secret::{has_password, is_password};
use crate::diag::{Report, Span};

/// The placeholder for a password.
const HIDDEN: &str = "(hidden)";

/// The text of a file with all passwords replaced; `None` if it is not valid, as it may then
/// contain a password anywhere.
///
/// Passwords are found by the grammar: the values of such keys, in any quotes or lists, and strings
/// that contain one as a part (as in `vfb`).
///
/// ```
/// use xen_vman_core::xl_cfg::without_secrets;
///
/// let text = without_secrets(b"memory = 512\nspicepasswd\t= 'a\"b'\n").unwrap();
/// assert_eq!(text, "memory = 512\nspicepasswd\t= (hidden)\n");
/// assert_eq!(without_secrets(b"spicepasswd = \"a"), None);
/// ```
pub fn without_secrets(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let mut report = Report::new();
    let file = read(content, 0, &mut report);
    if report.has_errors() {
        return None;
    }
    let mut hidden: Vec<Span> = file.statements.iter().flat_map(secrets).collect();
    let comments = file.comments.iter();
    hidden.extend(
        comments
            .filter(|comment| hides_an_assignment(&comment.text))
            .map(|comment| comment.span),
    );
    hidden.sort_by_key(|span| span.start);
    let mut shown = String::new();
    let mut done = 0;
    for span in hidden {
        let (start, end) = (span.start as usize, span.end as usize);
        shown.push_str(text.get(done..start)?);
        shown.push_str(HIDDEN);
        done = end;
    }
    shown.push_str(text.get(done..)?);
    Some(shown)
}

/// The positions of the passwords in an assignment.
fn secrets(statement: &Statement) -> Vec<Span> {
    if is_password(&statement.key) {
        return vec![statement.value.span];
    }
    let mut found = Vec::new();
    in_texts(&statement.value, &mut found);
    found
}

fn in_texts(node: &XlNode, found: &mut Vec<Span>) {
    match &node.value {
        XlToken::Number(_) => {}
        XlToken::Text(text) => {
            if has_password(&String::from_utf8_lossy(text)) {
                found.push(node.span);
            }
        }
        XlToken::List(items) => items.iter().for_each(|item| in_texts(item, found)),
    }
}

/// Whether a comment is a disabled assignment of a password.
fn hides_an_assignment(comment: &[u8]) -> bool {
    let line = [comment.trim_ascii(), b"\n"].concat();
    let file = read(&line, 0, &mut Report::new());
    let has_one = file.statements.iter().any(|one| !secrets(one).is_empty());
    has_one || has_password(&String::from_utf8_lossy(comment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_however_it_is_written() {
        for line in [
            "spicepasswd = 'a\"Geheim'",
            "spicepasswd = \"a'Geheim\"",
            "spicepasswd = \"a\\\"Geheim\"",
            "spicepasswd\t=\t\"Geheim\" # of somebody",
            "spicepasswd += 'Geheim'",
            "vncpasswd = [ 'a', 'Geheim' ]",
            "vfb = [ 'type=vnc,vncpasswd=a\"Geheim' ]",
            "vfb = [ 'type=vnc', [ \"vncpasswd=Geheim\" ] ]",
            "#spicepasswd = \"Geheim\"",
            "# vncpasswd='a\"Geheim'",
        ] {
            let text = format!("memory = 512\n{line}\nvcpus = 2\n");
            let shown = without_secrets(text.as_bytes());
            let shown = shown.unwrap_or_else(|| panic!("{line} can be read"));
            assert!(!shown.contains("Geheim"), "{shown}");
            assert!(shown.starts_with("memory = 512\n") && shown.ends_with("\nvcpus = 2\n"));
        }
        let harmless = "# The password is with the admins.\nname = 'a'\n";
        assert_eq!(
            without_secrets(harmless.as_bytes()).as_deref(),
            Some(harmless)
        );
    }
}
