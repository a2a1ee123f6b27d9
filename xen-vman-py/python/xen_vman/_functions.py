"""The public functions. Each converts its arguments, calls the compiled part once, and converts the result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional, Union

from . import _arguments as arguments
from . import _core
from ._html import Table
from ._input import Definition, Input, PathLike, Scripts, choose, read
from ._results import (
    Applied,
    DiagnosticInfo,
    Explained,
    File,
    Finding,
    Generation,
    Graph,
    HostFacts,
    Plan,
    Rendered,
    Report,
    VifCommands,
    VmStatus,
    _applied,
    _explained,
    _graph,
    _plan,
)

Facts = Union[HostFacts, Mapping[str, Any], "os.PathLike[str]", None]
Templates = Union[Mapping[str, str], "os.PathLike[str]", None]
Progress = Callable[[dict[str, Any]], object]


def check(
    definition: Definition,
    *,
    facts: Facts = None,
    scripts: Scripts = None,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
    strict: bool = False,
) -> Report:
    """Report all problems in a definition.

    >>> report = check({"vms": [{"org": "a", "name": "web", "interfaces": [{"mac": "zz"}]}]})
    >>> [one.path for one in report.errors if one.id == "bad-mac"]
    ['vms[0].interfaces[0].mac']
    """
    return Report.of(_core.check(read(definition, facts, scripts, allow, deny, strict)))


def explain(
    definition: Definition,
    vm: Optional[str] = None,
    key: Optional[str] = None,
    *,
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[Explained]:
    """Show where the values of a VM, or of the host, come from.

    :raises ValueError: if there is no such VM or key.

    >>> explain({"stop_timeout": 120}, key="stop_timeout")
    [Explained(key='stop_timeout', value=120, origin='written', path='stop_timeout', file=None, line=None, \
column=None, made_from=None)]
    """
    names = arguments.optional_string("vm", vm), arguments.optional_string("key", key)
    rows = json.loads(_core.explain(read(definition, facts, scripts, (), (), False), *names))
    return Table(_explained(row) for row in rows)


def render(
    definition: Definition,
    *,
    facts: Facts = None,
    scripts: Scripts = None,
    templates: Templates = None,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
    strict: bool = False,
) -> Rendered:
    """Render every file that a host and its guests need.

    :raises DefinitionError: if the definition has errors.

    >>> rendered = render({
    ...     "nfsroot_base": "10.0.0.5:/tank",
    ...     "vms": [{"org": "a", "name": "web", "os": {"type": "debian", "version": "12"},
    ...              "interfaces": [{"ip": "10.0.0.15/24"}]}],
    ... })
    >>> rendered.file("/etc/hostname", vm="a-web").text
    'a-web\\n'
    """
    report, manifest, files = _core.render(read(definition, facts, scripts, allow, deny, strict, templates))
    return Rendered(
        files=tuple(map(File, *files)),
        manifest_json=manifest,
        report=Report.of(report),
    )


def plan(
    definition: Definition,
    *,
    root: PathLike = "/",
    prune: Union[bool, Iterable[str]] = False,
    remove_all: bool = True,
    allow_reinstall: Union[bool, Iterable[str]] = True,
    facts: Facts = None,
    scripts: Scripts = None,
    templates: Templates = None,
) -> Plan:
    """Show what :func:`apply` would change on this host, or in a directory treated as its root.

    :param prune: as for :func:`apply`, as are ``remove_all`` and ``allow_reinstall``; a plan that they would
        refuse raises :class:`HostError`.
    :raises DefinitionError: if the definition has errors.
    :raises HostError: if the host cannot be read, or existing paths conflict with the definition.
    """
    choice = choose(prune, remove_all, allow_reinstall)
    text, report = _core.plan(_input(definition, facts, scripts, templates), arguments.directory("root", root), choice)
    return _plan(json.loads(text), Report.of(report))


def apply(
    definition: Definition,
    *,
    root: PathLike = "/",
    prune: Union[bool, Iterable[str]] = False,
    remove_all: bool = False,
    allow_reinstall: Union[bool, Iterable[str]] = False,
    preflight: bool = True,
    plan: Optional[Plan] = None,
    progress: Optional[Progress] = None,
    facts: Facts = None,
    scripts: Scripts = None,
    templates: Templates = None,
) -> Applied:
    """Make this host, or a directory treated as its root, match the definition.

    :param prune: whether VMs that are no longer defined are stopped and removed, or the VMs that may be; if
        there are others, nothing is done.
    :param remove_all: whether that may leave the host without VMs.
    :param allow_reinstall: whether ``reinstall`` may erase roots, or the VMs whose roots it may erase.
    :param preflight: whether to check first that a running host has Xen and all programs that are needed.
    :param plan: the plan that was agreed to; if anything else would be done, nothing is done.
    :param progress: called with a dict for each event: ``plan``, ``begins``, ``step``,
        ``erases``, ``fails``.
        If it raises an exception before the first action, nothing is done; a later exception is
        raised when the current work is finished.
    :raises DefinitionError: if the definition has errors; nothing was done then.
    :raises HostError: at the first file that cannot be written. Failures that do not stop the rest
        are in :attr:`Applied.failures`.

    >>> import tempfile
    >>> definition = {"vms": []}
    >>> with tempfile.TemporaryDirectory() as root:
    ...     first, second = apply(definition, root=root), apply(definition, root=root)
    >>> first.changed, second.changed
    (True, False)
    """
    text, report = _core.apply(
        _input(definition, facts, scripts, templates),
        arguments.directory("root", root),
        choose(prune, remove_all, allow_reinstall),
        arguments.flag("preflight", preflight),
        _fingerprint(plan),
        _callback(progress),
    )
    return _applied(text, Report.of(report))


def generations(*, root: PathLike = "/") -> list[Generation]:
    """List what :func:`apply` and :func:`rollback` have done on a host, the oldest first.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     applied = apply({"vms": []}, root=root)
    ...     [one.number for one in generations(root=root)]
    [1]
    """
    return Table(Generation(**one) for one in json.loads(_core.generations(arguments.directory("root", root))))


def plan_rollback(*, root: PathLike = "/", to: Optional[int] = None) -> Plan:
    """Show what :func:`rollback` would change.

    :raises HostError: as :func:`rollback`.
    """
    return _plan(json.loads(_core.plan_rollback(arguments.directory("root", root), _generation(to))), Report())


def rollback(*, root: PathLike = "/", to: Optional[int] = None, progress: Optional[Progress] = None) -> Applied:
    """Restore the files as they were before the last :func:`apply` that changed any.

    :param to: the number of a generation, to restore the files as they were after it; 0 is before the first.
    :raises HostError: if there is nothing to roll back, or files have changed since.
    """
    return _applied(_core.rollback(arguments.directory("root", root), _generation(to), _callback(progress)), Report())


def packages(
    definition: Definition,
    *,
    root: Optional[PathLike] = None,
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[str]:
    """List the Debian packages that a host with these VMs needs, in addition to Xen's own.

    :param root: the host to check the definition for, as for :func:`plan`: its Xen version determines
        what a definition may contain.
    :raises DefinitionError: if the definition has errors.
    :raises HostError: if the host cannot be read.

    >>> packages({"vms": []})
    []
    """
    directory = None if root is None else arguments.directory("root", root)
    return _core.packages(_input(definition, facts, scripts, None), directory)


def status(
    definition: Definition,
    *,
    root: PathLike = "/",
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[VmStatus]:
    """Show the state of a host's VMs: those defined, those no longer defined, and those running."""
    text = _core.status(_input(definition, facts, scripts, None), arguments.directory("root", root))
    return Table(VmStatus(**one) for one in json.loads(text))


def doctor(
    definition: Definition,
    *,
    root: PathLike = "/",
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[Finding]:
    """Check whether a host is ready to run its VMs."""
    text = _core.doctor(_input(definition, facts, scripts, None), arguments.directory("root", root))
    return Table(Finding(**one) for one in json.loads(text))


def facts(*, root: PathLike = "/") -> HostFacts:
    """Detect the facts of a host, in the form that the argument ``facts`` accepts.

    :raises HostError: if the host cannot be read.
    """
    return HostFacts(**json.loads(_core.facts(arguments.directory("root", root))))


def graph(definition: Definition, *, host: str = "host", facts: Facts = None, scripts: Scripts = None) -> Graph:
    """Return the VMs of a host with their networks, storage and start order.

    :param host: the name of the host.
    :raises DefinitionError: if the definition has errors.

    >>> graph({"nfsroot_base": "10.0.0.5:/tank", "vms": [
    ...     {"org": "a", "name": "web", "os": {"type": "debian", "version": "12"}, "interfaces": [{"ip": "10.0.0.15/24"}]},
    ... ]})
    <Graph: 4 nodes, 3 edges>
    """
    read_input = read(definition, facts, scripts, (), (), False)
    return _graph(*_core.graph(read_input, arguments.string("host", host)))


def convert(definition: Definition, to: str = "toml") -> str:
    """Write a definition in another format: ``toml``, or the role's variables as ``yaml`` or ``json``.

    :raises DefinitionError: if its syntax is wrong. Values are kept as they are, valid or not.

    >>> print(convert({"xen_vman_nfsroot_base": "10.0.0.5:/tank"}), end="")
    nfsroot_base = "10.0.0.5:/tank"
    """
    return _core.convert(read(definition, None, None, (), (), False), arguments.string("to", to))


def import_xl_cfg(
    *files: os.PathLike[str], org: Optional[str] = None, start_with_host: Iterable[os.PathLike[str]] = ()
) -> tuple[str, Report]:
    """Generate a definition in TOML from xl.cfg files, or libvirt's XML; also returns a report of their problems.

    :param org: the organisation of the VMs; by default, that in a comment ``NAME @ORG``, or ``local``.
    :param start_with_host: those of the files whose domains start with the host.
    """
    paths = arguments.files(files)
    starting = [str(path) for path in arguments.files(start_with_host)]
    org = arguments.optional_string("org", org)
    text, report = _core.import_xl_cfg([(str(path), path.read_bytes()) for path in paths], org, starting)
    return text, Report.of(report)


def vif_p2p(main_ip: str, dev: str, addresses: Iterable[str]) -> VifCommands:
    """Return the commands that ``vif-p2p`` runs when a vif is added and when it is removed.

    >>> vif_p2p("10.0.0.1", "vif1.0", ["10.0.0.15"]).online[-1]
    'ip address replace 10.0.0.1/32 peer 10.0.0.15/32 dev vif1.0'
    """
    if isinstance(addresses, str) or not isinstance(addresses, Iterable):
        raise arguments.wrong("addresses", "a list of IP addresses", addresses)
    online, offline = _core.vif_p2p(str(main_ip), arguments.string("dev", dev), [str(one) for one in addresses])
    return VifCommands(tuple(online), tuple(offline))


def vifname(prefix: str, domain: str, devid: int, *, hvm: bool = False, taken: Iterable[str] = ()) -> str:
    """Return the name that a vif gets on the host.

    >>> vifname("web", "a-web", 0)
    'web.0'
    """
    names = arguments.string("prefix", prefix), arguments.string("domain", domain)
    return _core.vifname(*names, devid, arguments.flag("hvm", hvm), arguments.strings("taken", taken))


def diagnostics() -> list[DiagnosticInfo]:
    """List all diagnostics that :func:`check` can report."""
    return Table(DiagnosticInfo(*one) for one in _core.diagnostics())


def schema(*, role: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of definitions, or of the role's variables."""
    found: dict[str, Any] = json.loads(_core.schema(arguments.flag("role", role)))
    return found


def _input(definition: Definition, facts: Facts, scripts: Scripts, templates: Templates) -> Input:
    return read(definition, facts, scripts, (), (), False, templates)


def _fingerprint(plan: Optional[Plan]) -> Optional[str]:
    if plan is None or isinstance(plan, Plan):
        return None if plan is None else plan.fingerprint
    raise arguments.wrong("plan", "a xen_vman.Plan or None", plan)


def _generation(to: Optional[int]) -> Optional[int]:
    if to is None or (isinstance(to, int) and not isinstance(to, bool) and 0 <= to < 2**32):
        return to
    if isinstance(to, int) and not isinstance(to, bool):
        raise ValueError(f"to must be the number of a generation, not {to}")
    raise arguments.wrong("to", "the number of a generation or None", to)


def _callback(progress: Optional[Progress]) -> Optional[Callable[[str], object]]:
    if progress is None:
        return None
    if not callable(progress):
        raise arguments.wrong("progress", "a function of one dict, or None", progress)
    return lambda text: progress(json.loads(text))
