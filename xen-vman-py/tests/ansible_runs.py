"""Runs Ansible's programs."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys

import xen_vman

REPOSITORY = pathlib.Path(__file__).parents[2]
# The directory of `ansible-playbook`; set XEN_VMAN_ANSIBLE to test another version of Ansible.
BIN = pathlib.Path(os.environ.get("XEN_VMAN_ANSIBLE", pathlib.Path(sys.executable).parent))


def wheel():
    """The wheel that `make` has built."""
    found = list((REPOSITORY / "target" / "python").glob("*.whl"))
    assert len(found) == 1, f"`make test` builds one wheel; there are {found}"
    return found[0]


@dataclasses.dataclass
class Run:
    code: int
    text: str

    def recap(self, host):
        """The counts of a host in the play recap."""
        line = re.search(rf"^{re.escape(host)} +: (.*)$", self.text, re.M)
        assert line, self.text
        return {key: int(value) for key, value in (pair.split("=") for pair in line[1].split())}


def environment(home):
    """The environment for Ansible, without the user's own settings."""
    return {
        "HOME": str(home),
        "PATH": f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "xen-vman-py"),
        # Progress reaches a file immediately, as it does a terminal.
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOST_KEY_CHECKING": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
    }


def without_the_package(home):
    """Returns variables that hide xen_vman from Python programs."""
    (home / "site").mkdir(exist_ok=True)
    (home / "site" / "sitecustomize.py").write_text("import sys\n\nsys.modules['xen_vman'] = None\n")
    return {"PYTHONPATH": str(home / "site")}


def package_on_the_controller(home, code):
    """Returns variables that make Python programs find another xen_vman, of the same version."""
    site = home / "site"
    for name in ("xen_vman", f"xen_vman-{xen_vman.__version__}.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "xen_vman" / "__init__.py").write_text(code + "\n")
    metadata = f"Metadata-Version: 2.1\nName: xen-vman\nVersion: {xen_vman.__version__}\n"
    (site / f"xen_vman-{xen_vman.__version__}.dist-info" / "METADATA").write_text(metadata)
    return {"PYTHONPATH": str(site)}


def run(program, *words, home, cwd=None, env=None, timeout_secs=900):
    done = subprocess.run(
        [BIN / program, *map(str, words)],
        cwd=cwd or home,
        env={**environment(home), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_secs,
        check=False,
    )
    return Run(done.returncode, done.stdout)


def write_play(home, plays, hosts):
    """Writes plays and an inventory (host → variables); returns the arguments for `ansible-playbook`."""
    (home / "play.yml").write_text(plays if isinstance(plays, str) else json.dumps(plays))
    (home / "hosts.json").write_text(json.dumps({"all": {"hosts": dict.fromkeys(hosts)}}))
    (home / "host_vars").mkdir(exist_ok=True)
    for name, variables in hosts.items():
        text = variables if isinstance(variables, str) else json.dumps(variables)
        (home / "host_vars" / f"{name}.yml").write_text(text)
    return ["-i", "hosts.json", "play.yml"]


def playbook(home, plays, hosts, *words, env=None):
    """Runs plays on hosts."""
    return run("ansible-playbook", *write_play(home, plays, hosts), *words, home=home, env=env)
