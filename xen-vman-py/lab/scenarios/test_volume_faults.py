"""Volumes that are made and that grow while the power goes, and one made by hand that is taken over with its guest."""

import threading

from xenlab.guests import VOLUMES as HOST
from xenlab.guests import on_volume as vm

WEB, CUT = "10.77.0.31", "10.77.0.34"
# A guest that somebody has made by hand, from the configuration of ours.
BY_HAND = "sed 's,/dev/vg0/stuvus-web,/dev/vg0/web-disk,' /etc/xen/vms/stuvus-web.cfg >/run/by-hand.cfg; xl create /run/by-hand.cfg"


def slow(lab, program, seconds):
    """Lets a program of dom0 take some time after it has done its work."""
    lab.dom0.put(f'#!/bin/sh\n/usr/sbin/{program} "$@"; status=$?; sleep {seconds}; exit $status\n'.encode(), f"/usr/local/sbin/{program}", "0755")


def cut_while(lab, holds):
    """Takes the power away while an apply does something."""
    background = threading.Thread(target=lab.dom0.ssh, args=("xen-vman-cli apply --yes",), kwargs={"check": False, "seconds_max": 3600})
    background.start()
    lab.until("the moment", holds, 300)
    # What it has done so far is on the disk, as it would be some seconds later.
    lab.run("sync")
    lab.dom0.power_cut()
    background.join(60)


def test_volume_faults(lab):
    lab.quick_installs()
    lab.volume_group()
    lab.define(HOST, vm("web", WEB, "lvm", "1G"))
    with lab.step("a guest on a volume"):
        lab.cli("apply")
        lab.up(WEB)
        lab.guest(WEB, "sudo touch /sample; sync")
    cut = vm("cut", CUT, "lvm", "1G", "boot_after_creation = false")
    web = vm("web", WEB, "lvm", "1G")
    with lab.step("the power goes while a volume is made: it is made again, and nothing is left"):
        lab.define(HOST, web + cut)
        slow(lab, "blkdiscard", 60)
        cut_while(lab, lambda: lab.succeeds("lvs vg0/stuvus-cut+new"))
        lab.quick_installs()
        lab.run("rm /usr/local/sbin/blkdiscard")
        assert lab.succeeds("lvs vg0/stuvus-cut+new") and not lab.succeeds("lvs vg0/stuvus-cut")
        lab.cli("apply")
        assert lab.run("lvs --noheadings --options lv_name vg0").split() == ["images", "stuvus-cut", "stuvus-web"]
        lab.run("systemctl start vm@stuvus-cut")
        lab.up(CUT)
    with lab.step("the power goes while a volume grows: nothing in it has changed"):
        lab.run("systemctl stop vm@stuvus-cut")
        lab.define(HOST, web + vm("cut", CUT, "lvm", "1100M", "boot_after_creation = false"))
        slow(lab, "lvextend", 60)
        cut_while(lab, lambda: lab.run("lvs --noheadings --nosuffix --units b --options lv_size vg0/stuvus-cut") == str(1100 << 20))
        lab.quick_installs()
        lab.run("rm /usr/local/sbin/lvextend; fsck.ext4 -f -n /dev/vg0/stuvus-cut")
        planned = lab.cli("plan", exit_status=3)
        assert "let the file system on /dev/vg0/stuvus-cut grow to 1100 MiB" in planned, planned
        lab.cli("apply")
        lab.cli("plan")

    with lab.step("a volume that somebody has made is taken over with the guest that runs on it"):
        lab.run("systemctl stop vm@stuvus-web")
        lab.run("lvrename vg0 stuvus-web web-disk; lvchange --deltag xen-vman --deltag xen-vman/stuvus-web vg0/web-disk")
        lab.run("rm /var/lib/xen-vman/guests/stuvus-web.installed")
        lab.run(BY_HAND)
        lab.up(WEB)
        boot = lab.guest(WEB, "cat /proc/sys/kernel/random/boot_id")
        lab.define(HOST, vm("web", WEB, "lvm", "1G", 'root_volume = "web-disk"'))
        taken = lab.cli("apply")
        assert "record stuvus-web on /dev/vg0/web-disk as installed" in taken, taken
        assert lab.guest(WEB, "cat /proc/sys/kernel/random/boot_id; ls /sample") == f"{boot}\n/sample"
        lab.cli("plan")
        lab.run("xl shutdown -w stuvus-web")
