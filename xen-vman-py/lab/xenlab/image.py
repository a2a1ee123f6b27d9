"""What boots: the hypervisor, dom0's kernel and initrd, and its disk, all made natively."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import shutil
import subprocess

from . import kernels, mirror, ours
from .trees import LAB, XEN, alone, digest, dom0, key, run, tools

DISK_GIB = 8
# Files of dom0 that are programs.
OWN_FILES = pathlib.Path(__file__).parents[1] / "dom0"

# What is of no use in a machine that lives for minutes.
MASKED = [
    *["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"],
    *["systemd-timesyncd.service", "systemd-networkd-wait-online.service", "systemd-pstore.service", "getty@tty1.service"],
    *["nfs-blkmap.service", "e2scrub_reap.service"],
]

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
    kernels.second(root, root / "srv/second-kernel.deb", LAB / "vmlinux-second")
    for name in ("srv/nfs", "var/log/xen/console"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root / "srv/mirror", ignore_errors=True)
    shutil.copytree(LAB / "mirror", root / "srv/mirror")
    shutil.copy(LAB / "mirror/lab.gpg", root / mirror.KEYRING.lstrip("/"))
    shutil.copy(LAB / "guest.tar", root / "srv/guest.tar")
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    run("chroot", root, "systemctl", "--quiet", "enable", *ENABLED)


def guest() -> None:
    """A guest as debootstrap makes it from that archive, for scenarios that are not about debootstrap."""
    place = LAB / "guest"
    shutil.rmtree(place, ignore_errors=True)
    words = [f"--keyring={LAB}/mirror/lab.gpg", f"--include={','.join(mirror.PACKAGES)}", mirror.SUITE, place]
    run(*alone("debootstrap", *words, f"file://{LAB}/mirror"))
    run("chroot", place, "apt-get", "clean")
    run("tar", "--directory", place, "--create", "--one-file-system", "--file", LAB / "guest.tar", ".")
    shutil.rmtree(place)


def initrd(root: pathlib.Path, out: pathlib.Path) -> None:
    """An initrd that mounts the disk, and nothing else."""
    version = kernels.version(root)
    place = out.with_suffix(".d")
    shutil.rmtree(place, ignore_errors=True)
    for name in ("bin", "dev", "proc", "sys", "root", "lib"):
        (place / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", place / "bin/busybox")
    needed: dict[str, None] = {}
    for module in MODULES:
        shown = run("chroot", root, "modprobe", "--set-version", version, "--show-depends", module)
        needed.update(dict.fromkeys(line.split()[1] for line in shown.splitlines() if line.startswith("insmod")))
    for path in needed:
        file = root / path.lstrip("/")
        content = file.read_bytes()
        (place / "lib" / file.name).write_bytes(lzma.decompress(content) if file.suffix == ".xz" else content)
    loads = "".join(f"$b insmod /lib/{pathlib.Path(path).name} 2>/dev/null\n" for path in needed)
    write(
        place / "init",
        "#!/bin/busybox sh\nb=/bin/busybox\n"
        "$b mount -t devtmpfs dev /dev; $b mount -t proc proc /proc; $b mount -t sysfs sys /sys\n"
        f"{loads}"
        "n=0; while [ ! -b /dev/vda ] && [ $n -lt 200 ]; do $b usleep 50000; n=$((n + 1)); done\n"
        "$b mount -t ext4 -o noatime /dev/vda /root || exec $b sh\n"
        "$b umount /proc /sys; exec $b switch_root /root /sbin/init\n",
        0o755,
    )
    names = "\n".join(str(path.relative_to(place)) for path in sorted(place.rglob("*")))
    with out.open("wb") as packed:
        words = [str(root / "bin/busybox"), "cpio", "-o", "-H", "newc"]
        subprocess.run(words, input=names.encode(), stdout=packed, stderr=subprocess.DEVNULL, cwd=place, check=True)


def build() -> None:
    """Makes all of it, if anything it is made of has changed."""
    tools()
    dom0()
    packages = mirror.build()
    sources = [pathlib.Path(__file__), pathlib.Path(kernels.__file__), *sorted(OWN_FILES.rglob("*"))]
    texts = [(path.name, path.stat().st_mode, path.read_text()) for path in sources if path.is_file()]
    made_of = digest(packages, (LAB / "dom0.made-of").read_text(), texts, key().read_text(), ours.made_of())
    stamp = LAB / "image.made-of"
    if stamp.exists() and stamp.read_text() == made_of:
        return
    print("making the disk of dom0", flush=True)
    stamp.unlink(missing_ok=True)
    guest()
    root = LAB / "dom0-furnished"
    shutil.rmtree(root, ignore_errors=True)
    run("cp", "--archive", dom0(), root)
    furnish(root)
    ours.prepare(root)
    version = kernels.version(root)
    (LAB / "xen").write_bytes(gzip.decompress((root / f"boot/xen-{XEN}-amd64.gz").read_bytes()))
    shutil.copy(root / "boot" / f"vmlinuz-{version}", LAB / "vmlinux")
    initrd(root, LAB / "initrd")
    disk = LAB / "dom0.raw"
    disk.unlink(missing_ok=True)
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", root, disk, f"{DISK_GIB}G")
    shutil.rmtree(root)
    stamp.write_text(made_of)
