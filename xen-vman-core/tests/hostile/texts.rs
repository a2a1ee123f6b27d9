//! Hostile texts.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What has a meaning to xl, systemd, a shell, a template, a terminal or a file system.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "\\",
    "\\\\",
    "\\x41",
    "\\n",
    "'\"\\",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\t",
    "\u{7}",
    "\u{b}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "%",
    "%%",
    "%i %n %%",
    "%s%n",
    "$",
    "$$",
    "$X",
    "${X}",
    "$(id)",
    "`id`",
    "!!",
    "{{ vm.name }}",
    "{{ 'a' }}",
    "{{",
    "}}",
    "{% if true %}",
    "{# note #}",
    "{}",
    "#",
    " # note",
    ";",
    " ; ",
    ",",
    ", ",
    "=",
    ":",
    "&&",
    "|",
    "<",
    ">",
    "*",
    "?",
    "[a]",
    "]",
    "(",
    ")",
    "~",
    "^",
    "@",
    "+",
    "-",
    "--",
    " -x",
    "/",
    "//",
    "/./",
    "../../etc",
    "/../",
    "..",
    ".",
    " ",
    "  ",
    "ä€",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{61c}",
    "\u{feff}",
    "\u{a0}",
    "\u{2028}",
    "\u{1f600}",
    "\u{212a}",
    "e\u{301}",
    "EOF\n",
    "\n[Service]\nExecStart=/bin/false\n",
    "\"\nname = \"other",
    "'; exit 1; '",
    "true",
    "null",
    "0x10",
];

/// Gives the same texts for the same seed.
#[derive(Debug)]
pub(crate) struct Texts {
    runner: TestRunner,
}

impl Texts {
    /// Texts of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config {
            failure_persistence: None,
            ..Config::default()
        };
        Self {
            runner: TestRunner::new_with_rng(config, rng),
        }
    }

    /// A text for a field that takes `seeds`: hostile all through, or one of them with
    /// something put into it.
    pub(crate) fn text(&mut self, seeds: &'static [&'static str]) -> String {
        let strategy = prop_oneof![
            3 => proptest::collection::vec(piece(), 0..5).prop_map(|pieces| pieces.concat()),
            5 => twisted(seeds, piece().boxed()),
            3 => twisted(seeds, "[a-zA-Z0-9._-]{1,4}".boxed()),
            1 => select(seeds).prop_map(str::to_owned),
        ];
        self.draw(&strategy)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.draw(&(0..end))
    }

    fn draw<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        match strategy.new_tree(&mut self.runner) {
            Ok(tree) => tree.current(),
            Err(reason) => unreachable!("nothing is filtered: {reason}"),
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        24 => select(PIECES).prop_map(str::to_owned),
        4 => "[ -~]{1,8}",
        2 => "\\PC{1,4}",
        1 => any::<char>().prop_map(String::from),
        1 => select(&["A", "../", "€", "\\", "\"", "x y "][..]).prop_map(|unit| unit.repeat(10_000 / unit.len())),
    ]
}

/// A seed with a piece at its beginning, somewhere inside, at its end, or on both sides.
fn twisted(
    seeds: &'static [&'static str],
    piece: BoxedStrategy<String>,
) -> impl Strategy<Value = String> {
    (select(seeds), piece, 0..4_u8, any::<Index>()).prop_map(|(seed, piece, place, index)| {
        match place {
            0 => format!("{piece}{seed}"),
            1 => format!("{seed}{piece}"),
            2 => format!("{piece}{seed}{piece}"),
            _ => {
                let mut at = index.index(seed.len() + 1);
                while !seed.is_char_boundary(at) {
                    at -= 1;
                }
                let (before, after) = seed.split_at(at);
                format!("{before}{piece}{after}")
            }
        }
    })
}
