"""Snapshots of a thin volume and of an image on XFS: taken before a reinstallation and before growth, and gone back to."""

from xenlab.guests import IMAGES
from xenlab.guests import VOLUMES as HOST
from xenlab.guests import on_volume as vm

THIN, FILE = "10.77.0.32", "10.77.0.33"
SAVED = 'snapshot_before = ["reinstall", "growth"]'


def snapshot_of(lab, location):
    """The one snapshot of a volume."""
    lines = [line for line in lab.cli("volumes").splitlines() if line.endswith(f"snapshot of {location}")]
    assert len(lines) == 1, lines
    return lines[0].split()[0]


def back(lab, domain, snapshot):
    """Goes back to a snapshot, as an administrator on a terminal does."""
    lab.run(f"printf '{domain}\\n' | script --quiet --return --command 'xen-vman-cli restore-volume {snapshot}' /dev/null")


def taken_back(lab, name, address, location, *more):
    """Loses a system by a reinstallation, and gets it back."""
    domain = f"stuvus-{name}"
    lab.guest(address, "sudo sh -c 'echo precious >/precious'; sync")
    storage = "file" if "img" in location else "lvm"
    lab.define(f'{HOST}lvm_thin_pool = "pool"\n', vm(name, address, storage, "1G", SAVED, 'reinstall = "once"', *more))
    assert f"take a snapshot of {location}, then erase {location}" in lab.cli("plan", exit_status=3)
    lab.cli("apply", "--yes")
    lab.up(address)
    lab.guest(address, "test ! -e /precious")
    snapshot = snapshot_of(lab, location)
    refused = lab.cli("restore-volume", snapshot, exit_status=2)
    assert "the VM is running" in refused, refused
    lab.run(f"systemctl stop vm@{domain}")
    assert "has to be confirmed on a terminal" in lab.cli("restore-volume", snapshot, exit_status=2)
    back(lab, domain, snapshot)
    lab.cli("plan")
    lab.run(f"systemctl start vm@{domain}")
    lab.up(address)
    assert lab.guest(address, "cat /precious") == "precious"
    assert snapshot_of(lab, location) == snapshot
    lab.run(f"systemctl stop vm@{domain}")
    return snapshot


def test_snapshots(lab):
    lab.quick_installs()
    lab.run("vgcreate --yes vg0 /dev/vdb && lvcreate --yes --size 4G --name images vg0 && mkfs.xfs -q /dev/vg0/images")
    lab.run(f"mkdir {IMAGES} && mount /dev/vg0/images {IMAGES}")
    lab.run("lvcreate --yes --type thin-pool --size 2500M --poolmetadatasize 8M --zero y --name pool vg0")
    host = f'{HOST}lvm_thin_pool = "pool"\n'
    with lab.step("a thin volume is installed again, and taken back"):
        lab.define(host, vm("thin", THIN, "lvm", "1G", SAVED))
        lab.cli("apply")
        lab.up(THIN)
        first = taken_back(lab, "thin", THIN, "/dev/vg0/stuvus-thin")
    with lab.step("it grows, and goes back to its size"):
        lab.define(host, vm("thin", THIN, "lvm", "1200M", SAVED, 'reinstall = "once"'))
        assert "take a snapshot of /dev/vg0/stuvus-thin, then let" in lab.cli("plan", exit_status=3)
        lab.cli("apply")
        second = next(line.split()[0] for line in lab.cli("volumes").splitlines() if "+at-" in line and first not in line)
        back(lab, "stuvus-thin", second)
        assert lab.run("lvs --noheadings --options lv_size --units m --nosuffix vg0/stuvus-thin") == "1024.00"
        lab.run("fsck.ext4 -f -n /dev/vg0/stuvus-thin")
    with lab.step("snapshots go by the same command as volumes"):
        for snapshot in (first, second):
            lab.run(f"printf '%s\\n' {snapshot} | script --quiet --return --command 'xen-vman-cli remove-volume {snapshot}' /dev/null")
        assert lab.run("lvs --noheadings --options lv_name vg0").split() == ["images", "pool", "stuvus-thin"]
    with lab.step("an image is installed again, and taken back"):
        lab.define(host, vm("file", FILE, "file", "1G", SAVED))
        lab.cli("apply")
        lab.up(FILE)
        taken_back(lab, "file", FILE, f"{IMAGES}/stuvus-file.img")
    with lab.step("where a copy would take its space, nothing is erased"):
        lab.run(f"umount {IMAGES}; mkfs.ext4 -q -F /dev/vg0/images; mount /dev/vg0/images {IMAGES}")
        lab.run("rm /var/lib/xen-vman/guests/stuvus-file.installed")
        lab.define(host, vm("file", FILE, "file", "1G", SAVED, "boot_after_creation = false"))
        lab.cli("apply")
        lab.define(host, vm("file", FILE, "file", "1G", SAVED, "boot_after_creation = false", 'reinstall = "again"'))
        refused = lab.cli("plan", exit_status=2)
        assert "no snapshot of the root of stuvus-file can be taken" in refused, refused
