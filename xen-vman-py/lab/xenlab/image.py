"""What boots: the hypervisor, dom0's kernel and initrd, and its disk, all made natively."""

from __future__ import annotations

import functools
import gzip
import pathlib
import shutil

from . import cache, kernels, mirror, ours, tiny
from .trees import SUITE, XEN, dom0, key, run, tools

DISK_GIB = 8
# Files of dom0 that are programs.
OWN_FILES = pathlib.Path(__file__).parents[1] / "dom0"

# What is of no use in a machine that lives for minutes.
MASKED = [
    *["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"],
    *["systemd-timesyncd.service", "systemd-networkd-wait-online.service", "systemd-pstore.service", "getty@tty1.service"],
    *["nfs-blkmap.service", "e2scrub_reap.service"],
]

# systemd's own services that give up after 90 s; dom0 may take that long on a busy machine.
PATIENT = ["systemd-modules-load", "systemd-sysctl", "systemd-journal-flush", "systemd-sysusers"]

# uplink0 is the way to the outside; the guests are on br0.
FILES = {
    "etc/hostname": "dom0\n",
    "etc/hosts": "127.0.0.1 localhost dom0\n",
    "etc/fstab": "/dev/vda / ext4 defaults,noatime 0 0\n",
    "etc/resolv.conf": "",
    "etc/exports": "/srv/nfs 10.77.0.0/16(rw,no_root_squash,no_subtree_check,async)\n",
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\nMaxSessions 100\n",
    "etc/sysctl.d/lab.conf": "net.ipv4.ip_forward=1\nnet.ipv6.conf.all.forwarding=1\n",
    "etc/modules-load.d/lab.conf": "\n".join(
        ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-blkback", "xen-netback", "xenfs", "loop", "bridge", "nfsd", "nfsv4", "iscsi_tcp", ""]
    ),
    "etc/systemd/network/10-uplink.link": "[Match]\nDriver=virtio_net\n[Link]\nName=uplink0\n",
    "etc/systemd/network/10-uplink.network": "[Match]\nName=uplink0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nIPv6AcceptRA=no\n",
    "etc/systemd/network/20-br0.netdev": "[NetDev]\nName=br0\nKind=bridge\n[Bridge]\nSTP=no\nForwardDelaySec=0\n",
    "etc/systemd/network/20-br0.network": (
        "[Match]\nName=br0\n[Network]\nAddress=10.77.0.1/24\nConfigureWithoutCarrier=yes\nLinkLocalAddressing=no\n"
    ),
    "etc/default/xen": 'XENCONSOLED_ARGS="--log=guest --log-dir=/var/log/xen/console"\n',
    # Our units have limits of their own, so this is for the rest.
    "etc/systemd/system.conf.d/lab.conf": "[Manager]\nDefaultTimeoutStartSec=900\nDefaultDeviceTimeoutSec=900\n",
    **{f"etc/systemd/system/{unit}.service.d/lab.conf": "[Service]\nTimeoutSec=900\n" for unit in PATIENT},
    "etc/systemd/system/lab-ready.service": (
        "[Unit]\nAfter=xen.service ssh.service nfs-server.service systemd-networkd.service\n"
        # An NFS server that has just started waits a minute and a half for clients of before.
        "[Service]\nType=oneshot\n"
        "ExecStart=/bin/sh -c 'echo Y >/proc/fs/nfsd/v4_end_grace; xl info >/dev/null && echo LAB-READY >/dev/hvc0'\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
}
ENABLED = ["systemd-networkd", "ssh", "nfs-server", "rpcbind", "lab-ready"]
# The modules that mounting the disk takes.
MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "ext4", "crc32c_generic", "crc32c-intel"]


def write(path: pathlib.Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)


def furnish(root: pathlib.Path) -> None:
    """Makes a host of the tree."""
    for name, text in FILES.items():
        write(root / name, text)
    write(root / "root/.ssh/authorized_keys", key().with_suffix(".pub").read_text(), 0o600)
    (root / "root/.ssh").chmod(0o700)
    shutil.copytree(OWN_FILES, root, dirs_exist_ok=True)
    kernels.prune(root)
    kernels.second(root, root / "srv/second-kernel.deb", root.parent / "vmlinux-second")
    tiny.furnish(root)
    for name in ("srv/nfs", "var/log/xen/console"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copytree(mirror.build(), root / "srv/mirror")
    shutil.copy(mirror.build() / "lab.gpg", root / mirror.KEYRING.lstrip("/"))
    shutil.copy(mirror.guest(), root / "srv/guest.tar")
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    run("chroot", root, "systemctl", "--quiet", "enable", *ENABLED)


def initrd(root: pathlib.Path, out: pathlib.Path) -> None:
    """An initrd that mounts the disk, and nothing else."""
    kernels.initrd(
        root,
        out,
        MODULES,
        "for module in $modules; do $b insmod /lib/$module 2>/dev/null; done\n"
        "n=0; while [ ! -b /dev/vda ] && [ $n -lt 200 ]; do $b usleep 50000; n=$((n + 1)); done\n"
        "$b mount -t ext4 -o noatime /dev/vda /root || exec $b sh\n"
        "$b umount /proc /sys; exec $b switch_root /root /sbin/init\n",
    )


def parts() -> None:
    """Makes what is Debian's: all that needs nothing of ours."""
    tools()
    dom0()
    mirror.guest()


@functools.cache
def build() -> pathlib.Path:
    """The directory of what boots, made if there is none of what it is made of."""
    parts()
    modules = [pathlib.Path(module.__file__ or "") for module in (kernels, tiny, ours)]
    sources = [pathlib.Path(__file__), *modules, *sorted(path for path in OWN_FILES.rglob("*") if path.is_file())]
    texts = [(path.name, path.stat().st_mode, path.read_text()) for path in sources]
    entries = [mirror.build().parent, mirror.guest().parent, dom0().parent]
    made_of = [[cache.identity(entry) for entry in entries], texts, key().read_text(), ours.made_of()]
    return cache.entry(f"image-{SUITE}", made_of, make)


def make(place: pathlib.Path) -> None:
    """Makes hypervisor, kernels, initrd and disk."""
    print("making the disk of dom0", flush=True)
    root = place / "root"
    run("cp", "--archive", dom0(), root)
    furnish(root)
    ours.prepare(root)
    (place / "xen").write_bytes(gzip.decompress((root / f"boot/xen-{XEN}-amd64.gz").read_bytes()))
    shutil.copy(root / "boot" / f"vmlinuz-{kernels.version(root)}", place / "vmlinux")
    initrd(root, place / "initrd")
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", root, place / "dom0.raw", f"{DISK_GIB}G")
    shutil.rmtree(root)
