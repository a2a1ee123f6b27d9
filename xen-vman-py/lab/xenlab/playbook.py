"""The role, run from outside."""

from __future__ import annotations

import json
import pathlib
import re
import sys

from . import patience
from .scenario import Scenario
from .trees import KEY, REPOSITORY

# As in an inventory for the original role.
VARIABLES = """
xen_vman_nfsroot_base: 10.77.0.1:/srv/nfs
xen_vman_default_memory: 384
xen_vman_default_vcpus: 1
xen_vman_default_cpu_str: all
xen_vman_default_gateway: 10.77.0.1
xen_vman_default_nameserver: [10.77.0.1]
xen_vman_default_vifname_prefix: "{{ vm.name }}"
xen_vman_lazy_default_network_bridge: "{{ bridges[vm.org] }}"
xen_vman_default_additonal_xen_options:
  tsc_mode: native
xen_vman_public_keys: ["{{ lookup('file', 'key.pub') }}"]
xen_vman_debootstrap_packages: [systemd, systemd-sysv, udev, openssh-server, sudo, iproute2, ifupdown, iputils-ping]
xen_vman_start_timeout: 120
xen_vman_stop_timeout: 60
xen_vman_dracut_extra_flags: --no-compress
bridges:
  stuvus: br0
xen_vman_vms:
  - org: stuvus
    name: web01
    os:
      type: debian
      version: bookworm
    interfaces:
      - ip: 10.77.0.15/24
  - org: stuvus
    name: web02
    memory: 320
    os:
      type: debian
      version: "12"
    interfaces:
      - ip: 10.77.0.16/24
        mac: "00:16:3e:00:00:16"
# Where packages come from is not the original's affair.
xen_vman_default_debootstrap_mirror: file:///srv/mirror
xen_vman_default_debootstrap_keyring: /usr/share/keyrings/lab.gpg
"""
PLAY = [{"hosts": "dom0", "gather_facts": False, "roles": ["xen_vman.xen_vman.xen_vman"]}]
BIN = pathlib.Path(sys.executable).parent


def wheel() -> pathlib.Path:
    """The one that was built last: `make wheel` and `make package` both do."""
    places = (REPOSITORY / "target" / "python", REPOSITORY / "target" / "python" / "release")
    found = [one for place in places for one in place.glob("*.whl")]
    assert found, "`make wheel` builds one"
    return max(found, key=lambda one: one.stat().st_mtime)


def run(lab: Scenario, home: pathlib.Path, *words: str) -> tuple[str, int]:
    """Runs the role; gives what Ansible says and how many tasks changed something."""
    environment = {
        "HOME": str(home),
        "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "xen-vman-py"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_TIMEOUT": "60",
        "PYTHONUNBUFFERED": "1",
    }
    command = [BIN / "ansible-playbook", "-i", "hosts.json", "play.json", *words]
    done = patience.run(command, seconds_max=1800, cwd=home, env=environment)
    text = done.stdout + done.stderr
    with (lab.results / "ansible.txt").open("a") as log:
        log.write(f"# ansible-playbook {' '.join(words)}\n{text}\n")
    counts = dict(re.findall(r"(\w+)=(\d+)", re.search(r"^dom0 +: (.*)$", text, re.M)[1]))
    assert counts["failed"] == counts["unreachable"] == "0", text
    return text, int(counts["changed"])


def hosts(lab: Scenario, home: pathlib.Path, of_the_package: dict[str, object], variables: str = VARIABLES) -> None:
    """Writes an inventory with dom0, and the play."""
    dom0 = {
        "ansible_host": "127.0.0.1",
        "ansible_port": lab.dom0.port,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(KEY),
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR",
        "ansible_python_interpreter": "/usr/bin/python3",
        **of_the_package,
    }
    (home / "hosts.json").write_text(json.dumps({"all": {"hosts": {"dom0": dom0}}}))
    (home / "play.json").write_text(json.dumps(PLAY))
    (home / "host_vars").mkdir()
    (home / "host_vars" / "dom0.yml").write_text(variables)
    (home / "key.pub").write_text(KEY.with_suffix(".pub").read_text())
