"""Where Debian packages of xen-vman come from: files on the controller, an apt repository, or what apt on the host knows."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import dataclasses
import io
import os
import re
import tarfile
import typing
import zlib
from collections.abc import Callable

from ansible.errors import AnsibleActionFail

from ..module_utils.packages import ENGINE
from ..module_utils.versions import newest
from . import keys

try:
    from lzma import LZMAError

    LZMA_ERRORS: tuple[type[Exception], ...] = (LZMAError,)
except ImportError:
    LZMA_ERRORS = ()
DAMAGED: tuple[type[Exception], ...] = (OSError, ValueError, EOFError, zlib.error, *LZMA_ERRORS)

CLI = "xen-vman"
HOW = (
    "it must be a .deb file on the controller, a list of them, a directory that contains them, an apt repository such as "
    "`https://apt.example.org stable main`, or `apt`; nothing was changed"
)
# What needs no quotes in sources.list(5), and has no other meaning there.
PATH = r"(?:[A-Za-z0-9._~+=:,-]|%[2-7][0-9A-Fa-f])*"
ADDRESS = re.compile(rf"(?:https?://[A-Za-z0-9.-]+(?::[0-9]+)?|file://(?=/))(?:/{PATH})*")
SUITE = re.compile(r"/|[A-Za-z0-9.][A-Za-z0-9._~+/-]*")
COMPONENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~+/-]*[A-Za-z0-9])?")
# As in deb-control(5), deb-version(7).
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
VERSION = re.compile(r"(?:[0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]{0,199}")
ARCHITECTURE = re.compile(r"[a-z0-9-]+")


class Deb(typing.NamedTuple):
    """A file with a package."""

    path: str
    name: str
    version: str
    architecture: str


@dataclasses.dataclass
class Files:
    """Packages in files on the controller."""

    debs: list[Deb]

    def chosen(self, architecture: str | None) -> dict[str, Deb]:
        """Returns the newest of each package that suits a host."""
        fitting = [one for one in self.debs if architecture is None or one.architecture in (architecture, "all")]
        found = {one.name: one for one in sorted(fitting, key=lambda one: newest(one.version))}
        if ENGINE not in found:
            there = ", ".join(sorted({f"{one.name} for {one.architecture}" for one in self.debs})) or "none"
            raise AnsibleActionFail(
                f"xen_vman_deb must contain {ENGINE} for {architecture}, the architecture of the host; it contains: {there}. "
                "Nothing was changed"
            )
        return found


@dataclasses.dataclass
class Repository:
    """An apt repository, as after `deb` in sources.list, and the file of its key on the controller."""

    line: str
    key: str


class Apt:
    """What apt on the host already knows."""


Source = typing.Union[Files, Repository, Apt, None]


def source_of(written: typing.Any, key: typing.Any, find: Callable[[str], str]) -> Source:
    """Reads `xen_vman_deb` and `xen_vman_deb_key`; `find` returns the path of a file in the play."""
    if written is None:
        return None
    if isinstance(written, str) and ("://" in written or re.match(r"\s*[A-Za-z+]+:", written)):
        return repository(written, key, find)
    if written == "apt":
        return Apt()
    paths = [written] if isinstance(written, (str, os.PathLike)) else written
    if not isinstance(paths, (list, tuple)) or not paths or not all(str(one).strip() for one in paths):
        raise AnsibleActionFail(f"xen_vman_deb is {written!r}, but {HOW}")
    if any("://" in str(one) for one in paths):
        raise AnsibleActionFail(f"xen_vman_deb is a list with an address, but {HOW}")
    debs = []
    for path in (find(str(one)) for one in paths):
        if os.path.isdir(path):
            debs += inside(path)
        else:
            debs.append(read(path))
    return Files(debs)


def inside(directory: str) -> list[Deb]:
    """Returns the packages in a directory that are ours; others may be in there, and need not be readable."""
    names = sorted(name for name in os.listdir(directory) if name.endswith(".deb"))
    ours = [name for name in names if "_" not in name or name.startswith((f"{ENGINE}_", f"{CLI}_"))]
    return [one for one in (read(os.path.join(directory, name)) for name in ours) if one.name in (ENGINE, CLI)]


def repository(written: str, key: typing.Any, find: Callable[[str], str]) -> Repository:
    """Reads a repository. What apt does not understand would end up on the host, where every call of apt-get fails then."""
    if "@" in written:
        # Not repeated: it may contain a password.
        raise AnsibleActionFail(
            "xen_vman_deb is an apt repository whose address contains `@`, as before a user name or a password, which everyone on "
            "the host could read; nothing was changed. Put these into a file in /etc/apt/auth.conf.d on the host, see "
            "apt_auth.conf(5). In a path, `@` is written `%40`"
        )
    address, *words = re.split("[ \t]+", written.strip())
    words = words or ["stable"]
    is_flat = words[0].endswith("/")
    if not is_flat and len(words) == 1:
        words.append("main")
    suite, *components = words
    if not ADDRESS.fullmatch(address) or address.endswith(".deb") or not SUITE.fullmatch(suite):
        raise AnsibleActionFail(f"xen_vman_deb is {written!r}, but {HOW}")
    if is_flat and components:
        raise AnsibleActionFail(
            f"xen_vman_deb is `{written}`, but a directory, which ends in `/`, has no components: leave out `{' '.join(components)}`, "
            "or the `/`; nothing was changed"
        )
    if not all(map(COMPONENT.fullmatch, components)):
        raise AnsibleActionFail(f"xen_vman_deb is {written!r}, but {HOW}")
    if not key:
        raise AnsibleActionFail(
            f"xen_vman_deb is an apt repository ({address}), so xen_vman_deb_key must be the file of its public key, on the "
            "controller; nothing was changed"
        )
    path = find(str(key))
    keys.check(path)
    return Repository(" ".join([address, *words]), path)


def read(path: str) -> Deb:
    """Reads what a package says about itself."""
    try:
        with open(path, "rb") as file:
            text = control(file)
        fields = dict(re.findall(r"^(Package|Version|Architecture): *(\S+)", text, re.MULTILINE))
        deb = Deb(path, *(fields.get(name, "") for name in ("Package", "Version", "Architecture")))
    except UnknownCompression as error:
        # Older versions of Python cannot read all compressions; the usual name says the same.
        name, rest = os.path.basename(path).removesuffix(".deb").partition("_")[::2]
        version, architecture = rest.rpartition("_")[::2]
        deb, problem = Deb(path, name, version.replace("%3a", ":"), architecture), str(error)
    except DAMAGED as error:
        raise AnsibleActionFail(f"{path} is not a Debian package: {error}; nothing was changed") from None
    else:
        problem = "its control file lacks a valid `Package`, `Version` or `Architecture`"
    if not NAME.fullmatch(deb.name) or not VERSION.fullmatch(deb.version) or not ARCHITECTURE.fullmatch(deb.architecture):
        raise AnsibleActionFail(f"{path} is not a Debian package: {problem}; nothing was changed")
    return deb


class UnknownCompression(Exception):
    """Python cannot decompress a part of a package."""


def control(file: typing.BinaryIO) -> str:
    """Returns the control file in a package, which is an ar archive with two tar archives."""
    if file.read(8) != b"!<arch>\n":
        raise ValueError("it is not an archive of ar")
    members: dict[str, tuple[int, int]] = {}
    end = os.fstat(file.fileno()).st_size
    while header := file.read(60):
        found = re.fullmatch(rb"(.{16}).{32}([0-9]+) *`\n", header, re.DOTALL)
        if found is None:
            raise ValueError("it is damaged or truncated: a member has no valid header")
        name, size, at = found[1].decode("ascii", "replace").strip(" /"), int(found[2]), file.tell()
        if at + size > end:
            raise ValueError(f"it is truncated: {name} is not complete")
        members.setdefault(name, (at, size))
        file.seek(at + size + size % 2)
    name = next((one for one in members if one.startswith("control.tar")), "")
    if not name or not any(one.startswith("data.tar") for one in members):
        raise ValueError("it lacks control.tar or data.tar")
    at, size = members[name]
    file.seek(at)
    try:
        with tarfile.open(fileobj=io.BytesIO(file.read(size))) as archive:
            for member in archive:
                part = archive.extractfile(member) if member.name in ("./control", "control") else None
                if part is not None:
                    return part.read().decode()
    except tarfile.TarError as error:
        if isinstance(error, tarfile.CompressionError) or name.endswith((".zst", *(() if LZMA_ERRORS else (".xz",)))):
            raise UnknownCompression(f"this Python cannot read {name}, and its name is not PACKAGE_VERSION_ARCHITECTURE.deb") from None
        raise ValueError(f"{name} is damaged") from None
    raise ValueError("it has no control file")
