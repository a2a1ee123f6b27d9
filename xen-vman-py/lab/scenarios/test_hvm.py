"""An HVM guest: Xen's firmware boots its disk; it reboots, ignores its shutdown, powers itself off.

Its disk holds hvm.s, as no Linux gets further here (docs/lab.md).
"""

import pathlib
import subprocess

DISK = "/srv/hvm.img"
SERIAL = "/var/log/xen/console/hvm.log"
# dom0 has one of its own as well.
QEMU_RUNS = "pgrep --full -- '-name stuvus-[w]in'"
WIN = f"""
[[vms]]
org = "stuvus"
name = "win"
type = "hvm"
boot_after_creation = false
os = {{ type = "windows", version = "11" }}
disks = ["{DISK},raw,xvda,w"]
interfaces = [{{ ip = "10.77.0.32/24", bridge = "br0" }}]
additional_xen_options = {{ serial = "file:{SERIAL}", vga = "none", vnc = 0 }}
"""


def disk(place):
    """The bytes of a disk that boots hvm.s."""
    source = pathlib.Path(__file__).with_name("hvm.s")
    subprocess.run(["as", "--32", "-o", place / "hvm.o", source], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", place / "hvm.img", place / "hvm.o"], check=True)
    return (place / "hvm.img").read_bytes()


def start(lab, letter):
    """Starts the guest with what it shall do; gives the id of its domain."""
    lab.run(f"printf {letter} | dd of={DISK} bs=1 seek=512 conv=notrunc status=none; rm -f {SERIAL}")
    return lab.run("systemctl start vm@stuvus-win && xl domid stuvus-win")


def says(lab, text):
    lab.until(text, lambda: lab.succeeds(f"grep -qs '{text}' {SERIAL}"), 120)


def test_hvm(lab, tmp_path):
    lab.define("", WIN)
    lab.dom0.put(disk(tmp_path), DISK)
    with lab.step("apply has nothing to install"):
        lab.cli("apply")
        lab.cli("plan")
    before = lab.run("ls /sys/class/net")
    with lab.step("it starts, and boots its disk"):
        domid = start(lab, "r")
        says(lab, "booted: ")
    with lab.step("it reboots: its unit stays active, with another domain and another QEMU"):
        says(lab, "booted: w")
        assert lab.run("xl domid stuvus-win") != domid
        assert lab.run("systemctl is-active vm@stuvus-win") == "active"
        assert lab.run("systemctl show --property MainPID --value vm@stuvus-win") == "0", "systemd cannot tell which one is the monitor"
        assert lab.succeeds(QEMU_RUNS)
        lab.cli("doctor")
    with lab.step("it ignores its shutdown: it is gone after stop_timeout, with its QEMU and its interfaces"):
        lab.run("systemctl stop vm@stuvus-win || true")
        assert lab.result("stuvus-win") == "timeout"
        assert not lab.succeeds("xl domid stuvus-win")
        assert not lab.succeeds(QEMU_RUNS)
        assert lab.run("ls /sys/class/net") == before
        lab.run("systemctl reset-failed vm@stuvus-win")
    with lab.step("it powers itself off: its unit is inactive, not failed"):
        start(lab, "p")
        says(lab, "booted: p")
        lab.unit("stuvus-win", "inactive")
        assert lab.result("stuvus-win") == "success"
        assert not lab.succeeds("xl domid stuvus-win")
        assert lab.run("ls /sys/class/net") == before
