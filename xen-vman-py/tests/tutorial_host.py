"""Where tutorials are tried: a Debian host in a container that seems to be a dom0, and a controller in a directory."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import debian_host
import debian_packages
from debian_host import REPOSITORY, write
from pages import script

STAND_INS = pathlib.Path(__file__).parent / "tutorials"
SECONDS_MAX = 900
# What is installed beside the package.
PACKAGES = "bubblewrap debootstrap dracut-core dracut-network nfs-common"
# Makes a dom0 of it: Xen's tools with stand-ins before them, a kernel, and an NFS server that is this machine.
FURNISH = f"""
set -e
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/90tutorials
echo 'APT::Install-Recommends "false";' >>/etc/apt/apt.conf.d/90tutorials
apt-get -qq install xen-utils-common
dpkg-divert --quiet --add --rename --divert /usr/bin/dracut.real /usr/bin/dracut
ln -s /judge/tutorials/dracut /usr/bin/dracut
ln -sf /judge/tutorials/xl /usr/sbin/xl
ln -s /judge/tutorials/xen-vman-cli /usr/local/bin/xen-vman-cli
mount -t tmpfs none /sys/class/net
mkdir -p /lib/modules/$(uname -r) /srv/nfs/srv/vms
touch /boot/vmlinuz-$(uname -r)
ln -s /srv/nfs/srv/vms /srv/vms
"""


def program():
    """The command line that was built last."""
    found = [REPOSITORY / "target" / profile / "xen-vman-cli" for profile in ("debug", "release")]
    found = [path for path in found if path.exists()]
    if not found:
        debian_host.missing("`cargo build -p xen-vman-cli` builds the command line")
    return max(found, key=lambda path: path.stat().st_mtime)


def packages():
    """The package with the command line, if it was built."""
    return [path for path in debian_packages.built() if path.name.startswith("xen-vman_")]


class Dom0:
    """The container, as a machine of a page."""

    def __init__(self, folder, *, bridge=True):
        self.host = debian_host.Host(folder)
        try:
            shutil.copytree(STAND_INS, self.host.root / "judge" / "tutorials")
            self.sure(FURNISH)
            for package in packages()[-1:]:
                shutil.copy(package, self.host.root / "root")
            # Stand-ins for steps that every page may have.
            self.stand_ins = {} if packages() else {"install": self.install}
            if bridge:
                self.add_bridge()
        except BaseException:
            self.host.stop()
            raise

    def add_bridge(self):
        self.sure("mkdir /sys/class/net/xenbr0 && echo 1500 >/sys/class/net/xenbr0/mtu")

    def ssh(self, text):
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        words = [word for option in options for word in ("-o", option)]
        words += ["-n", "-i", self.host.folder / "key", "-p", str(self.host.port), "root@127.0.0.1"]
        done = subprocess.run(
            # What runs on in the background keeps the file open, and not the connection.
            ["ssh", *words, f"bash -c {shlex.quote(text)} >/run/said 2>&1; status=$?; cat /run/said; exit $status"],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )
        return done.returncode, done.stdout

    def run(self, text):
        status, printed = self.ssh(script(text, "/run/tutorial"))
        print(printed)
        return status, printed

    def sure(self, text):
        """The output of a command that succeeds."""
        status, printed = self.ssh(text)
        assert status == 0, f"{text}\n{printed}"
        return printed.strip()

    def write(self, path, text):
        if not path.startswith("/"):
            path = f"{self.sure('cat /run/tutorial')}/{path}"
        write(self.host.root / path.lstrip("/"), text)

    def install(self):
        """What `apt install` does where a page begins with it."""
        subprocess.run(["strip", "-o", self.host.root / "usr/bin/xen-vman-cli", program()], check=True)
        (self.host.root / "usr/bin/xen-vman").symlink_to("xen-vman-cli")
        self.sure(f"apt-get -qq install {PACKAGES}")

    def runs(self, domain):
        """What a ping to the guest would show: it runs, and has been installed."""
        assert self.sure(f"systemctl is-active vm@{domain}") == "active"
        self.sure(f"xl domid {domain}")


class Controller:
    """A directory of this machine, with Ansible and our command line, and a way to hosts by their names."""

    def __init__(self, home, hosts):
        self.home = home
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "xen-vman-cli").symlink_to(program())
        ways = [
            f"Host {name}\nHostName 127.0.0.1\nPort {dom0.host.port}\nIdentityFile {dom0.host.folder}/key\n"
            for name, dom0 in hosts.items()
        ]
        ways.append("Host *\nUserKnownHostsFile /dev/null\nStrictHostKeyChecking no\nLogLevel ERROR\n")
        (home / "ssh").write_text("".join(ways))
        # There is no Xen in a container.
        write(home / "hypervisors/group_vars/all.yml", "xen_vman_preflight: false\n")
        self.environment = {
            "HOME": str(home),
            "PATH": f"{home}/bin:{pathlib.Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin",
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "xen-vman-py"),
            "ANSIBLE_SSH_COMMON_ARGS": f"-F {home}/ssh",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "0",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
            "ANSIBLE_FORCE_COLOR": "0",
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "80",
        }

    def run(self, text):
        done = subprocess.run(
            ["bash", "-c", script(text, self.home / ".tutorial")],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )
        print(done.stdout)
        return done.returncode, done.stdout

    def write(self, path, text):
        state = self.home / ".tutorial"
        here = pathlib.Path(state.read_text().strip()) if state.exists() else self.home
        write(here / path, text)


def needed():
    """Skips the test where no container can be started."""
    if os.geteuid() != 0:
        debian_host.missing("containers need root")
    for name in debian_host.PROGRAMS:
        if shutil.which(name) is None:
            debian_host.missing(f"{name} is not installed")
