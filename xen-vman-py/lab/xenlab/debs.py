"""The Debian packages, as `make deb` has made them."""

from __future__ import annotations

import pathlib
import shlex

from .ours import PROGRAM
from .scenario import Scenario
from .trees import REPOSITORY

DEBS = REPOSITORY / "target" / "debian"


def built() -> dict[str, pathlib.Path]:
    """The packages by their names."""
    found = {path.name.split("_")[0]: path for path in DEBS.glob("*.deb")}
    assert set(found) == {"xen-vman", "python3-xen-vman"}, "`make deb` builds them"
    return found


def install(lab: Scenario) -> None:
    """Replaces our program in dom0 by the package with the command line."""
    package = built()["xen-vman"]
    lab.run(f"rm -f {shlex.quote(PROGRAM)}")
    lab.dom0.put(package.read_bytes(), f"/root/{package.name}")
    lab.run("apt-get install -y --no-install-recommends /root/xen-vman_*.deb")
    assert lab.run("command -v xen-vman-cli xen-vman") == "/usr/bin/xen-vman-cli\n/usr/bin/xen-vman"
