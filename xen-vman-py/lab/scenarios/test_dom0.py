"""The laboratory itself: Xen runs, and nothing outside can be reached."""

import pytest


def test_dom0_runs_under_xen_and_is_alone(dom0):
    assert "4.17" in dom0.ssh("xl info xen_version").stdout
    assert dom0.ssh("xl list | wc -l").stdout.strip() == "2"
    assert dom0.ssh("systemctl --failed --no-legend").stdout.strip() == ""
    for place in ("10.0.2.2", "8.8.8.8"):
        assert dom0.ssh(f"timeout 5 nc -z -w 3 {place} 53", check=False).returncode != 0
    assert dom0.ssh("getent hosts deb.debian.org", check=False).returncode != 0


@pytest.mark.parametrize("number", [1, 2])
def test_each_scenario_has_a_dom0_of_its_own(dom0, number):
    assert dom0.ssh("test -e /root/seen", check=False).returncode != 0
    dom0.ssh("touch /root/seen")
