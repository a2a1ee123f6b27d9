"""The tutorial "One host", as printed, with the laboratory's addresses."""

import pathlib
import shlex
import sys

from xenlab import mirror
from xenlab.ours import DOM0_ADDRESS
from xenlab.trees import KEY, REPOSITORY

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests"))

from pages import Write, follow, script  # noqa: E402

PAGE = REPOSITORY / "docs" / "tutorials" / "one-host.md"
EXAMPLE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7YFGq5yGrgkuJ1Y1tYS6UcEXAMPLEEXAMPLEEXAMPL admin@example"
MAPPING = {
    "10.0.0.5:/srv/vms": f"{DOM0_ADDRESS}:/srv/nfs",
    "/srv/vms": "/srv/nfs",
    "10.0.0.15": "10.77.0.15",
    "10.0.0.1": DOM0_ADDRESS,
    "xenbr0": "br0",
    # dom0 has less than that.
    'memory = "1G"': "memory = 384",
    'memory = "2G"': "memory = 448",
    "memory = 1024": "memory = 384",
    "memory = 2048": "memory = 448",
    # dom0 has its initrd.
    "build the guest initrd for kernel … [initrd rebuild]\n…\n": "",
}
# What an emulated machine needs that is cut off from all others. Commands read it before the definition of the page.
LABORATORY = f"""\
debootstrap_packages = {list(mirror.PACKAGES)}
start_timeout = 120
stop_timeout = 60
dracut_extra_flags = "--no-compress"

[defaults]
vcpus = 1
cpu_str = "any"
debootstrap_mirror = "{mirror.URL}"
debootstrap_keyring = "{mirror.KEYRING}"
additional_xen_options = {{ tsc_mode = "native" }}
"""


class Dom0:
    """dom0, as a machine of a page."""

    def __init__(self, lab):
        self.lab = lab

    def run(self, text):
        words = f"bash -c {shlex.quote(script(text, '/run/tutorial'))} >/run/said 2>&1; status=$?; cat /run/said; exit $status"
        done = self.lab.dom0.ssh(words, check=False, seconds_max=3600)
        return done.returncode, done.stdout

    def write(self, path, text):
        self.lab.dom0.put(text.encode(), path)


def test_one_host(lab):
    lab.quick_installs()
    with lab.step("nothing of ours is on the host but the program and what builds the initrd"):
        lab.run("cp --archive /etc/kernel /tmp && xen-vman-cli rollback --to 0")
        lab.run("rm -rf /etc/xen-vman /var/lib/xen-vman /run/xen-vman /usr/local/lib/xen-vman")
        lab.run("cp --archive /tmp/kernel /etc")
        lab.dom0.put(LABORATORY.encode(), "/etc/xen-vman/00-laboratory.toml")
    public_key = KEY.with_suffix(".pub").read_text().strip()
    dom0 = Dom0(lab)

    def doctor():
        assert "MISSING" not in lab.run("xen-vman-cli doctor")

    def begins(step):
        what = f"write {step.path}" if isinstance(step, Write) else step.script.splitlines()[0]
        print(f"  line {step.line}: {what}", flush=True)

    with lab.step("the page"):
        stand_ins = {"install": lambda: None, "doctor": doctor}
        mapping = {**MAPPING, EXAMPLE_KEY: public_key}
        follow(PAGE.read_text(), {"host": dom0, "server": dom0}, stand_ins, mapping, begins)
    with lab.step("one can log in, as the page says, and the guest has its memory"):
        lab.up("10.77.0.15")
        memory_kib = int(lab.guest("10.77.0.15", "awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
        assert 384 * 1024 < memory_kib < 448 * 1024
