"""A changed definition, a VM that leaves it, a reinstallation, a disk that holds somebody's data."""

from xenlab.guests import DB, web
from xenlab.guests import DB_IQN as IQN
from xenlab.guests import WEB_ADDRESS as ADDRESS
from xenlab.guests import WEB_ROOT as ROOT


def test_changes(lab):
    lab.quick_installs()
    lab.exports("stuvus-web01")
    lab.define("", web())
    with lab.step("a guest is installed and runs"):
        lab.cli("apply")
        lab.up(ADDRESS)
        assert "[VM needs restart]" not in lab.cli("plan")
    with lab.step("a changed definition is planned, and applied"):
        lab.define("", web("memory = 448"))
        planned = lab.cli("plan", "--diff", exit_status=3)
        assert "-memory = 384" in planned and "+memory = 448" in planned and "[VM needs restart]" in planned, planned
        applied = lab.cli("apply")
        assert "stuvus-web01" in applied and "restart" in applied, applied
    with lab.step("it waits for a restart, which the running guest knows nothing of"):
        assert "restart" in lab.cli("status")
        assert "restart" in lab.cli("plan")
        boot = lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id")
    with lab.step("after the restart nothing is owed"):
        lab.run("systemctl restart vm@stuvus-web01")
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "cat /proc/sys/kernel/random/boot_id") != boot
        memory_kib = int(lab.guest(ADDRESS, "awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
        assert 384 * 1024 < memory_kib < 448 * 1024
        assert "restart" not in lab.cli("plan")
        assert "restart" not in lab.cli("status").split("\n", 1)[1]
    with lab.step("reinstall by a token asks, and says what is lost"):
        lab.guest(ADDRESS, "sudo touch /precious; sync")
        lab.define("", web("memory = 448", 'reinstall = "2026-11-25"'))
        planned = lab.cli("plan", exit_status=3)
        assert "[DESTROYS DATA]" in planned and f"10.77.0.1:{ROOT}" in planned, planned
        lab.cli("apply", "</dev/null", exit_status=2)
        assert lab.guest(ADDRESS, "ls /precious") == "/precious"
    with lab.step("approved, the guest is stopped, reinstalled and started, once"):
        lab.cli("apply", "--yes")
        lab.up(ADDRESS)
        assert not lab.succeeds(f"test -e {ROOT}/precious")
        lab.cli("plan")
    with lab.step("a disk with data is refused, and not one byte of it changes"):
        lab.run(f"lab-target create {IQN}")
        lab.run("mke2fs -q -t ext4 -F /srv/iscsi/stuvus-db01.img; mount -o loop /srv/iscsi/stuvus-db01.img /mnt")
        lab.run("echo mine >/mnt/data; umount /mnt; echo 3 >/proc/sys/vm/drop_caches")
        before = lab.run("sha256sum /srv/iscsi/stuvus-db01.img")
        lab.define("", web("memory = 448", 'reinstall = "2026-11-25"') + DB)
        refused = lab.cli("apply", exit_status=2)
        assert "stuvus-db01" in refused and "data" in refused, refused
        assert lab.run("sha256sum /srv/iscsi/stuvus-db01.img") == before
        assert lab.run("iscsiadm -m session 2>&1 || true") == "iscsiadm: No active sessions."
    with lab.step("a VM that left the definition goes on running"):
        lab.define("", DB)
        lab.cli("apply", exit_status=2)
        assert lab.guest(ADDRESS, "hostname") == "stuvus-web01"
    with lab.step("with --prune it is stopped, its files go and its root stays"):
        lab.cli("apply", "--prune", "</dev/null", exit_status=2)
        assert lab.guest(ADDRESS, "hostname") == "stuvus-web01"
        lab.cli("apply", "--prune", "--yes", exit_status=2)
        assert not lab.succeeds("xl domid stuvus-web01")
        assert not lab.succeeds("ls /etc/xen/vms/stuvus-web01.*")
        assert lab.succeeds(f"test -e {ROOT}/etc/os-release")
    with lab.step("back in the definition, it starts from its root as it was: that says which token it was installed with"):
        lab.define("", web("memory = 448", 'reinstall = "2026-11-25"'))
        lab.run(f"touch {ROOT}/still-here")
        lab.cli("apply", "--prune", "--yes")
        lab.run("systemctl start vm@stuvus-web01")
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "ls /still-here") == "/still-here"
