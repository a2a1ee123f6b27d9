"""Transfers the package xen_vman to a host, and its results back."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import shlex
import tempfile
import time
import typing
import zipfile

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.release import __version__

from .definition import Gathered, Variables, given, plain

# An installation over a slow line takes an hour; this limit is for runs that never end.
SECONDS_MAX = 24 * 60 * 60
# How long a host may be unreachable while it works.
SECONDS_UNREACHABLE = 15 * 60
# How many checks may find no process before it is considered killed: at first, it does not exist yet.
CHECKS_WITHOUT_PROCESS = 15
ENDED = 42
# Older versions show messages only as JSON.
SHOWS_LINES = tuple(map(int, __version__.split(".")[:2])) >= (2, 19)
NO_PACKAGE = (
    "the Python package {wanted} is neither in {venv} on the host nor installed on the controller, and no wheel is "
    "set; nothing was changed"
)
NO_WHEEL = (
    "the wheel (xen_vman_wheel) is an empty string; nothing was changed. Set it to the path of a wheel of xen-vman (`make wheel` "
    "builds one), which may be relative to `files`. Or do not set it, and pip on the host fetches the package"
)


class EngineAction(ActionBase):
    """Runs a module with the package, and with a definition that is built on the controller."""

    TRANSFERS_FILES = True
    MODULE: str

    def run(self, tmp: typing.Any = None, task_vars: typing.Any = None) -> dict[str, typing.Any]:
        result: dict[str, typing.Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        result.update(self._run())
        if result.get("failed") and not SHOWS_LINES:
            self._show(str(result["msg"]), color=C.COLOR_ERROR)
        return result

    def _show(self, text: str, **options: typing.Any) -> None:
        if not self._task.no_log:
            self._display.display(text, **options)

    def _run(self) -> dict[str, typing.Any]:
        args = dict(self._task.args)
        wheel = args.pop("wheel", None)
        if wheel is not None and not str(wheel).strip():
            raise AnsibleActionFail(NO_WHEEL)
        wanted = args.pop("requirement", None) or "xen-vman"
        gathered = self._definition(args.pop("definition", None))
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        tmpdir = self._connection._shell.tmpdir
        try:
            package, sent = self._package(args.get("package"), wheel, wanted)
            if package is None and args.get("package"):
                return self._without_package(NO_PACKAGE.format(wanted=wanted, venv=args["package"]), gathered.problems)
            bundle = self._connection._shell.join_path(tmpdir, "definition.json")
            self._transfer_data(bundle, json.dumps(vars(gathered)).encode())
            self._fixup_perms2([tmpdir, bundle, *sent])
            args.update(package=package, bundle=bundle)
            result = self._converge(args)
            result["package_is_there"] = not sent
            # If a wheel is set, it is what will be installed: if it does not work here, nothing else helps.
            if result.pop("package_is_missing", False) and wheel is None:
                result.update(self._without_package(result["msg"], gathered.problems))
            return result
        finally:
            # An asynchronous module keeps its directory, and the next module gets a new one.
            another = self._connection._shell.tmpdir
            self._remove_tmp_path(tmpdir, force=True)
            if another not in (tmpdir, None):
                self._remove_tmp_path(another, force=True)

    def _without_package(self, message: str, unevaluated: list[str]) -> dict[str, typing.Any]:
        """Returns the result if there is no package. In check mode that is no failure: the package was not installed either."""
        if unevaluated:
            return {"failed": True, "msg": problems(unevaluated)}
        found: dict[str, typing.Any] = {"msg": message, "package_is_missing": True}
        if self._task.check_mode:
            # Older versions do not show the warnings of skipped tasks.
            self._display.warning(f"cannot check the definition yet: {message}")
            return {**found, "failed": False, "skipped": True}
        return {**found, "failed": True}

    def _converge(self, args: dict[str, typing.Any]) -> dict[str, typing.Any]:
        return self._module(args)

    def _module(self, args: dict[str, typing.Any], **options: typing.Any) -> dict[str, typing.Any]:
        found: dict[str, typing.Any] = self._execute_module(
            module_name=f"xen_vman.xen_vman.{self.MODULE}",
            module_args=args,
            task_vars=self._variables,
            **options,
        )
        return found

    def _definition(self, written: typing.Any) -> Gathered:
        if written is None:
            return Variables(self._variables, self._templar).gather(self._find, self._play_context.remote_user)
        definition = plain(written)
        if not isinstance(definition, dict):
            raise AnsibleActionFail("definition must be a dict")
        return given(definition, self._find)

    def _find(self, name: str) -> str:
        return str(self._find_needle("files", name))

    def _package(self, venv: str | None, wheel: str | None, wanted: str) -> tuple[str | None, list[str]]:
        """Returns the path of the package on the host, and the files that were sent for this run.

        With a wheel, the host's own package is used only if it is identical. If the host lacks the
        required version, the package installed on the controller is sent. Otherwise only the module's
        own Python may have the package.
        """
        installed, version = self._installed(venv) if venv else (None, None)
        if wheel is not None:
            wheel = str(self._find(wheel))
            if installed == digest_of_wheel(wheel):
                return venv, []
            return self._send(wheel)
        if installed and satisfies(version, wanted):
            return venv, []
        here = importlib.util.find_spec("xen_vman")
        if here is None or here.origin is None or not satisfies(version_here(), wanted):
            return None, []
        with tempfile.TemporaryDirectory() as directory:
            archive = os.path.join(directory, "xen_vman.whl")
            pack(pathlib.Path(here.origin).parent, archive)
            return self._send(archive)

    def _send(self, wheel: str) -> tuple[str, list[str]]:
        path = self._connection._shell.join_path(self._connection._shell.tmpdir, os.path.basename(wheel))
        self._transfer_file(wheel, path)
        return path, [path]

    def _installed(self, venv: str) -> tuple[str | None, str | None]:
        """Returns digest and version of the package in a virtual environment on the host."""
        command = (
            f"cd {shlex.quote(venv)}/lib/python3*/site-packages/xen_vman && "
            "for file in *.py *.so; do cat $file; done | sha256sum && echo ../xen_vman-*.dist-info"
        )
        done = self._low_level_execute_command(f"LC_ALL=C sh -c {shlex.quote(command)}")
        found = re.fullmatch(r"(\w+) .*?(?:/xen_vman-([^*/]+)\.dist-info)?\s*", done["stdout"], re.DOTALL)
        return (found[1], found[2]) if done["rc"] == 0 and found else (None, None)


class ConvergingAction(EngineAction):
    """Runs the module asynchronously, and shows its progress."""

    def _converge(self, args: dict[str, typing.Any]) -> dict[str, typing.Any]:
        if self._task.check_mode or self._connection.always_pipeline_modules:
            return self._module(args)
        progress = args["bundle"] + ".progress"
        written, self._task.async_val = self._task.async_val, SECONDS_MAX
        try:
            started = self._module({**args, "progress": progress}, wrap_async=True)
        finally:
            self._task.async_val = written
        if started.get("failed") or not started.get("ansible_job_id"):
            return started
        try:
            self._watch(progress, started["results_file"])
            found = self._outcome(started)
        finally:
            self._low_level_execute_command(f"rm -f {shlex.quote(started['results_file'])}")
        return found

    def _watch(self, progress: str, results: str) -> None:
        """Shows the progress that the host writes, until the job has ended or its process is gone."""
        # The first line is the process ID. Until the job has ended, its results only say that it has started.
        look = (
            f"tail -n +%d {shlex.quote(progress)} 2>/dev/null; "
            f"grep -qs '^{{\"started\":' {shlex.quote(results)} || exit {ENDED}; "
            f"process=$(head -n 1 {shlex.quote(progress)} 2>/dev/null) && test -d /proc/$process"
        )
        host = self._variables.get("inventory_hostname")
        seen, pause, missed = 2, 0.1, 0
        until = time.monotonic() + SECONDS_UNREACHABLE
        while missed < CHECKS_WITHOUT_PROCESS:
            time.sleep(pause)
            pause = min(1.5 * pause, 3)
            try:
                done = self._low_level_execute_command(look % seen)
            except AnsibleConnectionFailure:
                if time.monotonic() > until:
                    raise
                self._show(f"  {host} is unreachable; its run continues")
                self._connection.reset()
                continue
            until = time.monotonic() + SECONDS_UNREACHABLE
            lines = done["stdout"].splitlines()
            seen += len(lines)
            for line in lines:
                self._show(f"  {host}: {line}")
            if done["rc"] == ENDED:
                return
            missed = 0 if done["rc"] == 0 else missed + 1

    def _outcome(self, started: dict[str, typing.Any]) -> dict[str, typing.Any]:
        found: dict[str, typing.Any] = self._execute_module(
            module_name="ansible.legacy.async_status",
            module_args={"jid": started["ansible_job_id"], "_async_dir": os.path.dirname(started["results_file"])},
            task_vars=self._variables,
        )
        if not found.get("finished"):
            raise AnsibleError("the run did not finish (was it killed?); run it again to resume")
        of_the_job = ("ansible_job_id", "results_file", "started", "finished", "stdout", "stderr")
        return {key: value for key, value in found.items() if key not in of_the_job}


def problems(lines: list[str]) -> str:
    """Formats several problems as one message."""
    return "\n".join([f"{len(lines)} problem{'s' if len(lines) > 1 else ''} in the definition", *(f"- {line}" for line in lines)])


def satisfies(version: str | None, wanted: str) -> bool:
    """Whether pip would keep a version of the package. If it is a URL or the like, only pip knows."""
    # Ansible depends on it, but it is missing where ansible-test imports this module.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        specifier = Requirement(wanted).specifier
    except InvalidRequirement:
        return True
    return not specifier or (version is not None and specifier.contains(version, prereleases=True))


def version_here() -> str | None:
    """Returns the version of the package on the controller."""
    try:
        return importlib.metadata.version("xen-vman")
    except importlib.metadata.PackageNotFoundError:
        return None


def digest_of_wheel(wheel: str) -> str:
    """Returns the digest of the package in a wheel; see `_installed`."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for end in (".py", ".so"):
            for name in sorted(archive.namelist()):
                if name.startswith("xen_vman/") and name.count("/") == 1 and name.endswith(end):
                    digest.update(archive.read(name))
    return digest.hexdigest()


def pack(package: pathlib.Path, archive: str) -> None:
    """Packs an installed package into an archive that can be used like its wheel."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(package.iterdir()):
            if path.is_file():
                file.write(path, f"xen_vman/{path.name}")
