"""Data disks on every backend: made, mounted by the guest, grown, added and removed; the system is installed again, and
they keep what they hold."""

from xenlab.guests import IMAGES
from xenlab.guests import VOLUMES as HOST
from xenlab.guests import on_volume as vm

WEB = "10.77.0.31"
IQN = "iqn.2026-11.lab:stuvus-web-disk"
EXPORT = "/srv/nfs/stuvus/web-www"


def volume(name, storage, *more):
    return "\n".join(["", "[[vms.volumes]]", f'name = "{name}"', f'storage_type = "{storage}"', *more, ""])


DATA = volume("data", "lvm", 'size = "512M"', 'mount = "/srv"')
LARGER = volume("data", "lvm", 'size = "1G"', 'mount = "/srv"')
SWAP = volume("swap", "file", 'size = "128M"', 'filesystem = "swap"')
DISK = volume("disk", "iscsi", 'mount = "/disk"')
WWW = volume("www", "nfs", 'mount = "/www"', 'mount_options = "rw,nolock,vers=4.2,addr=10.77.0.1"')
LATER = volume("later", "lvm", 'size = "512M"', 'filesystem = "xfs"', 'mount = "/later"', 'mount_options = "noatime"')


def mounts(lab):
    """What the guest has mounted from data disks, and its swap space."""
    lines = lab.guest(WEB, "findmnt -rn -o TARGET,FSTYPE,SOURCE /srv; findmnt -rn -o TARGET,FSTYPE,SOURCE /disk; grep -o '^/dev/[a-z]*' /proc/swaps || true")
    return lines.splitlines()


def test_data_disks(lab):
    lab.quick_installs()
    lab.volume_group()
    lab.run(f"lab-target create {IQN}; mkdir -p {EXPORT}")
    web = vm("web", WEB, "lvm", "1G", 'gateway = "10.77.0.1"')
    lab.define(HOST, web + DATA + SWAP + DISK + WWW)
    with lab.step("a guest with four of them, from nothing"):
        lab.cli("apply")
        lab.up(WEB)
        assert mounts(lab) == ["/srv ext4 /dev/xvdb", "/disk ext4 /dev/xvdd", "/dev/xvdc"], mounts(lab)
        assert lab.guest(WEB, "findmnt -rn -o FSTYPE,SOURCE /www").split() == ["nfs4", f"10.77.0.1:{EXPORT}"]
        assert lab.guest(WEB, "sudo systemctl --failed --no-legend") == ""
        lab.guest(WEB, "for place in srv disk www; do sudo sh -c \"echo $place >/$place/sample\"; done; sync")
        lab.cli("plan")
    with lab.step("the host uses none of them while the guest runs, and logs out afterwards"):
        lab.fails("systemctl start vm_mount@stuvus-web@data")
        lab.run("systemctl stop vm@stuvus-web")
        lab.until("logout", lambda: lab.run("iscsiadm -m session 2>&1 || true") == "iscsiadm: No active sessions.", 30)
        for name, sample in (("data", "srv"), ("disk", "disk")):
            lab.run(f"systemctl start vm_mount@stuvus-web@{name}")
            assert lab.run(f"cat /mnt/vms/stuvus-web@{name}/sample") == sample
        lab.run("systemctl start vm@stuvus-web")
        lab.up(WEB)
        assert lab.run("findmnt -rn -o TARGET | grep stuvus-web || true") == ""
    with lab.step("one grows while the guest runs"):
        lab.define(HOST, web + LARGER + SWAP + DISK + WWW)
        assert "then run `resize2fs /dev/xvdb` in stuvus-web" in lab.cli("plan", exit_status=3)
        lab.cli("apply")
        lab.until("its size", lambda: lab.guest(WEB, "sudo blockdev --getsize64 /dev/xvdb") == str(1 << 30), 60)
        lab.guest(WEB, "sudo resize2fs /dev/xvdb")
        assert int(lab.guest(WEB, "df --output=size --block-size=1M /srv | tail -n 1")) > 900
    with lab.step("one that comes while the guest runs is mounted once its fstab could be written"):
        lab.define(HOST, web + LARGER + SWAP + DISK + WWW + LATER)
        said = lab.cli("apply")
        assert "/later xfs noatime 0 0` in /etc/fstab of stuvus-web" in said, said
        lab.run("systemctl stop vm@stuvus-web")
        lab.cli("apply")
        lab.run("systemctl start vm@stuvus-web")
        lab.up(WEB)
        assert lab.guest(WEB, "findmnt -rn -o SOURCE,FSTYPE,OPTIONS /later").startswith("/dev/xvde xfs rw,noatime")
        lab.cli("plan")
    with lab.step("one that goes takes no other along, and its volume stays"):
        lab.define(HOST, web + LARGER + DISK + WWW + LATER)
        refused = lab.cli("plan", exit_status=2)
        assert 'Write `vdev = "xvdd"`' in refused and 'Write `vdev = "xvde"`' in refused, refused
        here = [one + f'vdev = "{vdev}"\n' for one, vdev in ((DISK, "xvdd"), (LATER, "xvde"))]
        lab.define(HOST, web + LARGER + here[0] + WWW + here[1])
        lab.run("systemctl stop vm@stuvus-web")
        lab.cli("apply")
        lab.run(f"test -f {IMAGES}/stuvus-web-swap.img")
    with lab.step("the system is installed again, and they keep what they hold"):
        again = vm("web", WEB, "lvm", "1G", 'gateway = "10.77.0.1"', 'reinstall = "once"')
        lab.define(HOST, again + LARGER + here[0] + WWW + here[1])
        lab.cli("apply", "--yes")
        lab.up(WEB)
        assert lab.guest(WEB, "cat /srv/sample /disk/sample /www/sample").split() == ["srv", "disk", "www"]
        assert mounts(lab) == ["/srv ext4 /dev/xvdb", "/disk ext4 /dev/xvdd"], mounts(lab)
        lab.cli("plan")
        lab.run("systemctl stop vm@stuvus-web")
    with lab.step("what no VM has is listed, and removed by name alone"):
        swap = f"{IMAGES}/stuvus-web-swap.img"
        listed = next(line for line in lab.cli("volumes").splitlines() if swap in line)
        assert listed.split()[-2:] == ["stuvus-web@swap", "no"] and "128 MiB" in listed, listed
        assert swap in lab.run("xen-vman-cli doctor || true") and swap in lab.cli("status")
        for location, why in ((swap, "has to be confirmed on a terminal"), ("/dev/vg0/stuvus-web-data", "stuvus-web@data has it"), ("/dev/vg0/images", "was not made here")):
            assert why in lab.cli("remove-volume", location, exit_status=2)
        typed = f"printf '%s\\n' {{}} | script --quiet --return --command 'xen-vman-cli remove-volume {swap}' /dev/null"
        lab.fails(typed.format("yes"))
        lab.run(f"test -f {swap}")
        lab.run(typed.format(swap))
        lab.fails(f"test -e {swap}")
