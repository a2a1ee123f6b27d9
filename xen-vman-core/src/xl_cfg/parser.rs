//! Tokens → statements.

use super::advice::{Advice, Problems, no_key};
use super::lexer::{Lexer, Token};
use super::{DEPTH, Statement, XlFile, XlNode, XlToken};
use crate::diag::{DiagnosticId, FileId, Report};
use std::collections::HashMap;
use std::ops::Range;

/// Reads statements, and continues on the next line after an error.
pub(super) struct Parser<'t, 'r> {
    lexer: Lexer<'t, 'r>,
    statements: Vec<Statement>,
    /// For each key set so far, whether it is a list.
    lists: HashMap<Box<str>, bool>,
}

/// A list whose end was not read yet.
struct OpenList {
    start: usize,
    items: Vec<XlNode>,
}

/// The last token of a list that was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Open,
    Text,
    Item,
    Comma,
}

impl<'t, 'r> Parser<'t, 'r> {
    pub(super) fn new(text: &'t [u8], file: FileId, report: &'r mut Report) -> Self {
        Self {
            lexer: Lexer::new(text, Problems::new(file, report)),
            statements: Vec::new(),
            lists: HashMap::new(),
        }
    }

    pub(super) fn file(mut self) -> XlFile {
        loop {
            self.lexer.problems.about(None);
            let (token, range, _) = self.lexer.next();
            match token {
                Token::End => break,
                Token::LineEnd | Token::Semicolon => {}
                Token::Key => self.statement(&range, true),
                Token::Junk => self.statement(&range, false),
                Token::Broken => self.lexer.skip_line(),
                _ => {
                    let advice = Advice::new("a line must begin with a key");
                    self.wrong(&range, advice.help("write `key = value`"));
                }
            }
        }
        XlFile {
            statements: self.statements,
            comments: self.lexer.comments,
        }
    }

    /// Reports an error and skips the rest of the line.
    fn wrong(&mut self, range: &Range<usize>, advice: Advice) {
        self.lexer.problems.error(range, advice);
        self.lexer.skip_line();
    }

    /// An assignment with its end; `good` is false if its key is not valid.
    fn statement(&mut self, key: &Range<usize>, good: bool) {
        let word = self.lexer.word(key);
        self.lexer.problems.about(Some(word));
        if !good {
            self.lexer.problems.error(key, no_key(word));
        }
        let (token, equals, _) = self.lexer.next();
        let Token::Equals(appends) = token else {
            let advice = Advice::new("a key must be followed by `=` or `+=`");
            return self.wrong(key, advice.help("write `key = value`"));
        };
        let Some((value, complete)) = self.value(&equals) else {
            return;
        };
        if good {
            self.store(key, appends, value);
        }
        if !complete {
            return;
        }
        let (token, range, _) = self.lexer.next();
        let help = match token {
            Token::LineEnd | Token::Semicolon | Token::End => return,
            Token::Broken => return self.lexer.skip_line(),
            Token::Text(_) => "write a single string: xl does not join them",
            _ => "begin a new line, or write `;` between the statements",
        };
        let advice = Advice::new("a statement must end after its value");
        self.wrong(&range, advice.help(help));
    }

    /// Adds a statement, unless it joins values of different types.
    fn store(&mut self, key: &Range<usize>, appends: bool, value: XlNode) {
        let name: Box<str> = String::from_utf8_lossy(self.lexer.word(key)).into();
        let list = matches!(value.value, XlToken::List(_));
        let old = self.lists.get(&name).copied();
        if appends && old.is_some_and(|old| old != list) {
            let advice = Advice::new("`+=` must not join a list and a string");
            let advice = advice.help(if list {
                "write a string, or make the first value a list"
            } else {
                "put the string in square brackets"
            });
            let range = value.span.start as usize..value.span.end as usize;
            self.lexer.problems.error(&range, advice);
        } else {
            self.lists.insert(name.clone(), list);
        }
        self.statements.push(Statement {
            key: name,
            key_span: self.lexer.problems.span(key),
            appends,
            value,
        });
    }

    /// A number or string.
    fn atom(&self, token: Token, range: &Range<usize>) -> Option<XlNode> {
        let value = match token {
            Token::Number => {
                XlToken::Number(String::from_utf8_lossy(self.lexer.word(range)).into())
            }
            Token::Text(text) => XlToken::Text(text),
            _ => return None,
        };
        let span = self.lexer.problems.span(range);
        Some(XlNode { span, value })
    }

    /// The value after `=`, and whether it ends correctly. Without a value, the rest of the line is
    /// skipped.
    fn value(&mut self, equals: &Range<usize>) -> Option<(XlNode, bool)> {
        let (token, range, _) = self.lexer.next();
        match token {
            Token::Open => return Some(self.list(range.start)),
            Token::Number | Token::Text(_) => {
                return self.atom(token, &range).map(|node| (node, true));
            }
            Token::Key | Token::Junk => {
                let advice = self.lexer.problems.no_value(self.lexer.word(&range));
                self.wrong(&range, advice);
            }
            Token::Broken => self.lexer.skip_line(),
            Token::LineEnd | Token::Semicolon | Token::End => {
                let advice = Advice::new("a value must follow on the same line");
                self.lexer
                    .problems
                    .error(equals, advice.help("write `key = value`"));
            }
            Token::Equals(_) | Token::Close | Token::Comma => {
                let advice = Advice::new("a value must follow `=` or `+=`");
                self.wrong(&range, advice.help("write `key = value`"));
            }
        }
        None
    }

    /// The rest of a list, and whether it is closed. Invalid items are skipped.
    fn list(&mut self, start: usize) -> (XlNode, bool) {
        let mut open = OpenList::new(start);
        let mut outer: Vec<OpenList> = Vec::new();
        let mut last = Last::Open;
        loop {
            let (token, range, first) = self.lexer.next();
            let starts_statement = match token {
                Token::End => true,
                Token::Key | Token::Junk => first && self.lexer.before_equals(),
                _ => false,
            };
            if starts_statement {
                let advice = Advice::new("a list must be closed");
                let bracket = open.start..open.start + 1;
                self.lexer
                    .problems
                    .error(&bracket, advice.help("write `]` after its last item"));
                self.lexer.unread(range.start);
                while let Some(around) = outer.pop() {
                    open = self.close(open, around, range.start);
                }
                return (self.node(open, range.start), false);
            }
            if !matches!(token, Token::LineEnd | Token::Close | Token::Comma) {
                self.expect_item(&token, &range, last);
            }
            match token {
                Token::LineEnd | Token::Equals(_) | Token::Semicolon | Token::End => {}
                Token::Open if outer.len() + 1 >= DEPTH => {
                    self.too_deep(&range);
                    last = Last::Item;
                }
                Token::Open => {
                    outer.push(std::mem::replace(&mut open, OpenList::new(range.start)));
                    last = Last::Open;
                }
                Token::Close => {
                    let Some(around) = outer.pop() else {
                        return (self.node(open, range.end), true);
                    };
                    open = self.close(open, around, range.end);
                    last = Last::Item;
                }
                Token::Comma => {
                    if matches!(last, Last::Open | Last::Comma) {
                        let advice = Advice::new("a value must precede each comma of a list");
                        self.lexer
                            .problems
                            .error(&range, advice.help("remove the comma"));
                    }
                    last = Last::Comma;
                }
                Token::Key | Token::Junk => {
                    let advice = self.lexer.problems.no_value(self.lexer.word(&range));
                    self.lexer.problems.error(&range, advice);
                    last = Last::Item;
                }
                Token::Number | Token::Text(_) | Token::Broken => {
                    last = if token == Token::Number {
                        Last::Item
                    } else {
                        Last::Text
                    };
                    open.items.extend(self.atom(token, &range));
                }
            }
        }
    }

    /// Reports a token that is neither a comma nor a bracket.
    fn expect_item(&mut self, token: &Token, range: &Range<usize>, last: Last) {
        let problems = &mut self.lexer.problems;
        match (token, last) {
            (Token::Semicolon | Token::Equals(_), _) => {
                let advice = Advice::new("a list must only contain values and commas");
                problems.error(
                    range,
                    advice.help("put a string with such characters in quotes"),
                );
            }
            (Token::Text(_), Last::Text) => {
                let advice = Advice::new("a comma must separate two items of a list");
                problems.error(range, advice.help("write `,`; xl does not join strings"));
            }
            (_, Last::Text | Last::Item) => {
                let advice = Advice::new("a comma must separate two items of a list");
                problems.error(range, advice.help("write `,`"));
            }
            _ => {}
        }
    }

    /// Skips a list that is nested too deeply, without storing the lists in it.
    fn too_deep(&mut self, bracket: &Range<usize>) {
        let message = format!("lists must not be nested more than {DEPTH} levels deep");
        let advice = Advice::new(message);
        self.lexer
            .problems
            .error_of(DiagnosticId::TooLarge, bracket, advice);
        let mut depth = 1_usize;
        while depth > 0 {
            let (token, range, first) = self.lexer.next();
            match token {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                Token::End => return self.lexer.unread(range.start),
                Token::Key | Token::Junk if first && self.lexer.before_equals() => {
                    return self.lexer.unread(range.start);
                }
                _ => {}
            }
        }
    }

    fn node(&self, list: OpenList, end: usize) -> XlNode {
        XlNode {
            span: self.lexer.problems.span(&(list.start..end)),
            value: XlToken::List(list.items),
        }
    }

    /// Adds a list to the one that contains it.
    fn close(&self, list: OpenList, mut around: OpenList, end: usize) -> OpenList {
        around.items.push(self.node(list, end));
        around
    }
}

impl OpenList {
    fn new(start: usize) -> Self {
        Self {
            start,
            items: Vec::new(),
        }
    }
}
