"""The functions: arguments in, one call into the compiled part, results out."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional, Union

from . import _core
from ._input import Definition, Input, PathLike, Scripts, read
from ._results import (
    Applied,
    DiagnosticInfo,
    Explained,
    File,
    Finding,
    HostFacts,
    Plan,
    Rendered,
    Report,
    VifCommands,
    VmStatus,
    _applied,
    _explained,
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
    """Says everything that is wrong with a definition.

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
    """Says where the values of a VM, or of the host, come from.

    :raises ValueError: if there is no such VM or key.

    >>> explain({"stop_timeout": 120}, key="stop_timeout")
    [Explained(key='stop_timeout', value=120, origin='written', path='stop_timeout', file=None, line=None, \
column=None, made_from=None)]
    """
    rows = json.loads(_core.explain(read(definition, facts, scripts, (), (), False), vm, key))
    return [_explained(row) for row in rows]


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
    """Renders every file that a host and its guests need.

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
    prune: bool = False,
    allow_reinstall: Union[bool, Iterable[str]] = True,
    facts: Facts = None,
    scripts: Scripts = None,
    templates: Templates = None,
) -> Plan:
    """Says what :func:`apply` would do to this host, or to a directory that stands for one.

    :param allow_reinstall: what :func:`apply` will be told; a plan that it would refuse is refused.
    :raises DefinitionError: if the definition has errors.
    :raises HostError: if the host cannot be read, or something is in the way.
    """
    names, everything = _may_erase(allow_reinstall)
    text, report = _core.plan(
        _input(definition, facts, scripts, templates), pathlib.Path(root), prune, names, everything
    )
    return _plan(json.loads(text), Report.of(report))


def apply(
    definition: Definition,
    *,
    root: PathLike = "/",
    prune: bool = False,
    allow_reinstall: Union[bool, Iterable[str]] = False,
    plan: Optional[Plan] = None,
    progress: Optional[Progress] = None,
    facts: Facts = None,
    scripts: Scripts = None,
    templates: Templates = None,
) -> Applied:
    """Brings this host, or a directory that stands for one, to what is defined.

    :param allow_reinstall: whether ``reinstall`` may erase what is on roots, or of which VMs.
    :param plan: what was agreed to; if anything else would be done, nothing is.
    :param progress: is called with a dict for each event: ``plan``, ``begins``, ``step``, ``fails``.
        An exception before the first action keeps all from being done; a later one is raised when
        what is under way is done.
    :raises DefinitionError: if the definition has errors; then nothing was done.
    :raises HostError: at the first file that cannot be written. What does not keep the rest from
        being done is in :attr:`Applied.failures`.

    >>> import tempfile
    >>> definition = {"vms": []}
    >>> with tempfile.TemporaryDirectory() as root:
    ...     first, second = apply(definition, root=root), apply(definition, root=root)
    >>> first.changed, second.changed
    (True, False)
    """
    names, everything = _may_erase(allow_reinstall)
    text, report = _core.apply(
        _input(definition, facts, scripts, templates),
        pathlib.Path(root),
        prune,
        names,
        everything,
        None if plan is None else plan.fingerprint,
        _teller(progress),
    )
    return _applied(text, Report.of(report))


def rollback(*, root: PathLike = "/", progress: Optional[Progress] = None) -> Applied:
    """Brings back the files that the last :func:`apply` changed.

    :raises HostError: if there is nothing to go back to, or files were changed since.
    """
    return _applied(_core.rollback(pathlib.Path(root), _teller(progress)), Report())


def packages(
    definition: Definition,
    *,
    root: Optional[PathLike] = None,
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[str]:
    """The Debian packages that a host with these VMs needs besides Xen's own.

    :param root: the host, if there is one to look at, as for :func:`plan`: what a definition may say
        depends on its Xen.
    :raises DefinitionError: if the definition has errors.
    :raises HostError: if the host cannot be read.

    >>> packages({"vms": []})
    []
    """
    place = None if root is None else pathlib.Path(root)
    return _core.packages(_input(definition, facts, scripts, None), place)


def status(
    definition: Definition,
    *,
    root: PathLike = "/",
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[VmStatus]:
    """How the VMs of a host are: those defined, those that were, and those that run."""
    text = _core.status(_input(definition, facts, scripts, None), pathlib.Path(root))
    return [VmStatus(**one) for one in json.loads(text)]


def doctor(
    definition: Definition,
    *,
    root: PathLike = "/",
    facts: Facts = None,
    scripts: Scripts = None,
) -> list[Finding]:
    """What a host lacks for its VMs, and what gets in their way."""
    text = _core.doctor(_input(definition, facts, scripts, None), pathlib.Path(root))
    return [Finding(**one) for one in json.loads(text)]


def facts(*, root: PathLike = "/") -> HostFacts:
    """What is found out about a host, as the argument ``facts`` takes it.

    :raises HostError: if the host cannot be read.
    """
    return HostFacts(**json.loads(_core.facts(pathlib.Path(root))))


def import_xl_cfg(*files: os.PathLike[str]) -> tuple[str, Report]:
    """Makes a definition in TOML of xl.cfg files; gives what is wrong with them, too."""
    paths = [pathlib.Path(file) for file in files]
    text, report = _core.import_xl_cfg([(str(path), path.read_bytes()) for path in paths])
    return text, Report.of(report)


def vif_p2p(main_ip: str, dev: str, addresses: Iterable[str]) -> VifCommands:
    """The commands that ``vif-p2p`` runs when a vif comes and when it goes.

    >>> vif_p2p("10.0.0.1", "vif1.0", ["10.0.0.15"]).online[-1]
    'ip address replace 10.0.0.1/32 peer 10.0.0.15/32 dev vif1.0'
    """
    online, offline = _core.vif_p2p(str(main_ip), dev, [str(address) for address in addresses])
    return VifCommands(tuple(online), tuple(offline))


def vifname(prefix: str, domain: str, devid: int, *, hvm: bool = False, taken: Iterable[str] = ()) -> str:
    """The name that a vif gets on the host.

    >>> vifname("web", "a-web", 0)
    'web.0'
    """
    return _core.vifname(prefix, domain, devid, hvm, list(taken))


def diagnostics() -> list[DiagnosticInfo]:
    """The catalogue of what :func:`check` can find."""
    return [DiagnosticInfo(*one) for one in _core.diagnostics()]


def schema(*, role: bool = False) -> dict[str, Any]:
    """The JSON Schema of definitions, or of the role's variables."""
    found: dict[str, Any] = json.loads(_core.schema(role))
    return found


def _input(definition: Definition, facts: Facts, scripts: Scripts, templates: Templates) -> Input:
    return read(definition, facts, scripts, (), (), False, templates)


def _may_erase(allow_reinstall: Union[bool, Iterable[str]]) -> tuple[list[str], bool]:
    if isinstance(allow_reinstall, bool):
        return [], allow_reinstall
    if isinstance(allow_reinstall, str):
        raise TypeError("allow_reinstall is True, False, or a list of VMs")
    return list(allow_reinstall), False


def _teller(progress: Optional[Progress]) -> Optional[Callable[[str], object]]:
    return None if progress is None else lambda text: progress(json.loads(text))
