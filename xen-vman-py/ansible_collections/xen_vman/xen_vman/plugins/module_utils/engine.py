"""Calls the Python package xen_vman from modules."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import base64
import glob
import importlib
import json
import os
import pathlib
import subprocess
import sys
import typing
import zipfile

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from .definition_file import DIRECTORY, DefinitionFile
from .outcome import Failed, Result
from .packages import ENGINE, Wanted, content_of, missing, version_of
from .versions import of_debian, satisfies

ARGUMENTS = dict(
    definition=dict(type="dict"),
    root=dict(type="path", default="/"),
    package=dict(type="path", default="/opt/xen-vman/venv"),
    wheel=dict(type="path"),
    requirement=dict(type="str"),
    bundle=dict(type="path"),
)

# Where python3-xen-vman installs the package; another Python than Debian's can load it, too.
OF_DEBIAN = "/usr/lib/python3/dist-packages"

# Actions that are too minor for a line of their own.
QUIET = ("put", "link", "remove", "mkdir")


class Request:
    """What a module was asked to do."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.definition = module.params["definition"] or {}
        self.scripts: dict[str, bytes] | None = {}
        self.origins: dict[str, str] = {}
        self.problems: list[str] = []
        self.left_out: list[str] = []
        self.warnings: list[str] = []
        if module.params["bundle"]:
            with open(module.params["bundle"], encoding="utf-8") as file:
                bundle = json.load(file)
            # It may contain passwords, and the connection may be gone when the work is done.
            os.unlink(module.params["bundle"])
            self.definition = bundle["definition"]
            self.origins = bundle["origins"]
            self.problems = bundle["problems"]
            self.left_out = bundle["left_out"]
            self.scripts = {name: base64.b64decode(text) for name, text in bundle["scripts"].items()}
        self.engine: typing.Any = None

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
            raise Failed(str(error), changed=progress is not None and progress.has_changed) from error

    def report(self) -> typing.Any:
        """Returns all problems of a definition in which something could not be evaluated."""
        try:
            return self.engine.plan(self.definition, root=self.module.params["root"], scripts=self.scripts).report
        except self.engine.DefinitionError as error:
            return error.report
        except self.engine.HostError:
            return self.engine.check(self.definition, scripts=self.scripts)

    def refuse(self, report: typing.Any) -> typing.NoReturn:
        """Fails with all problems."""
        self.warn(report)
        lines = self.problems + lines_of(report.errors, self.origins, self.left_out)
        number = f"{len(lines)} error{'s' if len(lines) > 1 else ''}"
        raise Failed(
            "\n".join([f"{number} in the definition; nothing was changed", *(f"- {line}" for line in lines)]),
            errors=lines,
            warnings=self.warnings,
        )

    def warn(self, report: typing.Any) -> None:
        """Forwards the warnings of a report to Ansible."""
        self.warnings += lines_of(report.warnings, self.origins, self.left_out)


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
    """Imports the package: from a file that was sent, from Debian's package, or from a virtual environment."""
    package, wanted = module.params["package"], module.params["requirement"] or "xen-vman"
    if package.endswith((".whl", ".deb")):
        unpacked = os.path.join(module.tmpdir, "package")
        if package.endswith(".whl"):
            with zipfile.ZipFile(package) as wheel:
                wheel.extractall(unpacked)
        else:
            subprocess.run(["dpkg-deb", "--extract", package, unpacked], check=True)
            unpacked += OF_DEBIAN
        paths = [unpacked]
    elif package == OF_DEBIAN:
        paths = [package]
    else:
        paths = glob.glob(f"{glob.escape(package)}/lib/python3*/site-packages") if package else []
    before = list(sys.path)
    sys.path[:0] = paths
    try:
        engine = importlib.import_module("xen_vman")
    except ImportError as error:
        raise Failed(f"{missing_required_lib('xen-vman')}\n{error}", package_is_missing=True) from error
    finally:
        sys.path[:] = before
    # A removed package may leave a directory, which Python imports as an empty module.
    version = getattr(engine, "__version__", None)
    if version is None or (not package and not satisfies(version, wanted)):
        raise Failed(f"xen-vman {version or 'in an unknown version'} is not {wanted}", package_is_missing=True)
    return engine


def converge(module: AnsibleModule) -> Result:
    """Makes the host match the definition, or in check mode reports what that would change."""
    return Converging(module).result()


class Converging:
    """A run of `xen_host`."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.is_check = module.check_mode
        self.request = Request(module)
        self.progress = Progress(module.params["progress"])
        self.is_running = module.params["root"] == "/"
        apt = module.params["apt"] or {}
        self.wanted = Wanted(apt.get("names", []), apt.get("files", []), apt.get("repository"), apt.get("key"))
        self.done: list[str] = []

    def result(self) -> Result:
        if self.is_running and self.module.params["preflight"]:
            check_xen()
        # A package that only apt knows comes first: the definition cannot be checked without it.
        if ENGINE in self.wanted.names and self.module.params["package"] == OF_DEBIAN:
            self._install(self.wanted)
            if self.is_check:
                return self._unchecked()
            self.wanted = Wanted([], [])
        self.request.engine = load(self.module)
        options = dict(
            prune=permission(self.module.params["prune"]),
            remove_all=self.module.params["remove_all"],
            allow_reinstall=permission(self.module.params["allow_reinstall"]),
        )
        needed = self._packages(options)
        self.file = DefinitionFile(self.module.params["root"], self.request.definition, self.request.engine.convert)
        self.conflict = self.file.conflict() if self.module.params["keep_definition"] else None
        if self.conflict is not None:
            self.request.warnings.append(self.conflict)
        try:
            if self.is_check:
                plan = self.request.call(self.request.engine.plan, **options)
                return self._summary(plan, needed)
            applied = self.request.call(
                self.request.engine.apply,
                **options,
                preflight=self.module.params["preflight"],
                progress=self.progress,
            )
            return self._summary(applied.plan, needed, applied)
        except Failed as failed:
            if self.done:
                failed.result["changed"] = True
            raise

    def _packages(self, options: Result) -> list[str]:
        """Checks the definition, and installs the Debian packages that it needs. Nothing is changed before."""
        request, is_asked = self.request, self.module.params["install_packages"]
        if not (is_asked or self.is_check or self.wanted.steps()):
            return []
        needed: list[str] = request.call(request.engine.packages)
        if not self.is_running:
            return needed
        names = missing([*needed, *(self.module.params["packages"] or [])]) if is_asked else []
        wanted = self.wanted._replace(names=self.wanted.names + names)
        if wanted.steps() and not self.is_check:
            # What would refuse the run refuses it here.
            request.call(request.engine.plan, **options)
        self._install(wanted)
        return needed

    def _install(self, wanted: Wanted) -> None:
        steps = wanted.steps()
        for step in steps:
            self.progress.line(step)
        if steps and not self.is_check:
            try:
                problem = wanted.install()
            except Failed as failed:
                failed.result["changed"] = True
                raise
            if ENGINE in wanted.names:
                self._check_version(problem)
        self.done += steps

    def _check_version(self, problem: str | None) -> None:
        version, wanted = version_of(ENGINE), self.module.params["requirement"] or "xen-vman"
        if version is None or not satisfies(of_debian(version), wanted):
            raise Failed(
                f"apt installed python3-xen-vman {version}, but this collection requires {wanted}; the VMs were not touched. "
                "Use a repository that has that version, or the version of the collection that belongs to the package"
                + (f"\nThe package lists may be out of date: {problem}" if problem is not None else ""),
                changed=True,
            )

    def _unchecked(self) -> Result:
        warning = (
            "cannot check the definition yet: python3-xen-vman is not on the host, and only a run without --check installs it"
        )
        return dict(changed=True, actions=self.done, warnings=[warning], package_is_missing=True)

    def _summary(self, plan: typing.Any, needed: list[str], applied: typing.Any = None) -> Result:
        self.request.warn(plan.report)
        warnings = self.request.warnings
        failures = applied.failures if applied is not None else ()
        result: Result = dict(
            changed=bool(self.done) or (bool(plan) if applied is None else applied.changed),
            actions=self.done + [action.sentence for action in plan.actions],
            pending_restarts=list(plan.pending_restarts),
            pending_mounts=list(plan.pending_mounts),
            orphaned_files=list(plan.orphaned_files),
            orphaned_vms=list(plan.orphaned_vms),
            failures=[f"{one.action}: {one.error}" for one in failures],
            packages=needed,
            generation=applied.generation if applied is not None else None,
            warnings=warnings,
        )
        diff = [{"prepared": f"{one}\n"} for one in self.done]
        diff += [{"prepared": action.diff or f"{action.sentence}\n"} for action in plan.actions]
        if plan.pending_restarts:
            vms = ", ".join(plan.pending_restarts)
            warnings.append(f"these VMs run with outdated settings until they are restarted: {vms}")
        warnings.extend(f"a guest that runs lacks a mount: {one}" for one in plan.pending_mounts)
        self._keep_definition(result, diff)
        if failures:
            summary = f"{len(failures)} of {len(plan.actions)} actions failed; the others were done"
            result["msg"] = "\n".join([summary, *(f"- {line}" for line in result["failures"])])
            result["failed"] = True
        if self.module._diff:
            result["diff"] = diff
        return result

    def _keep_definition(self, result: Result, diff: list[dict[str, str]]) -> None:
        """Leaves the definition on the host, where the command line finds it."""
        if not self.module.params["keep_definition"] or self.conflict is not None or not self.file.differs():
            return
        if not self.is_check:
            try:
                self.file.write()
            except OSError as error:
                # The host is as it should be.
                result["warnings"].append(f"the definition of this run was not left on the host: {error}")
                return
        # The content may contain passwords.
        result.update(changed=True, actions=[*result["actions"], self.file.sentence])
        diff.append({"prepared": f"{self.file.sentence}\n"})


def check_xen() -> None:
    """Fails on a host that cannot run VMs, before anything is changed."""
    if (content_of("/sys/hypervisor/type") or b"").strip() != b"xen":
        package = f"xen-system-{'arm64' if os.uname().machine == 'aarch64' else 'amd64'}"
        raise Failed(
            f"this host is not running under Xen; nothing was changed. Install {package} and boot the Xen entry in GRUB's "
            "menu, or set xen_vman_preflight to false to prepare the host before"
        )
    if b"control_d" not in (content_of("/proc/xen/capabilities") or b""):
        raise Failed("this host is a Xen guest itself; nothing was changed. Run the role on its dom0")


def inform(module: AnsibleModule) -> Result:
    """Reports the state of the host's VMs."""
    request = Request(module)
    request.engine = load(module)
    if not any(name.removeprefix("xen_vman_") not in ("header", "guest_user") for name in request.definition):
        # The variables of this play say nothing about the host.
        kept = sorted(pathlib.Path(module.params["root"], DIRECTORY).glob("*.toml"))
        if not kept:
            raise Failed(
                f"no definition: there are no variables xen_vman_* for this host, and there is no /{DIRECTORY}/*.toml on it"
            )
        request.definition, request.scripts = kept, None
    try:
        found = request.call(request.engine.status)
    except PermissionError as error:
        raise Failed(f"{error}: only root can read it (become)") from error
    return dict(changed=False, vms=[one.to_dict() for one in found], warnings=request.warnings)


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
        # The first line is the process id.
        self.file = None if path is None else open(path, "a", encoding="utf-8", buffering=1)
        self.begun = self.failed = 0

    @property
    def has_changed(self) -> bool:
        """Whether an action before the last one was done."""
        return self.begun - self.failed > 1

    def line(self, text: str) -> None:
        if self.file is not None:
            self.file.write(text.replace("\n", " ") + "\n")

    def __call__(self, event: dict[str, typing.Any]) -> None:
        self.begun += event["event"] == "begins"
        self.failed += event["event"] == "fails"
        if event["event"] == "begins" and event["action"] not in QUIET:
            self.line(f"[{event['number']}/{event['of']}] {event['sentence']}")
        elif event["event"] == "step":
            self.line(f"  {event['step']}")
        elif event["event"] == "fails":
            self.line(f"failed: {' '.join(event['error'].split())}")
