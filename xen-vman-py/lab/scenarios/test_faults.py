"""The host loses power in the middle of an installation; the NFS server restarts under a running guest."""

import threading

from xenlab.guests import WEB_ADDRESS as ADDRESS
from xenlab.guests import WEB_ROOT as ROOT
from xenlab.guests import web
from xenlab.ours import DEFINITION

LOG = "/var/lib/xen-vman/logs/install-stuvus-web01.log"


def test_faults(lab):
    lab.define("", web())
    lab.exports("stuvus-web01")
    with lab.step("an installation is under way"):
        command = f"xen-vman-cli apply {DEFINITION}"
        background = threading.Thread(target=lambda: lab.dom0.ssh(command, check=False, seconds_max=3600))
        background.start()
        lab.until("unpacking", lambda: lab.succeeds(f"grep -q 'Unpacking libc6' {LOG}"), 900)
    with lab.step("the power goes, and comes back"):
        lab.dom0.power_cut()
        background.join(60)
        assert not background.is_alive()
        assert lab.succeeds(f"test -e {ROOT}/debootstrap"), "what is there is half an installation"
        lab.run(f"touch {ROOT}/half")
    with lab.step("what is half installed does not start"):
        lab.fails("systemctl start vm@stuvus-web01")
        assert "its installation is not finished" in lab.run("journalctl --unit vm@stuvus-web01 --no-pager")
        assert lab.run("xl list | wc -l") == "2"
    with lab.step("the next apply starts over, and finishes"):
        lab.quick_installs()
        lab.cli("apply")
        lab.cli("plan")
        assert not lab.succeeds(f"ls -d {ROOT}/half {ROOT}/debootstrap 2>/dev/null | grep .")
    with lab.step("the guest boots"):
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "sudo systemctl --failed --no-legend") == ""
    with lab.step("it survives a restart of its NFS server"):
        lab.guest(ADDRESS, "sudo touch /before; sync")
        lab.run("systemctl stop nfs-server; sleep 10; systemctl start nfs-server")
        assert lab.guest(ADDRESS, "sudo touch /after; sync; ls /before /after", seconds_max=300) == "/after\n/before"
        lab.run("systemctl stop vm@stuvus-web01")
