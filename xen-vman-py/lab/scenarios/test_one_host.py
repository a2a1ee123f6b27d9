"""The tutorial "One host", as printed, with the laboratory's addresses."""

from xenlab import mirror, tutorial
from xenlab.ours import DOM0_ADDRESS
from xenlab.trees import KEY

ADDRESS = "10.77.0.15"
EXAMPLE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO7YFGq5yGrgkuJ1Y1tYS6UcEXAMPLEEXAMPLEEXAMPL admin@example"
MAPPING = {
    "10.0.0.5:/srv/vms": f"{DOM0_ADDRESS}:/srv/nfs",
    "/srv/vms": "/srv/nfs",
    "10.0.0.15": ADDRESS,
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
# What an emulated machine needs that is cut off from all others.
SETTINGS = f"""\
{tutorial.HOST}
debootstrap_packages = {list(mirror.PACKAGES)}
start_timeout = 120
stop_timeout = 60

[defaults]
vcpus = 1
cpu_str = "any"
debootstrap_mirror = "{mirror.URL}"
debootstrap_keyring = "{mirror.KEYRING}"
additional_xen_options = {{ tsc_mode = "native" }}
"""


def test_one_host(lab):
    lab.quick_installs()
    with lab.step("nothing of ours is on the host"):
        tutorial.clear(lab, SETTINGS)

    def doctor():
        assert "MISSING" not in lab.run("xen-vman-cli doctor")

    with lab.step("the page"):
        key = KEY.with_suffix(".pub").read_text().strip()
        tutorial.follow(lab, "one-host", {**MAPPING, EXAMPLE_KEY: key}, doctor=doctor)
    with lab.step("one can log in, and the guest has its memory"):
        lab.up(ADDRESS)
        memory_kib = int(lab.guest(ADDRESS, "awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
        assert 384 * 1024 < memory_kib < 448 * 1024
