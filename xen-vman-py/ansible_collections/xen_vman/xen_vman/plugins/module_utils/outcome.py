"""Ends modules: in the foreground, or in a process of its own that outlives the connection."""

# Copyright: the xen-vman authors
# SPDX-License-Identifier: MIT OR Apache-2.0

from __future__ import annotations

import contextlib
import json
import os
import traceback
import typing

from ansible.module_utils.basic import AnsibleModule

Result = typing.Dict[str, typing.Any]


class Failed(Exception):
    """Ends the module with a failure."""

    def __init__(self, msg: str, **result: typing.Any) -> None:
        super().__init__(msg)
        self.result: Result = {**result, "failed": True, "msg": msg}


def end(module: AnsibleModule, work: typing.Callable[[AnsibleModule], Result], detached: str | None = None) -> None:
    """Does the work and ends the module with its result, of which `warnings` become warnings.

    With `detached`, the work is done in a process of its own, and the result is written to this file and
    `.result`; the module ends at once.
    """
    if detached is not None:
        detach(detached)
    try:
        result = work(module)
    except Failed as failed:
        result = failed.result
    except Exception as error:
        if detached is None:
            raise
        result = {"failed": True, "msg": f"the module failed: {error}", "exception": traceback.format_exc()}
    if detached is not None:
        write(detached + ".result", json.dumps(result))
        # Not os._exit: Ansible's wrapper removes its files.
        raise SystemExit(0)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def detach(progress: str) -> None:
    """Continues in another session, whose process id is the first line of the progress. The connection is free to end."""
    begun, begins = os.pipe()
    if os.fork():
        os.close(begins)
        os.wait()
        # Until the first line is written, and the pipe closed.
        os.read(begun, 1)
        os.write(1, json.dumps({"detached": True}).encode() + b"\n")
        # The wrapper's files are still needed.
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    write(progress, f"{os.getpid()}\n")
    os.close(begins)


def write(path: str, content: str | bytes, mode: int = 0o600) -> None:
    """Writes a file, all of it or nothing; by default, only its owner can read it."""
    new = path + ".new"
    # An interrupted run may have left it, with other permissions, or somebody else a link.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(descriptor)
    os.replace(new, path)
