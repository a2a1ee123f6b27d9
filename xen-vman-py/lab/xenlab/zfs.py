"""OpenZFS for dom0: its modules, built once for dom0's kernel, and its programs, as packages that a scenario installs."""

from __future__ import annotations

import inspect
import pathlib
import shutil

from . import cache, kernels
from .scenario import Scenario
from .trees import MMDEBSTRAP, SUITE, alone, dom0, inside, run, versions, with_tools

# OpenZFS is not in Debian's `main`.
COMPONENTS = "--components=main,contrib"
PACKAGES = ["zfs-dkms", "zfsutils-linux"]
# What of them goes to dom0, which has what these need.
PROGRAMS = ["zfsutils-linux_*.deb", "lib*linux_*.deb"]
KEEP = f'cd "$1/var/cache/apt/archives" && cp {" ".join(PROGRAMS)} "$1/root"'


def build() -> pathlib.Path:
    """The directory with the packages, made if there are none of today's versions for dom0's kernel."""
    kernel = kernels.version(dom0())
    packages = [f"linux-headers-{kernel}", *PACKAGES]

    def make(place: pathlib.Path) -> None:
        print(f"building the modules of OpenZFS for {kernel}", flush=True)
        root = place / "root"
        # The package with the sources builds the modules for the kernel whose headers are there.
        run(*alone(*MMDEBSTRAP, "--quiet", COMPONENTS), f"--include={','.join(packages)}", f"--customize-hook={KEEP}", SUITE, root)
        for package in (root / "root").glob("*.deb"):
            shutil.move(package, place)
        modules(root, kernel, place / "zfs-modules.deb")
        run("rm", "-rf", root)

    made_of = [packages, COMPONENTS, KEEP, MMDEBSTRAP, inspect.getsource(modules), versions(SUITE, packages, [COMPONENTS])]
    return cache.entry(f"zfs-{SUITE}", made_of, make)


def modules(root: pathlib.Path, kernel: str, package: pathlib.Path) -> None:
    """A package with the modules that were built in a tree."""
    place = package.with_suffix(".d")
    built = pathlib.Path("lib/modules") / kernel / "updates"
    shutil.copytree(root / built, place / built)
    (place / "DEBIAN").mkdir()
    (place / "DEBIAN/control").write_text(
        "Package: zfs-modules\nVersion: 1\nArchitecture: amd64\nMaintainer: lab <lab@localhost>\n"
        f"Depends: kmod, linux-image-{kernel}\nDescription: the modules of OpenZFS\n"
    )
    (place / "DEBIAN/postinst").write_text(f"#!/bin/sh\nexec depmod {kernel}\n")
    (place / "DEBIAN/postinst").chmod(0o755)
    run(*with_tools("dpkg-deb", "--root-owner-group", "-Zzstd", "--build", inside(place), inside(package)))
    shutil.rmtree(place)


def install(lab: Scenario) -> None:
    """Installs OpenZFS in dom0, and loads it."""
    for package in sorted(build().glob("*.deb")):
        lab.dom0.put(package.read_bytes(), f"/srv/zfs/{package.name}")
    # That loads the modules, unless they do not fit.
    lab.run("dpkg --install /srv/zfs/*.deb && modprobe zfs")
