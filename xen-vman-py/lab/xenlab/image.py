"""What boots: the hypervisor, dom0's kernel and initrd, and its disk, all made natively."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import shutil
import struct
import subprocess

from . import mirror
from .trees import LAB, digest, dom0, run, tools

DISK_GIB = 8
KEY = LAB / "key"

# What is of no use in a machine that lives for minutes.
MASKED = [
    *["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"],
    *["systemd-timesyncd.service", "systemd-networkd-wait-online.service", "systemd-pstore.service", "getty@tty1.service"],
    *["nfs-blkmap.service", "e2scrub_reap.service"],
]

# eth0 is the way to the outside; the guests are on br0.
FILES = {
    "etc/hostname": "dom0\n",
    "etc/hosts": "127.0.0.1 localhost dom0\n",
    "etc/fstab": "/dev/vda / ext4 defaults,noatime 0 0\n",
    "etc/resolv.conf": "",
    "etc/exports": "/srv/nfs 10.77.0.0/16(rw,no_root_squash,no_subtree_check,sync)\n",
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\nMaxSessions 100\n",
    "etc/sysctl.d/lab.conf": "net.ipv4.ip_forward=1\nnet.ipv6.conf.all.forwarding=1\n",
    "etc/modules-load.d/lab.conf": "\n".join(
        ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-blkback", "xen-netback", "xenfs", "loop", "bridge", "nfsd", ""]
    ),
    "etc/systemd/network/10-uplink.network": "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n",
    "etc/systemd/network/20-br0.netdev": "[NetDev]\nName=br0\nKind=bridge\n[Bridge]\nSTP=no\nForwardDelaySec=0\n",
    "etc/systemd/network/20-br0.network": (
        "[Match]\nName=br0\n[Network]\nAddress=10.77.0.1/24\nConfigureWithoutCarrier=yes\nLinkLocalAddressing=no\n"
    ),
    "etc/default/xen": 'XENCONSOLED_ARGS="--log=guest --log-dir=/var/log/xen/console"\n',
    "etc/systemd/system/lab-ready.service": (
        "[Unit]\nAfter=xen.service ssh.service nfs-server.service systemd-networkd.service\n"
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'xl info >/dev/null && echo LAB-READY >/dev/hvc0'\n"
        "[Install]\nWantedBy=multi-user.target\n"
    ),
}
ENABLED = ["systemd-networkd", "ssh", "nfs-server", "rpcbind", "lab-ready"]
# The modules that mounting the disk takes.
MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "ext4", "crc32c_generic", "crc32c-intel"]


def kernel_version(root: pathlib.Path) -> str:
    """The one kernel of a tree."""
    (version,) = (path.name for path in (root / "lib/modules").iterdir())
    return version


def key() -> pathlib.Path:
    """The key that opens dom0 and guests."""
    if not KEY.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", KEY)
    return KEY


def unpacked_kernel(packed: bytes) -> bytes:
    """The ELF file in a bzImage (Documentation/arch/x86/boot.rst): slow to unpack where nothing is fast."""
    setup_sectors = packed[0x1F1] or 4
    offset, length = struct.unpack_from("<II", packed, 0x248)
    payload = packed[(setup_sectors + 1) * 512 + offset :][:length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload)
    raise SystemExit(f"the kernel is packed in a way that is not known here: {payload[:6]!r}")


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
    # Guests are given the kernel as it is here.
    image = root / "boot" / f"vmlinuz-{kernel_version(root)}"
    if image.read_bytes()[:4] != b"\x7fELF":
        image.write_bytes(unpacked_kernel(image.read_bytes()))
    for name in ("srv/nfs", "var/log/xen/console"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root / "srv/mirror", ignore_errors=True)
    shutil.copytree(LAB / "mirror", root / "srv/mirror")
    shutil.copy(LAB / "mirror/lab.gpg", root / mirror.KEYRING.lstrip("/"))
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    run("chroot", root, "systemctl", "--quiet", "enable", *ENABLED)


def initrd(root: pathlib.Path, out: pathlib.Path) -> None:
    """An initrd that mounts the disk, and nothing else."""
    version = kernel_version(root)
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
        shutil.copy(root / path.lstrip("/"), place / "lib")
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
    with out.open("wb") as file:
        words = [root / "bin/busybox", "cpio", "-o", "-H", "newc"]
        subprocess.run(words, input=names.encode(), stdout=file, stderr=subprocess.DEVNULL, cwd=place, check=True)


def build() -> None:
    """Makes all of it, if anything it is made of has changed."""
    tools()
    root = dom0()
    packages = mirror.build()
    made_of = digest(packages, (LAB / "dom0.made-of").read_text(), pathlib.Path(__file__).read_text(), key().read_text())
    stamp = LAB / "image.made-of"
    if stamp.exists() and stamp.read_text() == made_of:
        return
    print("making the disk of dom0", flush=True)
    stamp.unlink(missing_ok=True)
    furnish(root)
    version = kernel_version(root)
    (LAB / "xen").write_bytes(gzip.decompress((root / "boot/xen-4.17-amd64.gz").read_bytes()))
    shutil.copy(root / "boot" / f"vmlinuz-{version}", LAB / "vmlinux")
    initrd(root, LAB / "initrd")
    disk = LAB / "dom0.raw"
    disk.unlink(missing_ok=True)
    features = "^metadata_csum,^has_journal"
    run("mke2fs", "-q", "-t", "ext4", "-O", features, "-E", "lazy_itable_init=1", "-d", root, disk, f"{DISK_GIB}G")
    stamp.write_text(made_of)
