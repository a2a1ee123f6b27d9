"""The laboratory itself: Xen runs, and nothing outside can be reached."""

from xenlab.trees import XEN


def test_dom0(lab):
    with lab.step("Xen runs, without guests, and nothing has failed"):
        assert XEN in lab.run("xl info xen_version")
        assert lab.run("xl list | wc -l") == "2"
        assert lab.run("systemctl --failed --no-legend") == ""
    with lab.step("nothing outside can be reached"):
        for place in ("10.0.2.2", "8.8.8.8"):
            assert not lab.succeeds(f"timeout 5 nc -z -w 3 {place} 53")
        assert not lab.succeeds("getent hosts deb.debian.org")
