"""The tutorials, as printed: every command is run, and every output is compared."""

import sys

import pytest

import debian_packages
import tutorial_host
from debian_host import REPOSITORY
from pages import TUTORIALS, follow


@pytest.fixture
def dom0(tmp_path):
    tutorial_host.needed()
    found = tutorial_host.Dom0(tmp_path)
    yield found
    found.host.stop()


def show(step):
    print(f"line {step.line}: {step}")


def do_nothing():
    """For a step whose result is there already."""


def page(name):
    return (TUTORIALS / f"{name}.md").read_text()


def test_one_host(dom0):
    stand_ins = {**dom0.stand_ins, "ping": lambda: dom0.runs("lab-web01")}
    follow(page("one-host"), {"host": dom0, "server": dom0}, stand_ins, begins=show)


def test_installation(tmp_path):
    """What `doctor` says about each prerequisite, before and after."""
    tutorial_host.needed()
    dom0 = tutorial_host.Dom0(tmp_path, bridge=False)
    stand_ins = dict.fromkeys(("dom0", "nfs-server", "nfs-client", "iscsi-server", "iscsi-client"), do_nothing)
    stand_ins.update(dom0.stand_ins, bridge=dom0.add_bridge)
    try:
        follow((TUTORIALS.parent / "install.md").read_text(), {"host": dom0, "server": dom0}, stand_ins, begins=show)
    finally:
        dom0.host.stop()


def test_from_xl_cfg(dom0):
    follow(page("from-xl-cfg"), {"host": dom0}, dom0.stand_ins, begins=show)


class Everywhere:
    """The NFS server: each host has its exports in itself."""

    def __init__(self, hosts):
        self.hosts = hosts

    def run(self, text):
        return max(host.run(text) for host in self.hosts)


@pytest.mark.slow
def test_ansible(tmp_path):
    tutorial_host.needed()
    hosts = {}
    try:
        for name in ("hv01", "hv02"):
            (tmp_path / name).mkdir()
            hosts[f"{name}.example.org"] = tutorial_host.Dom0(tmp_path / name)
        controller = tutorial_host.Controller(tmp_path / "controller", hosts)

        def all_hosts():
            limit = ",".join(hosts)
            status, printed = controller.run(f"ansible-playbook -i inventory.yml site.yml --limit {limit}")
            assert status == 0, printed

        def packages():
            debian_packages.both(controller.home / "hypervisors" / "debs")

        stand_ins = {"controller": packages, "all-hosts": all_hosts}
        machines = {"controller": controller, "server": Everywhere(hosts.values())}
        follow(page("ansible"), machines, stand_ins, begins=show)
        assert hosts["hv02.example.org"].sure("systemctl is-active vm@shop-mail") == "active"
    finally:
        for dom0 in hosts.values():
            dom0.host.stop()


def original_role(dom0, domains):
    """Puts what the original role leaves on a host, and starts its guests."""
    sys.path.insert(0, str(REPOSITORY / "xen-vman-py" / "lab"))
    from xenlab import role

    for name, text in role.UNITS.items():
        dom0.write(f"/etc/systemd/system/{name}.service", text)
    for path, text in role.SCRIPTS.items():
        dom0.write(path, text)
        dom0.sure(f"chmod 755 {path}")
    for domain, mac in domains.items():
        text = role.config(domain, "/boot/vmlinuz", "", [f"mac={mac},bridge=xenbr0"])
        dom0.write(f"{role.CONFIGS}/{domain}.cfg", text)
    dom0.sure("systemctl daemon-reload")
    for domain in domains:
        dom0.sure(f"systemctl enable --now --quiet vm@{domain}")


@pytest.mark.slow
def test_from_the_role(dom0, tmp_path):
    controller = tutorial_host.Controller(tmp_path / "controller", {"hv01.example.org": dom0})
    domains = {"stuvus-web01": "00:16:3e:00:00:15", "stuvus-db01": "52:54:00:12:34:56"}

    def packages():
        debian_packages.both(controller.home / "hypervisors" / "debs")

    stand_ins = {"controller": packages, "original-role": lambda: original_role(dom0, domains)}
    machines = {"controller": controller, "host": dom0}
    follow(page("from-the-role"), machines, stand_ins, begins=show)
