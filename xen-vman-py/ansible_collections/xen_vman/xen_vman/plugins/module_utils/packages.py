"""Installs Debian packages, with dpkg and apt-get: the host's Python may lack python3-apt."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import os
import re
import subprocess
import time
import typing

from .outcome import Failed

# What the host fetches by itself once a day (apt-daily.timer). Older lists name packages that are gone.
SECONDS_OF_LISTS = 24 * 60 * 60
LISTS = "/var/lib/apt/lists"
SOURCE = "/etc/apt/sources.list.d/xen-vman.list"
KEYS = "/etc/apt/keyrings/xen-vman"
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

    def install(self) -> None:
        """Installs all of them at once."""
        if self.repository is not None and not has_repository(self.repository, self.key):
            add_repository(self.repository, self.key)
            own = (f"--option=Dir::Etc::SourceList={SOURCE}", "--option=Dir::Etc::SourceParts=/dev/null")
            run([*APT_GET, *own, "--option=APT::Get::List-Cleanup=0", "update"])
        if not self.names and not self.files:
            return
        # All that a run of apt-get adds to this is a second of computing, if the dependencies are there.
        if not self.names and call(["dpkg", "--force-confdef", "--force-confold", "--install", *self.files]).returncode == 0:
            return
        install = [*APT_GET, "install", *(["--fix-broken"] if not self.names else []), *self.names, *self.files]
        # The packages may be in the old lists, too, if there is no way to new ones.
        is_new = seconds_since_update() > SECONDS_OF_LISTS and call([*APT_GET, "update"]).returncode == 0
        if call(install).returncode != 0:
            if not is_new:
                run([*APT_GET, "update"])
            run(install)


def missing(names: typing.Iterable[str]) -> list[str]:
    """Returns those of the packages that are not installed."""
    names = sorted(set(names))
    if not names:
        return []
    done = call(["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n", *names])
    installed = set(re.findall("^installed (.*)$", done.stdout, re.MULTILINE))
    return [name for name in names if name not in installed]


def version_of(name: str) -> str | None:
    """Returns the version of an installed package."""
    done = call(["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", name])
    status, found, version = done.stdout.partition(" ")
    return version if status == "installed" and found else None


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


def run(words: list[str]) -> None:
    done = call(words)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        shown = [line for line in lines if line.startswith(("E:", "W:", "dpkg:"))] or lines
        command = " ".join(word for word in words if not word.startswith("--"))
        raise Failed("\n".join([f"`{command}` failed with status {done.returncode}", *shown[-10:]]))


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
    for path, content in files_of(repository, key).items():
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)


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
