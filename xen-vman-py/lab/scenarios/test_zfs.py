"""OpenZFS in dom0: a sparse volume, its snapshot, its growth under a guest that runs, a power cut. Then a guest whose root
is a volume that we make."""

from xenlab import tiny, zfs
from xenlab.guests import DATASET
from xenlab.guests import on_volume as vm

VOLUME = "tank/one"
DEVICE = f"/dev/zvol/{VOLUME}"
ADDRESS = "10.77.0.42"
ROOT = f"{DATASET}/stuvus-root"
LOCATION = f"/dev/zvol/{ROOT}"
HOST = f'zfs_dataset = "{DATASET}"\n'
SAVED = 'snapshot_before = ["reinstall"]'


def value(lab, name, path=ROOT):
    """A property of a volume or snapshot."""
    return lab.run(f"zfs get -H -p -o value {name} {path}")


def snapshots(lab):
    """The snapshots that were taken of the root."""
    lines = [line for line in lab.cli("volumes").splitlines() if line.endswith(f"snapshot of {LOCATION}")]
    return [line.split()[0] for line in lines]


def confirmed(lab, answer, command):
    """Runs a command that asks a question, as an administrator on a terminal does."""
    lab.run(f"printf '{answer}\\n' | script --quiet --return --command 'xen-vman-cli {command}' /dev/null")


def our_part(lab):
    lab.quick_installs()
    with lab.step("without the dataset, nothing is made"):
        lab.define(HOST, vm("root", ADDRESS, "zfs", "1G", SAVED))
        refused = lab.cli("plan", exit_status=2)
        assert f"ZFS dataset {DATASET}" in refused and "does not exist" in refused, refused
    with lab.step("a guest on a volume that we make, from nothing to ssh"):
        lab.run(f"zfs create -o mountpoint=none {DATASET}")
        assert f"make {LOCATION} for stuvus-root with 1 GiB" in lab.cli("plan", exit_status=3)
        lab.cli("apply")
        lab.up(ADDRESS)
        assert lab.run(f"zfs list -H -r -o name -t all {DATASET}").split() == [DATASET, ROOT]
        assert value(lab, "xen-vman:made-for") == "stuvus-root"
        assert value(lab, "refreservation") in ("0", "none")
        assert lab.guest(ADDRESS, "findmnt -n -o FSTYPE,SOURCE /").split() == ["ext4", "/dev/xvda"]
        lab.cli("plan")
        assert f"ZFS dataset {DATASET}: " in lab.cli("doctor")
    with lab.step("it grows while its guest runs, and does not become smaller"):
        lab.define(HOST, vm("root", ADDRESS, "zfs", "1200M", SAVED))
        assert f"let {LOCATION} grow" in lab.cli("plan", exit_status=3)
        boot = lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id")
        lab.cli("apply")
        lab.until("its size", lambda: lab.guest(ADDRESS, "sudo blockdev --getsize64 /dev/xvda") == str(1200 << 20), 60)
        lab.guest(ADDRESS, "sudo resize2fs /dev/xvda")
        assert int(lab.guest(ADDRESS, "df --output=size --block-size=1M / | tail -n 1")) > 1100
        assert lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id") == boot
        lab.define(HOST, vm("root", ADDRESS, "zfs", "1G", SAVED))
        assert LOCATION in lab.cli("plan", exit_status=2)
        assert value(lab, "volsize") == str(1200 << 20)
    with lab.step("a reinstallation is taken back"):
        lab.guest(ADDRESS, "sudo sh -c 'echo precious >/precious'; sync")
        lab.define(HOST, vm("root", ADDRESS, "zfs", "1200M", SAVED, 'reinstall = "once"'))
        assert f"take a snapshot of {LOCATION}, then erase {LOCATION}" in lab.cli("plan", exit_status=3)
        lab.cli("apply", "--yes")
        lab.up(ADDRESS)
        lab.guest(ADDRESS, "test ! -e /precious")
        [snapshot] = snapshots(lab)
        assert "the VM is running" in lab.cli("restore-volume", snapshot, exit_status=2)
        lab.run("systemctl stop vm@stuvus-root")
        confirmed(lab, "stuvus-root", f"restore-volume {snapshot}")
        lab.cli("plan")
        lab.run("systemctl start vm@stuvus-root")
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "cat /precious") == "precious"
        assert snapshots(lab) == [snapshot]
    with lab.step("past a newer snapshot, there is no way back, and with snapshots, the volume stays"):
        lab.run("systemctl stop vm@stuvus-root")
        lab.run(f"zfs snapshot {ROOT}@by-hand")
        refused = lab.cli("restore-volume", snapshot, exit_status=2)
        assert f"{LOCATION}@by-hand" in refused, refused
        lab.run(f"zfs destroy {ROOT}@by-hand")
        lab.define(HOST, vm("other", ADDRESS, "zfs", "1G", "boot_after_creation = false"))
        assert "it has snapshots" in lab.cli("remove-volume", LOCATION, exit_status=2)
    with lab.step("after a power cut, the guest starts from its volume"):
        lab.define(HOST, vm("root", ADDRESS, "zfs", "1200M", SAVED, 'reinstall = "once"'))
        lab.cli("apply")
        lab.run("systemctl start vm@stuvus-root")
        lab.up(ADDRESS)
        lab.dom0.power_cut()
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "cat /precious") == "precious"
        lab.run("systemctl stop vm@stuvus-root")
        lab.run("systemctl start vm_mount@stuvus-root")
        assert lab.run("cat /mnt/vms/stuvus-root/precious") == "precious"
        lab.run("systemctl stop vm_mount@stuvus-root")
    with lab.step("an interrupted run leaves nothing that the next one minds"):
        lab.quick_installs()
        lab.run(f"zfs create -s -o xen-vman:made-for=stuvus-next -V 64M {DATASET}/stuvus-next:new")
        lab.define(HOST, vm("next", ADDRESS, "zfs", "1G", "boot_after_creation = false"))
        lab.cli("apply")
        assert value(lab, "volsize", f"{DATASET}/stuvus-next") == str(1 << 30)
        lab.fails(f"zfs list {DATASET}/stuvus-next:new")
    with lab.step("what no VM has is removed, the snapshot first"):
        for location in (snapshot, LOCATION):
            confirmed(lab, location, f"remove-volume {location}")
        assert lab.run(f"zfs list -H -r -o name -t all {DATASET}").split() == [DATASET, f"{DATASET}/stuvus-next"]


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
    our_part(lab)
