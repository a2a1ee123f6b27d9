"""Does in dom0 what a tutorial says. How pages are read is in `xen-vman-py/tests/pages.py`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping

from . import debs
from .scenario import Scenario
from .trees import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "xen-vman-py" / "tests"))

import pages  # noqa: E402

# dom0 has its initrd, and without this setting it would be built again, which takes minutes.
HOST = 'dracut_extra_flags = "--no-compress"\n'


class Dom0:
    """dom0, as a machine of a page."""

    def __init__(self, lab: Scenario) -> None:
        self.lab = lab

    def run(self, text: str) -> tuple[int, str]:
        block = shlex.quote(pages.script(text, "/run/tutorial"))
        words = f"bash -c {block} >/run/said 2>&1; status=$?; cat /run/said; exit $status"
        done = self.lab.dom0.ssh(words, check=False, seconds_max=3600)
        return done.returncode, done.stdout

    def write(self, path: str, text: str) -> None:
        self.lab.dom0.put(text.encode(), path)


def clear(lab: Scenario, settings: str) -> None:
    """Takes all of ours off the host but the program and what builds the initrd; these settings come before a page's."""
    lab.run("cp --archive /etc/kernel /tmp && xen-vman-cli rollback --to 0")
    lab.run("rm -rf /etc/xen-vman /var/lib/xen-vman /run/xen-vman /usr/local/lib/xen-vman")
    lab.run("cp --archive /tmp/kernel /etc")
    lab.dom0.put(settings.encode(), "/etc/xen-vman/00-laboratory.toml")


def follow(lab: Scenario, name: str, mapping: Mapping[str, str], **stand_ins: Callable[[], None]) -> None:
    """Does what a tutorial says, with other texts; `_` in the names of stand-ins is `-`."""

    def begins(step: pages.Step) -> None:
        what = f"write {step.path}" if isinstance(step, pages.Write) else step.script.splitlines()[0]
        print(f"\n    line {step.line}: {what} ", end="", flush=True)

    page = (pages.TUTORIALS / f"{name}.md").read_text()
    known = {"install": lambda: debs.install(lab), **{name.replace("_", "-"): called for name, called in stand_ins.items()}}
    dom0 = Dom0(lab)
    pages.follow(page, {"host": dom0, "server": dom0}, known, mapping, begins)
