"""Versions of Python and Debian packages; controller and hosts may lack libraries that compare them."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import functools
import re
import typing

COMPARISONS: dict[str, typing.Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
}


def satisfies(version: str | None, wanted: str) -> bool:
    """Whether pip would keep a version, such as `0.1.3` for `xen-vman~=0.1.0`. If a URL is wanted, only pip knows."""
    found = re.fullmatch(r"\s*[\w.-]+?\s*((?:(?:[~=!]=|[<>]=?)\s*[\w.]+\s*,?\s*)*)", wanted)
    if found is None:
        return True
    specifiers = re.findall(r"([~=!]=|[<>]=?)\s*([\w.]+)", found[1])
    return not specifiers or (version is not None and all(fits(version, *one) for one in specifiers))


def is_older(version: str, wanted: str) -> bool:
    """Whether a version is older than all that are wanted."""
    numbers = re.findall(r"[~=>]=?\s*([\w.]+)", wanted)
    return bool(numbers) and parsed(version) < min(map(parsed, numbers))


def fits(version: str, comparison: str, other: str) -> bool:
    """Whether a version fits one part of a requirement."""
    if comparison == "~=":
        family = other.split(".")[:-1]
        return fits(version, ">=", other) and re.findall(r"\d+", version)[: len(family)] == family
    one, two = parsed(version), parsed(other)
    return COMPARISONS[comparison]((one > two) - (one < two))


def parsed(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Splits a version of a Python package into what can be compared: a pre-release comes before its release."""
    numbers, rest = re.fullmatch(r"([0-9.]*)(.*)", version).groups()  # type: ignore[union-attr]
    release = [int(one) for one in numbers.split(".") if one]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), not rest, rest


def of_debian(version: str) -> str:
    """The version of the project in that of a Debian package: `0.1.0rc1` in `1:0.1.0~rc1+dfsg-2`."""
    upstream = version.split(":", 1)[-1].rsplit("-", 1)[0]
    return upstream.split("+", 1)[0].replace("~", "")


def debian_order(one: str, two: str) -> int:
    """Compares versions of Debian packages: below, equal to or above 0, as described in deb-version(7)."""
    for a, b in zip(debian_parts(one), debian_parts(two)):
        order = (a > b) - (a < b) if isinstance(a, int) else order_of_strings(a, b)
        if order:
            return order
    return 0


newest = functools.cmp_to_key(debian_order)


def debian_parts(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return (int(epoch), upstream, revision) if dash else (int(epoch), rest, "0")


def order_of_strings(one: str, two: str) -> int:
    # Pieces are in turn without and with digits; the end of a string sorts after `~` and before all else.
    pieces = [re.findall(r"(\D*)(\d*)", text) for text in (one, two)]
    for number in range(max(map(len, pieces))):
        (text_a, digits_a), (text_b, digits_b) = (
            side[number] if number < len(side) else ("", "") for side in pieces
        )
        a = ([rank(letter) for letter in text_a] + [0], int(digits_a or 0))
        b = ([rank(letter) for letter in text_b] + [0], int(digits_b or 0))
        if a != b:
            return 1 if a > b else -1
    return 0


def rank(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
