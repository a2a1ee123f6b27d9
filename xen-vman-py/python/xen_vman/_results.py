"""Results of the functions: immutable values that can be compared and converted to dicts."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterable, Sized
from typing import Any, Optional

from . import _html


@dataclasses.dataclass(frozen=True)
class Result:
    """The base class of all results."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as dicts, lists and plain values."""
        return dataclasses.asdict(self)

    def _repr_html_(self) -> str:
        """Show the result in a notebook."""
        return _html.fields_of(self)


def _count(items: Sized, one: str, many: Optional[str] = None) -> str:
    """Return a number of things, such as ``2 VMs``."""
    return f"{len(items)} {one if len(items) == 1 else many or one + 's'}"


def _summary(result: object, *parts: str) -> str:
    """Return a short ``repr``; all of the data is in the attributes."""
    return f"<{type(result).__name__}: {', '.join(part for part in parts if part)}>"


def _some(items: Sized, one: str, many: Optional[str] = None) -> str:
    """Return a number of things, or nothing if there are none."""
    return _count(items, one, many) if len(items) else ""


@dataclasses.dataclass(frozen=True)
class Related(Result):
    """Another location that a diagnostic refers to."""

    path: str
    message: str
    file: Optional[str] = None
    line: Optional[int] = None
    column: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Diagnostic(Result):
    """A problem in a definition."""

    id: str
    """The id, such as ``bad-mac``; see :func:`xen_vman.diagnostics`."""
    severity: str
    """``error`` or ``warning``."""
    path: str
    """The path in the definition, such as ``vms[1].interfaces[0].mac``."""
    message: str
    """What the problem is."""
    help: Optional[str] = None
    """How to fix it."""
    file: Optional[str] = None
    """The file; None if the definition is a dict."""
    line: Optional[int] = None
    """The line, counted from 1."""
    column: Optional[int] = None
    """The character in the line, counted from 1."""
    related: tuple[Related, ...] = ()

    def __str__(self) -> str:
        location = self.path if self.file is None else f"{self.file}:{self.line}:{self.column}: {self.path}"
        text = f"{self.severity}[{self.id}]: {location}: {self.message}"
        return text if self.help is None else f"{text} ({self.help})"


@dataclasses.dataclass(frozen=True, repr=False)
class Report(Result):
    """All problems in a definition."""

    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that prevent rendering and applying."""
        return tuple(one for one in self.diagnostics if one.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that do not."""
        return tuple(one for one in self.diagnostics if one.severity == "warning")

    def __bool__(self) -> bool:
        """Whether there are any diagnostics."""
        return bool(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.diagnostics)

    def __repr__(self) -> str:
        return _summary(self, _some(self.errors, "error"), _some(self.warnings, "warning") or ("" if self else "no problems"))

    def _repr_html_(self) -> str:
        columns = ("severity", "id", "path", "message", "help", "file", "line")
        rows = ([getattr(one, column) for column in columns] for one in self.diagnostics)
        return _html.table(columns, rows) if self else _html.paragraph("no problems")

    @classmethod
    def of(cls, text: str) -> Report:
        """Parse a report in JSON."""
        return cls(tuple(_diagnostic(one) for one in json.loads(text)))


@dataclasses.dataclass(frozen=True)
class Explained(Result):
    """A value of a VM or of the host, and where it comes from."""

    key: str
    """The key, such as ``interfaces[0].mac``."""
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
    """The values it is derived from, or the name of the fact."""


def _explained(fields: dict[str, Any]) -> Explained:
    made_from, value = fields.pop("from", None), fields.pop("value")
    return Explained(value=_frozen(value), made_from=made_from, **_location(fields))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


@dataclasses.dataclass(frozen=True)
class HostFacts(Result):
    """Facts about a host, for the argument ``facts``; None where a fact is unknown."""

    xl_path: Optional[str] = None
    iscsiadm_path: Optional[str] = None
    xen_version: Optional[str] = None
    """For example ``4.17``."""
    host_memory: Optional[int] = None
    """In MiB."""
    host_cpus: Optional[int] = None


def _location(fields: dict[str, Any]) -> dict[str, Any]:
    # Input that is not a file has a name in angle brackets.
    if str(fields.get("file")).startswith("<"):
        return {key: value for key, value in fields.items() if key not in ("file", "line", "column")}
    return fields


def _diagnostic(fields: dict[str, Any]) -> Diagnostic:
    related = tuple(Related(**_location(one)) for one in fields.pop("related", []))
    return Diagnostic(**_location(fields), related=related)


@dataclasses.dataclass(frozen=True)
class File(Result):
    """A file that a host or a guest needs."""

    path: str
    """The absolute path on the host or in the guest."""
    mode: int
    """Permission bits."""
    owner: str
    """``root``, or the user of a guest."""
    content: bytes = dataclasses.field(repr=False)
    vm: Optional[str] = None
    """The guest that the file belongs to; None for the host."""

    @property
    def text(self) -> str:
        """The content as a string."""
        return self.content.decode()


@dataclasses.dataclass(frozen=True, repr=False)
class Rendered(Result):
    """All files of a host and its guests."""

    files: tuple[File, ...]
    manifest_json: str = dataclasses.field(repr=False)
    """The files, links, settings and units, as in the command line's ``manifest.json``."""
    report: Report = Report()
    """The warnings."""

    def __repr__(self) -> str:
        guests = {file.vm for file in self.files} - {None}
        return _summary(self, _count(self.files, "file"), _some(guests, "guest"), _some(self.report.warnings, "warning"))

    def _repr_html_(self) -> str:
        # Not the contents: some contain passwords, and notebooks are kept.
        rows = ([one.path, f"{one.mode:04o}", one.owner, one.vm, len(one.content)] for one in self.files)
        return _html.table(("path", "mode", "owner", "vm", "bytes"), rows)

    @functools.cached_property
    def manifest(self) -> dict[str, Any]:
        """:attr:`manifest_json`, parsed."""
        found: dict[str, Any] = json.loads(self.manifest_json)
        return found

    def file(self, path: str, vm: Optional[str] = None) -> File:
        """Return the file at a path on the host or in a guest.

        :raises KeyError: if there is no such file.
        """
        for file in self.files:
            if file.path == path and file.vm == vm:
                return file
        raise KeyError(path)


@dataclasses.dataclass(frozen=True)
class Action(Result):
    """A change to a host."""

    action: str
    """The kind of action, such as ``put`` or ``install``."""
    impact: str
    """The consequence: ``none``, ``daemon-reload``, … ``destroys-data``."""
    sentence: str
    """The human-readable description."""
    path: Optional[str] = None
    domain: Optional[str] = None
    kernel: Optional[str] = None
    location: Optional[str] = None
    erase: Optional[bool] = None
    snapshot: Optional[bool] = None
    """Whether a snapshot is taken first."""
    moves_from: Optional[str] = None
    """The location of the root that the VM had before."""
    renamed_from: Optional[str] = None
    """The name that the VM had before."""
    session: Optional[str] = None
    """The iSCSI session of the VM's root."""
    size_bytes: Optional[int] = None
    """The size of a volume that is made."""
    from_bytes: Optional[int] = None
    """The size of a volume before it grows."""
    to_bytes: Optional[int] = None
    """Its size afterwards."""
    inside: Optional[str] = None
    """What to run in the guest once its volume has grown."""
    volume: Optional[str] = None
    """The name of a data disk; None for a root."""
    filesystem: Optional[str] = None
    """What a data disk is to hold."""
    fstab: Optional[str] = None
    """The line to add to the fstab of a guest that xen-vman does not install."""
    add: Optional[list[str]] = None
    """The lines that the fstab of a guest gets."""
    remove: Optional[list[str]] = None
    """Those that it loses."""
    diff: str = dataclasses.field(default="", repr=False)
    """The diff of the file, without passwords."""


@dataclasses.dataclass(frozen=True, repr=False)
class Plan(Result):
    """The changes to a host, in order."""

    actions: tuple[Action, ...]
    orphaned_files: tuple[str, ...]
    """Files that are no longer needed; they are kept unless ``prune`` is set."""
    orphaned_vms: tuple[str, ...]
    """VMs that are no longer defined and whose configuration is still on the host."""
    undefined_vms: tuple[str, ...]
    """VMs that start with the host, but that neither the definition nor an earlier one has."""
    pending_restarts: tuple[str, ...]
    """VMs that run with outdated settings."""
    pending_mounts: tuple[str, ...]
    """What to change in the fstab of guests that run."""
    fingerprint: str = dataclasses.field(repr=False)
    """Identifies the plan, for ``apply(..., plan=…)``."""
    report: Report = Report()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.actions)

    def __repr__(self) -> str:
        return _summary(self, *self._parts())

    def _parts(self) -> Iterable[str]:
        kinds = Counter(action.action for action in self.actions)
        each = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        yield _count(self.actions, "action") + (f" ({each})" if each else "")
        yield _some(self.pending_restarts, "pending restart")
        yield _some(self.pending_mounts, "pending mount")
        yield _some(self.orphaned_files, "orphaned file")
        yield _some(self.orphaned_vms, "orphaned VM")
        yield _some(self.undefined_vms, "undefined VM")
        yield _some(self.report.warnings, "warning")

    def _repr_html_(self) -> str:
        rows = (
            [_html.Markup(_html.details(one.sentence, one.diff)) if one.diff else one.sentence, one.impact]
            for one in self.actions
        )
        shown = [_html.table(("action", "impact"), rows) if self.actions else _html.paragraph("nothing to do")]
        for name in ("pending_restarts", "pending_mounts", "orphaned_files", "orphaned_vms", "undefined_vms"):
            if getattr(self, name):
                shown.append(_html.paragraph(f"{name.replace('_', ' ')}: {', '.join(getattr(self, name))}"))
        if self.report:
            shown.append(self.report._repr_html_())
        return "".join(shown)


@dataclasses.dataclass(frozen=True)
class FailedAction(Result):
    """An action that failed; actions that do not depend on it were done."""

    action: str
    error: str


@dataclasses.dataclass(frozen=True, repr=False)
class Applied(Result):
    """The changes that were made to a host."""

    plan: Plan
    failures: tuple[FailedAction, ...] = ()
    generation: Optional[str] = None
    """The directory that keeps the previous files; None if nothing was done."""

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return len(self.plan.actions) > len(self.failures)

    def __repr__(self) -> str:
        return _summary(self, *self.plan._parts(), _some(self.failures, "failure"))

    def _repr_html_(self) -> str:
        return self.plan._repr_html_() + (_html.table_of(self.failures) if self.failures else "")


def _plan(fields: dict[str, Any], report: Report) -> Plan:
    return Plan(
        actions=tuple(Action(**one) for one in fields["actions"]),
        orphaned_files=tuple(fields["orphaned_files"]),
        orphaned_vms=tuple(fields["orphaned_vms"]),
        undefined_vms=tuple(fields["undefined_vms"]),
        pending_restarts=tuple(fields["pending_restarts"]),
        pending_mounts=tuple(one["sentence"] for one in fields["pending_mounts"]),
        fingerprint=fields["fingerprint"],
        report=report,
    )


def _applied(text: str, report: Report) -> Applied:
    fields = json.loads(text)
    return Applied(
        plan=_plan(fields, report),
        failures=tuple(FailedAction(**one) for one in fields["failures"]),
        generation=fields["generation"],
    )


@dataclasses.dataclass(frozen=True)
class VmStatus(Result):
    """The state of a VM."""

    domain: str
    is_defined: bool
    is_enabled: bool
    is_running: Optional[bool]
    is_started_by_unit: Optional[bool]
    """Whether its unit started it, and so can stop it; ``None`` if it is not running."""
    needs_restart: bool
    installed: str
    """``yes``, ``unfinished``, ``no``, or ``foreign`` if xen-vman does not manage its root."""
    storage: Optional[str]
    is_connected: Optional[bool]
    is_mounted: bool


@dataclasses.dataclass(frozen=True)
class Finding(Result):
    """A finding of :func:`xen_vman.doctor`."""

    about: str
    state: str
    """``fine``, ``risky`` or ``missing``."""
    says: str
    help: str


@dataclasses.dataclass(frozen=True)
class Generation(Result):
    """What one :func:`xen_vman.apply` or :func:`xen_vman.rollback` has done."""

    number: int
    at_secs: Optional[int]
    """When it began, in seconds since the Unix epoch."""
    definition: Optional[str]
    """The name of the definition; ``None`` for a rollback."""
    rolled_back_to: Optional[int]
    """The generation that it rolled back to; ``None`` for an apply."""
    is_done: bool
    """Whether all of it was done."""
    is_current: bool
    """Whether the host is as this generation left it."""
    paths: list[str]
    """The files and links that it was to change."""
    is_uninstall: bool = False
    """Whether it removed all that applies had brought to the host."""


@dataclasses.dataclass(frozen=True)
class VifCommands(Result):
    """The commands that ``vif-p2p`` runs."""

    online: tuple[str, ...]
    offline: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class DiagnosticInfo(Result):
    """A diagnostic in the catalogue."""

    id: str
    severity: str
    summary: str
    explanation: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class GraphNode(Result):
    """A VM, a network, or storage."""

    id: str
    kind: str
    """``vm``, ``bridge``, ``routes``, ``gateway``, ``volume``, ``storage-server`` or ``other-storage``."""
    host: Optional[int]
    label: tuple[str, ...]
    """Its name, and more about it, line by line."""


@dataclasses.dataclass(frozen=True)
class GraphEdge(Result):
    """How two nodes are connected, by their ids."""

    source: str
    target: str
    kind: str
    label: tuple[str, ...]


@dataclasses.dataclass(frozen=True, repr=False)
class Graph(Result):
    """The VMs of a host with their networks, storage and start order."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    dot: str
    """For Graphviz."""
    mermaid: str
    """For Mermaid."""

    def __repr__(self) -> str:
        return _summary(self, _count(self.nodes, "node"), _count(self.edges, "edge"))

    def _repr_html_(self) -> str:
        names = {node.id: node.label[0] if node.label else node.id for node in self.nodes}
        rows = ([names[edge.source], edge.kind, names[edge.target], edge.label] for edge in self.edges)
        return _html.table(("from", "kind", "to", "label"), rows)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Let notebooks that know Mermaid draw it; others show the table."""
        return {"text/vnd.mermaid": self.mermaid, "text/html": self._repr_html_(), "text/plain": repr(self)}


def _graph(text: str, dot: str, mermaid: str) -> Graph:
    read = json.loads(text)
    nodes = (GraphNode(one["id"], one["kind"], one["host"], tuple(one["label"])) for one in read["nodes"])
    edges = (GraphEdge(one["from"], one["to"], one["kind"], tuple(one["label"])) for one in read["edges"])
    return Graph(tuple(nodes), tuple(edges), dot, mermaid)
