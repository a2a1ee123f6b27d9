//! Fits what is shown to the width of a terminal: lines break between words. What is not shown on a
//! terminal keeps one line per record.

use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// The width of a column of which the next one follows on the same line.
const COLUMN_MAX: usize = 44;
/// What is left for where a value comes from, if values are long.
const ORIGIN: usize = 24;
/// How far a word is indented that is too long for its column.
const SHALLOW: usize = 4;

/// How many columns of a terminal a string takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A string with blanks up to `columns`.
fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// Words on lines of at most `most` characters; the first line has `used` of them already. A word
/// that is longer gets a line of its own.
pub(crate) fn wrap(text: &str, used: usize, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = used;
    for word in text.split(' ') {
        let is_first = lines.last().is_none_or(String::is_empty);
        let needed = width(word) + usize::from(!is_first);
        if length + needed > most && !(is_first && lines.len() > 1) {
            lines.push(word.to_owned());
            length = width(word);
            continue;
        }
        if let Some(line) = lines.last_mut() {
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        }
        length += needed;
    }
    lines
}

/// Words after a prefix; further lines are indented. Without a width, it is one line.
pub(crate) fn hang(prefix: &str, text: &str, indent: usize, terminal: Option<usize>) -> String {
    let Some(terminal) = terminal else {
        return format!("{prefix}{text}\n");
    };
    let most = terminal.saturating_sub(indent).max(1);
    let used = width(prefix).saturating_sub(indent);
    let lines = wrap(text, used, most);
    let mut out = prefix.to_owned();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            // A long word is moved to the left as far as it needs.
            let indent = indent.min(terminal.saturating_sub(width(line)));
            let _ = write!(out, "{:indent$}", "");
        }
        let _ = writeln!(out, "{line}");
    }
    let lines = out.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

/// Rows of a key, a value and where it comes from.
pub(crate) fn explained(rows: &[[String; 3]], terminal: usize) -> String {
    let column = |number: usize| {
        let widths = rows.iter().map(|row| width(&row[number]));
        widths
            .filter(|width| *width <= COLUMN_MAX)
            .max()
            .unwrap_or(0)
    };
    let first = column(0);
    let start = first + 2;
    let second = column(1).min(terminal.saturating_sub(start + ORIGIN));
    let mut text = String::new();
    for [key, value, origin] in rows {
        let mut line = format!("{}  ", padded(key, first));
        let deepest = width(&line).max(start);
        for (number, part) in wrap(value, deepest - start, terminal.saturating_sub(start))
            .iter()
            .enumerate()
        {
            if number > 0 {
                let indent = if width(part) + start > terminal {
                    SHALLOW
                } else {
                    start
                };
                let _ = writeln!(text, "{}", line.trim_end());
                line = format!("{:indent$}", "");
            }
            line.push_str(part);
        }
        let aligned = format!("{}  {origin}", padded(&line, start + second));
        let close = format!("{line}  {origin}");
        let fitting = [aligned, close]
            .into_iter()
            .find(|line| width(line) <= terminal);
        if let Some(line) = fitting {
            let _ = writeln!(text, "{}", line.trim_end());
        } else {
            let _ = writeln!(text, "{}", line.trim_end());
            text.push_str(&hang(&" ".repeat(start), origin, start, Some(terminal)));
        }
    }
    text
}

/// A table. Where a row would be too long, its last cell goes to a line of its own.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], terminal: Option<usize>) -> String {
    let column = |number: usize| {
        rows.iter()
            .map(|row| width(&row[number]))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(column).collect();
    let all = widths.iter().sum::<usize>() + 2 * (N - 1);
    let narrow = terminal.filter(|terminal| all > *terminal);
    let Some(terminal) = narrow.map(|terminal| terminal.max(2 * SHALLOW)) else {
        return rows.iter().map(|row| joined(row, &widths)).collect();
    };
    let last = N - 1;
    let between = widths[1..last].iter().map(|width| width + 2).sum::<usize>();
    let mut widths = widths;
    widths[0] = widths[0].min(terminal.saturating_sub(between).max(SHALLOW));
    let indent = " ".repeat(SHALLOW);
    let mut text = String::new();
    for row in rows {
        let mut cells = row.to_vec();
        if width(&cells[0]) > widths[0] {
            let _ = writeln!(text, "{}", std::mem::take(&mut cells[0]));
        }
        let whole = joined(&cells, &widths);
        if width(whole.trim_end()) <= terminal {
            text.push_str(&whole);
            continue;
        }
        text.push_str(&joined(&cells[..last], &widths));
        let parts = wrap(&row[last], 0, terminal - SHALLOW);
        for part in parts.iter().filter(|part| !part.is_empty()) {
            let _ = writeln!(text, "{indent}{}", elided(part, terminal - SHALLOW));
        }
    }
    text
}

fn joined(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths);
    let line: String = cells
        .map(|(cell, width)| format!("{}  ", padded(cell, *width)))
        .collect();
    format!("{}\n", line.trim_end())
}

/// A word without its middle, if it is too long.
fn elided(word: &str, most: usize) -> String {
    let all: Vec<char> = word.chars().collect();
    if all.len() <= most {
        return word.to_owned();
    }
    let start = most.saturating_sub(1) / 2;
    let end = all.len() - (most.saturating_sub(1) - start);
    let (start, end) = (&all[..start], &all[end..]);
    start.iter().chain(['…'].iter()).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [["東京", "a"], ["tokyo", "b"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows, None), "東京   a\ntokyo  b\n");
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(wrap("a bc def", 0, 4), ["a bc", "def"]);
        assert_eq!(wrap("a toolong b", 0, 4), ["a", "toolong", "b"]);
        assert_eq!(wrap("toolong", 2, 4), ["", "toolong"]);
        assert_eq!(wrap("", 0, 4), [""]);
        assert_eq!(
            hang("key: ", "some more words", 2, Some(12)),
            "key: some\n  more words\n"
        );
        assert_eq!(
            hang("key: ", "some more words", 2, None),
            "key: some more words\n"
        );
    }

    #[test]
    fn the_middle_of_a_long_word_goes() {
        assert_eq!(elided("abcdefgh", 8), "abcdefgh");
        assert_eq!(elided("abcdefgh", 5), "ab…gh");
    }

    #[test]
    fn a_table_that_fits_is_one_line_per_row() {
        let rows = [["VM", "UP", "ROOT"], ["a", "yes", "/dev/x"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows, None), "VM  UP   ROOT\na   yes  /dev/x\n");
        assert_eq!(table(&rows, Some(15)), "VM  UP   ROOT\na   yes  /dev/x\n");
        assert_eq!(
            table(&rows, Some(14)),
            "VM  UP   ROOT\na   yes\n    /dev/x\n"
        );
        let narrow = "VM  UP\n    ROOT\na   yes\n    /…/x\n";
        assert_eq!(table(&rows, Some(8)), narrow);
    }
}
