"""What the functions give: values that do not change, compare equal and become dicts."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any, Optional


@dataclasses.dataclass(frozen=True)
class Result:
    """What all results have in common."""

    def to_dict(self) -> dict[str, Any]:
        """The same as dicts, lists and plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Related(Result):
    """Another place that a diagnostic is about."""

    path: str
    message: str
    file: Optional[str] = None
    line: Optional[int] = None
    column: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Diagnostic(Result):
    """One thing that is wrong."""

    id: str
    """Its id, as ``bad-mac``; see :func:`xen_vman.diagnostics`."""
    severity: str
    """``error`` or ``warning``."""
    path: str
    """Where it is in the definition, as ``vms[1].interfaces[0].mac``."""
    message: str
    """What must hold."""
    help: Optional[str] = None
    """What to do."""
    file: Optional[str] = None
    """The file; none for a definition that is a dict."""
    line: Optional[int] = None
    """The line, from 1."""
    column: Optional[int] = None
    """The character in the line, from 1."""
    related: tuple[Related, ...] = ()

    def __str__(self) -> str:
        place = self.path if self.file is None else f"{self.file}:{self.line}:{self.column}: {self.path}"
        text = f"{self.severity}[{self.id}]: {place}: {self.message}"
        return text if self.help is None else f"{text} ({self.help})"


@dataclasses.dataclass(frozen=True)
class Report(Result):
    """All that is wrong with a definition."""

    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those that keep anything from being done."""
        return tuple(one for one in self.diagnostics if one.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Those that do not."""
        return tuple(one for one in self.diagnostics if one.severity == "warning")

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.diagnostics)

    @classmethod
    def of(cls, text: str) -> Report:
        """Reads a report in JSON."""
        return cls(tuple(_diagnostic(one) for one in json.loads(text)))


@dataclasses.dataclass(frozen=True)
class Explained(Result):
    """A value of a VM or of the host, and where it comes from."""

    key: str
    """Its key, as ``interfaces[0].mac``."""
    value: Any
    """The value; lists are tuples."""
    origin: str
    """``written``, ``default``, ``built-in``, ``fact``, ``derived`` or ``unset``."""
    path: Optional[str] = None
    """Where it is written in the definition."""
    file: Optional[str] = None
    line: Optional[int] = None
    column: Optional[int] = None
    made_from: Optional[str] = None
    """What it is derived from, or the fact."""


def _explained(fields: dict[str, Any]) -> Explained:
    made_from, value = fields.pop("from", None), fields.pop("value")
    return Explained(value=_frozen(value), made_from=made_from, **_place(fields))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


@dataclasses.dataclass(frozen=True)
class HostFacts(Result):
    """What is known of a host, for the argument ``facts``; none where nothing is."""

    xl_path: Optional[str] = None
    iscsiadm_path: Optional[str] = None
    xen_version: Optional[str] = None
    """As ``4.17``."""
    host_memory: Optional[int] = None
    """In MiB."""
    host_cpus: Optional[int] = None


def _place(fields: dict[str, Any]) -> dict[str, Any]:
    # What is not in a file has a name in angle brackets.
    if str(fields.get("file")).startswith("<"):
        return {key: value for key, value in fields.items() if key not in ("file", "line", "column")}
    return fields


def _diagnostic(fields: dict[str, Any]) -> Diagnostic:
    related = tuple(Related(**_place(one)) for one in fields.pop("related", []))
    return Diagnostic(**_place(fields), related=related)


@dataclasses.dataclass(frozen=True)
class File(Result):
    """A file that a host or a guest needs."""

    path: str
    """Its absolute path, there."""
    mode: int
    """Permission bits."""
    owner: str
    """``root``, or the user of a guest."""
    content: bytes = dataclasses.field(repr=False)
    vm: Optional[str] = None
    """The guest it is in; none for the host."""

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()


@dataclasses.dataclass(frozen=True)
class Rendered(Result):
    """All files of a host and its guests."""

    files: tuple[File, ...]
    manifest_json: str = dataclasses.field(repr=False)
    """The files, links, settings and units, as ``manifest.json`` of the command line."""
    report: Report = Report()
    """The warnings."""

    @functools.cached_property
    def manifest(self) -> dict[str, Any]:
        """:attr:`manifest_json`, read."""
        found: dict[str, Any] = json.loads(self.manifest_json)
        return found

    def file(self, path: str, vm: Optional[str] = None) -> File:
        """The file at a path, of the host or of a guest.

        :raises KeyError: if there is none.
        """
        for file in self.files:
            if file.path == path and file.vm == vm:
                return file
        raise KeyError(path)


@dataclasses.dataclass(frozen=True)
class Action(Result):
    """Something that is done to a host."""

    action: str
    """What kind of action it is, as ``put`` or ``install``."""
    impact: str
    """What it brings with it: ``none``, ``daemon-reload``, … ``destroys-data``."""
    sentence: str
    """The line that people read."""
    path: Optional[str] = None
    domain: Optional[str] = None
    kernel: Optional[str] = None
    place: Optional[str] = None
    erase: Optional[bool] = None
    diff: str = dataclasses.field(default="", repr=False)
    """What changes in the file, without passwords."""


@dataclasses.dataclass(frozen=True)
class Plan(Result):
    """What is to be done to a host, in order."""

    actions: tuple[Action, ...]
    leftovers: tuple[str, ...]
    """Files that are no longer asked for, and stay without ``prune``."""
    unmanaged: tuple[str, ...]
    """VMs that are no longer defined."""
    pending_restarts: tuple[str, ...]
    """VMs that run with other settings than defined."""
    fingerprint: str = dataclasses.field(repr=False)
    """For ``apply(..., plan=…)``: what is done must be this."""
    report: Report = Report()

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.actions)


@dataclasses.dataclass(frozen=True)
class Undone(Result):
    """An action that failed, while those that do not depend on it were done."""

    action: str
    error: str


@dataclasses.dataclass(frozen=True)
class Applied(Result):
    """What was done to a host."""

    plan: Plan
    failures: tuple[Undone, ...] = ()
    generation: Optional[str] = None
    """Where what was there before is kept; none if nothing was done."""

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return len(self.plan.actions) > len(self.failures)


def _plan(fields: dict[str, Any], report: Report) -> Plan:
    return Plan(
        actions=tuple(Action(**one) for one in fields["actions"]),
        leftovers=tuple(fields["leftovers"]),
        unmanaged=tuple(fields["unmanaged"]),
        pending_restarts=tuple(fields["pending_restarts"]),
        fingerprint=fields["fingerprint"],
        report=report,
    )


def _applied(text: str, report: Report) -> Applied:
    fields = json.loads(text)
    return Applied(
        plan=_plan(fields, report),
        failures=tuple(Undone(**one) for one in fields["failures"]),
        generation=fields["generation"],
    )


@dataclasses.dataclass(frozen=True)
class VmStatus(Result):
    """How a VM is."""

    domain: str
    is_defined: bool
    is_enabled: bool
    is_running: Optional[bool]
    needs_restart: bool
    installed: str
    """``yes``, ``unfinished``, ``no``, or ``foreign`` if its root is not our affair."""
    storage: Optional[str]
    is_at_hand: Optional[bool]
    is_mounted: bool


@dataclasses.dataclass(frozen=True)
class Finding(Result):
    """What the doctor says of one thing."""

    about: str
    state: str
    """``fine``, ``risky`` or ``missing``."""
    says: str
    help: str


@dataclasses.dataclass(frozen=True)
class VifCommands(Result):
    """What ``vif-p2p`` runs."""

    online: tuple[str, ...]
    offline: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class DiagnosticInfo(Result):
    """A diagnostic of the catalogue."""

    id: str
    severity: str
    summary: str
    explanation: str = dataclasses.field(repr=False)
