"""A host of the Ansible role, with guests whose roots are on NFS and iSCSI: nothing restarts, and ours boots them again.

The guest on NFS has its address in the storage network on its second interface, and its default route by the first one.
"""

from xenlab import role

WEB, DB = "lab-web", "lab-db"
ADDRESSES = {WEB: "10.88.0.15", DB: "10.77.0.21"}
IQN = f"{role.IQN_BASE}:{DB}"
ROOTS = {WEB: "nfs4 10.77.0.1:/srv/nfs/lab/web-root", DB: "ext4 /dev/xvda"}
VIFS = {
    WEB: ["mac=00:16:3e:00:88:15,ip=10.88.0.15,bridge=br1", "mac=00:16:3e:00:77:15,ip=10.77.0.15,bridge=br0"],
    DB: ["mac=00:16:3e:00:77:21,ip=10.77.0.21,bridge=br0"],
}
# What the role writes for the guest on NFS does not boot, so the inventory has a line of its own.
CMDLINES = {
    WEB: "root=nfs:10.77.0.1:/srv/nfs/lab/web-root rw ip=10.77.0.15:::255.255.255.0::eth1:none net.ifnames=0",
    DB: "root=/dev/xvda rootfstype=ext4 rw",
}
DISKS = {WEB: [], DB: [f"{role.DEVICE.replace('%i', DB)},raw,xvda,rw"]}


def guests(memory):
    return f"""
[[vms]]
org = "lab"
name = "web"
memory = {memory}
boot_after_creation = false
os = {{ type = "debian", version = "bookworm" }}
gateway = "10.88.0.1"
interfaces = [
    {{ ip = "10.88.0.15/24", mac = "00:16:3e:00:88:15", bridge = "br1" }},
    {{ ip = "10.77.0.15/24", mac = "00:16:3e:00:77:15", bridge = "br0" }},
]

[[vms]]
org = "lab"
name = "db"
memory = {memory}
storage_type = "iscsi"
boot_after_creation = false
os = {{ type = "debian", version = "bookworm" }}
interfaces = [{{ ip = "10.77.0.21/24", mac = "00:16:3e:00:77:21", bridge = "br0" }}]
"""


def states(lab):
    """What must not change: the domain of each guest, and its boot."""
    boot_id = "cat /proc/sys/kernel/random/boot_id"
    return {domain: (lab.run(f"xl domid {domain}"), lab.guest(address, boot_id)) for domain, address in ADDRESSES.items()}


def boot(lab, verb):
    """Starts one guest after the other, for they are slow together; they must have their roots where they belong."""
    for domain, address in ADDRESSES.items():
        lab.run(f"systemctl {verb} vm@{domain}")
        lab.up(address)
        assert " ".join(lab.guest(address, "findmnt -n -o FSTYPE,SOURCE /").split()) == ROOTS[domain]


def test_take_over_roots(lab):
    lab.quick_installs()
    lab.define("", guests(384))
    lab.exports(WEB)
    lab.run(f"lab-target create {IQN}")
    # The public network.
    lab.run("ip link add br1 type bridge; ip address add 10.88.0.1/24 dev br1; ip link set br1 up")
    with lab.step("the guests are installed"):
        lab.cli("apply")
    with lab.step("nothing of ours is left on the host"):
        # With other hooks, the initrd would be built again, which takes minutes.
        lab.run("cp --archive /etc/kernel /tmp && xen-vman-cli rollback --to 0")
        lab.run("rm -r /etc/xen-vman /var/lib/xen-vman /run/xen-vman /usr/local/lib/xen-vman /etc/xen/vmlinuz")
        assert lab.run("grep -rl --exclude='initrd*' xen-vman /etc /usr/local/lib /usr/local/sbin || true") == ""
        lab.run("cp --archive /tmp/kernel /etc")
    with lab.step("nothing is left in the guests, and units of the role start them"):
        kernel = lab.run("echo /boot/vmlinuz-$(uname -r)")
        for domain in ADDRESSES:
            text = role.config(domain, kernel, CMDLINES[domain], VIFS[domain], DISKS[domain])
            lab.dom0.put(text.encode(), f"{role.CONFIGS}/{domain}.cfg")
        role.install(lab, DB)
        role.log_in(lab, DB)
        for domain in ADDRESSES:
            lab.run(f"systemctl start vm_mount@{domain} && rm -r /mnt/vms/{domain}/var/lib/xen-vman && systemctl stop vm_mount@{domain}")
        boot(lab, "enable --now --quiet")
    before = states(lab)
    lab.define("", guests(384))
    with lab.step("plan takes over both, and installs nothing"):
        planned = lab.cli("plan", exit_status=3)
        for domain in ADDRESSES:
            assert f"take over {domain}, which keeps running" in planned
            assert f"change /etc/xen/vms/{domain}.cfg [VM needs restart]" in planned
        assert f"take over the session of {DB}, {IQN}, which stays open" in planned
        assert "[install]" not in planned and "[DESTROYS DATA]" not in planned and "initrd" not in planned, planned
    with lab.step("apply restarts nothing"):
        lab.cli("apply")
        assert states(lab) == before
        assert lab.run(f"systemctl is-active vm_iscsi_session@{DB}") == "active"
        assert lab.run(f"systemctl is-active vm_iscsi@{DB} || true") == "inactive"
        lab.cli("plan", exit_status=0)
    with lab.step("a changed setting is reported, and the guests go on"):
        lab.define("", guests(448))
        planned = lab.cli("plan", "--diff", exit_status=3)
        assert planned.count("-memory = 384") == planned.count("+memory = 448") == 2, planned
        assert planned.count("[VM needs restart]") == 2, planned
        lab.cli("apply")
        planned = lab.cli("plan", exit_status=0)
        for domain, address in ADDRESSES.items():
            assert f"systemctl restart vm@{domain}" in planned
            lab.guest(address, "sudo touch /written; sync")
        assert states(lab) == before
    with lab.step("restarted by our unit, they boot from their roots with the new setting"):
        boot(lab, "restart")
        after = states(lab)
        for domain, address in ADDRESSES.items():
            assert not set(before[domain]) & set(after[domain])
            assert lab.guest(address, "ls /written") == "/written"
            assert lab.guest(address, "sudo systemctl --failed --no-legend") == ""
            memory_kib = int(lab.guest(address, "awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
            assert 384 * 1024 < memory_kib < 448 * 1024
        assert "restart" not in lab.cli("plan", exit_status=0)
    with lab.check("the root on NFS is mounted by the storage network, and the default route is by the public one"):
        web = ADDRESSES[WEB]
        assert ":eth1:none" in lab.guest(web, "cat /proc/cmdline")
        assert "clientaddr=10.77.0.15," in lab.guest(web, "findmnt -n -o OPTIONS /")
        for name, address in (("eth0", "10.88.0.15/24"), ("eth1", "10.77.0.15/24")):
            assert lab.guest(web, f"ip -br -4 address show {name}").split()[2:] == [address]
        routes = lab.guest(web, "ip route show default").splitlines()
        assert len(routes) == 1 and routes[0].startswith("default via 10.88.0.1 dev eth0"), routes
        assert " dev eth1 " in lab.guest(web, "ip route get 10.77.0.1")
        lab.guest(web, "sudo ping -c 2 -W 5 10.88.0.1 && sudo ping -c 2 -W 5 10.77.0.1")
    with lab.step("they stop in good order, and the host logs out"):
        lab.run(f"systemctl stop vm@{WEB} vm@{DB}")
        assert lab.result(WEB) == lab.result(DB) == "success"
        assert lab.run("xl list | wc -l") == "2"
        lab.until("logout", lambda: "No active sessions" in lab.run("iscsiadm -m session 2>&1 || true"), 30)
    with lab.check("what nothing uses any more is named, and pruned"):
        left = [*role.SCRIPTS, f"{role.CONFIGS}/.iscsi/{DB}"]
        planned = lab.cli("plan", exit_status=0)
        assert all(path in planned for path in left)
        lab.cli("apply", "--prune", "--yes")
        assert not lab.succeeds(f"ls {' || ls '.join(left)}")
        lab.cli("plan", "--prune", exit_status=0)
