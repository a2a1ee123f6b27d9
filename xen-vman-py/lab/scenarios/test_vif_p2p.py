"""Point-to-point links with IPv4 and IPv6, on a host whose uplink is not called eth0."""

import json

GUESTS = """
[[vms]]
org = "verw"
name = "mail"
os = { type = "debian", version = "bookworm" }
gateway = "10.0.2.15"
gateway6 = "fe80::1"
interfaces = [{ ip = "10.77.1.10", ipv6 = ["2001:db8:1::10", "fe80::2/64"], script = "vif-p2p", vifname = "mail.0" }]

[[vms]]
org = "verw"
name = "news"
os = { type = "debian", version = "bookworm" }
gateway = "10.0.2.15"
gateway6 = "fe80::1"
interfaces = [{ ip = "10.77.1.11", ipv6 = ["2001:db8:1::11", "fe80::2/64"], script = "vif-p2p", vifname = "news.0" }]
"""
# The address that the host has in the world, on its uplink.
MAIN = "10.0.2.15"


def addresses(lab, dev):
    """What `ip` says of an interface of the host: (address, peer or prefix), but for the kernel's own link-local one."""
    (found,) = json.loads(lab.run(f"ip -json address show dev {dev}"))
    return sorted(
        (one["local"], one.get("address") or f"/{one['prefixlen']}")
        for one in found["addr_info"]
        if not (one["scope"] == "link" and one["local"] != "fe80::1")
    )


def own_addresses(lab, guest):
    """Those that a guest has, but for the kernel's own link-local one. Its initrd has set the first one already, with a peer."""
    (found,) = json.loads(lab.guest(guest, "ip -json address show dev eth0"))
    all_of_them = {f"{one['local']}/{one['prefixlen']}" for one in found["addr_info"]}
    return {address for address in all_of_them if not address.startswith("fe80::216:3eff:")}


def test_vif_p2p(lab):
    lab.quick_installs()
    lab.define('additional_network_scripts = ["vif-p2p"]\n', GUESTS)
    lab.exports("verw-mail", "verw-news")
    before = lab.run("ip -oneline link | cut -d : -f 2; ip route; ip -6 route")
    with lab.step("the uplink is not called eth0"):
        assert "default via 10.0.2.2 dev uplink0" in lab.run("ip route")
    with lab.step("two guests are installed and started"):
        lab.cli("apply")
    with lab.step("they boot over these links"):
        for number in (10, 11):
            lab.ping(f"10.77.1.{number}")
            lab.up(f"10.77.1.{number}")
    with lab.step("the host has its addresses and routes to them"):
        for name, number in (("mail", 10), ("news", 11)):
            assert addresses(lab, f"{name}.0") == [(MAIN, f"10.77.1.{number}"), ("fe80::1", "/64")], name
            assert lab.run(f"ip route show 10.77.1.{number}") == f"10.77.1.{number} dev {name}.0 proto kernel scope link src {MAIN}"
            route = lab.run(f"ip -6 route show 2001:db8:1::{number}")
            assert route.startswith(f"2001:db8:1::{number} via fe80::2 dev {name}.0"), route
    with lab.step("the host reaches them by IPv6"):
        for number in (10, 11):
            lab.ping(f"2001:db8:1::{number}", seconds_max=30)
    with lab.step("they have theirs"):
        for number in (10, 11):
            assert own_addresses(lab, f"10.77.1.{number}") == {f"10.77.1.{number}/32", f"2001:db8:1::{number}/128", "fe80::2/64"}
            assert f"default via {MAIN} dev eth0" in lab.guest(f"10.77.1.{number}", "ip route")
            assert "default via fe80::1 dev eth0" in lab.guest(f"10.77.1.{number}", "ip -6 route")
    with lab.step("they reach each other and the host, by both"):
        for number, other in ((10, 11), (11, 10)):
            for there in (f"10.77.1.{other}", f"2001:db8:1::{other}", MAIN, "10.77.0.1", "fe80::1%eth0"):
                lab.guest(f"10.77.1.{number}", f"sudo ping -c 2 -W 5 {there}")
    with lab.step("nothing of it is left when they have stopped"):
        lab.run("systemctl stop vm@verw-mail vm@verw-news")
        assert lab.run("ip -oneline link | cut -d : -f 2; ip route; ip -6 route") == before
