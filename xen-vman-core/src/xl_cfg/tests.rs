//! What the files of `tests/cases/xl-cfg` do not show: places, comments, how reading goes on.

use super::*;
use crate::diag::{DiagnosticId, Severity};

fn read_all(text: &[u8]) -> (XlFile, Report) {
    let mut report = Report::new();
    let file = read(text, 3, &mut report);
    (file, report)
}

/// What the diagnostics point at, with their severity.
fn places(text: &str) -> Vec<(Severity, &str)> {
    let (_, report) = read_all(text.as_bytes());
    let at = |d: &crate::diag::Diagnostic| {
        let span = d.span.expect("each has a position");
        (d.severity, &text[span.start as usize..span.end as usize])
    };
    report.iter().map(at).collect()
}

fn errors(text: &str) -> Vec<&str> {
    places(text).into_iter().map(|(_, place)| place).collect()
}

fn keys(text: &str) -> Vec<String> {
    let (file, _) = read_all(text.as_bytes());
    file.statements.iter().map(|s| s.key.to_string()).collect()
}

#[test]
fn everything_knows_its_place() {
    let text = "# one\nname = 'a\\n' # two\r\n\tvif += [ 0x1f, [ ] ]; #\n";
    let (file, report) = read_all(text.as_bytes());
    assert!(report.is_empty(), "{report:?}");
    let shown = |span: Span| {
        assert_eq!(span.file, 3);
        &text[span.start as usize..span.end as usize]
    };
    let [name, vif] = &file.statements[..] else {
        panic!("{file:?}");
    };
    assert_eq!(shown(name.key_span), "name");
    assert_eq!(shown(name.value.span), "'a\\n'");
    assert!(!name.appends && vif.appends);
    assert_eq!(shown(vif.value.span), "[ 0x1f, [ ] ]");
    let items = vif.value.items().expect("a list");
    assert_eq!(shown(items[0].span), "0x1f");
    assert_eq!(shown(items[1].span), "[ ]");
    let comments: Vec<_> = file
        .comments
        .iter()
        .map(|c| (shown(c.span), &*c.text, c.own_line))
        .collect();
    assert_eq!(
        comments,
        [
            ("# one", &b" one"[..], true),
            ("# two", b" two", false),
            ("#", b"", false),
        ]
    );
}

#[test]
fn equals_replaces_and_plus_equals_joins() {
    let (file, report) = read_all(b"a = 1\nb = [1]\na += 'x'\nb += [2]\nc += 3\nb += []\nc = []\n");
    assert!(report.is_empty(), "{report:?}");
    let settings = file.settings();
    let shown: Vec<_> = settings
        .iter()
        .map(|s| (s.key, s.statements.clone()))
        .collect();
    assert_eq!(
        shown,
        [("a", vec![0, 2]), ("b", vec![1, 3, 5]), ("c", vec![6])]
    );
    assert_eq!(settings[0].value, SettingValue::Text(b"1x".to_vec()));
    let SettingValue::List(items) = &settings[1].value else {
        panic!("{settings:?}");
    };
    let items: Vec<_> = items.iter().map(|item| item.bytes()).collect();
    assert_eq!(items, [Some(&b"1"[..]), Some(b"2")]);
    assert_eq!(settings[2].value, SettingValue::List(Vec::new()));
}

#[test]
fn reading_goes_on_after_a_mistake() {
    let text = "Memory = 512\na = True\nb = 'x\nc = 1\nd-e = [ 'y' ]\nf = 2\n";
    assert_eq!(errors(text), ["Memory", "True", "'x", "d-e"]);
    assert_eq!(keys(text), ["c", "f"]);
}

#[test]
fn one_error_for_each_line() {
    assert_eq!(errors("a = True; B = -1; c = '\nD = 1\n"), ["True", "D"]);
}

#[test]
fn a_list_goes_on_after_a_bad_item() {
    let text = "a = [ 'x', True,\n 'y' 'z',\n ]\nb = [ mac=1,\n 2 ]\n";
    assert_eq!(errors(text), ["True", "'z'", "mac"]);
    let (file, _) = read_all(text.as_bytes());
    let items = |at: usize| file.statements[at].value.items().map(<[_]>::len);
    assert_eq!((items(0), items(1)), (Some(3), Some(2)));
}

#[test]
fn a_list_that_is_not_closed_ends_before_the_next_statement() {
    let text = "a = [ 1, [ 2,\nb = 3\nc += [ 4\n# end\n";
    assert_eq!(errors(text), ["[", "["]);
    assert_eq!(keys(text), ["a", "b", "c"]);
    let (file, _) = read_all(text.as_bytes());
    assert_eq!(file.comments.len(), 1);
}

#[test]
fn what_xl_takes_but_misreads_is_a_warning() {
    let text = "a = '\\101 b'\nb = 512M";
    assert_eq!(
        places(text),
        [(Severity::Warning, "\\101"), (Severity::Warning, "M")]
    );
    assert_eq!(errors("a = [1M"), ["M", "["]);
    assert_eq!(errors("a = 1\n#"), [] as [&str; 0]);
}

#[test]
fn a_password_is_not_repeated() {
    let (_, report) = read_all(b"vncpasswd = hunter2\nvif = [ passw ]\n");
    let all: Vec<_> = report.iter().collect();
    assert_eq!(all[0].path.to_string(), "vncpasswd");
    assert!(!format!("{:?}", all[0]).contains("hunter2"));
    assert!(all[1].message.contains("passw"));
}

#[test]
fn lists_may_be_nested_64_deep() {
    let nested = |depth: usize| format!("a = {}1{}\nb = 1\n", "[".repeat(depth), "]".repeat(depth));
    assert!(read_all(nested(DEPTH).as_bytes()).1.is_empty());
    for depth in [DEPTH + 1, 1_000_000] {
        let text = nested(depth);
        let (file, report) = read_all(text.as_bytes());
        let ids: Vec<_> = report.iter().map(|d| d.id).collect();
        assert_eq!(ids, [DiagnosticId::TooLarge]);
        assert_eq!(file.statements.len(), 2);
    }
    assert_eq!(
        read_all("a = [".repeat(1_000_000).as_bytes())
            .1
            .count(Severity::Error),
        1
    );
}

#[test]
fn a_hundred_errors_are_enough() {
    let (_, report) = read_all("A = '\\1 2'\nb = '\\1 2'\n".repeat(1000).as_bytes());
    assert_eq!(report.count(Severity::Error), 100);
    assert_eq!(report.count(Severity::Warning), 100);
}

#[test]
fn crlf_is_said_once() {
    let (file, report) = read_all(b"a = 1\r\nb = [\r\n]\r\n# c\r\n");
    assert_eq!(report.count(Severity::Error), 1);
    assert_eq!(
        (file.statements.len(), &*file.comments[0].text),
        (2, &b" c"[..])
    );
}
