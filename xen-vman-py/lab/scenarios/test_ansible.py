"""The role, run from outside, with variables as the original role takes them."""

from xenlab.playbook import hosts, run, wheel

ADDRESSES = {"web01": "10.77.0.15", "web02": "10.77.0.16"}


def tree(lab):
    """All that a run could change."""
    return lab.run("find /etc /usr/local /opt /srv/nfs /var/lib/xen-vman -printf '%p %M %s %T@ %l\\n' 2>/dev/null | sort | sha256sum")


def test_ansible(lab, tmp_path):
    lab.quick_installs()
    lab.exports("stuvus-web01", "stuvus-web02")
    hosts(lab, tmp_path, {"xen_vman_wheel": str(wheel())})
    with lab.step("check mode shows the installations and touches nothing"):
        before = tree(lab)
        text, changed = run(lab, tmp_path, "--check", "--diff")
        assert changed > 0 and "install stuvus-web01 on 10.77.0.1:/srv/nfs/stuvus/web01-root" in text, text
        assert tree(lab) == before
    with lab.step("the first run installs and starts the guests"):
        _, changed = run(lab, tmp_path)
        assert changed > 0
    with lab.step("they boot, and one can log in"):
        for name, address in ADDRESSES.items():
            lab.up(address, seconds_max=600)
            assert lab.guest(address, "hostname; sudo id -un") == f"stuvus-{name}\nroot"
            assert lab.succeeds(f"ip link show dev {name}.0 master br0")
    with lab.step("the second run changes nothing, in check mode as well"):
        assert run(lab, tmp_path)[1] == 0
        assert run(lab, tmp_path, "--check", "--diff")[1] == 0
        # The guests write to their roots.
        lab.run("systemctl stop vm@stuvus-web01 vm@stuvus-web02")
        before = tree(lab)
        assert run(lab, tmp_path)[1] == 0
        assert tree(lab) == before
