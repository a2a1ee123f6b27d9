"""Debian trees, made natively with mmdebstrap: one with the tools, one that becomes dom0."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

from . import cache
from .cache import CACHE

# The Debian that dom0 is, and the Xen in it.
SUITE = os.environ.get("XEN_VMAN_LAB_DOM0", "bookworm")
XEN = {"bookworm": "4.17", "trixie": "4.20"}[SUITE]

REPOSITORY = pathlib.Path(__file__).parents[3]
LAB = REPOSITORY / "target" / ("lab" if SUITE == "bookworm" else f"lab-{SUITE}")

# Everything that the lab runs on this machine comes from here, so that nothing is installed on it. Debian 13's
# QEMU: that of Debian 12 was not tried.
TOOLS = ("trixie", ["qemu-system-x86", "seabios", "qemu-utils", "e2fsprogs", "openssh-client", "xz-utils", "zstd", "gnupg", "apt-utils"])

DOM0 = (
    SUITE,
    [
        # a Debian host
        *["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "iputils-ping", "procps", "less", "ca-certificates"],
        *["openssh-server", "sudo", "python3", "python3-apt", "python3-venv", "busybox-static", "netcat-openbsd"],
        # Xen
        *["linux-image-amd64", f"xen-hypervisor-{XEN}-amd64", f"xen-utils-{XEN}", "xen-utils-common", "xenstore-utils", "qemu-system-xen"],
        # what the VMs need
        *["dracut-core", "dracut-network", "debootstrap", "bubblewrap", "nfs-common", "open-iscsi", "e2fsprogs", "bridge-utils"],
        *["lvm2", "thin-provisioning-tools", "xfsprogs"],
        # the servers that dom0 plays
        *["nfs-kernel-server", "rpcbind", "dmsetup"],
    ],
)

# What the directory of a machine that lives as long as a scenario begins with.
RUN_PREFIX = "run-"


class InUseError(Exception):
    """Another run holds the laboratory."""


@contextlib.contextmanager
def held() -> Iterator[None]:
    """The laboratory, for one run at a time."""
    LAB.mkdir(parents=True, exist_ok=True)
    with (LAB / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(f"the laboratory in {LAB} is in use by another run") from None
        sweep()
        try:
            yield
        finally:
            sweep()


def sweep() -> None:
    """Removes what machines have left that were killed."""
    for left in LAB.glob(f"{RUN_PREFIX}*"):
        shutil.rmtree(left)


def run(*words: object, env: Mapping[str, str] | None = None) -> str:
    """Runs a program; fails with what it said."""
    done = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env=env
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: exit status {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


KEY = CACHE / "key"


def key() -> pathlib.Path:
    """The key that opens dom0 and guests."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "key.making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not KEY.with_suffix(".pub").exists():
            KEY.unlink(missing_ok=True)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", KEY)
    return KEY


LEFT_OUT = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "locale", "doc")]
MMDEBSTRAP = [
    *["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"],
    *["--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io", *LEFT_OUT],
]
# The archive is queried again after this many hours.
VERSIONS_HOURS_MAX = 12


def versions(suite: str, packages: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """The packages that the archive offers for these and what they need, with their versions."""
    CACHE.mkdir(parents=True, exist_ok=True)
    answer = CACHE / f"versions-{suite}-{cache.digest(suite, packages, *options)}.json"
    known: list[str] = json.loads(answer.read_text()) if answer.exists() else []
    if known and time.time() - answer.stat().st_mtime < VERSIONS_HOURS_MAX * 3600:
        return known
    with tempfile.TemporaryDirectory() as place:
        words = [*alone(*MMDEBSTRAP, *options), "--simulate", "--verbose", f"--include={','.join(packages)}", suite, f"{place}/root"]
        done = subprocess.run(
            [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    found = sorted(set(re.findall(r"^Inst (\S+ (?:\[\S+\] )?\(\S+)", done.stdout, re.M)))
    if done.returncode == 0 and found:
        new = answer.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(found, indent=0))
        new.rename(answer)
        return found
    if known:
        when = time.strftime("%Y-%m-%d", time.localtime(answer.stat().st_mtime))
        print(f"the archive does not answer; packages are taken to be those of {when}", flush=True)
        return known
    raise SystemExit(f"the archive does not say what {suite} has: {done.stdout[-2000:]}")


def tree(name: str, suite: str, packages: Sequence[str]) -> pathlib.Path:
    """A tree, made if there is none of these packages in the versions of today."""

    def make(place: pathlib.Path) -> None:
        print(f"making the tree {name} ({suite}, {len(packages)} packages)", flush=True)
        root = place / "root"
        run(*alone(*MMDEBSTRAP, "--quiet"), f"--include={','.join(packages)}", suite, root)
        for inside in (INSIDE, INSIDE_CACHE):
            (root / inside.relative_to("/")).mkdir()

    return cache.entry(f"{name}-{suite}", [suite, list(packages), MMDEBSTRAP, versions(suite, packages)], make) / "root"


def tools() -> pathlib.Path:
    """The tree with the tools."""
    return tree("tools", *TOOLS)


# Where `LAB` and `CACHE` are for those programs.
INSIDE = pathlib.Path("/lab")
INSIDE_CACHE = pathlib.Path("/cache")
ENTER = (
    'mount --bind "$1" "$3/lab"; mount --bind "$2" "$3/cache"; mount --rbind /dev "$3/dev"; '
    'root=$3; shift 3; exec chroot "$root" "$@"'
)


def inside(path: pathlib.Path) -> pathlib.Path:
    """Where those programs find a file."""
    if path.is_relative_to(CACHE):
        return INSIDE_CACHE / path.relative_to(CACHE)
    return INSIDE / path.relative_to(LAB)


def with_tools(*words: object) -> list[str]:
    """The words that run a program of the tools. What they mount is gone with them."""
    LAB.mkdir(parents=True, exist_ok=True)
    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", ENTER, "lab"]
    return [*enter, str(LAB), str(CACHE), str(tools()), *map(str, words)]


# Before the words of a program that ends with us, however we end.
ENDS_WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def alone(*words: object) -> list[object]:
    """The words that run a program whose mounts and processes end with it, and with us, however we end."""
    return [*ENDS_WITH_US, "unshare", "--mount-proc", "--pid", "--fork", "--kill-child", *words]


def dom0() -> pathlib.Path:
    """The tree that becomes dom0, as it was installed."""
    return tree("dom0", *DOM0)
