"""A guest from nothing onto an iSCSI disk, with a real target; a disk that comes late, a target that is down."""

from xenlab.guests import DB
from xenlab.guests import DB_IQN as IQN

DEVICE = f"/dev/disk/by-path/ip-10.77.0.1:3260-iscsi-{IQN}-lun-0"
ADDRESS = "10.77.0.21"
# What udev runs before it makes the links of the disk: that there is a session by then shows who is waiting.
LATE = 'ACTION=="add", SUBSYSTEM=="block", KERNEL=="sd*", PROGRAM="/bin/sh -c \'ls /sys/class/iscsi_session >/run/late; sleep 8\'"'


def moment(lab, which):
    """When the session has last gone into a state, in microseconds."""
    return int(lab.run(f"systemctl show --property {which}TimestampMonotonic --value vm_iscsi_session@stuvus-db01"))


def test_iscsi(lab):
    lab.quick_installs()
    lab.define("iscsi_login_timeout = 20\n", DB + 'gateway = "10.77.0.1"\n')
    with lab.step("without a target the installation fails, and says why"):
        failed = lab.cli("apply", exit_status=2)
        assert "10.77.0.1:3260" in failed, failed
        assert lab.run("iscsiadm -m session 2>&1 || true") == "iscsiadm: No active sessions."
    lab.run(f"lab-target create {IQN}")
    with lab.step("apply logs in, makes the file system and installs the guest"):
        lab.cli("apply")
        assert not lab.succeeds(f"test -e {DEVICE}"), "nobody needs the disk now"
        lab.cli("plan")
    with lab.step("its root is mounted on the host, from its disk"):
        lab.run("systemctl start vm_mount@stuvus-db01")
        assert lab.run("findmnt -n -o FSTYPE /mnt/vms/stuvus-db01") == "ext4"
        assert lab.run("cat /mnt/vms/stuvus-db01/etc/hostname") == "stuvus-db01"
        lab.run("systemctl stop vm_mount@stuvus-db01")
        lab.until("logout", lambda: not lab.succeeds(f"test -e {DEVICE}"), 30)
    with lab.step("it starts from a disk that shows up late"):
        lab.dom0.put(f"{LATE}\n".encode(), "/etc/udev/rules.d/50-late.rules")
        lab.run("udevadm control --reload")
        lab.run("systemctl start vm@stuvus-db01")
        assert lab.run("cat /run/late").startswith("session")
        begun, logged_in = (moment(lab, which) for which in ("InactiveExit", "ActiveEnter"))
        assert logged_in - begun > 8_000_000
        lab.run("rm /etc/udev/rules.d/50-late.rules; udevadm control --reload")
    with lab.step("it boots, and one can log in"):
        lab.ping(ADDRESS)
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "findmnt -n -o FSTYPE,SOURCE /").split() == ["ext4", "/dev/xvda"]
        assert lab.guest(ADDRESS, "hostname; sudo id -un") == "stuvus-db01\nroot"
        assert lab.guest(ADDRESS, "sudo systemctl --failed --no-legend") == ""
    with lab.step("its disk cannot be taken away while it runs"):
        lab.run("systemctl start vm_iscsi@stuvus-db01; systemctl stop vm_iscsi@stuvus-db01")
        lab.fails("systemctl start vm_mount@stuvus-db01")
        assert lab.guest(ADDRESS, "sudo touch /written; sync; hostname") == "stuvus-db01"
    with lab.step("it sees that its disk has grown, without a reboot"):
        rescan = "/usr/local/lib/xen-vman/vm-root rescan stuvus-db01"
        assert "Let the disk grow on the server first" in lab.fails(f"{rescan} 2>&1")
        boot = lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id")
        lab.run(f"lab-target grow {IQN}; {rescan}")
        lab.until("its size", lambda: lab.guest(ADDRESS, "sudo blockdev --getsize64 /dev/xvda") == str(1400 << 20), 60)
        lab.guest(ADDRESS, "sudo resize2fs /dev/xvda")
        assert int(lab.guest(ADDRESS, "df --output=size --block-size=1M / | tail -n 1")) > 1250
        assert lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id") == boot
    with lab.step("it stops, and the host logs out"):
        lab.run("systemctl stop vm@stuvus-db01")
        lab.until("logout", lambda: not lab.succeeds(f"test -e {DEVICE}"), 30)
        assert lab.run("iscsiadm -m session 2>&1 || true") == "iscsiadm: No active sessions."
        assert lab.result("stuvus-db01") == "success"
    with lab.step("vm_iscsi@ logs in until it is stopped"):
        lab.run("systemctl start vm_iscsi@stuvus-db01")
        assert lab.succeeds(f"test -b {DEVICE}")
        lab.run("systemctl stop vm_iscsi@stuvus-db01")
        lab.until("logout", lambda: not lab.succeeds(f"test -e {DEVICE}"), 30)
    with lab.step("with the target down it fails within the limit, and says why"):
        lab.run(f"lab-target stop {IQN}")
        begin = lab.uptime_secs()
        lab.fails("systemctl start vm@stuvus-db01")
        # The limit, and what it takes to give up.
        assert lab.uptime_secs() - begin < 20 + lab.stretched(15)
        assert "10.77.0.1:3260" in lab.run("journalctl -u vm_iscsi_session@stuvus-db01 --no-pager | tail -n 12")
        assert lab.run("xl list | wc -l") == "2"
    with lab.step("and starts when the target is back"):
        lab.run(f"lab-target start {IQN}")
        lab.run("systemctl start vm@stuvus-db01")
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "ls /written") == "/written"
        lab.run("systemctl stop vm@stuvus-db01")
