"""The Debian packages, as `make deb` has made them, on Debian 12 and 13: what apt installs works, and apt touches no VM."""

import os
import shutil
import subprocess

import pytest

from debian_host import REPOSITORY, fresh_debian, missing, mount, write
from debian_packages import keyring

DEBS = REPOSITORY / "target" / "debian"
CI = REPOSITORY / ".ci"
SUITES = ("bookworm", "trixie")
INSTALL = "apt-get install -y -q --no-install-recommends"
# What an administrator and `apply` have on a host.
OF_A_HOST = (
    "etc/xen-vman/hypervisor.toml",
    "etc/xen/vms/org-web.cfg",
    "etc/systemd/system/vm@.service",
    "usr/local/lib/xen-vman/vm-root",
    "var/lib/xen-vman/state.json",
)

pytestmark = pytest.mark.slow


def deb(name):
    found = list(DEBS.glob(f"{name}_*.deb"))
    if len(found) != 1:
        missing("`make deb` has not made the packages")
    return found[0]


class Debian:
    """A fresh system that forgets."""

    def __init__(self, suite, folder):
        self.root = mount(fresh_debian(f"debian-{suite}", suite, "ca-certificates"), folder)
        self.shared = folder / "shared"
        self.shared.mkdir()

    def run(self, command, code=0):
        words = ["systemd-nspawn", "--quiet", "--pipe", "--register=no", "--keep-unit", "-D", self.root]
        words += [f"--bind-ro={self.shared}:/shared", "--setenv=DEBIAN_FRONTEND=noninteractive", "sh", "-ec", f"exec 2>&1; {command}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{command}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def files(self):
        """All files with their contents, but for what dpkg and apt note of themselves."""
        places = "/etc /opt /root /srv /usr /var/lib /home"
        notes = "-path /var/lib/dpkg -o -path /var/lib/apt -o -path /etc/ld.so.cache"
        look = f"find {places} \\( {notes} \\) -prune -o"
        return set(self.run(f"{look} -type f -print0 | xargs -0 sha256sum; {look} -type l -printf '%l  %p\\n'").splitlines())

    def stop(self):
        subprocess.run(["umount", self.root], check=True)


@pytest.fixture(params=SUITES)
def debian(request, tmp_path):
    if os.geteuid() != 0:
        missing("containers need root")
    for program in ("mmdebstrap", "systemd-nspawn", "dpkg-deb"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    found = Debian(request.param, tmp_path)
    yield found
    found.stop()


def of_version(package, version, folder):
    """The same package with another version."""
    files = folder / "files"
    subprocess.run(["dpkg-deb", "--raw-extract", package, files], check=True)
    control = files / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    lines = [f"Version: {version}" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(lines) + "\n")
    new = folder / f"{package.name.split('_')[0]}_{version}_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", files, new], check=True, capture_output=True)
    shutil.rmtree(files)
    return new


def test_the_life_of_the_packages_touches_no_vm(debian):
    for name in ("xen-vman", "python3-xen-vman"):
        shutil.copy(deb(name), debian.shared)
        of_version(deb(name), "9.0-1", debian.shared)
    old = " ".join(f"/shared/{deb(name).name}" for name in ("xen-vman", "python3-xen-vman"))
    for path in OF_A_HOST:
        write(debian.root / path, f"# {path}\n")
    debian.run(f"{INSTALL} python3")
    before = debian.files()
    ours = {line for line in before if any(line.endswith(f" /{path}") for path in OF_A_HOST)}
    assert len(ours) == len(OF_A_HOST)

    debian.run(f"{INSTALL} {old}")
    version = deb("xen-vman").name.split("_")[1].split("-")[0]
    for name in ("xen-vman-cli", "xen-vman"):
        assert debian.run(f"{name} --version") == f"xen-vman-cli {version}"
        assert debian.run(f"ls /usr/share/man/man1/{name}.1.gz /usr/share/bash-completion/completions/{name}")
    assert debian.run("python3 -c 'import xen_vman; print(xen_vman.__version__)'") == version
    assert debian.run("python3 -c 'import importlib.metadata as m; print(m.version(\"xen-vman\"))'") == version
    assert debian.run("dpkg --verify xen-vman python3-xen-vman") == ""
    debian.run("xen-vman-cli render /usr/share/doc/xen-vman/examples/hypervisor.toml --out /tmp/out")
    collection = "/usr/share/ansible/collections/ansible_collections/xen_vman/xen_vman"
    debian.run(f"test -e {collection}/MANIFEST.json -a -e {collection}/roles/xen_vman/tasks/main.yml")
    assert ours <= debian.files(), "installing"

    debian.run(f"{INSTALL} /shared/*_9.0-1_amd64.deb")
    assert ours <= debian.files(), "upgrading"
    debian.run(f"{INSTALL} --allow-downgrades {old}")
    assert ours <= debian.files(), "downgrading"
    debian.run("apt-get remove -y -q xen-vman python3-xen-vman")
    assert debian.files() == before
    debian.run(f"{INSTALL} {old}; apt-get purge -y -q xen-vman python3-xen-vman")
    assert debian.files() == before


def test_nothing_of_the_command_line_runs_when_it_is_installed():
    scripts = subprocess.run(["dpkg-deb", "--ctrl-tarfile", deb("xen-vman")], capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "--list"], input=scripts, capture_output=True, check=True).stdout.decode()
    assert {name.removeprefix("./") for name in listed.split()} <= {"", "control", "md5sums"}


def repository(directory, keys):
    """Makes a repository with the packages, signed with a key that is made for it."""
    debs = [deb("xen-vman"), deb("python3-xen-vman")]
    with keyring(keys) as environment:
        made = subprocess.run([CI / "throw-away-key"], env=environment, stdout=subprocess.PIPE, text=True, check=True)
        subprocess.run([CI / "apt-repository", directory, made.stdout.strip(), *debs], env=environment, check=True)


def test_apt_installs_from_the_signed_repository_and_from_no_other(debian, tmp_path):
    for program in ("gpg", "reprepro"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    repository(debian.shared / "apt", tmp_path / "keys")
    write(
        debian.root / "etc/apt/sources.list.d/xen-vman.list",
        "deb [signed-by=/shared/apt/xen-vman.asc] file:///shared/apt stable main\n",
    )
    debian.run("apt-get update -q")
    debian.run(f"{INSTALL} xen-vman python3-xen-vman; xen-vman-cli --version; python3 -c 'import xen_vman'")
    # Somebody else's key.
    repository(tmp_path / "other", tmp_path / "other-keys")
    (tmp_path / "other" / "xen-vman.asc").replace(debian.shared / "apt" / "xen-vman.asc")
    said = debian.run("apt-get update -q -o APT::Update::Error-Mode=any", code=100)
    assert "NO_PUBKEY" in said or "Missing key" in said, said
