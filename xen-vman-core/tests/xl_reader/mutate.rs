//! Files that are nearly right: parts of good ones, with some bytes and tokens changed.

/// What has a meaning to the scanner, or looks as if.
const SNIPPETS: &[&str] = &[
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    ";",
    ",",
    "=",
    "+=",
    "+",
    "[",
    "]",
    "[]",
    "[\n",
    "\n]",
    "[1,",
    ",]",
    "[[",
    "]]",
    "'",
    "\"",
    "''",
    "\"\"",
    "\\",
    "\\\\",
    "\\\"",
    "\\'",
    "\\n",
    "\\t",
    "\\x41",
    "\\101",
    "\\12",
    "\\0 1",
    "\\0+1",
    "\\9",
    "\\q",
    "\\\n",
    "#",
    "# c\n",
    "#\n",
    "#c",
    "\0",
    "\u{b}",
    "\u{c}",
    "\u{feff}",
    "\u{e4}",
    "\u{f7a4}",
    "-",
    ".",
    "_",
    ":",
    "(",
    ")",
    "!",
    "0",
    "1",
    "0x1f",
    "0xF",
    "12ab",
    "1g",
    "1.5",
    "-1",
    "512M",
    "True",
    "None",
    "a",
    "a.b",
    "A",
    "a=1",
    "a='x'",
    "a=[]",
    "a=[1]",
    "a+='y'",
    "a+=[2]",
    "name+='z'",
    "vif+=['v']",
    "b=1;",
    "\na=1\n",
    "\nb=[\n",
    "\nname='n'\n",
    "\na+=[3]\n",
    "\nextra+=1\n",
    "'x'",
    "\"y\"",
    "'#'",
];

/// Makes texts, the same ones for the same seed.
pub(crate) struct Mutator {
    state: u64,
    corpus: Vec<Vec<u8>>,
    small: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, corpus: Vec<Vec<u8>>, small: Vec<Vec<u8>>) -> Self {
        Self {
            state: seed,
            corpus,
            small,
        }
    }

    /// `SplitMix64`.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 if there is none.
    fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.random() % limit).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.random().to_le_bytes()[0]
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> Vec<u8> {
        let mut text = self.start();
        for _ in 0..self.below(5) {
            self.change(&mut text);
        }
        if self.below(4) == 0 {
            self.cut_end(&mut text);
        }
        text
    }

    /// Some lines of the corpus, or some small texts.
    fn start(&mut self) -> Vec<u8> {
        if self.below(4) == 0 {
            let mut text = Vec::new();
            for _ in 0..=self.below(4) {
                let which = self.below(self.small.len());
                text.extend_from_slice(&self.small[which]);
                text.extend_from_slice([&b"\n"[..], b";", b""][self.below(3)]);
            }
            return text;
        }
        let which = self.below(self.corpus.len());
        let whole = self.corpus[which].clone();
        let lines: Vec<_> = whole.split_inclusive(|b| *b == b'\n').collect();
        let first = self.below(lines.len());
        let count = 1 + self.below(lines.len() - first);
        let whole_file = self.below(3) == 0;
        let chosen = if whole_file {
            &lines[..]
        } else {
            &lines[first..first + count]
        };
        chosen.concat()
    }

    fn change(&mut self, text: &mut Vec<u8>) {
        let at = self.below(text.len() + 1);
        match self.below(12) {
            0 => {
                let byte = self.byte();
                text.insert(at, byte);
            }
            1 if at < text.len() => text[at] = self.byte(),
            2 if at < text.len() => text[at] ^= 1 << self.below(8),
            3 if at < text.len() => {
                text.remove(at);
            }
            4 => {
                let end = at + self.below((text.len() - at + 1).min(12));
                text.drain(at..end);
            }
            5 => {
                let end = at + self.below((text.len() - at + 1).min(40));
                let copy = text[at..end].to_vec();
                let place = self.below(text.len() + 1);
                text.splice(place..place, copy);
            }
            6 => {
                let line_starts: Vec<_> = (0..=text.len())
                    .filter(|at| *at == 0 || text[at - 1] == b'\n')
                    .collect();
                let place = line_starts[self.below(line_starts.len())];
                let which = self.below(self.small.len());
                let line = [&self.small[which][..], b"\n"].concat();
                text.splice(place..place, line);
            }
            7 | 8 => self.change_token(text),
            9 => {
                let lines = text.split_inclusive(|b| *b == b'\n');
                let mut lines: Vec<_> = lines.map(<[u8]>::to_vec).collect();
                let (a, b) = (self.below(lines.len()), self.below(lines.len()));
                if !lines.is_empty() {
                    lines.swap(a, b);
                }
                *text = lines.concat();
            }
            _ => {
                let snippet = SNIPPETS[self.below(SNIPPETS.len())];
                text.splice(at..at, snippet.bytes());
            }
        }
    }

    /// Replaces, removes, repeats or surrounds a token.
    fn change_token(&mut self, text: &mut Vec<u8>) {
        let tokens = tokens(text);
        if tokens.is_empty() {
            return;
        }
        let token = tokens[self.below(tokens.len())].clone();
        let other = tokens[self.below(tokens.len())].clone();
        let old = text[token.clone()].to_vec();
        let new = match self.below(6) {
            0 => Vec::new(),
            1 => old.repeat(2),
            2 => text[other].to_vec(),
            3 => [b"[", &old[..], b"]"].concat(),
            4 => [&old[..], b"\n"].concat(),
            _ => SNIPPETS[self.below(SNIPPETS.len())].as_bytes().to_vec(),
        };
        text.splice(token, new);
    }

    /// Changes how a file ends.
    fn cut_end(&mut self, text: &mut Vec<u8>) {
        match self.below(4) {
            0 => text.truncate(self.below(text.len() + 1)),
            1 => {
                while text.last() == Some(&b'\n') {
                    text.pop();
                }
            }
            2 => text.extend(SNIPPETS[self.below(SNIPPETS.len())].bytes()),
            _ => {
                while text.last() == Some(&b'\n') {
                    text.pop();
                }
                let byte = self.byte();
                text.push(byte);
            }
        }
    }
}

/// Rough tokens: words, texts in quotes, comments, single characters.
fn tokens(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = match rest[0] {
            quote @ (b'"' | b'\'') => {
                let inner = rest[1..].iter().take_while(|b| **b != quote).count();
                (inner + 2).min(rest.len())
            }
            b'#' => rest.iter().take_while(|b| **b != b'\n').count(),
            byte if byte.is_ascii_alphanumeric() => {
                let in_word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
                rest.iter().take_while(in_word).count()
            }
            _ => 1,
        };
        if rest[0] != b' ' {
            tokens.push(at..at + length);
        }
        at += length;
    }
    tokens
}
