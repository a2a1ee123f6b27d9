"""A tiny guest: busybox in an initrd, up in seconds, for scenarios that are not about what is in a guest."""

from __future__ import annotations

import pathlib

from . import kernels

# Where it is in dom0.
KERNEL, INITRD = "/srv/tiny/vmlinux", "/srv/tiny/initrd"
MEMORY_MIB = 112
PORT = 23

# The kernel, asked by Xen to shut down, runs /sbin/poweroff or /sbin/reboot.
SCRIPT = f"""\
for module in $modules; do $b insmod /lib/$module; done
$b mkdir -p /sbin /usr/bin /usr/sbin /tmp; $b --install -s
for how in poweroff reboot; do
    rm /sbin/$how
    printf '#!/bin/sh\\necho "tiny: %s" >/dev/console\\nexec busybox %s -f\\n' $how $how >/sbin/$how
    chmod 755 /sbin/$how
done
for word in $(cat /proc/cmdline); do
    case $word in
        tiny.name=*) hostname "${{word#*=}}" ;;
        tiny.address=*) address=${{word#*=}} ;;
    esac
done
ip link set lo up
if [ -n "$address" ]; then
    ip address add "$address" dev eth0
    ip link set eth0 up
    # Every host on its network may run commands in it.
    nc -ll -p {PORT} -e /bin/sh &
fi
echo "tiny: up" >/dev/console
while :; do sleep 3600; done
"""


def furnish(root: pathlib.Path) -> None:
    """Puts it into dom0's tree."""
    initrd = root / INITRD.lstrip("/")
    initrd.parent.mkdir(parents=True)
    kernels.initrd(root, initrd, ["xen-netfront", "xen-blkfront"], SCRIPT)
    (root / KERNEL.lstrip("/")).symlink_to(f"/boot/vmlinuz-{kernels.version(root)}")


def address(number: int) -> str:
    """The address of the one with that number."""
    return f"10.77.0.{number}"


def vm(name: str, number: int, *lines: str, org: str = "lab") -> str:
    """The definition of one that has the address 10.77.0.NUMBER."""
    more = "\n".join(lines)
    return f"""
[[vms]]
org = "{org}"
name = "{name}"
memory = {MEMORY_MIB}
os = {{ type = "tiny", version = "1" }}
storage_type = "none"
kernel = "{KERNEL}"
initrd = "{INITRD}"
cmdline = "console=hvc0 quiet tiny.name={name} tiny.address={address(number)}/24"
interfaces = [{{ ip = "{address(number)}/24", bridge = "br0" }}]
{more}
"""
