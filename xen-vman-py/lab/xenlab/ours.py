"""What of the project itself is in the lab: its program, what it makes of dom0, and how definitions begin."""

from __future__ import annotations

import os
import pathlib
import tempfile

from . import kernels, mirror
from .trees import LAB, REPOSITORY, RUN_PREFIX, alone, key, run

# What the image is made with.
FILE = LAB / "hypervisor.toml"

CLI = REPOSITORY / "target" / "debug" / "xen-vman-cli"
# Where it is in dom0, and what it is given.
PROGRAM = "/usr/local/bin/xen-vman-cli"
DEFINITION = "/etc/xen-vman/hypervisor.toml"
DOM0_ADDRESS = "10.77.0.1"

HOST = f"""\
nfsroot_base = "{DOM0_ADDRESS}:/srv/nfs"
iscsi_server = "{DOM0_ADDRESS}"
iscsi_base_wwn = "iqn.2026-11.lab"
debootstrap_packages = {list(mirror.PACKAGES)}
start_timeout = 120
stop_timeout = 60
# Unpacking an initrd would delay every guest.
dracut_extra_flags = "--no-compress"
"""
DEFAULTS = f"""
[defaults]
memory = 384
vcpus = 1
cpu_str = "any"
nameserver = ["{DOM0_ADDRESS}"]
debootstrap_mirror = "{mirror.URL}"
debootstrap_keyring = "{mirror.KEYRING}"
# Reading the time otherwise is slow on an emulated machine.
additional_xen_options = {{ tsc_mode = "native" }}
"""


def program() -> bytes:
    """Our program, without what only a debugger wants."""
    small = LAB / "xen-vman-cli"
    run("strip", "-o", small, CLI)
    return small.read_bytes()


def definition(host: str = "", vms: str = "") -> str:
    """A definition: settings of the host beside those of the lab, and the VMs."""
    public_key = key().with_suffix(".pub").read_text().strip()
    return f'public_keys = ["{public_key}"]\n{HOST}{host}{DEFAULTS}{vms}'


def made_of() -> list[tuple[str, int, str]]:
    """What `apply` makes of an empty directory: path, mode, and content. Its records of the run have times in them."""
    FILE.write_text(definition())
    found = []
    with tempfile.TemporaryDirectory(dir=LAB, prefix=f"{RUN_PREFIX}apply-") as root:
        run(CLI, "apply", FILE, "--root", root)
        for path in sorted(pathlib.Path(root).rglob("*")):
            name = str(path.relative_to(root))
            if path.is_symlink():
                found.append((name, 0, os.readlink(path)))
            elif path.is_file():
                content = "" if name.startswith(("run/", "var/lib/xen-vman/")) else path.read_text()
                found.append((name, path.stat().st_mode, content))
    return found


def prepare(root: pathlib.Path) -> None:
    """Makes a Xen host of the tree as one prepares an image: `apply --root`, and the hook for the kernel that is there.

    In dom0 itself, dracut takes five minutes and more.
    """
    run(CLI, "apply", FILE, "--root", root)
    run(*alone("sh", "-ec", ENTER, root, kernels.version(root)))


ENTER = 'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" /etc/kernel/postinst.d/xen-dracut "$1"'
