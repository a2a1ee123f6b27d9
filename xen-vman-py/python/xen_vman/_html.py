"""Shows results in notebooks. All text is escaped: guests and users write much of it."""

from __future__ import annotations

import dataclasses
import html
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Table(list[T]):
    """A list of results that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        return table_of(self)


def table_of(items: Sequence[Any]) -> str:
    """Show results, one per row."""
    if not items:
        return "<p>none</p>"
    names = [field.name for field in dataclasses.fields(items[0]) if field.repr]
    return table(names, ([getattr(item, name) for name in names] for item in items))


def fields_of(item: Any) -> str:
    """Show a result, one field per row."""
    names = [field.name for field in dataclasses.fields(item) if field.repr]
    return table(["", ""], ([name, getattr(item, name)] for name in names))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table."""
    head = "".join(f"<th>{text(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def details(summary: str, content: str) -> str:
    """Return a string that can be opened, such as a diff."""
    return f"<details><summary>{text(summary)}</summary><pre>{text(content)}</pre></details>"


def paragraph(content: str) -> str:
    """Return a paragraph."""
    return f"<p>{text(content)}</p>"


class Markup(str):
    """HTML that is not escaped again."""


def cell(value: Any) -> str:
    """Return the content of a cell."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join(cell(one) for one in value)
    return text(str(value))


def text(written: str) -> str:
    """Escape a string; characters that would reorder or hide others are shown by their number."""
    shown = "".join(
        one if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cf", "Cs") else f"\\u{{{ord(one):x}}}"
        for one in written
    )
    return html.escape(shown)
