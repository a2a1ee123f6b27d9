//! Rows as a table for people and as JSON for programs.

use super::Row;
use crate::diag::Places;
use crate::diag::text::printable;
use crate::document::Sources;
use crate::resolve::Origin;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The rows of a key: its own, or those inside it (`interfaces`, `interfaces[0]`, `os`).
///
/// # Errors
/// All existing keys, if no row has the key.
pub fn select(rows: Vec<Row>, key: &str) -> Result<Vec<Row>, Vec<String>> {
    let fits = |row: &Row| {
        let rest = row.key.strip_prefix(key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if rows.iter().any(fits) {
        Ok(rows.into_iter().filter(fits).collect())
    } else {
        Err(rows.into_iter().map(|row| row.key).collect())
    }
}

/// One line for each row: key, value, and where it comes from.
pub fn table(rows: &[Row], sources: &Sources) -> String {
    aligned(&cells(rows, sources))
}

/// The cells of [`table`], for another layout; without control characters.
pub fn cells(rows: &[Row], sources: &Sources) -> Vec<[String; 3]> {
    let cells = |row: &Row| [row.key.clone(), shown(row), origin(row.origin, sources)];
    rows.iter().map(cells).collect()
}

/// The rows as a JSON array of `key`, `value`, `origin` and, for values in a file, `path`, `file`,
/// `line` and `column`.
pub fn json(rows: &[Row], sources: &Sources) -> String {
    let rows: Vec<_> = rows.iter().map(|row| object(row, sources)).collect();
    format!("{:#}\n", Value::from(rows))
}

/// The keys whose values differ, with the rows of both sides (`None` if a side has no such row), in
/// the order of the first.
pub fn difference<'r>(a: &'r [Row], b: &'r [Row]) -> Vec<(Option<&'r Row>, Option<&'r Row>)> {
    let find = |rows: &'r [Row], key: &str| rows.iter().find(|row| row.key == key);
    let of_a = a.iter().map(|row| (Some(row), find(b, &row.key)));
    let only_b = b.iter().filter(|row| find(a, &row.key).is_none());
    of_a.chain(only_b.map(|row| (None, Some(row))))
        .filter(|(a, b)| a.map(|row| &row.value) != b.map(|row| &row.value))
        .collect()
}

/// The differences between two VMs: for each key, a line for each VM.
pub fn table_difference(names: [&str; 2], rows: [&[Row]; 2], sources: &Sources) -> String {
    aligned(&cells_difference(names, rows, sources))
}

/// The cells of [`table_difference`], for another layout.
pub fn cells_difference(
    names: [&str; 2],
    rows: [&[Row]; 2],
    sources: &Sources,
) -> Vec<[String; 3]> {
    let mut cells = Vec::new();
    for (a, b) in difference(rows[0], rows[1]) {
        let key = a.or(b).map_or("", |row| &row.key);
        for (name, row) in names.iter().zip([a, b]) {
            let first = if *name == names[0] { key } else { "" };
            let (value, from) = row.map_or_else(Default::default, |row| {
                (shown(row), origin(row.origin, sources))
            });
            cells.push([first.to_owned(), format!("{name}: {value}"), from]);
        }
    }
    cells
}

/// The differences as a JSON array of `key`, and a row under the name of each VM.
pub fn json_difference(names: [&str; 2], rows: [&[Row]; 2], sources: &Sources) -> String {
    let side = |row: Option<&Row>| row.map_or(Value::Null, |row| object(row, sources));
    let all: Vec<_> = difference(rows[0], rows[1])
        .into_iter()
        .map(|(a, b)| {
            let key = a.or(b).map(|row| row.key.clone());
            json!({ "key": key, names[0]: side(a), names[1]: side(b) })
        })
        .collect();
    format!("{:#}\n", Value::from(all))
}

fn object(row: &Row, sources: &Sources) -> Value {
    let word = match row.origin {
        Some(Origin::Written(_)) => "written",
        Some(Origin::Default(_)) => "default",
        Some(Origin::BuiltIn) => "built-in",
        Some(Origin::Fact(_)) => "fact",
        Some(Origin::Derived(_)) => "derived",
        Some(Origin::StandIn(_)) => "stand-in",
        None => "unset",
    };
    let mut object = json!({ "key": row.key, "value": row.value, "origin": word });
    match row.origin {
        Some(Origin::Written(place) | Origin::Default(place) | Origin::StandIn(place)) => {
            object["path"] = sources.place(&place.path()).into();
            if let Some(span) = sources.span_of(&place.path()) {
                let at = sources.position(span);
                object["file"] = at.file.into();
                object["line"] = at.line.into();
                object["column"] = at.column.into();
            }
        }
        Some(Origin::Fact(from) | Origin::Derived(from)) => object["from"] = from.into(),
        Some(Origin::BuiltIn) | None => {}
    }
    object
}

fn shown(row: &Row) -> String {
    printable(&row.words.clone().unwrap_or_else(|| text(&row.value)))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn origin(origin: Option<Origin>, sources: &Sources) -> String {
    let at = |place: crate::resolve::Place| {
        let path = place.path();
        sources.span_of(&path).map_or_else(
            || sources.place(&path),
            |span| {
                let at = sources.position(span);
                printable(&format!("{}:{}:{}", at.file, at.line, at.column))
            },
        )
    };
    match origin {
        Some(Origin::Written(place)) => at(place),
        Some(Origin::Default(place)) => format!("default at {}", at(place)),
        Some(Origin::BuiltIn) => "built in".to_owned(),
        Some(Origin::Fact(name)) => format!("host fact `{name}`"),
        Some(Origin::Derived(from)) => format!("derived from {from}"),
        Some(Origin::StandIn(place)) => format!("replaces an invalid value at {}", at(place)),
        None => "not set".to_owned(),
    }
}

/// Wider cells do not move the next column.
const WIDTH_MAX: usize = 44;

fn aligned(rows: &[[String; 3]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths
            .filter(|width| *width <= WIDTH_MAX)
            .max()
            .unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [key, value, origin] in rows {
        let line = format!("{key:first$}  {value:second$}  {origin}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
