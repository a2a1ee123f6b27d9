"""Input of definitions: dicts, strings and files."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from . import _arguments as arguments
from ._results import HostFacts

PathLike = Union[str, "os.PathLike[str]"]

Definition = Union[Mapping[str, Any], "os.PathLike[str]", "Text", "Iterable[DefinitionPart]"]
"""A dict, a path, a :class:`Text`, or several of these, which are merged."""

Scripts = Union[Mapping[str, bytes], PathLike, None]
"""The directory that contains your own network scripts, or a dict of their contents by path."""

DefinitionPart = Union[Mapping[str, Any], "os.PathLike[str]", "Text"]


@dataclasses.dataclass(frozen=True)
class Text:
    """A definition as a string.

    >>> Text('nfsroot_base = "10.0.0.5:/tank"')
    Text(text='nfsroot_base = "10.0.0.5:/tank"', name='definition.toml')
    """

    text: str
    name: str = "definition.toml"
    """Its extension selects the format: ``.toml``, or ``.yml``, ``.yaml`` and ``.json`` for the role's
    variables."""

    def __post_init__(self) -> None:
        arguments.string("text", self.text)
        arguments.string("name", self.name)


@dataclasses.dataclass(frozen=True)
class Input:
    """The arguments of the compiled part."""

    sources: list[tuple[str, bytes, str]]
    facts: Optional[tuple[str, bytes]]
    scripts: Union[dict[str, bytes], pathlib.Path, None]
    allow: list[str]
    deny: list[str]
    strict: bool
    templates: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Choice:
    """What may be taken away, for the compiled part; ``None`` stands for all VMs."""

    erase: Optional[list[str]]
    remove: Optional[list[str]]
    remove_all: bool


def choose(
    prune: Union[bool, Iterable[str]],
    remove_all: bool,
    allow_reinstall: Union[bool, Iterable[str]],
) -> Choice:
    """Convert the arguments of ``plan`` and ``apply``."""
    return Choice(
        erase=arguments.vms("allow_reinstall", allow_reinstall),
        remove=arguments.vms("prune", prune),
        remove_all=arguments.flag("remove_all", remove_all),
    )


def read(
    definition: Definition,
    facts: Union[HostFacts, Mapping[str, Any], os.PathLike[str], None],
    scripts: Scripts,
    allow: Iterable[str],
    deny: Iterable[str],
    strict: bool,
    templates: Union[Mapping[str, str], os.PathLike[str], None] = None,
) -> Input:
    """Read everything that the compiled part needs."""
    parts = _parts(definition)
    files = [part for part in parts if isinstance(part, os.PathLike)]
    if scripts is None and files:
        scripts = pathlib.Path(files[0]).parent / "files"
    return Input(
        sources=[_source(part) for part in parts],
        facts=_facts(facts),
        scripts=_scripts(scripts),
        allow=arguments.strings("allow", allow, "ids of diagnostics"),
        deny=arguments.strings("deny", deny, "ids of diagnostics"),
        strict=arguments.flag("strict", strict),
        templates=_templates(templates),
    )


ACCEPTED = "a dict, a pathlib.Path, a xen_vman.Text, or a list of these"


def _parts(definition: Any) -> list[Any]:
    if isinstance(definition, (Mapping, os.PathLike, Text)):
        return [definition]
    if isinstance(definition, (str, bytes)):
        raise TypeError(
            f"a definition must be {ACCEPTED}; a plain string could be either a path or the definition itself"
        )
    if not isinstance(definition, Iterable):
        raise arguments.wrong("a definition", ACCEPTED, definition)
    parts = list(definition)
    for part in parts:
        if not isinstance(part, (Mapping, os.PathLike, Text)):
            raise arguments.wrong("each part of a definition", "a dict, a pathlib.Path or a xen_vman.Text", part)
    return parts


def _source(part: Any) -> tuple[str, bytes, str]:
    if isinstance(part, Text):
        return part.name, part.text.encode(), "file"
    if isinstance(part, os.PathLike):
        path = pathlib.Path(part)
        return str(path), path.read_bytes(), "file"
    is_role = any(str(key).startswith("xen_vman_") for key in part)
    return "<definition>", _json(part), "role" if is_role else "dict"


def _scripts(scripts: Scripts) -> Union[dict[str, bytes], pathlib.Path, None]:
    if isinstance(scripts, Mapping):
        return arguments.texts("scripts", scripts, bytes, "bytes")
    if scripts is None or isinstance(scripts, (str, os.PathLike)):
        return None if scripts is None else pathlib.Path(scripts)
    raise arguments.wrong("scripts", "a directory, or a dict of contents by path", scripts)


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
        accepted = "dicts, lists, strings, numbers, booleans, None, paths and IP addresses"
        raise TypeError(f"a definition cannot contain a value of type {type(value).__name__}, only {accepted}")
    return list(value)


def _facts(facts: Union[HostFacts, Mapping[str, Any], os.PathLike[str], None]) -> Optional[tuple[str, bytes]]:
    if facts is None:
        return None
    if isinstance(facts, HostFacts):
        facts = {key: value for key, value in facts.to_dict().items() if value is not None}
    if isinstance(facts, Mapping):
        return "<facts>.json", _json(facts)
    if not isinstance(facts, (str, os.PathLike)):
        raise arguments.wrong("facts", "a dict, a path or a xen_vman.HostFacts", facts)
    path = pathlib.Path(facts)
    return str(path), path.read_bytes()


def _templates(templates: Union[Mapping[str, str], os.PathLike[str], None]) -> dict[str, str]:
    if templates is None:
        return {}
    if isinstance(templates, Mapping):
        return arguments.texts("templates", templates, str, "a string")
    if not isinstance(templates, (str, os.PathLike)):
        raise arguments.wrong("templates", "a directory, or a dict of templates by name", templates)
    folder = pathlib.Path(templates)
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.tera"))}
