"""A guest that powers itself off, reboots, panics, or ignores its shutdown; the reboot of the host.

Tiny guests do for most of it. One Debian guest has its root on the host's own NFS server, which must outlive it.
"""

from xenlab import tiny

FIRST, THIRD, DEBIAN = 41, 43, "10.77.0.15"
GUESTS = f"""
{tiny.vm("first", FIRST, "boot_after_creation = false")}
{tiny.vm("third", THIRD, "boot_after_creation = false", "auto_boot = false")}
[[vms]]
org = "lab"
name = "second"
after = ["lab-first"]
boot_after_creation = false
os = {{ type = "debian", version = "bookworm" }}
interfaces = [{{ ip = "{DEBIAN}/24", bridge = "br0" }}]
"""
DOMAINS = ("lab-first", "lab-second", "lab-third")
# Leaves a file when the guest is shut down in good order.
FAREWELL = (
    "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\nExecStop=/bin/touch /farewell\\n"
    "[Install]\\nWantedBy=multi-user.target\\n' | sudo tee /etc/systemd/system/farewell.service >/dev/null; "
    "sudo systemctl enable --now --quiet farewell"
)
# What ends the guest waits until the connection has ended. With its path, as the shell prefers its own `poweroff`.
SOON = "(sleep 1; {}) >/dev/null 2>&1 &"
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def moment(lab, domain, which):
    return int(lab.run(f"systemctl show --property {which}TimestampMonotonic --value vm@{domain}"))


def was_asked_to_power_off(lab, domain):
    """Whether that is among the last lines of its console."""
    return "tiny: poweroff" in lab.run(f"tail -n 5 /var/log/xen/console/guest-{domain}.log")


def test_lifecycle(lab):
    lab.quick_installs()
    lab.define("", GUESTS)
    lab.exports("lab-second")
    with lab.step("the guests are installed"):
        lab.cli("apply")
        lab.cli("plan")
    with lab.check("one powers itself off: its unit is inactive, not failed"):
        lab.run("systemctl start vm@lab-first")
        lab.tiny_up(FIRST)
        lab.tiny(FIRST, SOON.format("/sbin/poweroff"))
        lab.unit("lab-first", "inactive")
        assert lab.result("lab-first") == "success"
        assert not lab.succeeds("xl domid lab-first")
    with lab.check("it reboots: its unit stays active, with the same monitor"):
        lab.run("systemctl start vm@lab-first")
        lab.tiny_up(FIRST)
        domid = lab.run("xl domid lab-first")
        monitor = lab.run("systemctl show --property MainPID --value vm@lab-first")
        lab.tiny(FIRST, SOON.format("/sbin/reboot"))
        lab.until("another domain", lambda: lab.run("xl domid lab-first || echo none") not in (domid, "none"), 120)
        lab.tiny_up(FIRST)
        assert lab.run("systemctl is-active vm@lab-first") == "active"
        assert lab.run("systemctl show --property MainPID --value vm@lab-first") == monitor
    with lab.check("it panics: xl takes its domain away, and its unit ends"):
        lab.tiny(FIRST, SOON.format("echo c >/proc/sysrq-trigger"))
        lab.unit("lab-first", "inactive")
        assert not lab.succeeds("xl domid lab-first")
        # xl, which did as `on_crash` says, ends well; what has happened is in its log.
        assert lab.result("lab-first") == "success"
        lab.run("grep 'Action for shutdown reason code 3 is destroy' /var/log/xen/xl-lab-first.log")
    with lab.check("it starts again, and is shut down in good order"):
        lab.run("systemctl start vm@lab-first")
        lab.tiny_up(FIRST)
        lab.run("systemctl stop vm@lab-first")
        assert lab.result("lab-first") == "success"
        assert was_asked_to_power_off(lab, "lab-first")
    with lab.check("it ignores its shutdown: it is gone after stop_timeout, and its unit says so"):
        lab.run("systemctl start vm@lab-first")
        lab.tiny_up(FIRST)
        lab.tiny(FIRST, "echo /bin/true >/proc/sys/kernel/poweroff_cmd")
        begin = lab.uptime_secs()
        lab.run("systemctl stop vm@lab-first || true")
        seconds = lab.uptime_secs() - begin
        assert 60 <= seconds < 60 + lab.stretched(30), seconds
        assert not lab.succeeds("xl domid lab-first")
        assert lab.result("lab-first") == "timeout"
        lab.run("systemctl reset-failed vm@lab-first")
    with lab.step("all three run"):
        lab.run(f"systemctl start {' '.join(f'vm@{domain}' for domain in DOMAINS)}")
        for number in (FIRST, THIRD):
            lab.tiny_up(number)
        lab.up(DEBIAN)
        lab.guest(DEBIAN, FAREWELL)
        boots = {lab.tiny(FIRST, BOOT_ID), lab.guest(DEBIAN, BOOT_ID)}
    with lab.check("doctor has nothing to say against xendomains beside us"):
        assert lab.run("systemctl is-enabled xendomains 2>/dev/null || true") == "enabled"
        lab.cli("doctor")
    with lab.step("the host reboots"):
        lab.run("rm -rf /var/lib/xen/save; mkdir -p /var/lib/xen/save; systemctl reboot")
        lab.dom0.wait_for_reboot()
    with lab.check("the guests were shut down in good order, and none was saved"):
        assert lab.succeeds("test -e /srv/nfs/lab/second-root/farewell")
        assert was_asked_to_power_off(lab, "lab-third")
        assert lab.run("ls /var/lib/xen/save") == ""
    with lab.step("those with auto_boot are there again, one after the other"):
        for domain in DOMAINS[:2]:
            lab.unit(domain, "active", seconds_max=300)
        lab.tiny_up(FIRST)
        lab.up(DEBIAN)
        # What xendomains saves, it restores, and removes: a guest that was restored would be in the same boot.
        assert not boots & {lab.tiny(FIRST, BOOT_ID), lab.guest(DEBIAN, BOOT_ID)}
        assert moment(lab, "lab-first", "ActiveEnter") <= moment(lab, "lab-second", "InactiveExit")
        assert lab.run("systemctl is-active vm@lab-third || true") == "inactive"
        assert lab.run("xl list | wc -l") == "4"
