"""A host of the Ansible role, with guests that run, and one that was started by hand: nothing restarts."""

from xenlab import role, tiny

PLAIN, DEAF, DISK, HAND = 41, 42, 43, 44
IQN, HELD_IQN = f"{role.IQN_BASE}:lab-disk", f"{role.IQN_BASE}:lab-held"
ON_ISCSI = ('storage_type = "none"', 'storage_type = "iscsi"\nauto_install = false')
ON_NFS = ('storage_type = "none"', 'storage_type = "nfs"\nauto_install = false')
OFF = ("boot_after_creation = false", "auto_boot = false")
GUESTS = (
    tiny.vm("plain", PLAIN, OFF[0])
    + tiny.vm("deaf", DEAF, OFF[0])
    + tiny.vm("disk", DISK, OFF[0]).replace(*ON_ISCSI)
    + tiny.vm("hand", HAND, OFF[0])
    + tiny.vm("mounted", 45, *OFF).replace(*ON_NFS)
    + tiny.vm("held", 46, *OFF).replace(*ON_ISCSI)
)
RUNNING = {"lab-plain": PLAIN, "lab-deaf": DEAF, "lab-disk": DISK, "lab-hand": HAND}
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def states(lab):
    """What must not change: the domain of each guest, and its boot."""
    return {domain: (lab.run(f"xl domid {domain}"), lab.tiny(number, BOOT_ID)) for domain, number in RUNNING.items()}


def test_take_over(lab):
    lab.define("", GUESTS)
    lab.exports("lab-mounted")
    lab.run(f"lab-target create {IQN}; lab-target create {HELD_IQN}; mke2fs -q -t ext4 -F /srv/iscsi/lab-held.img")
    role.install(lab, "lab-disk", "lab-held")
    lab.run("xen-vman-cli render /etc/xen-vman/hypervisor.toml --out /tmp/role; cp /tmp/role/host/etc/xen/vms/*.cfg /etc/xen/vms")
    # The role's settings are others.
    lab.run("echo 'on_crash = \"preserve\"' >>/etc/xen/vms/lab-plain.cfg")
    with lab.step("guests run that units of the role started, and one that was started by hand"):
        role.log_in(lab, "lab-disk")
        lab.run("systemctl start vm@lab-plain vm@lab-deaf vm@lab-disk vm_mount@lab-mounted vm_mount@lab-held")
        lab.run("xl create /etc/xen/vms/lab-hand.cfg")
        for number in RUNNING.values():
            lab.tiny_up(number)
        lab.tiny(DEAF, "echo /bin/true >/proc/sys/kernel/poweroff_cmd")
        assert IQN in lab.run("iscsiadm -m session")
    before = states(lab)
    with lab.step("plan says what is taken over"):
        planned = lab.cli("plan", exit_status=3)
        for domain in ("lab-plain", "lab-deaf", "lab-disk"):
            assert f"take over {domain}, which keeps running" in planned
        for domain, iqn in (("lab-disk", IQN), ("lab-held", HELD_IQN)):
            assert f"take over the session of {domain}, {iqn}, which stays open" in planned
        assert "take over lab-hand" not in planned
    with lab.step("apply restarts nothing"):
        assert "systemctl restart vm@lab-plain" in lab.cli("apply")
        assert states(lab) == before
        assert lab.run("findmnt -n -o FSTYPE /mnt/vms/lab-mounted").startswith("nfs")
        assert lab.run("findmnt -n -o FSTYPE /mnt/vms/lab-held") == "ext4"
        for domain in ("lab-disk", "lab-held"):
            assert lab.run(f"systemctl is-active vm_iscsi_session@{domain}") == "active"
            assert lab.run(f"systemctl is-active vm_iscsi@{domain} || true") == "inactive"
    with lab.check("nothing is left to do, but a restart"):
        planned = lab.cli("plan", exit_status=0)
        assert "systemctl restart vm@lab-plain" in planned
        assert "vm@lab-disk" not in planned and "vm@lab-deaf" not in planned
    with lab.check("the one started by hand is handed over as status says"):
        status = lab.cli("status")
        command = "/usr/local/lib/xen-vman/vm-domain adopt lab-hand"
        assert command in status and status.count("vm-domain adopt") == 1, status
        lab.run(command)
        assert states(lab) == before
        assert "by hand" not in lab.cli("status")
    with lab.check("a restart takes the new settings"):
        lab.run("systemctl restart vm@lab-plain")
        lab.tiny_up(PLAIN)
        assert "restart" not in lab.cli("plan")
    with lab.check("mounted roots are unmounted by our unit, and the host logs out"):
        lab.run("systemctl stop vm_mount@lab-mounted vm_mount@lab-held")
        assert not lab.succeeds("ls /mnt/vms/lab-mounted || ls /mnt/vms/lab-held")
        lab.until("logout", lambda: HELD_IQN not in lab.run("iscsiadm -m session"), 30)
    with lab.check("the guest with the disk stops, and the host logs out"):
        lab.run("systemctl stop vm@lab-disk")
        assert lab.result("lab-disk") == "success"
        lab.until("logout", lambda: "No active sessions" in lab.run("iscsiadm -m session 2>&1 || true"), 30)
    with lab.check("the one that ignores its shutdown is gone after stop_timeout"):
        lab.run("systemctl stop vm@lab-deaf || true")
        assert lab.result("lab-deaf") == "timeout"
        assert not lab.succeeds("xl domid lab-deaf")
    with lab.check("the monitor of one that was taken over and restarted dies: it is shut down"):
        lab.run("kill -KILL $(systemctl show --property MainPID --value vm@lab-plain)")
        lab.unit("lab-plain", "failed")
        assert not lab.succeeds("xl domid lab-plain")
