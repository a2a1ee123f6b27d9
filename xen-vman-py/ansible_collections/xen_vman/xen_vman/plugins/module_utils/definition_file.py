"""The definition that a run applied, left on the host for the command line."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import functools
import glob
import os
import stat
import typing

from .outcome import write
from .packages import content_of

DIRECTORY = "etc/xen-vman"
NAME = "ansible.toml"
HEADER = """\
# Written by Ansible (xen_vman.xen_vman.xen_host). The next run overwrites it: change the variables instead.
# It is what was applied last, with all expressions evaluated, so that `xen-vman-cli status`, `plan` and `doctor` find
# the VMs. It may contain passwords: keep it readable by root only.

"""
OURS = HEADER.splitlines(keepends=True)[0].encode()
SCRIPTS = ("xen_vman_additional_network_scripts", "additional_network_scripts")


class DefinitionFile:
    """`/etc/xen-vman/ansible.toml` of a host."""

    def __init__(self, root: str, definition: dict[str, typing.Any], convert: typing.Callable[[typing.Any], str]) -> None:
        self.directory = os.path.join(root, DIRECTORY)
        self.path = os.path.join(self.directory, NAME)
        self.sentence = f"write /{DIRECTORY}/{NAME} (0600)"
        self._definition = definition
        self._convert = convert

    @functools.cached_property
    def content(self) -> bytes:
        return (HEADER + self._convert(on_the_host(self._definition))).encode()

    def conflict(self) -> str | None:
        """Why the file cannot be written, or what it conflicts with. Nothing is opened that is not a regular file."""
        for path, is_right, kind in (
            (self.directory, stat.S_ISDIR, "directory"),
            (self.path, stat.S_ISREG, "regular file"),
        ):
            try:
                # Only the directory may be a link.
                status = os.stat(path) if path == self.directory else os.lstat(path)
            except OSError:
                continue
            if not is_right(status.st_mode):
                return (
                    f"{path} is not a {kind}, so the definition of this run was not left there. Rename or remove it, or set "
                    "xen_vman_keep_definition to false"
                )
        others = sorted(set(glob.glob(os.path.join(glob.escape(self.directory), "*.toml"))) - {self.path})
        if others:
            names = ", ".join(f"/{DIRECTORY}/{os.path.basename(path)}" for path in others)
            return (
                f"xen-vman-cli reads all of /{DIRECTORY}/*.toml, and Ansible did not write {names}: the definition of this "
                f"run was not left in {NAME}, or its VMs would be defined twice. Move the other definitions into the "
                "variables, or set xen_vman_keep_definition to false"
            )
        found = content_of(self.path)
        if found is not None and not found.startswith(OURS):
            return (
                f"Ansible did not write /{DIRECTORY}/{NAME}, so it was not replaced by the definition of this run. Rename "
                "or remove it, or set xen_vman_keep_definition to false"
            )
        return None

    def differs(self) -> bool:
        """Whether the file is not what it should be."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return True
        return content_of(self.path) != self.content or status.st_mode & 0o7777 != 0o600 or status.st_uid != os.geteuid()

    def write(self) -> None:
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        write(self.path, self.content)


def on_the_host(definition: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Replaces the paths of network scripts, which only the controller has, by those of their copies on the host."""
    result = dict(definition)
    for key in SCRIPTS:
        names = result.get(key)
        if isinstance(names, list):
            result[key] = [one if one == "vif-p2p" else f"/etc/xen/scripts/{os.path.basename(str(one))}" for one in names]
    return result
