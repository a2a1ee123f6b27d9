"""What definitions are made of: dicts, text and files."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from ._results import HostFacts

PathLike = Union[str, "os.PathLike[str]"]

Definition = Union[Mapping[str, Any], "os.PathLike[str]", "Text", "Iterable[DefinitionPart]"]
"""A dict, a path, :class:`Text`, or several of them, which are joined."""

Scripts = Union[Mapping[str, bytes], PathLike, None]
"""The directory that network scripts of one's own are in, or their contents by their paths."""

DefinitionPart = Union[Mapping[str, Any], "os.PathLike[str]", "Text"]


@dataclasses.dataclass(frozen=True)
class Text:
    """A definition as text.

    >>> Text('nfsroot_base = "10.0.0.5:/tank"')
    Text(text='nfsroot_base = "10.0.0.5:/tank"', name='definition.toml')
    """

    text: str
    name: str = "definition.toml"
    """Its end tells the format: ``.toml``, or ``.yml``, ``.yaml`` and ``.json`` for the role's
    variables."""


@dataclasses.dataclass(frozen=True)
class Input:
    """What the compiled part takes."""

    sources: list[tuple[str, bytes, str]]
    facts: Optional[tuple[str, bytes]]
    scripts: Union[dict[str, bytes], pathlib.Path, None]
    allow: list[str]
    deny: list[str]
    strict: bool
    templates: dict[str, str]


def read(
    definition: Definition,
    facts: Union[HostFacts, Mapping[str, Any], os.PathLike[str], None],
    scripts: Scripts,
    allow: Iterable[str],
    deny: Iterable[str],
    strict: bool,
    templates: Union[Mapping[str, str], os.PathLike[str], None] = None,
) -> Input:
    """Reads everything that the compiled part takes."""
    parts = _parts(definition)
    files = [part for part in parts if isinstance(part, os.PathLike)]
    if scripts is None and files:
        scripts = pathlib.Path(files[0]).parent / "files"
    return Input(
        sources=[_source(part) for part in parts],
        facts=_facts(facts),
        scripts=_scripts(scripts),
        allow=list(allow),
        deny=list(deny),
        strict=strict,
        templates=_templates(templates),
    )


def _parts(definition: Any) -> list[Any]:
    if isinstance(definition, (Mapping, os.PathLike, Text)):
        return [definition]
    if isinstance(definition, (str, bytes)):
        raise TypeError(
            "a definition is a dict, a pathlib.Path, xen_vman.Text(...), or a list of them; "
            "a bare string could be text or a path"
        )
    return list(definition)


def _source(part: Any) -> tuple[str, bytes, str]:
    if isinstance(part, Text):
        return part.name, part.text.encode(), "file"
    if isinstance(part, os.PathLike):
        path = pathlib.Path(part)
        return str(path), path.read_bytes(), "file"
    if isinstance(part, Mapping):
        is_role = any(str(key).startswith("xen_vman_") for key in part)
        return "<definition>", _json(part), "role" if is_role else "dict"
    raise TypeError(f"a definition cannot be made of {type(part).__name__}")


def _scripts(scripts: Scripts) -> Union[dict[str, bytes], pathlib.Path, None]:
    if scripts is None or isinstance(scripts, Mapping):
        return None if scripts is None else dict(scripts)
    return pathlib.Path(scripts)


def _json(value: Any) -> bytes:
    return json.dumps(value, default=_plain, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    plain = (
        os.PathLike,
        ipaddress.IPv4Address,
        ipaddress.IPv6Address,
        ipaddress.IPv4Interface,
        ipaddress.IPv6Interface,
    )
    if isinstance(value, plain):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)) or not isinstance(value, Iterable):
        raise TypeError(f"a definition holds no {type(value).__name__}")
    return list(value)


def _facts(facts: Union[HostFacts, Mapping[str, Any], os.PathLike[str], None]) -> Optional[tuple[str, bytes]]:
    if facts is None:
        return None
    if isinstance(facts, HostFacts):
        facts = {key: value for key, value in facts.to_dict().items() if value is not None}
    if isinstance(facts, Mapping):
        return "<facts>.json", _json(facts)
    path = pathlib.Path(facts)
    return str(path), path.read_bytes()


def _templates(templates: Union[Mapping[str, str], os.PathLike[str], None]) -> dict[str, str]:
    if templates is None:
        return {}
    if isinstance(templates, Mapping):
        return dict(templates)
    place = pathlib.Path(templates)
    return {str(path.relative_to(place)): path.read_text() for path in sorted(place.rglob("*.tera"))}
