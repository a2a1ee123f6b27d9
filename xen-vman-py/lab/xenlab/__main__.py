"""python -m xenlab trees|zfs|build|shell: the laboratory by hand."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time

from . import cache, image, machine, zfs
from .cache import CACHE
from .patience import LimitError
from .trees import InUseError, held

PROGRAMS = ("mmdebstrap", "debootstrap", "mke2fs", "ssh", "ssh-keygen", "unshare", "setpriv", "strip", "as", "ld")
HELP = """\
trees   make what needs nothing of xen-vman: Debian trees, an archive for guests, a guest
zfs     make the packages of OpenZFS that the scenario `zfs` installs (about five minutes, once)
build   make everything, up to the snapshot of a dom0 that has booted (about five minutes, once)
shell   a fresh dom0 from the snapshot, and a shell in it; it is gone afterwards
"""


def check() -> None:
    """Whether the laboratory can run here."""
    if os.geteuid() != 0:
        raise SystemExit("error: the laboratory needs root: it makes Debian trees, and mounts")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise SystemExit(
            f"error: {', '.join(missing)} not found\n"
            "help: apt-get install mmdebstrap debootstrap e2fsprogs openssh-client util-linux binutils"
        )


def build() -> None:
    """Makes what is missing."""
    begin = time.monotonic()
    machine.booted()
    cache.evict()
    print(f"the laboratory is in {CACHE} ({time.monotonic() - begin:.0f} s)")


def shell() -> None:
    """A dom0 to look at."""
    with machine.fresh() as dom0:
        dom0.resume(machine.booted())
        subprocess.run([*dom0.ssh_words()[:1], "-t", *dom0.ssh_words()[1:]], check=False)


if __name__ == "__main__":
    commands = {"trees": image.parts, "zfs": zfs.build, "build": build, "shell": shell}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(HELP)
    check()
    try:
        # What is only made can be made beside anything else: each part has a lock of its own.
        with contextlib.nullcontext() if sys.argv[1] in ("trees", "zfs") else held():
            commands[sys.argv[1]]()
    except (InUseError, LimitError) as why:
        sys.exit(f"error: {why}")
