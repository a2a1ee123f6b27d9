"""Calls the Python package xen_vman from modules."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import base64
import glob
import importlib
import json
import os
import sys
import typing
import zipfile

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

ARGUMENTS = dict(
    definition=dict(type="dict"),
    root=dict(type="path", default="/"),
    package=dict(type="path"),
    wheel=dict(type="path"),
    requirement=dict(type="str"),
    bundle=dict(type="path"),
)

# Actions that are too minor for a line of their own.
QUIET = ("put", "link", "remove", "mkdir")


class Request:
    """What a module was asked to do."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.engine = load(module)
        self.definition = module.params["definition"] or {}
        self.scripts: dict[str, bytes] = {}
        self.origins: dict[str, str] = {}
        self.problems: list[str] = []
        self.left_out: list[str] = []
        if module.params["bundle"]:
            with open(module.params["bundle"], encoding="utf-8") as file:
                bundle = json.load(file)
            self.definition = bundle["definition"]
            self.origins = bundle["origins"]
            self.problems = bundle["problems"]
            self.left_out = bundle["left_out"]
            self.scripts = {name: base64.b64decode(text) for name, text in bundle["scripts"].items()}

    def call(self, function: typing.Callable[..., typing.Any], **options: typing.Any) -> typing.Any:
        """Calls the engine; an exception becomes a failure of the module."""
        if self.problems:
            self.refuse(self.report())
        try:
            return function(self.definition, root=self.module.params["root"], scripts=self.scripts, **options)
        except self.engine.DefinitionError as error:
            self.refuse(error.report)
        except self.engine.HostError as error:
            progress = options.get("progress")
            self.module.fail_json(msg=str(error), changed=progress is not None and progress.has_changed)

    def report(self) -> typing.Any:
        """Returns all problems of a definition in which something could not be evaluated."""
        try:
            return self.engine.plan(self.definition, root=self.module.params["root"], scripts=self.scripts).report
        except self.engine.DefinitionError as error:
            return error.report
        except self.engine.HostError:
            return self.engine.check(self.definition, scripts=self.scripts)

    def refuse(self, report: typing.Any) -> None:
        """Fails with all problems."""
        self.warn(report)
        lines = self.problems + lines_of(report.errors, self.origins, self.left_out)
        number = f"{len(lines)} error{'s' if len(lines) > 1 else ''}"
        self.module.fail_json(
            msg="\n".join([f"{number} in the definition; nothing was changed", *(f"- {line}" for line in lines)]),
            errors=lines,
        )

    def warn(self, report: typing.Any) -> None:
        """Forwards the warnings of a report to Ansible."""
        for line in lines_of(report.warnings, self.origins, self.left_out):
            self.module.warn(line)


def lines_of(found: typing.Iterable[typing.Any], origins: dict[str, str], left_out: list[str]) -> list[str]:
    """Formats diagnostics, one per line, without those that omitted values may have caused."""
    return [
        line(one, origins)
        for one in found
        if beginning(one.path, left_out) is None
        and not (left_out and one.id.startswith("missing-") and one.id != "missing-key")
    ]


def line(one: typing.Any, origins: dict[str, str]) -> str:
    """Formats a diagnostic, with the variable it belongs to."""
    where = one.path
    table = beginning(where, origins)
    if table is not None:
        where = f"{origins[table]}{where[len(table) :]} (for {table.rpartition('.')[0]})"
    text = f"{where}: {one.message} [{one.id}]"
    return text if one.help is None else f"{text}; {one.help}"


def beginning(path: str, known: typing.Container[str]) -> str | None:
    """Returns the longest known path that is a prefix of a path."""
    ends = [end for end in range(len(path)) if path[end] in ".["]
    return next((path[:end] for end in [len(path), *reversed(ends)] if path[:end] in known), None)


def load(module: AnsibleModule) -> typing.Any:
    """Imports the package: from a virtual environment, from a wheel, or from Python's own path."""
    package = module.params["package"]
    if package and package.endswith(".whl"):
        unpacked = os.path.join(module.tmpdir, "package")
        with zipfile.ZipFile(package) as wheel:
            wheel.extractall(unpacked)
        sys.path.insert(0, unpacked)
    elif package:
        sys.path[:0] = glob.glob(os.path.join(package, "lib", "python3*", "site-packages"))
    try:
        return importlib.import_module("xen_vman")
    except ImportError as error:
        module.fail_json(msg=f"{missing_required_lib('xen-vman')}\n{error}", package_is_missing=True)


def converge(module: AnsibleModule) -> None:
    """Makes the host match the definition, or in check mode reports what that would change."""
    request = Request(module)
    engine = request.engine
    options = dict(
        prune=permission(module.params["prune"]),
        remove_all=module.params["remove_all"],
        allow_reinstall=permission(module.params["allow_reinstall"]),
    )
    if module.check_mode:
        plan, failures, generation = request.call(engine.plan, **options), (), None
        needed = request.call(engine.packages)
        changed = bool(plan)
    else:
        with Progress(module.params["progress"]) as progress:
            applied = request.call(
                engine.apply, **options, preflight=module.params["preflight"], progress=progress
            )
        plan, failures, generation = applied.plan, applied.failures, applied.generation
        changed, needed = applied.changed, []
    result = dict(
        changed=changed,
        actions=[action.sentence for action in plan.actions],
        pending_restarts=list(plan.pending_restarts),
        orphaned_files=list(plan.orphaned_files),
        orphaned_vms=list(plan.orphaned_vms),
        failures=[f"{one.action}: {one.error}" for one in failures],
        packages=needed,
        generation=generation,
    )
    request.warn(plan.report)
    if plan.pending_restarts:
        module.warn(f"these VMs run with outdated settings until they are restarted: {', '.join(plan.pending_restarts)}")
    if module._diff:
        result["diff"] = [{"prepared": action.diff or f"{action.sentence}\n"} for action in plan.actions]
    if failures:
        summary = f"{len(failures)} of {len(plan.actions)} actions failed; the others were done"
        result["msg"] = "\n".join([summary, *(f"- {line}" for line in result["failures"])])
        module.fail_json(**result)
    module.exit_json(**result)


def inform(module: AnsibleModule) -> None:
    """Reports the state of the host's VMs."""
    request = Request(module)
    module.exit_json(changed=False, vms=[one.to_dict() for one in request.call(request.engine.status)])


def permission(written: typing.Any) -> bool | list[str]:
    """Converts an argument that is a boolean, a VM or a list of VMs."""
    if isinstance(written, (list, tuple)):
        return [str(one) for one in written]
    word = str(written).lower()
    if word in BOOLEANS_TRUE:
        return True
    return [] if word in BOOLEANS_FALSE or written is None else [str(written)]


class Progress:
    """Writes the progress, line by line, to a file that the controller reads."""

    def __init__(self, path: str | None) -> None:
        self.file = None if path is None else open(path, "w", encoding="utf-8", buffering=1)
        if self.file is not None:
            self.file.write(f"{os.getpid()}\n")
        self.begun = self.failed = 0

    @property
    def has_changed(self) -> bool:
        """Whether an action before the last one was done."""
        return self.begun - self.failed > 1

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()

    def __call__(self, event: dict[str, typing.Any]) -> None:
        self.begun += event["event"] == "begins"
        self.failed += event["event"] == "fails"
        if self.file is None:
            return
        if event["event"] == "begins" and event["action"] not in QUIET:
            self.file.write(f"[{event['number']}/{event['of']}] {event['sentence']}\n")
        elif event["event"] == "step":
            self.file.write(f"  {event['step']}\n")
        elif event["event"] == "fails":
            self.file.write(f"failed: {' '.join(event['error'].split())}\n")
