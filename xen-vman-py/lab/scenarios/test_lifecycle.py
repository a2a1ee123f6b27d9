"""A guest that powers itself off, reboots, panics, or ignores its shutdown; the reboot of the host."""

GUESTS = """
[[vms]]
org = "stuvus"
name = "first"
boot_after_creation = false
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.15/24", bridge = "br0" }]

[[vms]]
org = "stuvus"
name = "second"
after = ["stuvus-first"]
boot_after_creation = false
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.16/24", bridge = "br0" }]

[[vms]]
org = "stuvus"
name = "third"
auto_boot = false
boot_after_creation = false
os = { type = "debian", version = "bookworm" }
interfaces = [{ ip = "10.77.0.17/24", bridge = "br0" }]
"""
DOMAINS = ("stuvus-first", "stuvus-second", "stuvus-third")
FIRST, SECOND = "10.77.0.15", "10.77.0.16"
# Leaves a file when the guest is shut down in good order.
FAREWELL = (
    "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\nExecStop=/bin/touch /farewell\\n"
    "[Install]\\nWantedBy=multi-user.target\\n' | sudo tee /etc/systemd/system/farewell.service >/dev/null; "
    "sudo systemctl enable --now --quiet farewell"
)


def boot_id(lab, address):
    return lab.guest(address, "cat /proc/sys/kernel/random/boot_id")


def moment(lab, domain, which):
    return int(lab.run(f"systemctl show --property {which}TimestampMonotonic --value vm@{domain}"))


def test_lifecycle(lab):
    lab.quick_installs()
    lab.define("", GUESTS)
    lab.exports(*DOMAINS)
    with lab.step("three guests are installed"):
        lab.cli("apply")
    with lab.step("one powers itself off: its unit is inactive, not failed"):
        lab.run("systemctl start vm@stuvus-first")
        lab.up(FIRST)
        lab.guest(FIRST, "sudo systemctl poweroff", check=False)
        lab.unit("stuvus-first", "inactive")
        assert lab.result("stuvus-first") == "success"
        assert not lab.succeeds("xl domid stuvus-first")
    with lab.step("it reboots: its unit stays active, with the same monitor"):
        lab.run("systemctl start vm@stuvus-first")
        lab.up(FIRST)
        domid = lab.run("xl domid stuvus-first")
        monitor = lab.run("systemctl show --property MainPID --value vm@stuvus-first")
        lab.guest(FIRST, "sudo systemctl reboot", check=False)
        lab.until("another domain", lambda: lab.run("xl domid stuvus-first || echo none") not in (domid, "none"), 120)
        lab.up(FIRST)
        assert lab.run("systemctl is-active vm@stuvus-first") == "active"
        assert lab.run("systemctl show --property MainPID --value vm@stuvus-first") == monitor
    with lab.step("it panics: xl takes its domain away, and its unit ends"):
        lab.guest(FIRST, "sudo sh -c '(sleep 2; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &'")
        lab.unit("stuvus-first", "inactive")
        assert not lab.succeeds("xl domid stuvus-first")
        # xl, which did as `on_crash` says, ends well; what has happened is in its log.
        assert lab.result("stuvus-first") == "success"
        lab.run("grep 'Action for shutdown reason code 3 is destroy' /var/log/xen/xl-stuvus-first.log")
    with lab.step("it starts again"):
        lab.run("systemctl start vm@stuvus-first")
        lab.up(FIRST)
    with lab.step("it ignores its shutdown: it is gone after stop_timeout, and its unit says so"):
        lab.guest(FIRST, "sudo sysctl --write kernel.poweroff_cmd=/bin/true")
        begin = lab.uptime_secs()
        lab.run("systemctl stop vm@stuvus-first || true")
        seconds = lab.uptime_secs() - begin
        assert 60 <= seconds < 60 + 30, seconds
        assert not lab.succeeds("xl domid stuvus-first")
        assert lab.result("stuvus-first") == "timeout"
        lab.run("systemctl reset-failed vm@stuvus-first")
    with lab.step("all three run"):
        lab.run(f"systemctl start {' '.join(f'vm@{domain}' for domain in DOMAINS)}")
        for address in (FIRST, SECOND, "10.77.0.17"):
            lab.up(address, seconds_max=600)
            lab.guest(address, FAREWELL)
        boots = [boot_id(lab, address) for address in (FIRST, SECOND)]
    with lab.step("doctor has nothing to say against xendomains beside us"):
        assert lab.run("systemctl is-enabled xendomains 2>/dev/null || true") == "enabled"
        lab.cli("doctor")
    with lab.step("the host reboots"):
        lab.run("rm -rf /var/lib/xen/save; mkdir -p /var/lib/xen/save; systemctl reboot")
        lab.dom0.wait_for_reboot()
    with lab.step("the guests were shut down in good order, and none was saved"):
        for domain in DOMAINS:
            org, name = domain.split("-")
            assert lab.succeeds(f"test -e /srv/nfs/{org}/{name}-root/farewell"), domain
        assert lab.run("ls /var/lib/xen/save") == ""
    with lab.step("those with auto_boot are there again, one after the other"):
        for address, domain in ((FIRST, "stuvus-first"), (SECOND, "stuvus-second")):
            lab.unit(domain, "active", seconds_max=300)
            lab.up(address, seconds_max=600)
        # What xendomains saves, it restores, and removes: a guest that was restored would be in the same boot.
        assert not set(boots) & {boot_id(lab, address) for address in (FIRST, SECOND)}
        assert moment(lab, "stuvus-first", "ActiveEnter") <= moment(lab, "stuvus-second", "InactiveExit")
        assert lab.run("systemctl is-active vm@stuvus-third || true") == "inactive"
        assert lab.run("xl list | wc -l") == "4"
