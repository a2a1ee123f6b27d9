"""What the Ansible role leaves on a host: units, scripts and settings that do in here what the role's do."""

from __future__ import annotations

from collections.abc import Sequence

from .ours import DOM0_ADDRESS
from .scenario import Scenario

CONFIGS = "/etc/xen/vms"
PORTAL = f"{DOM0_ADDRESS}:3260"
IQN_BASE = "iqn.2026-11.lab"
ISCSIADM = f"/usr/sbin/iscsiadm -m node -T {IQN_BASE}:%i -p {PORTAL}"
DEVICE = f"/dev/disk/by-path/ip-{PORTAL}-iscsi-{IQN_BASE}:%i-lun-0"

# A start neither waits for the disk nor until the root is unmounted.
UNITS = {
    "vm@": f"""\
[Unit]
After=xen.service xenstored.service
Requires=xen.service
Requires=vm_iscsi@%i.service
After=vm_iscsi@%i.service
Conflicts=vm_mount@%i.service
ConditionPathExists={CONFIGS}/%i.cfg
[Service]
Type=forking
ExecStart=/usr/sbin/xl -v create {CONFIGS}/%i.cfg
ExecStop=/usr/sbin/xl -v shutdown -F -w %i
TimeoutStartSec=120
TimeoutStopSec=60
[Install]
WantedBy=multi-user.target
""",
    "vm_iscsi@": f"""\
[Unit]
ConditionPathExists={CONFIGS}/%i.cfg
ConditionPathExists={CONFIGS}/.iscsi/%i
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={ISCSIADM} --login
ExecStop={ISCSIADM} --logout
[Install]
WantedBy=multi-user.target
""",
    "vm_mount@": f"""\
[Unit]
Requires=vm_iscsi@%i.service
After=vm_iscsi@%i.service
Conflicts=vm@%i.service
ConditionPathExists={CONFIGS}/%i.cfg
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/etc/xen/scripts/mount_vm.sh -s %i -m
ExecStop=/etc/xen/scripts/mount_vm.sh -s %i -u
[Install]
WantedBy=multi-user.target
""",
    "xen_vman_global_preparation": """\
[Service]
Type=oneshot
ExecStart=bash /usr/local/bin/xen_vman_global_preparation.sh
[Install]
WantedBy=multi-user.target
""",
}
# Nothing uses these any more once our units are there, nor the marks of VMs on iSCSI.
SCRIPTS = {
    "/etc/xen/scripts/mount_vm.sh": f"""\
#!/bin/bash
# mount_vm.sh -s ORG-NAME -m|-u: mounts or unmounts the root of a VM. vm_iscsi@ has logged in.
set -e
point=/mnt/vms/$2
if [ "$3" = -u ]; then
    umount "$point"
    exec rmdir "$point"
fi
mkdir -p "$point"
if [ -e "{CONFIGS}/.iscsi/$2" ]; then
    disk="{DEVICE.replace('%i', '$2')}"
    until [ -b "$disk" ]; do sleep 0.5; done
    exec mount "$disk" "$point"
fi
exec mount "{DOM0_ADDRESS}:/srv/nfs/${{2%%-*}}/${{2#*-}}-root" "$point"
""",
    "/usr/local/bin/xen_vman_global_preparation.sh": """\
#!/bin/bash
ln -sfn /etc/xen/initrd.img-$(uname -r) /etc/xen/initrd.img
""",
}


def config(domain: str, kernel: str, cmdline: str, vifs: Sequence[str], disks: Sequence[str] = ()) -> str:
    """The settings of a VM that has the lab's memory and CPUs."""
    return f"""\
name = "{domain}"
memory = 384
vcpus = 1
cpus = "all"
vif = {list(vifs)}
disk = {list(disks)}
ramdisk = "/etc/xen/initrd.img"
kernel = "{kernel}"
cmdline = "{cmdline}"
tsc_mode = "native"
"""


def install(lab: Scenario, *on_iscsi: str) -> None:
    """Puts all of it on the host, but for settings of VMs; these VMs are on iSCSI."""
    for name, text in UNITS.items():
        lab.dom0.put(text.encode(), f"/etc/systemd/system/{name}.service")
    for path, text in SCRIPTS.items():
        lab.dom0.put(text.encode(), path, "0755")
    for domain in on_iscsi:
        lab.dom0.put(f"{domain} requires an iscsi device.\n".encode(), f"{CONFIGS}/.iscsi/{domain}")
        # The units take it that somebody has looked for targets.
        lab.run(f"{ISCSIADM} -o new".replace("%i", domain))
    lab.run("systemctl daemon-reload; systemctl enable --now --quiet xen_vman_global_preparation")


def log_in(lab: Scenario, domain: str) -> None:
    """Logs in to the disk of a VM, and waits for it."""
    lab.run(f"systemctl start vm_iscsi@{domain}")
    lab.until("disk", lambda: lab.succeeds(f"test -b {DEVICE.replace('%i', domain)}"), 30)
