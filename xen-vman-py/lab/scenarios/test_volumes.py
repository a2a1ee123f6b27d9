"""Roots that are made on the host, on a second disk: LVM volumes, thick and thin, and an image file. They grow while their
guests run; a full pool is left alone."""

from xenlab.guests import IMAGES
from xenlab.guests import VOLUMES as HOST
from xenlab.guests import on_volume as vm

THICK, THIN, FILE, MORE = "10.77.0.31", "10.77.0.32", "10.77.0.33", "10.77.0.34"


def grows(lab, address, location, size, inside):
    """Lets the root of a running guest grow, which sees it without a reboot."""
    lab.guest(address, "sudo dd if=/dev/urandom of=/sample bs=1M count=8 status=none; sync")
    before = lab.guest(address, "sha256sum /sample; cat /proc/sys/kernel/random/boot_id")
    planned = lab.cli("plan", exit_status=3)
    assert f"let {location} grow" in planned and "resize2fs /dev/xvda" in planned, planned
    lab.cli("apply")
    lab.until("its size", lambda: lab.guest(address, "sudo blockdev --getsize64 /dev/xvda") == str(size), 60)
    lab.guest(address, "sudo resize2fs /dev/xvda")
    assert int(lab.guest(address, "df --output=size --block-size=1M / | tail -n 1")) > inside
    assert lab.guest(address, "sha256sum /sample; cat /proc/sys/kernel/random/boot_id") == before
    lab.cli("plan")


def test_volumes(lab):
    lab.quick_installs()
    with lab.step("a volume group on the second disk, with what others have left there"):
        lab.volume_group()
        lab.run("lvcreate --yes --size 1G --name theirs vg0; yes left-by-tenant-7c1e | head -c 64M >/dev/vg0/theirs; sync; lvremove --yes vg0/theirs")

    lab.define(HOST, vm("thick", THICK, "lvm", "1G") + vm("file", FILE, "file", "1G"))
    with lab.step("a thick volume and an image, from nothing to guests that run"):
        lab.cli("apply")
        lab.up(THICK)
        lab.up(FILE)
        assert lab.run("lvs --noheadings --options lv_tags vg0/stuvus-thick").split(",") == ["xen-vman", "xen-vman/stuvus-thick"]
        assert lab.run(f"stat --format '%a %U %s' {IMAGES}/stuvus-file.img") == f"600 root {1 << 30}"
        assert not lab.succeeds("grep --quiet --binary-files=text left-by-tenant-7c1e /dev/vg0/stuvus-thick"), "it shows what others have left"
        for address in (THICK, FILE):
            assert lab.guest(address, "findmnt -n -o FSTYPE,SOURCE /").split() == ["ext4", "/dev/xvda"]
        lab.cli("plan")
    lab.define(HOST, vm("thick", THICK, "lvm", "1200M") + vm("file", FILE, "file", "1G"))
    with lab.step("a thick volume grows while its guest runs"):
        grows(lab, THICK, "/dev/vg0/stuvus-thick", 1200 << 20, 1100)
    lab.define(HOST, vm("thick", THICK, "lvm", "1200M") + vm("file", FILE, "file", "1300M"))
    with lab.step("so does an image"):
        grows(lab, FILE, f"{IMAGES}/stuvus-file.img", 1300 << 20, 1200)
    with lab.step("neither becomes smaller"):
        lab.define(HOST, vm("thick", THICK, "lvm", "1G") + vm("file", FILE, "file", "1G"))
        refused = lab.cli("plan", exit_status=2)
        assert "/dev/vg0/stuvus-thick" in refused and f"{IMAGES}/stuvus-file.img" in refused, refused
    with lab.step("their roots are mounted on the host, and not while they run"):
        lab.define(HOST, vm("thick", THICK, "lvm", "1200M") + vm("file", FILE, "file", "1300M"))
        for name in ("thick", "file"):
            lab.fails(f"systemctl start vm_mount@stuvus-{name}")
            lab.run(f"systemctl stop vm@stuvus-{name}; systemctl start vm_mount@stuvus-{name}")
            assert lab.run(f"cat /mnt/vms/stuvus-{name}/etc/hostname; ls /mnt/vms/stuvus-{name}/sample").startswith(f"stuvus-{name}\n")
            lab.run(f"systemctl stop vm_mount@stuvus-{name}")
        assert lab.run(f"losetup --associated {IMAGES}/stuvus-file.img") == ""

    with lab.step("the file system grows as well while its guest does not run"):
        lab.define(HOST, vm("thick", THICK, "lvm", "1400M") + vm("file", FILE, "file", "1400M"))
        planned = lab.cli("plan", exit_status=3)
        assert planned.count("with its content") == 2, planned
        lab.cli("apply")
        for device in ("/dev/vg0/stuvus-thick", f"{IMAGES}/stuvus-file.img"):
            assert lab.run(f"dumpe2fs -h {device} 2>/dev/null | grep '^Block count'").split()[-1] == str((1400 << 20) // 4096)

    with lab.step("a thin volume, from nothing to a guest that runs"):
        lab.run("lvremove --yes vg0/stuvus-thick; lvcreate --yes --type thin-pool --size 1200M --poolmetadatasize 8M --zero y --name pool vg0")
        lab.define(f'{HOST}lvm_thin_pool = "pool"\n', vm("thin", THIN, "lvm", "1G"))
        lab.cli("apply")
        lab.up(THIN)
        assert lab.run("lvs --noheadings --options pool_lv,lv_size vg0/stuvus-thin").split() == ["pool", "1.00g"]
    with lab.step("it grows, too"):
        lab.define(f'{HOST}lvm_thin_pool = "pool"\n', vm("thin", THIN, "lvm", "2G"))
        grows(lab, THIN, "/dev/vg0/stuvus-thin", 2 << 30, 1900)
    with lab.step("a pool that is used up to its limits is left alone"):
        for limit in ("lvm_thin_data_limit", "lvm_thin_metadata_limit"):
            host = f'{HOST}lvm_thin_pool = "pool"\n{limit} = 1\n'
            lab.define(host, vm("thin", THIN, "lvm", "2G") + vm("more", MORE, "lvm", "1G"))
            refused = lab.cli("plan", exit_status=2)
            assert "thin pool vg0/pool has no room for the root of stuvus-more" in refused and f"`{limit}` is 1" in refused, refused
    with lab.step("so is a group without room"):
        lab.define(HOST, vm("more", MORE, "lvm", "100G"))
        refused = lab.cli("plan", exit_status=2)
        assert "100 GiB are needed" in refused, refused
        lab.run("systemctl stop vm@stuvus-thin")
