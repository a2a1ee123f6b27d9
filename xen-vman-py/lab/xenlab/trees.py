"""Debian trees, made natively with mmdebstrap: one with the tools, one that becomes dom0."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence

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
        *["dracut-core", "dracut-network", "debootstrap", "nfs-common", "open-iscsi", "e2fsprogs", "bridge-utils"],
        # the servers that dom0 plays
        *["nfs-kernel-server", "rpcbind"],
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


KEY = LAB / "key"


def key() -> pathlib.Path:
    """The key that opens dom0 and guests."""
    if not KEY.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", KEY)
    return KEY


def digest(*parts: object) -> str:
    """Tells whether something has to be made anew."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def tree(name: str, suite: str, packages: Sequence[str]) -> pathlib.Path:
    """A tree, made if it is not there or is made of other packages."""
    place, stamp = LAB / name, LAB / f"{name}.made-of"
    made_of = digest(suite, packages)
    if stamp.exists() and stamp.read_text() == made_of:
        return place
    print(f"making the tree {name} ({suite}, {len(packages)} packages)", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    LAB.mkdir(parents=True, exist_ok=True)
    leave_out = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "locale", "doc")]
    run(
        *alone("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
        *["--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io", *leave_out],
        *[f"--include={','.join(packages)}", suite, place],
    )
    stamp.write_text(made_of)
    return place


def tools() -> pathlib.Path:
    """The tree with the tools."""
    return tree("tools", *TOOLS)


# Where `LAB` is for those programs.
INSIDE = pathlib.Path("/lab")
ENTER = (
    'mkdir -p "$2/lab"; mount --bind "$1" "$2/lab"; mount --rbind /dev "$2/dev"; '
    'root=$2; shift 2; exec chroot "$root" "$@"'
)


def with_tools(*words: object) -> list[str]:
    """The words that run a program of the tools. What they mount is gone with them."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", ENTER, "lab", str(LAB), str(LAB / "tools")] + [
        str(word) for word in words
    ]


# Before the words of a program that ends with us, however we end.
ENDS_WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def alone(*words: object) -> list[object]:
    """The words that run a program whose mounts and processes end with it, and with us, however we end."""
    return [*ENDS_WITH_US, "unshare", "--mount-proc", "--pid", "--fork", "--kill-child", *words]


def dom0() -> pathlib.Path:
    """The tree that becomes dom0, as it was installed."""
    return tree("dom0", *DOM0)
