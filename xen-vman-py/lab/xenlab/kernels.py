"""The kernels of dom0 and guests: Debian's, and a second one that differs by its version."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence

from .trees import inside, run, with_tools

# Modules that nothing in the lab uses. They are most of a kernel's, and all there are go into every initrd.
DRIVERS_LEFT_OUT = [
    *["accessibility", "ata", "bluetooth", "crypto", "firewire", "gpu", "hid", "hwmon", "iio", "infiniband", "input", "isdn"],
    *["leds", "md/[!dp]*", "md/dm-[!mtb]*", "md/dm-m[!o]*", "media", "message", "mfd", "misc", "mmc", "mtd", "net/ethernet", "net/usb", "net/wireless", "net/wwan"],
    *["nvme", "pcmcia", "pinctrl", "platform", "power", "rtc", "scsi/[!ils]*", "soundwire", "spi", "staging", "thunderbolt"],
    *["ufs", "usb", "vfio", "video", "watchdog"],
]
FILESYSTEMS_LEFT_OUT = ["afs", "btrfs", "ceph", "cifs", "f2fs", "gfs2", "jfs", "nilfs2", "ntfs3", "ocfs2", "reiserfs", "smb*", "ubifs", "udf", "ufs"]


def version(root: pathlib.Path) -> str:
    """The one kernel of a tree."""
    (found,) = (path.name for path in (root / "lib/modules").iterdir())
    return found


def second_version(first: str) -> str:
    """A version as long as the first one."""
    return re.sub(r"-\d+-", lambda number: f"-{'9' * (len(number[0]) - 2)}-", first)


def prune(root: pathlib.Path) -> None:
    """Leaves modules out that nothing here uses, and unpacks the kernel: guests are given it as it is."""
    name = version(root)
    modules = root / "lib/modules" / name / "kernel"
    left_out = [f"drivers/{name}" for name in DRIVERS_LEFT_OUT] + [f"fs/{name}" for name in FILESYSTEMS_LEFT_OUT]
    for pattern in ["sound", *left_out]:
        for path in modules.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    run("chroot", root, "depmod", name)
    image = root / "boot" / f"vmlinuz-{name}"
    packed = image.read_bytes()
    if packed[:4] != b"\x7fELF":
        image.write_bytes(unpacked(packed))


def unpacked(packed: bytes) -> bytes:
    """The ELF file in a bzImage (Documentation/arch/x86/boot.rst): slow to unpack where nothing is fast."""
    setup_sectors = packed[0x1F1] or 4
    offset, length = struct.unpack_from("<II", packed, 0x248)
    payload = packed[(setup_sectors + 1) * 512 + offset :][:length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        # The last four bytes are the size, once more.
        return subprocess.run(with_tools("zstd", "-dc"), input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
    raise SystemExit(f"the kernel is packed in a way that is not known here: {payload[:6]!r}")


def second(root: pathlib.Path, package: pathlib.Path, image: pathlib.Path) -> None:
    """A package like that of Debian's kernel, scripts included, for a kernel that calls itself by another version.

    The version is a string in the kernel image; its modules still load, because only the checksums of the symbols that
    they use are compared (CONFIG_MODVERSIONS).
    """
    old = version(root)
    new = second_version(old)
    place = image.parent / "second-kernel"
    shutil.rmtree(place, ignore_errors=True)
    (place / "DEBIAN").mkdir(parents=True)
    (place / "boot").mkdir()
    renamed = (root / "boot" / f"vmlinuz-{old}").read_bytes().replace(old.encode(), new.encode())
    image.write_bytes(renamed)
    (place / "boot" / f"vmlinuz-{new}").write_bytes(renamed)
    shutil.copy(root / "boot" / f"config-{old}", place / "boot" / f"config-{new}")
    shutil.copytree(root / "lib/modules" / old, place / "lib/modules" / new, symlinks=True)
    for kind in ("preinst", "postinst", "prerm", "postrm"):
        script = root / "var/lib/dpkg/info" / f"linux-image-{old}.{kind}"
        if script.exists():
            (place / "DEBIAN" / kind).write_text(script.read_text().replace(old, new))
            (place / "DEBIAN" / kind).chmod(0o755)
    (place / "DEBIAN/control").write_text(
        f"Package: linux-image-{new}\nVersion: 1\nArchitecture: amd64\nMaintainer: lab <lab@localhost>\n"
        "Depends: kmod\nDescription: a second kernel\n"
    )
    run(*with_tools("dpkg-deb", "--root-owner-group", "-Znone", "--build", inside(place), inside(package)))
    shutil.rmtree(place)


def initrd(root: pathlib.Path, out: pathlib.Path, modules: Sequence[str], script: str) -> None:
    """An initrd of busybox, some modules and a script, which finds busybox in `$b` and the modules below /lib in `$modules`."""
    place = out.with_suffix(".d")
    for name in ("bin", "dev", "proc", "sys", "root", "lib"):
        (place / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", place / "bin/busybox")
    needed: dict[str, None] = {}
    for module in modules:
        shown = run("chroot", root, "modprobe", "--set-version", version(root), "--show-depends", module)
        needed.update(dict.fromkeys(line.split()[1] for line in shown.splitlines() if line.startswith("insmod")))
    names = []
    for path in needed:
        file = root / path.lstrip("/")
        content = file.read_bytes()
        names.append(file.name.removesuffix(".xz"))
        (place / "lib" / names[-1]).write_bytes(lzma.decompress(content) if file.suffix == ".xz" else content)
    (place / "init").write_text(
        "#!/bin/busybox sh\nb=/bin/busybox\n"
        "$b mount -t devtmpfs dev /dev; $b mount -t proc proc /proc; $b mount -t sysfs sys /sys\n"
        f"modules='{' '.join(names)}'\n{script}"
    )
    (place / "init").chmod(0o755)
    paths = "\n".join(str(path.relative_to(place)) for path in sorted(place.rglob("*")))
    with out.open("wb") as packed:
        words = [str(root / "bin/busybox"), "cpio", "-o", "-H", "newc"]
        subprocess.run(words, input=paths.encode(), stdout=packed, stderr=subprocess.DEVNULL, cwd=place, check=True)
    shutil.rmtree(place)
