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

from ..module_utils.engine import OF_DEBIAN
from ..module_utils.packages import ENGINE
from ..module_utils.versions import debian_order, is_older, of_debian, satisfies
from .debs import CLI, Files, Repository, Source, source_of
from .definition import DEFAULTS, Gathered, Variables, given, plain

# How long a host may be unreachable while it works.
SECONDS_UNREACHABLE = 15 * 60
ENDED, GONE = 42, 43
# Older versions show messages only as JSON.
SHOWS_LINES = tuple(map(int, __version__.split(".")[:2])) >= (2, 19)
WAYS = (
    "; nothing was changed. Choose one way to install it:\n"
    "- Debian packages: set xen_vman_deb to a directory on the controller that contains python3-xen-vman_*.deb and "
    "xen-vman_*.deb, to an apt repository (with xen_vman_deb_key), or to `apt` if apt on the host already has them\n"
    "- a wheel: set xen_vman_wheel to its path on the controller\n"
    "- pip, with an index of your own: set xen_vman_pip_args to its arguments, such as [--index-url=URL]"
)
NO_WHEEL = (
    "the wheel (xen_vman_wheel) is an empty string; nothing was changed. Set it to the path of a wheel of xen-vman "
    "(`make wheel` builds one), which may be relative to `files`, or do not set it and use Debian packages (xen_vman_deb)"
)
# Prints new lines of the progress from the given number on, as soon as there are any. The result follows in a line of its own.
WATCH = f"""\
exec 3<%(progress)s || exit {GONE}
IFS= read -r process <&3
number=1
while [ $number -lt %(seen)d ] && IFS= read -r line <&3; do number=$((number + 1)); done
left=%(times)d new=
while [ -z "$new" ] && [ $left -gt 0 ]; do
    left=$((left - 1)) status=0
    [ -d "/proc/$process" ] || status={GONE}
    [ ! -e %(progress)s.result ] || status={ENDED}
    while IFS= read -r line <&3; do printf '%%s\\n' "$line" && new=1; done
    [ $status -ne {ENDED} ] || cat %(progress)s.result
    [ $status -eq 0 ] || exit $status
    [ -n "$new" ] || sleep %(pause)s
done
"""


class Host(typing.NamedTuple):
    """What a host has of the package."""

    architecture: str | None
    debs: dict[str, str]
    """The versions of installed Debian packages."""
    venv: str | None
    """The version in the virtual environment."""
    digest: str | None
    """The digest of the package in there, if it was asked for."""


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
        wanted = str(args.pop("requirement", None) or DEFAULTS["xen_vman_requirement"])
        has_pip = bool(args.pop("pip_args", None))
        is_optional = self._task.check_mode and (has_pip or not args.get("install_packages"))
        source = source_of(args.pop("deb", None), args.pop("deb_key", None), self._find)
        if source is not None and (has_pip or wheel is not None):
            raise AnsibleActionFail("xen_vman_deb is set, and so is xen_vman_wheel or xen_vman_pip_args: set only one; nothing was changed")
        gathered = self._definition(args.pop("definition", None))
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        tmpdir = self._connection._shell.tmpdir
        venv = str(args.get("package") or DEFAULTS["xen_vman_venv"])
        try:
            host = self._look(venv, wheel is not None)
            package, apt, sent = self._package(host, venv, wheel, wanted, source)
            if package is None and ENGINE in host.debs:
                return self._without_package(no_package(host, venv, wanted), gathered.problems, is_optional)
            if gathered.problems and package == OF_DEBIAN and apt is not None and ENGINE in apt["names"]:
                raise AnsibleActionFail(problems(gathered.problems))
            bundle = self._connection._shell.join_path(tmpdir, "definition.json")
            self._transfer_data(bundle, json.dumps(vars(gathered)).encode())
            self._fixup_perms2([tmpdir, bundle, *sent])
            # The module's own Python may still have the package.
            args.update(package=package or "", bundle=bundle, requirement=wanted)
            if apt is not None:
                args["apt"] = apt
            result = self._converge(args)
            result["package_is_there"] = not sent
            # If a wheel is set, it is what will be installed: if it does not work here, nothing else helps.
            if result.pop("package_is_missing", False) and result.get("failed") and wheel is None:
                message = no_package(host, venv, wanted)
                if sent:
                    message = f"the package on the controller does not work on the host, and {message}\n{result['msg']}"
                result.update(self._without_package(message, gathered.problems, is_optional))
            return result
        finally:
            self._remove_tmp_path(tmpdir, force=True)

    def _without_package(self, message: str, unevaluated: list[str], is_optional: bool) -> dict[str, typing.Any]:
        """Returns the result if there is no package. In check mode, a task before this one may not have installed it."""
        if unevaluated:
            return {"failed": True, "msg": problems(unevaluated)}
        if not is_optional:
            return {"failed": True, "msg": message}
        # Older versions do not show the warnings of skipped tasks.
        self._display.warning(f"cannot check the definition yet: {message}")
        return {"failed": False, "skipped": True, "msg": message}

    def _converge(self, args: dict[str, typing.Any]) -> dict[str, typing.Any]:
        return self._module(args)

    def _module(self, args: dict[str, typing.Any]) -> dict[str, typing.Any]:
        found: dict[str, typing.Any] = self._execute_module(
            module_name=f"xen_vman.xen_vman.{self.MODULE}", module_args=args, task_vars=self._variables
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

    def _package(
        self, host: Host, venv: str, wheel: str | None, wanted: str, source: Source
    ) -> tuple[str | None, dict[str, typing.Any] | None, list[str]]:
        """Returns where the host finds the package, what to install there, and the files that were sent for that.

        With a wheel, the host's own package is used only if it is identical. Otherwise a Debian package of an allowed
        version is used, then the virtual environment, then the package that is installed on the controller.
        """
        if wheel is not None:
            wheel = self._find(str(wheel))
            if host.digest == digest_of_wheel(wheel):
                return venv, None, []
            sent = self._send(wheel, "xen_vman.whl")
            return sent, None, [sent]
        installed = host.debs.get(ENGINE)
        fits = installed is not None and satisfies(of_debian(installed), wanted)
        if installed is not None and not fits and source is not None and not is_older(of_debian(installed), wanted):
            raise AnsibleActionFail(wrong_version(installed, wanted))
        if isinstance(source, Files):
            return self._from_files(host, source, wanted)
        apt: dict[str, typing.Any] | None = None
        files = []
        if source is not None:
            apt = {"names": [one for one in (ENGINE, CLI) if one not in host.debs or not fits]}
            if isinstance(source, Repository):
                files.append(self._send(source.key, "repository.key"))
                apt.update(repository=source.line, key=files[0])
        if fits:
            return OF_DEBIAN, apt, files
        if apt is None and host.venv is not None and satisfies(host.venv, wanted):
            return venv, None, []
        here = importlib.util.find_spec("xen_vman")
        if here is None or here.origin is None or not satisfies(version_here(), wanted) or (apt is None and installed):
            return (None if apt is None else OF_DEBIAN), apt, files
        with tempfile.TemporaryDirectory() as directory:
            archive = os.path.join(directory, "xen_vman.whl")
            pack(pathlib.Path(here.origin).parent, archive)
            sent = self._send(archive, "xen_vman.whl")
        return sent, apt, [*files, sent]

    def _from_files(self, host: Host, source: Files, wanted: str) -> tuple[str, dict[str, typing.Any], list[str]]:
        chosen = source.chosen(host.architecture)
        engine = chosen[ENGINE]
        if not satisfies(of_debian(engine.version), wanted):
            raise AnsibleActionFail(
                f"xen_vman_deb has {ENGINE} {engine.version}, but this collection requires {wanted}; nothing was changed. "
                "Use packages and a collection that belong together"
            )
        sent = {}
        for name, deb in chosen.items():
            order = debian_order(host.debs[name], deb.version) if name in host.debs else -1
            if order < 0:
                sent[name] = self._send(deb.path, f"{name}.deb")
            elif order > 0:
                self._display.warning(f"{name} {host.debs[name]} on the host is newer than {deb.path}, and is kept")
        files = list(sent.values())
        return sent.get(ENGINE, OF_DEBIAN), {"files": files}, files

    def _send(self, file: str, name: str) -> str:
        """Sends a file. Its own name may be that of another one, and says nothing about what it is."""
        path: str = self._connection._shell.join_path(self._connection._shell.tmpdir, name)
        self._transfer_file(file, path)
        return path

    def _look(self, venv: str, with_digest: bool) -> Host:
        """Looks for the package on the host."""
        digest = "for file in *.py *.so; do cat $file; done | sha256sum" if with_digest else "true"
        command = (
            f"cd {shlex.quote(venv)}/lib/python3*/site-packages/xen_vman 2>/dev/null && {digest} && "
            "echo venv ../xen_vman-*.dist-info; dpkg --print-architecture 2>/dev/null | sed 's/^/architecture /'; "
            f"dpkg-query --show --showformat '${{db:Status-Status}} ${{Package}} ${{Version}}\\n' {ENGINE} {CLI} 2>/dev/null; true"
        )
        done = self._low_level_execute_command(f"LC_ALL=C sh -c {shlex.quote(command)}")
        text = done["stdout"].replace("\r", "")

        def first(pattern: str) -> str | None:
            found = re.search(pattern, text, re.MULTILINE)
            return found[1] if found else None

        return Host(
            architecture=first(r"^architecture (\S+)$"),
            debs=dict(re.findall(r"^installed (\S+) (\S+)$", text, re.MULTILINE)),
            venv=first(r"^venv .*/xen_vman-([^*/]+)\.dist-info$"),
            digest=first(r"^([0-9a-f]{64}) "),
        )


class ConvergingAction(EngineAction):
    """Runs the module in a process of its own on the host, and shows its progress."""

    def _converge(self, args: dict[str, typing.Any]) -> dict[str, typing.Any]:
        if self._task.check_mode:
            return self._module(args)
        progress = args["bundle"] + ".progress"
        started = self._module({**args, "progress": progress})
        return self._watch(progress) if started.get("detached") else started

    def _watch(self, progress: str) -> dict[str, typing.Any]:
        """Shows the progress that the host writes, until there is a result or the process is gone."""
        host = self._variables.get("inventory_hostname")
        seen, pause, times = 1, 0.1, 30
        until = time.monotonic() + SECONDS_UNREACHABLE
        while True:
            words = {"progress": shlex.quote(progress), "seen": seen, "pause": pause, "times": times}
            try:
                done = self._low_level_execute_command(f"sh -c {shlex.quote(WATCH % words)}")
            except AnsibleConnectionFailure:
                if time.monotonic() > until:
                    raise
                self._show(f"  {host} is unreachable; its run continues")
                time.sleep(3)
                self._connection.reset()
                continue
            until = time.monotonic() + SECONDS_UNREACHABLE
            pause, times = 0.5, 20
            lines = done["stdout"].replace("\r\n", "\n").splitlines()
            result = lines.pop() if done["rc"] == ENDED else ""
            seen += len(lines)
            for line in lines:
                self._show(f"  {host}: {line}")
            if done["rc"] == ENDED:
                found: dict[str, typing.Any] = json.loads(result)
                return found
            if done["rc"] != 0:
                raise AnsibleError("the run did not finish (was it killed?); run it again to resume")


def no_package(host: Host, venv: str, wanted: str) -> str:
    """Says what the host lacks, and how to install it."""
    installed = host.debs.get(ENGINE)
    if installed is not None:
        return wrong_version(installed, wanted)
    return f"the Python package {wanted} is neither on the host (as {ENGINE}, or in {venv}) nor on the controller{WAYS}"


def wrong_version(installed: str, wanted: str) -> str:
    """Says that the installed Debian package does not suit the collection."""
    is_old = is_older(of_debian(installed), wanted)
    age, what = (
        ("older", "Set xen_vman_deb to newer packages or to an apt repository, or upgrade the package on the host")
        if is_old
        else ("newer", "Install the version of the collection that belongs to it, or downgrade the package yourself")
    )
    return (
        f"{ENGINE} {installed} on the host is {age} than the collection xen_vman.xen_vman allows, which requires {wanted}; "
        f"nothing was changed. {what}"
    )


def problems(lines: list[str]) -> str:
    """Formats several problems as one message."""
    return "\n".join([f"{len(lines)} problem{'s' if len(lines) > 1 else ''} in the definition", *(f"- {line}" for line in lines)])


def version_here() -> str | None:
    """Returns the version of the package on the controller."""
    try:
        return importlib.metadata.version("xen-vman")
    except importlib.metadata.PackageNotFoundError:
        return None


def digest_of_wheel(wheel: str) -> str:
    """Returns the digest of the package in a wheel; see `_look`."""
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
