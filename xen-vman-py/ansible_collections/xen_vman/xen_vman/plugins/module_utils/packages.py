"""Installs Debian packages, with dpkg and apt-get: the host's Python may lack python3-apt."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import typing

from .outcome import Failed, write
from .versions import debian_order

# What the host fetches by itself once a day (apt-daily.timer). Older lists name packages that are gone.
SECONDS_OF_LISTS = 24 * 60 * 60
LISTS = "/var/lib/apt/lists"
SOURCE = "/etc/apt/sources.list.d/xen-vman.list"
KEYS = "/etc/apt/keyrings/xen-vman"
ENGINE = "python3-xen-vman"
# Files of packages that an administrator has changed stay. Nothing is removed: dracut, for one, would remove initramfs-tools.
APT_GET = (
    "apt-get",
    "--quiet=2",
    "--yes",
    "--no-install-recommends",
    "--no-remove",
    "--option=DPkg::Lock::Timeout=300",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
)
# Nothing but the own repository is updated; by default, apt-get succeeds if it reaches none.
OWN = (
    f"--option=Dir::Etc::SourceList={SOURCE}",
    "--option=Dir::Etc::SourceParts=/dev/null",
    "--option=APT::Get::List-Cleanup=0",
)
STRICT = "--option=APT::Update::Error-Mode=any"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none"}


class Wanted(typing.NamedTuple):
    """The packages to install, by name and as files, and the repository that has some of them."""

    names: list[str]
    files: list[str]
    repository: str | None = None
    """The repository, as after `deb` in sources.list."""
    key: str | None = None
    """The file of its key."""

    def steps(self) -> list[str]:
        """What `install` would do, for people."""
        found = []
        if self.repository is not None and not has_repository(self.repository, self.key):
            found.append(f"add the apt repository {self.repository} ({SOURCE})")
        names = [os.path.basename(path).removesuffix(".deb") for path in self.files] + self.names
        if names:
            found.append(f"install the Debian package{'s' if len(names) > 1 else ''} {', '.join(names)}")
        return found

    def install(self) -> str | None:
        """Installs all of them at once. Returns why the package lists may be out of date, if they may."""
        # Updating the lists of one repository makes all of them look new.
        is_old = seconds_since_update() > SECONDS_OF_LISTS
        is_added = self.repository is not None and not has_repository(self.repository, self.key)
        if self.repository is not None and is_added:
            add_repository(self.repository, self.key)
        if not self.names and not self.files:
            return None
        # All that a run of apt-get adds to this is a second of computing.
        if not self.names and are_installable(self.files):
            if call(["dpkg", "--force-confdef", "--force-confold", "--install", *self.files]).returncode == 0:
                return None
        problem = None
        if ENGINE in self.names and not is_added:
            # A release may be newer than the lists.
            if self.repository is not None:
                problem = failure(call([*APT_GET, *OWN, STRICT, "update"]))
            else:
                is_old = True
        # The packages may be in the old lists, too, if there is no way to new ones.
        updated = call([*APT_GET, STRICT, "update"]) if is_old else None
        if updated is not None and problem is None:
            problem = failure(updated)
        install = [*APT_GET, "install", *(["--fix-broken"] if not self.names else []), *self.names, *self.files]
        if call(install).returncode != 0:
            if updated is None or updated.returncode != 0:
                run([*APT_GET, "update"], after=repair)
            run(install, after=lambda: unmet(install) + repair())
        return problem


def missing(names: typing.Iterable[str]) -> list[str]:
    """Returns those of the packages that are not installed."""
    names = sorted(set(names))
    there = installed(names)
    return [name for name in names if name not in there]


def version_of(name: str) -> str | None:
    """Returns the version of an installed package."""
    return installed([name]).get(name)


def installed(names: list[str]) -> dict[str, str]:
    """Returns the versions of those of the packages that are installed."""
    # Without names, dpkg-query would show all.
    return {name: version for status, name, version in known(names) if status == "installed"} if names else {}


def known(names: typing.Iterable[str] = ()) -> list[tuple[str, str, str]]:
    """Returns the status, name and version of packages that dpkg knows, of all without names."""
    form = "${db:Status-Status} ${Package} ${Version}\n"
    found = call(["dpkg-query", "--show", "--showformat", form, *names]).stdout
    return re.findall(r"^(\S+) (\S+) (\S*)$", found, re.MULTILINE)


def call(words: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT},
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return subprocess.CompletedProcess(words, 127, str(error))


def run(words: list[str], after: typing.Callable[[], str] = str) -> None:
    """Runs a program that must succeed; `after` says what else there is to say if it does not."""
    problem = failure(call(words))
    if problem is not None:
        raise Failed(problem + after())


def failure(done: subprocess.CompletedProcess[str]) -> str | None:
    """Returns what went wrong, for people."""
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    shown = [line for line in lines if line.startswith(("E:", "W:", "dpkg:"))] or lines
    command = " ".join(word for word in done.args if not word.startswith("--"))
    return "\n".join([f"`{command}` failed with status {done.returncode}", *shown[-10:]])


def unmet(install: list[str]) -> str:
    """Says what the packages lack; apt-get only says so if it is less quiet."""
    found = call([*install, "--quiet=1", "--simulate"]).stdout
    lines = re.findall(r"^ +(?:\S+ : )?(?:(?:Pre)?Depends|Conflicts|Breaks): .*$", found, re.MULTILINE)
    return "".join(f"\n{line}" for line in lines[:10])


def repair() -> str:
    """Says how to repair the packages of the host, if some are only half installed."""
    broken = [name for status, name, _version in known() if status in ("half-installed", "unpacked", "half-configured")]
    if not broken:
        return ""
    return (
        f"\nNot completely installed: {', '.join(broken)}. `dpkg --configure --pending` and `apt-get --fix-broken install` on the "
        "host repair that"
    )


def are_installable(files: list[str]) -> bool:
    """Whether dpkg can install packages alone: all that they depend on is there. If in doubt, it cannot."""
    form = "${Package}\t${Version}\t${Pre-Depends},${Depends}\t${Conflicts}${Breaks}\n"
    new, clauses = {}, []
    for file in files:
        done = call(["dpkg-deb", "--show", "--showformat", form, file])
        fields = done.stdout.rstrip("\n").split("\t")
        if done.returncode != 0 or len(fields) != 4 or fields[3]:
            return False
        new[fields[0]] = fields[1]
        clauses += [clause.split("|") for clause in fields[2].split(",") if clause.strip()]
    names = sorted({re.split("[ (:]", one.strip())[0] for clause in clauses for one in clause} - new.keys())
    there = {**installed(names), **new}
    return all(any(is_met(one.strip(), there) for one in clause) for clause in clauses)


def is_met(dependency: str, there: dict[str, str]) -> bool:
    """Whether one of the packages is what another depends on, such as `libc6 (>= 2.34)`; see deb-control(5)."""
    found = re.fullmatch(r"([a-z0-9][a-z0-9+.-]+)(?::any)?(?: *\((<<|<=|=|>=|>>) *((?:[0-9]{1,9}:)?[A-Za-z0-9.+~-]{1,200})\))?", dependency)
    if found is None or found[1] not in there:
        return False
    if found[2] is None:
        return True
    order = debian_order(there[found[1]], found[3])
    return {"<<": order < 0, "<=": order <= 0, "=": order == 0, ">=": order >= 0, ">>": order > 0}[found[2]]


def seconds_since_update() -> float:
    times = []
    for path in (LISTS, "/var/lib/apt/periodic/update-success-stamp"):
        try:
            times.append(os.stat(path).st_mtime)
        except OSError:
            continue
    return time.time() - max(times, default=0)


def has_repository(repository: str, key: str | None) -> bool:
    return all(content_of(path) == content for path, content in files_of(repository, key).items())


def add_repository(repository: str, key: str | None) -> None:
    """Adds a repository; if apt cannot use it, which would break all other calls of apt-get, all is as before."""
    files = files_of(repository, key)
    before = {path: content_of(path) for path in files}
    try:
        for path, content in files.items():
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write(path, content, 0o644)
        run([*APT_GET, *OWN, STRICT, "update"], after=lambda: f"\nThe repository {repository} was not added")
    except BaseException:
        for path, earlier in before.items():
            if earlier is not None:
                write(path, earlier, 0o644)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        raise


def files_of(repository: str, key: str | None) -> dict[str, bytes]:
    """Returns the files that describe a repository to apt."""
    content = content_of(key) if key is not None else None
    if content is None:
        raise Failed(f"the key of the apt repository {repository} cannot be read: {key}")
    keyring = KEYS + (".asc" if content.startswith(b"-----BEGIN PGP") else ".gpg")
    line = f"# Written by the role xen_vman.xen_vman.xen_vman.\ndeb [signed-by={keyring}] {repository}\n"
    return {keyring: content, SOURCE: line.encode()}


def content_of(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
