"""Debian packages: those that `make deb` has built, or small ones with the content of the wheel."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import zipfile

import xen_vman

from ansible_runs import REPOSITORY, wheel

ARCHITECTURE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=False).stdout.strip()
CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: Tests <tests@example.org>
Depends: {depends}
Description: made for the tests of xen-vman
"""


SOURCES = ("xen-vman-core/src", "xen-vman-core/templates", "xen-vman-cli/src", "xen-vman-py/src", "xen-vman-py/python")


def built():
    """The packages that `make deb` has built, if the sources have not changed since."""
    found = sorted((REPOSITORY / "target" / "debian").glob("*.deb"))
    files = (path for source in SOURCES for path in (REPOSITORY / source).rglob("*") if path.suffix in (".rs", ".py", ".tera"))
    changed = max(path.stat().st_mtime for path in files)
    newer = [path for path in found if path.stat().st_mtime >= changed]
    return newer if any(path.name.startswith("python3-xen-vman_") for path in newer) else []


def engine(directory, version=f"{xen_vman.__version__}-1", code="", depends="python3"):
    """Builds `python3-xen-vman`, whose module says that it has this version."""
    tree = directory / f"python3-{version}"
    modules = tree / "usr/lib/python3/dist-packages"
    modules.mkdir(parents=True)
    with zipfile.ZipFile(wheel()) as archive:
        archive.extractall(modules)
    with (modules / "xen_vman/__init__.py").open("a") as file:
        file.write(code)
    return pack(directory, tree, "python3-xen-vman", version, depends)


def command_line(directory, version=f"{xen_vman.__version__}-1"):
    """Builds `xen-vman`, with a script in place of the program."""
    tree = directory / f"cli-{version}"
    (tree / "usr/bin").mkdir(parents=True)
    program = tree / "usr/bin/xen-vman-cli"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return pack(directory, tree, "xen-vman", version, "libc6")


def pack(directory, tree, name, version, depends):
    (tree / "DEBIAN").mkdir()
    text = CONTROL.format(name=name, version=version, architecture=ARCHITECTURE, depends=depends)
    (tree / "DEBIAN/control").write_text(text)
    path = directory / f"{name}_{version}_{ARCHITECTURE}.deb"
    # As fast as possible, in a format that the oldest supported dpkg reads.
    words = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, path]
    subprocess.run(words, check=True, capture_output=True)
    shutil.rmtree(tree)
    return path


def both(directory):
    """A directory with both packages."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in built():
        shutil.copy(path, directory)
    if not built():
        engine(directory)
        command_line(directory)
    return pathlib.Path(directory)


@contextlib.contextmanager
def keyring(directory):
    """The environment with a keyring of its own in this directory, whose agent ends with it."""
    environment = {**os.environ, "GNUPGHOME": str(directory)}
    try:
        yield environment
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=True)


def entry(path, repository):
    """What the index of a repository says about a package."""
    control = subprocess.run(["dpkg-deb", "--field", path], check=True, capture_output=True, text=True).stdout
    content = path.read_bytes()
    return (
        f"{control.rstrip()}\nFilename: {path.relative_to(repository)}\nSize: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\n\n"
    )


def release(packages, suite):
    """The `Release` of a repository with one index."""
    content = packages.read_bytes()
    return (
        f"Suite: {suite.name}\nCodename: {suite.name}\nComponents: main\nArchitectures: {ARCHITECTURE}\n"
        "Date: Thu, 01 Jan 2026 00:00:00 UTC\n"
        f"SHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} {packages.relative_to(suite)}\n"
    )
