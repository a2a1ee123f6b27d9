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
from collections.abc import Callable

from ansible.errors import AnsibleActionFail

from ..module_utils.versions import newest

ENGINE, CLI = "python3-xen-vman", "xen-vman"
HOW = (
    "it must be a .deb file on the controller, a list of them, a directory that contains them, an apt repository such as "
    "`https://apt.example.org stable main`, or `apt`; nothing was changed"
)


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
    if isinstance(written, str) and re.match(r"[a-z+]+:", written):
        return repository(written, key, find)
    if written == "apt":
        return Apt()
    paths = [written] if isinstance(written, (str, os.PathLike)) else written
    if not isinstance(paths, (list, tuple)) or not paths or not all(str(one).strip() for one in paths):
        raise AnsibleActionFail(f"xen_vman_deb is {written!r}, but {HOW}")
    debs = []
    for path in (find(str(one)) for one in paths):
        if os.path.isdir(path):
            inside = sorted(os.path.join(path, name) for name in os.listdir(path) if name.endswith(".deb"))
            debs += [one for one in map(read, inside) if one.name in (ENGINE, CLI)]
        else:
            debs.append(read(path))
    return Files(debs)


def repository(written: str, key: typing.Any, find: Callable[[str], str]) -> Repository:
    address, *words = written.split()
    if not re.fullmatch(r"(https?|file)://[^\s\[\]]+", address) or address.endswith(".deb"):
        raise AnsibleActionFail(f"xen_vman_deb is `{written}`, but {HOW}")
    if not key:
        raise AnsibleActionFail(
            f"xen_vman_deb is an apt repository ({address}), so xen_vman_deb_key must be the file of its public key, on the "
            "controller; nothing was changed"
        )
    words = words or ["stable"]
    if not words[0].endswith("/") and len(words) == 1:
        words.append("main")
    return Repository(" ".join([address, *words]), find(str(key)))


def read(path: str) -> Deb:
    """Reads what a package says about itself."""
    try:
        with open(path, "rb") as file:
            text = control(file)
        fields = dict(re.findall(r"^(Package|Version|Architecture): *(\S+)", text, re.MULTILINE))
        return Deb(path, fields["Package"], fields["Version"], fields["Architecture"])
    except (OSError, ValueError, KeyError, tarfile.TarError) as error:
        # Older versions of Python cannot read all compressions; the usual name says the same.
        named = re.fullmatch(r"([a-z0-9.+-]+)_([^_]+)_([a-z0-9-]+)\.deb", os.path.basename(path))
        if isinstance(error, OSError) or named is None:
            raise AnsibleActionFail(f"{path} is not a Debian package that can be read ({error}); nothing was changed") from None
        return Deb(path, *named.groups())


def control(file: typing.BinaryIO) -> str:
    """Returns the control file in a package, which is an ar archive with two tar archives."""
    if file.read(8) != b"!<arch>\n":
        raise ValueError("it is not an archive of ar")
    while len(header := file.read(60)) == 60:
        name, size = header[:16].decode("ascii", "replace").strip(" /"), int(header[48:58])
        if name.startswith("control.tar"):
            with tarfile.open(fileobj=io.BytesIO(file.read(size))) as archive:
                for member in archive:
                    found = archive.extractfile(member) if member.name in ("./control", "control") else None
                    if found is not None:
                        return found.read().decode()
        file.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError("it has no control file")
