"""Nothing is lost by accident: forged markers, power cuts while a guest is reinstalled, a disk that cannot be read, a
guest that moves while it runs, one that ignores its shutdown."""

import json
import random
import threading
import time

from xenlab.guests import DB, web
from xenlab.guests import DB_IQN as DAMAGED
from xenlab.guests import WEB_ADDRESS as ADDRESS
from xenlab.guests import WEB_ROOT as ROOT
from xenlab.ours import DEFINITION

RECORD = "/var/lib/xen-vman/guests/stuvus-web01"
MARKER = "/var/lib/xen-vman/installed.json"
LOG = "/var/lib/xen-vman/logs/install-stuvus-web01.log"
IQN = "iqn.2026-11.lab:stuvus-web01"
# The program behind Debian's /usr/sbin/xl.
XL = "/usr/lib/xen-*/bin/xl"
# Before it: no domain ends.
DEAF = """#!/bin/sh
case $1 in
    shutdown | destroy) exit 1 ;;
esac
exec /root/xl.real "$@"
"""
# Where the power goes while a guest is reinstalled: any moment will do, each run takes others.
MOMENTS = random.Random()


def test_safety(lab):
    lab.quick_installs()
    lab.exports("stuvus-web01")
    lab.define("", web())
    with lab.step("a guest is installed and runs"):
        lab.cli("apply")
        lab.up(ADDRESS)
        lab.guest(ADDRESS, "sudo touch /precious; sync")

    with lab.step("a marker that the guest has forged does not keep it from being reinstalled"):
        forged = json.loads(lab.guest(ADDRESS, f"sudo cat {MARKER}")) | {"token": "2026-11-30"}
        lab.guest(ADDRESS, f"echo '{json.dumps(forged)}' | sudo tee {MARKER}; sync")
        lab.define("", web('reinstall = "2026-11-30"'))
        applied = lab.cli("apply", "--yes")
        assert "recorded as installed" not in applied, applied
        assert not lab.succeeds(f"test -e {ROOT}/precious")
    with lab.step("nor does one that names another VM let it be erased unseen"):
        lab.up(ADDRESS)
        lab.guest(ADDRESS, "sudo touch /precious; sync")
        lab.run("systemctl stop vm@stuvus-web01")
        # A host that knows nothing of the root has only the marker.
        lab.run(f"mv {RECORD}.installed /root/; sed -i s/web01/other/ {ROOT}{MARKER}")
        lab.define("", web('reinstall = "2026-12-01"'))
        refused = lab.cli("apply", "--yes", exit_status=2)
        assert "stuvus-other" in refused and lab.succeeds(f"test -e {ROOT}/precious"), refused
        lab.run(f"mv /root/stuvus-web01.installed {RECORD}.installed; rm -f {RECORD}.unfinished; sed -i s/other/web01/ {ROOT}{MARKER}")

    for number in range(3):
        with lab.step(f"the power goes while it is reinstalled, the next apply asks or finishes ({number + 1} of 3)"):
            token = f"cut-{number}"
            lab.define("", web(f'reinstall = "{token}"'))
            lab.run(f"rm -f {LOG}; touch {ROOT}/precious; sync")
            command = f"xen-vman-cli apply --yes {DEFINITION}"
            background = threading.Thread(target=lab.dom0.ssh, args=(command,), kwargs={"check": False, "seconds_max": 3600})
            background.start()
            lab.until("its root is mounted", lambda: lab.succeeds(f"grep -q '^# mount' {LOG}"), 300)
            time.sleep(MOMENTS.uniform(0, 12))
            lab.dom0.power_cut()
            background.join(60)
            lab.quick_installs()
            record = json.loads(lab.run(f"cat {RECORD}.unfinished || cat {RECORD}.installed"))
            kept = lab.succeeds(f"test -e {ROOT}/precious")
            print(f"[{record}, {'not erased' if kept else 'erased'}] ", end="")
            if not record["is_finished"]:
                lab.fails("systemctl start vm@stuvus-web01")
            if kept:
                # What is there was never given up twice.
                lab.cli("apply", "</dev/null", exit_status=2)
                assert lab.succeeds(f"test -e {ROOT}/precious")
            lab.cli("apply", "--yes")
            assert not lab.succeeds(f"test -e {ROOT}/precious")
            lab.cli("plan")
    with lab.step("after all of them the guest boots"):
        lab.run("systemctl start vm@stuvus-web01")
        lab.up(ADDRESS)

    with lab.step("a disk that cannot be read is not blank"):
        lab.run(f"lab-target damaged {DAMAGED}")
        lab.define("", web('reinstall = "cut-2"') + DB)
        refused = lab.cli("apply", exit_status=2)
        assert "cannot be read" in refused or "Input/output error" in refused, refused
        assert lab.run(f"wipefs --noheadings /dev/mapper/{DAMAGED.partition(':')[2]}") == "", "it has no file system"
        lab.fails("systemctl start vm@stuvus-db01")
        assert lab.guest(ADDRESS, "hostname") == "stuvus-web01", "the others go on"

    with lab.step("a running guest whose root moves keeps it until it is shut down"):
        lab.guest(ADDRESS, "sudo touch /old; sync")
        boot = lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id")
        lab.run(f"lab-target create {IQN}")
        lab.define("", web('reinstall = "cut-2"', 'storage_type = "iscsi"'))
        planned = lab.cli("plan", exit_status=3)
        assert f"10.77.0.1:{ROOT}" in planned and IQN in planned, planned
        refused = lab.cli("apply", "--prune", "--yes", exit_status=2)
        assert "stuvus-web01" in refused, refused
        assert lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id") == boot
    with lab.step("and then has a new one; the old one is as it was"):
        lab.run("systemctl stop vm@stuvus-web01")
        lab.cli("apply", "--yes")
        assert lab.succeeds(f"test -e {ROOT}/old")
        lab.run("systemctl start vm@stuvus-web01")
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "findmnt -n -o SOURCE /; ls /old 2>/dev/null || true") == "/dev/xvda"

    with lab.step("a guest that nothing stops keeps its files"):
        lab.guest(ADDRESS, "sudo ln -sf /dev/null /etc/systemd/system/poweroff.target; sudo systemctl daemon-reload; sync")
        lab.dom0.put(DEAF.encode(), "/root/xl", "0755")
        lab.run(f"cp {XL} /root/xl.real; mount --bind /root/xl {XL}")
        lab.define("")
        assert "stuvus-web01" in lab.cli("apply", "--prune", "--remove-all", "</dev/null", exit_status=2)
        refused = lab.cli("apply", "--prune", "--remove-all", "--yes", exit_status=2)
        assert "still" in refused, refused
        lab.run(f"umount {XL}")
        assert lab.guest(ADDRESS, "hostname") == "stuvus-web01"
        assert lab.succeeds("test -e /etc/xen/vms/stuvus-web01.cfg")
    with lab.step("what the error advises works, and the guest starts again"):
        assert "xl destroy stuvus-web01" in refused, refused
        lab.run("xl destroy stuvus-web01; systemctl start vm@stuvus-web01")
        lab.up(ADDRESS)
    with lab.step("one that only ignores its shutdown is destroyed, and then pruned"):
        begin = lab.uptime_secs()
        lab.cli("apply", "--prune", "--remove-all", "--yes")
        print(f"[{lab.uptime_secs() - begin:.0f} s] ", end="")
        assert not lab.succeeds("xl domid stuvus-web01")
        assert not lab.succeeds("ls /etc/xen/vms/stuvus-web01.*")
        assert lab.succeeds(f"test -e {ROOT}/old")
        assert "ext4" in lab.run("blkid -p -o export /srv/iscsi/stuvus-web01.img")
