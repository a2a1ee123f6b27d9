"""An archive of the few packages that guests are installed from, signed with a key of its own.

The packages are Debian's, packed anew without documentation, translations and most time zones, and so that unpacking
them is quick: an emulated machine is slow at it.
"""

from __future__ import annotations

import os
import shutil

from .trees import LAB, alone, digest, run, tools, with_tools

SUITE = "bookworm"
# What is installed if nothing else is said, with `ping` and without Python.
PACKAGES = ["systemd", "systemd-sysv", "udev", "openssh-server", "sudo", "iproute2", "ifupdown", "iputils-ping"]
ARCHIVE = "http://deb.debian.org/debian"

# Where it is on dom0.
URL = "file:///srv/mirror"
KEYRING = "/usr/share/keyrings/lab.gpg"

SCRIPT = r"""
cd /lab/mirror
rm -rf /lab/repack
mkdir -p /proc pool dists/$1/main/binary-amd64 gnupg
for package in /lab/packages/var/cache/apt/archives/*.deb; do
    name=$(basename "$package")
    dpkg-deb --raw-extract "$package" /lab/repack
    # A package must have some file of its own, or dpkg takes it for one that another has replaced.
    for what in doc/*/[!c]* doc/*/changelog* info lintian locale man zoneinfo/[!EU]* zoneinfo/US; do
        rm -rf /lab/repack/usr/share/$what
    done
    case $name in
        # Whoever installs a guest wants it to be on the disk; here the disk lives for minutes.
        dpkg_*) echo force-unsafe-io >/lab/repack/etc/dpkg/dpkg.cfg.d/lab ;;
    esac
    dpkg-deb --root-owner-group -Zzstd -z3 --build /lab/repack "pool/$name" >/dev/null
    rm -rf /lab/repack
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


def build() -> str:
    """Makes it if it is not there; gives what it is made of."""
    tools()
    place, stamp = LAB / "mirror", LAB / "mirror.made-of"
    made_of = digest(SUITE, PACKAGES, SCRIPT)
    if stamp.exists() and stamp.read_text() == made_of:
        return made_of
    print("making the archive that guests are installed from", flush=True)
    for name in ("mirror", "packages"):
        shutil.rmtree(LAB / name, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    place.mkdir()
    include = f"--include={','.join(PACKAGES)}"
    words = ["debootstrap", "--download-only", "--variant=minbase", include, SUITE, LAB / "packages", ARCHIVE]
    run(*alone(*words), env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    run(*alone(*with_tools("sh", "-euc", SCRIPT, "mirror", SUITE)))
    shutil.rmtree(LAB / "packages")
    stamp.write_text(made_of)
    return made_of
