"""The host loses power in the middle of an installation; the NFS server restarts under a running guest."""

import threading

WEB = """
[[vms]]
org = "stuvus"
name = "web01"
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.15/24", bridge = "br0" }]
"""
ADDRESS = "10.77.0.15"
LOG = "/var/lib/xen-vman/logs/install-stuvus-web01.log"


def test_faults(lab):
    lab.define("", WEB)
    lab.exports("stuvus-web01")
    with lab.step("an installation is under way"):
        background = threading.Thread(target=lambda: lab.dom0.ssh("xen-vman-cli apply /etc/xen-vman/hypervisor.toml", check=False))
        background.start()
        lab.until("unpacking", lambda: lab.succeeds(f"grep -q 'Unpacking libc6' {LOG}"), 900)
    with lab.step("the power goes, and comes back"):
        lab.run("sync")
        lab.dom0.power_cut()
        background.join(60)
        assert lab.succeeds("test -e /srv/nfs/stuvus/web01-root/debootstrap"), "what is there is half an installation"
    with lab.step("what is half installed does not start"):
        lab.fails("systemctl start vm@stuvus-web01")
        assert "its installation is not finished" in lab.run("journalctl --unit vm@stuvus-web01 --no-pager")
        assert lab.run("xl list | wc -l") == "2"
    with lab.step("the next apply begins anew, and finishes"):
        lab.quick_installs()
        lab.cli("apply")
        lab.cli("plan")
    with lab.step("the guest boots"):
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "sudo systemctl --failed --no-legend") == ""
    with lab.step("it survives a restart of its NFS server"):
        lab.guest(ADDRESS, "sudo touch /before; sync")
        lab.run("systemctl stop nfs-server; sleep 10; systemctl start nfs-server")
        assert lab.guest(ADDRESS, "sudo touch /after; sync; ls /before /after", seconds_max=300) == "/after\n/before"
        lab.run("systemctl stop vm@stuvus-web01")
