"""The Debian packages in dom0: to a guest that answers, by the command line, then by the role; removing them; uninstalling."""

from xenlab import debs
from xenlab.playbook import hosts, run

WEB01 = """
[[vms]]
org = "stuvus"
name = "web01"
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.15/24", bridge = "br0" }]
gateway = "10.77.0.1"
"""
ADDRESSES = {"stuvus-web01": "10.77.0.15", "stuvus-web02": "10.77.0.16"}
# What `apply` writes to, but roots and its own records, which stay.
PLACES = "/etc/systemd/system /etc/xen /etc/kernel /etc/udev /usr/local"


def ids(lab):
    return {domain: lab.run(f"xl domid {domain}") for domain in ADDRESSES}


def test_packages(lab, tmp_path):
    lab.quick_installs()
    lab.exports(*ADDRESSES)
    with lab.step("apt installs the package"):
        debs.install(lab)
    lab.define("", WEB01)
    with lab.step("the host is fit; plan, apply: a guest that answers"):
        lab.run("xen-vman-cli check && xen-vman-cli doctor && xen-vman-cli plan")
        lab.cli("apply")
        lab.up(ADDRESSES["stuvus-web01"])
    before = lab.run("xl domid stuvus-web01")
    with lab.step("the role takes over, and installs the other guest with the packages alone"):
        lab.run("rm /etc/xen-vman/hypervisor.toml")
        hosts(lab, tmp_path, {"xen_vman_deb": [str(path) for path in debs.built().values()]})
        _, changed = run(lab, tmp_path)
        assert changed > 0
        lab.up(ADDRESSES["stuvus-web02"])
        assert lab.run("xl domid stuvus-web01") == before, "nothing was restarted"
        assert not lab.succeeds("test -e /opt/xen-vman")
    with lab.step("a second run changes nothing, and the host knows what was applied"):
        assert run(lab, tmp_path)[1] == 0
        assert lab.run("stat -c %a /etc/xen-vman/*.toml") == "600"
        assert set(ADDRESSES) <= set(lab.run("xen-vman-cli status").split())
        lab.cli("plan")
    with lab.step("apt removes the packages under running guests"):
        before = ids(lab)
        lab.run("apt-get purge -y xen-vman python3-xen-vman")
        assert ids(lab) == before
        for domain, address in ADDRESSES.items():
            assert lab.guest(address, "hostname") == domain
            assert lab.result(domain) == "success"
    with lab.step("uninstall-host refuses while they run, and then leaves nothing but their roots"):
        debs.install(lab)
        lab.fails("xen-vman-cli uninstall-host --yes")
        assert ids(lab) == before
        lab.run(" ".join(["systemctl stop", *(f"vm@{domain}" for domain in ADDRESSES)]))
        lab.run("xen-vman-cli uninstall-host --yes")
        left = lab.run(f"grep -rlE 'xen-vman' {PLACES} --exclude-dir=generations || true")
        assert left == "", left
        for org, name in (domain.split("-") for domain in ADDRESSES):
            assert lab.run(f"cat /srv/nfs/{org}/{name}-root/etc/hostname") == f"{org}-{name}"
