"""Checks the types of arguments: a wrong one says what is accepted."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Optional


def wrong(name: str, accepted: str, value: object) -> TypeError:
    """Create the error for an argument of the wrong type."""
    kind = "None" if value is None else type(value).__name__
    return TypeError(f"{name} must be {accepted}, not {kind}")


def flag(name: str, value: Any) -> bool:
    """Check for True or False: other values would count as one of them, such as "no" as True."""
    if isinstance(value, bool):
        return value
    raise wrong(name, "True or False", value)


def string(name: str, value: Any) -> str:
    """Check for a string."""
    if isinstance(value, str):
        return value
    raise wrong(name, "a string", value)


def optional_string(name: str, value: Any) -> Optional[str]:
    """Check for a string or None."""
    if value is None or isinstance(value, str):
        return value
    raise wrong(name, "a string or None", value)


def strings(name: str, value: Any, what: str = "strings") -> list[str]:
    """Check for a list of strings. A string alone would be a list of letters."""
    accepted = f"a list of {what}"
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise wrong(name, accepted, value)
    found = list(value)
    for one in found:
        if not isinstance(one, str):
            raise wrong(f"each item of {name}", "a string", one)
    return found


def directory(name: str, value: Any) -> pathlib.Path:
    """Check for a path."""
    if isinstance(value, (str, os.PathLike)):
        return pathlib.Path(value)
    raise wrong(name, "a string or a pathlib.Path", value)


def vms(name: str, value: Any) -> Optional[list[str]]:
    """Check for True, which gives None, False, or a list of VMs."""
    if isinstance(value, bool):
        return None if value else []
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise wrong(name, "True, False, or a list of VMs", value)
    return strings(name, value, "VMs")


def texts(name: str, value: Any, kind: type, accepted: str) -> dict[str, Any]:
    """Check for a dict of contents by name."""
    for key, content in value.items():
        if not isinstance(key, str):
            raise wrong(f"each key of {name}", "a string", key)
        if not isinstance(content, kind):
            raise wrong(f"{name}[{key!r}]", accepted, content)
    return dict(value)


def files(value: Iterable[Any]) -> list[pathlib.Path]:
    """Check for paths."""
    return [directory("each file", one) for one in value]
