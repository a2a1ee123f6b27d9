"""OpenZFS in dom0, without our part in it: a sparse volume, its snapshot, its growth under a guest that runs, a power cut."""

from xenlab import tiny, zfs

VOLUME = "tank/one"
DEVICE = f"/dev/zvol/{VOLUME}"


def test_zfs(lab):
    with lab.step("it is installed, and makes a pool of the second disk"):
        zfs.install(lab)
        lab.run("zpool create tank /dev/vdb")
        assert lab.run("zpool list -H -o health tank") == "ONLINE"
    with lab.step("a sparse volume takes no room"):
        lab.run(f"zfs create -s -V 1G {VOLUME} && udevadm settle")
        assert lab.run(f"blockdev --getsize64 {DEVICE}") == str(1 << 30)
        assert lab.run(f"zfs get -H -o value refreservation {VOLUME}") == "none"
        assert int(lab.run(f"zfs get -H -p -o value used {VOLUME}")) < 1 << 20
    with lab.step("a snapshot has what was there"):
        lab.run(f"mkfs.ext4 -q {DEVICE} && mount {DEVICE} /mnt && echo before >/mnt/file && umount /mnt")
        lab.run(f"zfs snapshot {VOLUME}@before && mount {DEVICE} /mnt && echo after >/mnt/file && umount /mnt")
        lab.run(f"zfs rollback {VOLUME}@before && mount {DEVICE} /mnt")
        assert lab.run("cat /mnt/file; umount /mnt") == "before"
    with lab.step("a guest has it as its second disk"):
        lab.define("", tiny.vm("one", 41, f'disks = ["phy:{DEVICE},xvdb,w"]'))
        lab.cli("apply")
        lab.run("systemctl start vm@lab-one")
        lab.tiny_up(41)
        assert lab.tiny(41, "cat /sys/block/xvdb/size") == str((1 << 30) // 512)
        assert "busy" in lab.fails(f"zfs destroy -r {VOLUME}")
    with lab.step("it grows while the guest runs, which sees that"):
        lab.run(f"zfs set volsize=2G {VOLUME}")
        assert lab.run(f"blockdev --getsize64 {DEVICE}") == str(2 << 30)
        lab.until("its size", lambda: lab.tiny(41, "cat /sys/block/xvdb/size") == str((2 << 30) // 512), 60)
        lab.tiny(41, "echo written | dd of=/dev/xvdb bs=1M seek=1500 conv=fsync")
    with lab.step("after a power cut the pool is there before the guest is"):
        lab.dom0.power_cut()
        lab.tiny_up(41)
        assert lab.run(f"dd if={DEVICE} bs=1M skip=1500 count=1 status=none | head -c 7") == "written"
        lab.run("systemctl stop vm@lab-one")
