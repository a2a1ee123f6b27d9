"""An archive of the few packages that guests are installed from, signed with a key of its own.

The packages are Debian's, repacked without documentation, translations and most time zones, and so that unpacking
them is quick: an emulated machine is slow at it.
"""

from __future__ import annotations

import os
import pathlib

from . import cache
from .trees import alone, inside, run, versions, with_tools

SUITE = "bookworm"
# What is installed if nothing else is said, with `ping` and without Python.
PACKAGES = ["systemd", "systemd-sysv", "udev", "openssh-server", "sudo", "iproute2", "ifupdown", "iputils-ping"]
ARCHIVE = "http://deb.debian.org/debian"

# Where it is on dom0.
URL = "file:///srv/mirror"
KEYRING = "/usr/share/keyrings/lab.gpg"

SCRIPT = r"""
cd "$2/mirror"
repack=$2/repack
mkdir -p /proc pool dists/$1/main/binary-amd64 gnupg
for package in "$2"/packages/var/cache/apt/archives/*.deb; do
    name=$(basename "$package")
    dpkg-deb --raw-extract "$package" "$repack"
    # A package must have some file of its own, or dpkg takes it for one that another has replaced.
    for what in doc/*/[!c]* doc/*/changelog* info lintian locale man zoneinfo/[!EU]* zoneinfo/US; do
        rm -rf "$repack/usr/share/"$what
    done
    case $name in
        # Real guests must be synced to their disks; here, a disk exists for minutes.
        dpkg_*) echo force-unsafe-io >"$repack/etc/dpkg/dpkg.cfg.d/lab" ;;
    esac
    dpkg-deb --root-owner-group -Zzstd -z3 --build "$repack" "pool/$name" >/dev/null
    rm -rf "$repack"
done
apt-ftparchive packages pool >dists/$1/main/binary-amd64/Packages
apt-ftparchive -o APT::FTPArchive::Release::Codename=$1 -o APT::FTPArchive::Release::Suite=$1 \
    -o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures=amd64 \
    release dists/$1 >Release
mv Release dists/$1/
chmod 700 gnupg
export GNUPGHOME=$PWD/gnupg
gpg --quiet --batch --passphrase '' --quick-generate-key lab rsa2048 sign never 2>/dev/null
gpg --quiet --batch --yes --output dists/$1/InRelease --clearsign dists/$1/Release
gpg --quiet --batch --yes --output dists/$1/Release.gpg --detach-sign --armor dists/$1/Release
gpg --quiet --batch --yes --output lab.gpg --export lab
gpgconf --kill all
rm -rf gnupg
"""


def build() -> pathlib.Path:
    """The archive, made if it is not there."""

    def make(place: pathlib.Path) -> None:
        print("making the archive that guests are installed from", flush=True)
        packages = place / "packages"
        words = ["debootstrap", "--download-only", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, packages, ARCHIVE]
        run(*alone(*words), env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        (place / "mirror").mkdir()
        run(*alone(*with_tools("sh", "-euc", SCRIPT, "mirror", SUITE, inside(place))))
        run("rm", "-rf", packages)

    return cache.entry("mirror", [SUITE, PACKAGES, ARCHIVE, SCRIPT, versions(SUITE, PACKAGES)], make) / "mirror"


def guest() -> pathlib.Path:
    """A guest as debootstrap makes it from that archive, in a tar, for scenarios that are not about debootstrap."""
    archive = build()
    words = [f"--keyring={archive}/lab.gpg", f"--include={','.join(PACKAGES)}", SUITE]

    def make(place: pathlib.Path) -> None:
        print("installing a guest", flush=True)
        root = place / "root"
        run(*alone("debootstrap", *words, root, f"file://{archive}"))
        run("chroot", root, "apt-get", "clean")
        run("tar", "--directory", root, "--create", "--one-file-system", "--file", place / "guest.tar", ".")
        run("rm", "-rf", root)

    return cache.entry("guest", [PACKAGES, SUITE, cache.identity(archive.parent)], make) / "guest.tar"
