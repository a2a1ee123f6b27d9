"""A Debian host in a container: a real systemd, apt and sshd, with stand-ins for Xen and the storage."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
JUDGES = REPOSITORY / "xen-vman-core" / "tests" / "judges"
# The Debian that it is: `XEN_VMAN_DEBIAN=trixie` tries another one.
SUITE = os.environ.get("XEN_VMAN_DEBIAN", "bookworm")
PACKAGES = "systemd-sysv,dbus,python3,python3-apt,openssh-server,sudo,iproute2,ca-certificates,procps,util-linux,bubblewrap"
PROGRAMS = ("mmdebstrap", "systemd-nspawn", "ssh", "ssh-keygen", "mount", "findmnt")
SECONDS_MAX = 3600


def missing(why):
    """Skips the test, or fails it if all judges are required."""
    if os.environ.get("XEN_VMAN_REQUIRE_JUDGES"):
        pytest.fail(f"a judge is missing: {why}")
    note_skipped(f"{os.environ['PYTEST_CURRENT_TEST'].split(' ')[0]}: {why}")
    pytest.skip(why)


def note_skipped(line):
    """Adds a line to the list that `make test` shows in the end."""
    if "XEN_VMAN_SKIPPED" in os.environ:
        with open(os.environ["XEN_VMAN_SKIPPED"], "a", encoding="utf-8") as skipped:
            skipped.write(f"{line}\n")


def fresh_debian(name, suite, packages):
    """The root of a fresh Debian with these packages, built once."""
    place = REPOSITORY / "target" / name
    stamp = place / "made-of"
    if not stamp.exists() or stamp.read_text() != packages:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        # Real hosts have package lists.
        words = ["--variant=minbase", "--skip=cleanup/apt/lists", f"--include={packages}", "--quiet"]
        done = subprocess.run(
            ["mmdebstrap", *words, suite, place / "root"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            missing(f"mmdebstrap: {done.stderr.strip()[-400:]}")
        stamp.write_text(packages)
    return place / "root"


def mount(base, folder):
    """Mounts a root that forgets what is changed below `folder`; returns it."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    root = folder / "root"
    layers = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
    done = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", layers, root], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        missing(f"cannot mount an overlay in {folder}: {done.stderr.strip()}")
    return root


class Host:
    """A container that runs until `stop` is called."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        name = "debian-host" if SUITE == "bookworm" else f"debian-host-{SUITE}"
        self.root = mount(fresh_debian(name, SUITE, PACKAGES), folder)
        self._furnish()
        script = f". {JUDGES}/units/container.sh; boot {self.root} multi-user.target {SECONDS_MAX} --resolv-conf=off"
        with (folder / "console").open("w") as console:
            self.container = subprocess.Popen(
                ["bash", "-c", script], stdout=console, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._wait()

    def _furnish(self):
        key = self.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        public = key.with_suffix(".pub").read_text()
        root = self.root
        write(root / "root/.ssh/authorized_keys", public, 0o600)
        write(root / "home/deploy/.ssh/authorized_keys", public, 0o600)
        subprocess.run(["chroot", root, "useradd", "--shell", "/bin/bash", "deploy"], check=True)
        subprocess.run(["chroot", root, "chown", "-R", "deploy:", "/home/deploy"], check=True)
        write(root / "etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        write(root / "etc/ssh/sshd_config.d/test.conf", f"Port {self.port}\nListenAddress 127.0.0.1\nUseDNS no\n")
        write(root / "etc/machine-id", "5ee7d0c2a1c94f0e8b1f6c3d7a9e2b43\n")
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy("/" + name, root / name)
        # Stand-ins for Xen and the storage.
        judge = root / "judge"
        shutil.copytree(JUDGES / "units" / "stand-ins", judge / "stand-ins")
        shutil.copytree(JUDGES / "host" / "stand-ins", judge / "stand-ins", dirs_exist_ok=True)
        for name in ("domains", "records", "sessions", "flags", "disks"):
            (judge / name).mkdir()
        (judge / "etc").mkdir()
        for name in ("pam.d", "pam.conf", "login.defs", "nsswitch.conf"):
            subprocess.run(["cp", "-a", root / "etc" / name, judge / "etc"], check=True)
        write(judge / "domid", "1\n")
        write(judge / "tree", "config_path=/etc/xen/vms\nmount_path=/mnt/vms\n")
        (root / "srv/nfs/tank/org").mkdir(parents=True)
        # Since Debian 13, packages name what is in /sbin by its place in /usr.
        nfs = "/sbin/mount.nfs" if SUITE == "bookworm" else "/usr/sbin/mount.nfs"
        for path in ("/usr/sbin/xl", "/usr/sbin/debootstrap", nfs):
            # Diverts the packages' own programs.
            words = ["dpkg-divert", "--quiet", "--add", "--rename", "--divert", f"{path}.real", path]
            subprocess.run(["chroot", root, *words], check=True, capture_output=True)
            (root / path.lstrip("/")).symlink_to(f"/judge/stand-ins/{pathlib.Path(path).name}")
        (root / "usr/local/sbin/bwrap").symlink_to("/judge/stand-ins/bwrap")
        for unit in ("xen", "xendomains"):
            write(
                root / f"etc/systemd/system/{unit}.service",
                "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
            )

    def _wait(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.container.poll() is not None:
                missing(f"systemd does not start in a container here: {(self.folder / 'console').read_text()[-400:]}")
            if self.ask("systemctl is-system-running --wait", check=False) in ("running", "degraded"):
                return
            time.sleep(0.3)
        missing(f"no answer from the container: {(self.folder / 'console').read_text()[-400:]}")

    def ask(self, command, check=True):
        """Returns the output of a command in the container."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        options += ["-o", "ConnectTimeout=5", "-i", self.folder / "key", "-p", str(self.port)]
        done = subprocess.run(
            ["ssh", *options, "root@127.0.0.1", command], capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def variables(self, user="root"):
        """The variables with which Ansible connects."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": user,
            "ansible_become": user != "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR",
        }

    def tree(self):
        """Everything on the disk that read-only access does not change."""
        left_out = ("run", "proc", "sys", "dev", "tmp", "var/log", "var/tmp", "root/.ansible", "root/.ansible_async", "home/deploy")
        left_out += ("var/lib/systemd", "var/cache", "judge")
        prune = " -o ".join(f"-path /{name}" for name in left_out)
        looks = f"find / -xdev \\( {prune} \\) -prune -o -printf '%p %M %s %T@ %l\\n'"
        return sorted(
            line
            for line in self.ask(looks).splitlines()
            # The parents of the excluded directories.
            if line.split(" ", 1)[0] not in ("/", "/root", "/home/deploy", "/var", "/var/lib")
        )

    def stop(self):
        self.ask("systemctl poweroff", check=False)
        try:
            self.container.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.container.pid, signal.SIGTERM)
            self.container.wait()
        subprocess.run(["umount", self.root], check=True)


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
