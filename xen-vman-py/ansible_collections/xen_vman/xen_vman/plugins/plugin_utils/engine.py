"""How the package xen_vman gets to a host, and how what it says gets back."""

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

# An installation over a slow line takes an hour; this is for what never ends.
SECONDS_MAX = 24 * 60 * 60
# How long a host may be out of reach while it is at work.
SECONDS_OUT_OF_REACH = 15 * 60
# How often its process may be missing before it counts as killed: at the start there is none yet.
LOOKS_FOR_THE_PROCESS = 15
ENDED = 42
# Older versions show messages as JSON alone.
SHOWS_LINES = tuple(map(int, __version__.split(".")[:2])) >= (2, 19)
NOT_THERE = (
    "the Python package {wanted} is neither in {place} on the host nor installed on the controller, and no wheel is "
    "given; nothing was done"
)
NO_WHEEL = (
    "the wheel (xen_vman_wheel) is an empty text; nothing was done. Write the path of a wheel of xen-vman: `make wheel` makes "
    "one, and it is found by its name below `files`. Or leave it out, and pip on the host fetches the package"
)


class EngineAction(ActionBase):
    """Runs a module where the package is, with a definition that is made here."""

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
            place, sent = self._package(args.get("package"), wheel, wanted)
            if place is None and args.get("package"):
                return self._without_package(NOT_THERE.format(wanted=wanted, place=args["package"]), gathered.problems)
            bundle = self._connection._shell.join_path(tmpdir, "definition.json")
            self._transfer_data(bundle, json.dumps(vars(gathered)).encode())
            self._fixup_perms2([tmpdir, bundle, *sent])
            args.update(package=place, bundle=bundle)
            result = self._converge(args)
            result["package_is_there"] = not sent
            # A wheel that is given is what will be installed: if that is of no use, nothing else helps.
            if result.pop("package_is_missing", False) and wheel is None:
                result.update(self._without_package(result["msg"], gathered.problems))
            return result
        finally:
            # A module that goes on by itself keeps its directory, and the next one gets another.
            another = self._connection._shell.tmpdir
            self._remove_tmp_path(tmpdir, force=True)
            if another not in (tmpdir, None):
                self._remove_tmp_path(another, force=True)

    def _without_package(self, message: str, unevaluated: list[str]) -> dict[str, typing.Any]:
        """What is said if nothing can be done; in check mode, whatever brings the package has not run either."""
        if unevaluated:
            return {"failed": True, "msg": problems(unevaluated)}
        found: dict[str, typing.Any] = {"msg": message, "package_is_missing": True}
        if self._task.check_mode:
            # Older versions do not show warnings of what is skipped.
            self._display.warning(f"this cannot be checked yet: {message}")
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
            raise AnsibleActionFail("definition: must be a dict")
        return given(definition, self._find)

    def _find(self, name: str) -> str:
        return str(self._find_needle("files", name))

    def _package(self, venv: str | None, wheel: str | None, wanted: str) -> tuple[str | None, list[str]]:
        """Where the package is on the host, and what was sent there to be used once.

        If there is a wheel here, the host's own is used only if it is the same. If the host has
        none of the version that is wanted, the one that is installed here is sent. Otherwise there
        is only what the module's own Python may have.
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
        place = self._connection._shell.join_path(self._connection._shell.tmpdir, os.path.basename(wheel))
        self._transfer_file(wheel, place)
        return place, [place]

    def _installed(self, venv: str) -> tuple[str | None, str | None]:
        """The digest of the package in a virtual environment on the host, and its version."""
        command = (
            f"cd {shlex.quote(venv)}/lib/python3*/site-packages/xen_vman && "
            "for file in *.py *.so; do cat $file; done | sha256sum && echo ../xen_vman-*.dist-info"
        )
        done = self._low_level_execute_command(f"LC_ALL=C sh -c {shlex.quote(command)}")
        found = re.fullmatch(r"(\w+) .*?(?:/xen_vman-([^*/]+)\.dist-info)?\s*", done["stdout"], re.DOTALL)
        return (found[1], found[2]) if done["rc"] == 0 and found else (None, None)


class ConvergingAction(EngineAction):
    """Lets the host work by itself, and tells meanwhile how far it is."""

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
        """Shows what the host writes of its progress, until it is at its end or gone."""
        # The first line is the process. Until the job has ended, its results say but that it started.
        look = (
            f"tail -n +%d {shlex.quote(progress)} 2>/dev/null; "
            f"grep -qs '^{{\"started\":' {shlex.quote(results)} || exit {ENDED}; "
            f"process=$(head -n 1 {shlex.quote(progress)} 2>/dev/null) && test -d /proc/$process"
        )
        host = self._variables.get("inventory_hostname")
        seen, pause, missed = 2, 0.1, 0
        until = time.monotonic() + SECONDS_OUT_OF_REACH
        while missed < LOOKS_FOR_THE_PROCESS:
            time.sleep(pause)
            pause = min(1.5 * pause, 3)
            try:
                done = self._low_level_execute_command(look % seen)
            except AnsibleConnectionFailure:
                if time.monotonic() > until:
                    raise
                self._show(f"  {host} is out of reach; what it does goes on")
                self._connection.reset()
                continue
            until = time.monotonic() + SECONDS_OUT_OF_REACH
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
            raise AnsibleError("the run came to no end (was it killed?); run it again, it goes on where it was")
        of_the_job = ("ansible_job_id", "results_file", "started", "finished", "stdout", "stderr")
        return {key: value for key, value in found.items() if key not in of_the_job}


def problems(lines: list[str]) -> str:
    """One text for several problems."""
    return "\n".join([f"{len(lines)} problem{'s' if len(lines) > 1 else ''}", *(f"- {line}" for line in lines)])


def satisfies(version: str | None, wanted: str) -> bool:
    """Whether pip would leave a version of the package as it is. Of what is no requirement, as an URL, it alone knows."""
    # Ansible brings it, but not where ansible-test imports this.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        specifier = Requirement(wanted).specifier
    except InvalidRequirement:
        return True
    return not specifier or (version is not None and specifier.contains(version, prereleases=True))


def version_here() -> str | None:
    """The version of the package that is installed here."""
    try:
        return importlib.metadata.version("xen-vman")
    except importlib.metadata.PackageNotFoundError:
        return None


def digest_of_wheel(wheel: str) -> str:
    """The digest of the package in a wheel; see `_installed`."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for end in (".py", ".so"):
            for name in sorted(archive.namelist()):
                if name.startswith("xen_vman/") and name.count("/") == 1 and name.endswith(end):
                    digest.update(archive.read(name))
    return digest.hexdigest()


def pack(package: pathlib.Path, archive: str) -> None:
    """Makes of an installed package what can be used like its wheel."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(package.iterdir()):
            if path.is_file():
                file.write(path, f"xen_vman/{path.name}")
