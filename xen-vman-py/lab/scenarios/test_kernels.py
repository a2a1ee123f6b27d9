"""A second kernel comes and goes; guests boot what the host runs."""

from xenlab.guests import WEB_ADDRESS as ADDRESS
from xenlab.guests import web


def links(lab):
    return lab.run("readlink /etc/xen/vmlinuz /etc/xen/initrd.img").split()


def pair(version):
    return [f"/boot/vmlinuz-{version}", f"/etc/xen/initrd.img-{version}"]


def test_kernels(lab):
    lab.quick_installs()
    lab.define("", web())
    lab.exports("stuvus-web01")
    first = lab.run("uname -r")
    with lab.step("a guest is installed, and boots what the host runs"):
        lab.cli("apply")
        assert links(lab) == pair(first)
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "uname -r") == first
    with lab.step("a second kernel is installed: its initrd is built, the pair stays"):
        # dom0 itself is booted with an initrd from outside.
        lab.run("INITRD=No dpkg --install /srv/second-kernel.deb", seconds_max=1800)
        second = lab.run("dpkg-deb --field /srv/second-kernel.deb Package").removeprefix("linux-image-")
        assert second != first
        assert lab.succeeds(f"test -s /etc/xen/initrd.img-{second}")
        assert links(lab) == pair(first)
        lab.cli("plan")
    with lab.step("the host boots it"):
        lab.run("systemctl stop vm@stuvus-web01; sync")
        lab.dom0.power_cut(kernel="vmlinux-second")
        assert lab.run("uname -r") == second
    with lab.step("the pair has followed, and the guest boots it"):
        lab.unit("stuvus-web01", "active")
        assert links(lab) == pair(second)
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "uname -r") == second
    with lab.step("the host is back on the first one, and so is the guest"):
        lab.run("systemctl stop vm@stuvus-web01; sync")
        lab.dom0.power_cut()
        lab.unit("stuvus-web01", "active")
        assert links(lab) == pair(first)
        lab.up(ADDRESS)
        assert lab.guest(ADDRESS, "uname -r") == first
    with lab.step("the second kernel is removed, and its initrd with it"):
        lab.run(f"dpkg --purge linux-image-{second}", seconds_max=600)
        assert not lab.succeeds(f"test -e /etc/xen/initrd.img-{second}")
        assert links(lab) == pair(first)
        lab.cli("plan")
