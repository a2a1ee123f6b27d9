"""A guest from nothing onto NFS, with a real debootstrap; its life, and its root on the host."""

from xenlab.scenario import QUICK

WEB = """
[[vms]]
org = "stuvus"
name = "web01"
boot_after_creation = false
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.15/24", mac = "00:16:3e:00:00:15", bridge = "br0" }]
gateway = "10.77.0.1"
"""
ADDRESS = "10.77.0.15"


def test_nfs(lab):
    if QUICK:
        lab.quick_installs()
    lab.define("", WEB)
    lab.exports("stuvus-web01")
    before = lab.run("ls /sys/class/net")
    with lab.step("the host is fit, and the plan installs the guest"):
        assert "install stuvus-web01 on 10.77.0.1:/srv/nfs/stuvus/web01-root" in lab.cli("plan", exit_status=3)
    with lab.step("apply installs the guest"):
        lab.cli("apply")
    with lab.step("a second apply has nothing to do, and nothing stays mounted"):
        lab.cli("plan")
        assert lab.run("findmnt --list --noheadings --types nfs,nfs4 || true") == ""
    with lab.step("doctor and status have nothing to say against it"):
        lab.cli("doctor")
        assert "stuvus-web01" in lab.cli("status")
    with lab.step("its root is mounted on the host, and unmounted"):
        lab.run("systemctl start vm_mount@stuvus-web01")
        assert lab.run("cat /mnt/vms/stuvus-web01/etc/hostname") == "stuvus-web01"
        lab.run("systemctl stop vm_mount@stuvus-web01")
        assert not lab.succeeds("test -e /mnt/vms/stuvus-web01")
    with lab.step("it starts"):
        lab.run("systemctl start vm_mount@stuvus-web01")
        lab.run("systemctl start vm@stuvus-web01")
        assert not lab.succeeds("systemctl is-active --quiet vm_mount@stuvus-web01"), "starting it takes its root off the host"
    with lab.step("it answers ping"):
        lab.ping(ADDRESS)
    with lab.step("one can log in with the key"):
        lab.up(ADDRESS)
    with lab.step("in it all is as rendered"):
        assert lab.guest(ADDRESS, "hostname") == "stuvus-web01"
        assert lab.guest(ADDRESS, "sudo id -un") == "root"
        assert "10.77.0.15/24" in lab.guest(ADDRESS, "ip -br address show eth0")
        assert "default via 10.77.0.1 dev eth0" in lab.guest(ADDRESS, "ip route")
        assert lab.guest(ADDRESS, "findmnt -n -o FSTYPE,SOURCE /").split() == ["nfs4", "10.77.0.1:/srv/nfs/stuvus/web01-root"]
        lab.run("xen-vman-cli render /etc/xen-vman/hypervisor.toml --out /root/rendered")
        for name in ("hostname", "hosts", "resolv.conf", "fstab", "network/interfaces", "sudoers.d/admin"):
            there = lab.guest(ADDRESS, f"sudo cat /etc/{name}")
            assert there == lab.run(f"cat /root/rendered/guests/stuvus-web01/etc/{name}"), name
        assert lab.guest(ADDRESS, "sudo systemctl --failed --no-legend") == ""
    with lab.step("its root is refused while it runs"):
        lab.fails("systemctl start vm_mount@stuvus-web01")
        assert "must not be in use twice" in lab.run("journalctl -u vm_mount@stuvus-web01 --no-pager")
        assert lab.guest(ADDRESS, "hostname") == "stuvus-web01"
    with lab.step("it stops"):
        lab.run("systemctl stop vm@stuvus-web01")
        assert lab.run("xl list | wc -l") == "2"
        assert lab.result("stuvus-web01") == "success"
        assert lab.run("ls /sys/class/net") == before
    with lab.step("its root can be mounted again"):
        lab.run("systemctl reset-failed; systemctl start vm_mount@stuvus-web01")
        lab.run("systemctl stop vm_mount@stuvus-web01")
