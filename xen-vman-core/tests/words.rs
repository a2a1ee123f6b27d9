//! One term per thing: phrases that must not be used, with the ones to use instead.
#![allow(clippy::disallowed_methods, reason = "tests read sources")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by a panic and says why it is skipped"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Where a phrase must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everywhere,
    /// In everything but the tests and what belongs to them.
    Product,
}
use Scope::{Everywhere, Product};

/// A phrase, the one to use instead, and where. Case does not matter, nor do line breaks; `*`
/// stands for any rest of a word, and a word after `!` must not precede the phrase. Text in
/// backticks is code and exempt.
const WORDS: &[(&str, &str, Scope)] = &[
    ("a text", "a string", Product),
    ("all the same", "nevertheless", Everywhere),
    ("anew", "again", Everywhere),
    ("!there are none", "are not", Everywhere),
    ("at hand", "connected, available", Everywhere),
    ("circle*", "cycle", Everywhere),
    ("count as none", "are ignored", Everywhere),
    ("counts as none", "is ignored", Everywhere),
    ("empty text", "empty string", Everywhere),
    ("a filesystem", "a file system", Everywhere),
    ("filesystem of", "file system of", Everywhere),
    ("filesystem that", "file system that", Everywhere),
    ("filesystems", "file systems", Everywhere),
    ("root filesystem", "root file system", Everywhere),
    ("the filesystem", "the file system", Everywhere),
    ("for installed", "as installed", Everywhere),
    ("go on where", "resume", Everywhere),
    ("goes on where", "resumes", Everywhere),
    ("in silence", "silently", Everywhere),
    ("in the way", "conflicts", Everywhere),
    ("in their way", "conflicts", Everywhere),
    ("!there is none", "is not one", Everywhere),
    ("judge*", "check, decide", Product),
    ("leftover*", "orphaned files", Everywhere),
    ("mend", "fix", Everywhere),
    ("mended", "fixed", Everywhere),
    ("mends", "fixes", Everywhere),
    ("one too many", "too many", Everywhere),
    ("out of the way", "elsewhere", Everywhere),
    ("pass over", "ignore", Everywhere),
    ("passed over", "ignored", Everywhere),
    ("passes over", "ignores", Everywhere),
    ("a place", "a path, a location", Product),
    ("its place in", "its position in", Product),
    ("places in", "positions in", Product),
    ("their place", "their path, location or position", Product),
    (
        "their places",
        "their paths, locations or positions",
        Product,
    ),
    ("starred out", "masked", Everywhere),
    ("take up again", "resume", Everywhere),
    ("taken for", "mistaken for, treated as", Everywhere),
    ("taken up again", "resumed", Everywhere),
    ("takes up again", "resumes", Everywhere),
    ("tells", "reports, shows", Everywhere),
    ("without a word", "silently", Everywhere),
    ("whoever", "a user, a process", Everywhere),
];

/// Directories that are not searched: what is built, and inputs and expectations of tests.
const SKIPPED: &[&str] = &[
    "__pycache__",
    "artifacts",
    "cases",
    "corpus",
    "node_modules",
    "out",
    "seeds",
    "target",
];

/// Where the product is, below the root of the repository.
const PRODUCT: &[&str] = &[
    "templates",
    "xen-vman-core/src",
    "xen-vman-cli/src",
    "xen-vman-py/src",
    "xen-vman-py/python",
    "xen-vman-py/ansible_collections",
];

struct Token {
    text: String,
    line: usize,
    /// Whether it may continue a phrase: only blanks, line breaks and the signs of comments and
    /// strings lie between it and the token before.
    follows: bool,
}

/// The words of a text that are not in backticks.
fn tokens(text: &str) -> Vec<Token> {
    let mut all = Vec::new();
    let mut follows = false;
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.trim_start_matches(|c: char| " \t/#!*\"".contains(c));
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if length > 0 {
                all.push(Token {
                    text: rest[..length].trim_matches('\'').to_owned(),
                    line: number + 1,
                    follows,
                });
                follows = true;
                rest = &rest[length..];
                continue;
            }
            let at_end = rest.trim_end_matches(['\\', '"', ' ']).is_empty();
            follows &= first == ' ' || at_end;
            let code = rest.strip_prefix('`').and_then(|code| code.find('`'));
            rest = code.map_or(&rest[first.len_utf8()..], |end| &rest[end + 2..]);
        }
    }
    all
}

/// The lines in which a phrase begins.
fn lines_with(phrase: &str, tokens: &[Token]) -> Vec<usize> {
    let mut words: Vec<_> = phrase.split(' ').collect();
    let exempt = words[0].strip_prefix('!');
    words.drain(..usize::from(exempt.is_some()));
    let is = |(word, token): (&&str, &Token)| match word.strip_suffix('*') {
        Some(start) => token.text.to_lowercase().starts_with(start),
        // Python's.
        None => token.text != "None" && token.text.to_lowercase() == **word,
    };
    let windows = tokens.windows(words.len()).enumerate();
    let hits = windows.filter(|(index, window)| {
        let before = index.checked_sub(1).map(|before| &tokens[before].text);
        window[1..].iter().all(|token| token.follows)
            && words.iter().zip(*window).all(is)
            && exempt
                .is_none_or(|exempt| before.is_none_or(|before| before.to_lowercase() != exempt))
    });
    hits.map(|(_, window)| window[0].line).collect()
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.') && name != ".ci";
        if kind.is_dir() && !is_hidden && !SKIPPED.contains(&&*name) {
            files(&path, found);
        } else if kind.is_file() && !name.ends_with(".lock") && name != "words.rs" {
            found.push(path);
        }
    }
}

#[test]
fn words_are_those_of_the_field() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.parent().unwrap();
    let mut paths = Vec::new();
    if root.join("xen-vman-cli/Cargo.toml").is_file() {
        files(root, &mut paths);
    } else {
        println!("skipped: files outside of the package, which was unpacked alone");
        files(package, &mut paths);
    }
    paths.sort();
    let mut hits = Vec::new();
    for path in paths {
        // What is not text is not searched.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let shown = path.strip_prefix(root).unwrap();
        let is_product = PRODUCT.iter().any(|part| shown.starts_with(part));
        let tokens = tokens(&text);
        for (phrase, preferred, scope) in WORDS {
            if *scope == Product && !is_product {
                continue;
            }
            for line in lines_with(phrase, &tokens) {
                let position = format!("{}:{line}", shown.display());
                let phrase = phrase.trim_start_matches("!there ");
                hits.push(format!("{position}: \"{phrase}\": write \"{preferred}\""));
            }
        }
    }
    let count = hits.len();
    assert!(hits.is_empty(), "{count} hits:\n{}", hits.join("\n"));
}

#[test]
fn a_phrase_is_found_across_lines_but_not_in_code() {
    let find = |phrase, text| lines_with(phrase, &tokens(text));
    assert_eq!(
        find("in the way", "// a\n/// What is In\n/// the way."),
        [2]
    );
    assert_eq!(find("in the way", "\"in \\\n   the way\""), [1]);
    assert_eq!(find("mend*", "x: mending"), [1]);
    for text in ["`in the way`", "in. the way", "in_the_way", "in the ways"] {
        assert_eq!(find("in the way", text), [0; 0], "{text}");
    }
    assert_eq!(find("is none", "if x is None:"), [0; 0]);
    assert_eq!(find("!there is none", "there is none, and x is none"), [1]);
}
